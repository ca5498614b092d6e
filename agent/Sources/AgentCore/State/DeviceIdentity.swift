public import LedgerCore
public import Wire

/// Who this device is.
public struct DeviceIdentity: Sendable {
    /// 32 hexadecimal digits, the same for the life of the installation.
    public let device: Text
    /// The kernel's id of this boot.
    public let boot: Text

    /// Derives the device's id from a machine id, which itself is never told to anybody (machine-id(5)).
    public static func deviceID(machineID: [UInt8]) -> Text {
        let label: Text = "rollcall-device"
        return Text(Array(hexadecimal(SHA256.hash(label.bytes + machineID)).prefix(32)))
    }

    /// Reads /etc/machine-id and the boot id below `root`.
    ///
    /// - Throws: The errno of /etc/machine-id, without which a device has no name; `.invalid` where it is empty.
    public init(kernel: Kernel, root: [UInt8]) throws(Errno) {
        let (machine, boot): (Text, Text) = ("/etc/machine-id", "/proc/sys/kernel/random/boot_id")
        let id = try kernel.content(of: root + machine.bytes, limit: 256).filter { $0 > 32 }
        if id.isEmpty { throw .invalid }
        device = Self.deviceID(machineID: id)
        let line = (try? kernel.content(of: root + boot.bytes, limit: 256)) ?? (try? kernel.content(of: boot.bytes, limit: 256)) ?? []
        self.boot = Text(line.filter { $0 > 32 && $0 < 127 })
    }

    /// Name of the device's log.
    public var origin: Text { "rollcall-device/" + device }
}

/// Lower-case hexadecimal digits of `bytes`.
public func hexadecimal(_ bytes: [UInt8]) -> [UInt8] {
    var digits: [UInt8] = []
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] { digits.append(nibble < 10 ? 48 + nibble : 87 + nibble) }
    }
    return digits
}

extension NoteVerifier {
    /// The verifier as one line of text (C2SP signed-note, vkey): name, key id in hexadecimal, and type with key in base64.
    public var vkey: [UInt8] { name.bytes + [43] + hexadecimal(keyID(.ed25519)) + [43] + Base64.encode([1] + publicKey) }

    /// Reads a line in the form of ``vkey``; nil for anything else, or where the key id is not the key's.
    public init?(vkey line: ArraySlice<UInt8>) {
        let parts = line.split(separator: 43, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].count <= RollcallProtocol.identifierSizeLimit else { return nil }
        guard isWellFormedUTF8(parts[0]), let key = Base64.decode(parts[2]), key.count == 33, key[0] == 1 else { return nil }
        self.init(name: Text(Array(parts[0])), publicKey: Array(key.dropFirst()))
        guard hexadecimal(keyID(.ed25519)) == Array(parts[1]) else { return nil }
    }
}
