internal import LedgerCore
public import Wire

/// Reads the length-prefixed strings of SSH formats (RFC 4251 section 5).
struct SSHReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { position == bytes.count }

    mutating func take(_ count: Int) -> [UInt8]? {
        guard count >= 0, bytes.count - position >= count else { return nil }
        defer { position += count }
        return Array(bytes[position..<position + count])
    }

    mutating func number() -> UInt32? {
        guard let four = take(4) else { return nil }
        return four.reduceBigEndian()
    }

    mutating func string() -> [UInt8]? {
        guard let length = number(), length <= UInt32(bytes.count - position) else { return nil }
        return take(Int(length))
    }
}

extension [UInt8] {
    func reduceBigEndian() -> UInt32 {
        var value: UInt32 = 0
        for byte in self { value = value << 8 | UInt32(byte) }
        return value
    }
}

/// The SSH encoding of a string: 4 bytes of length, then the bytes.
func sshString(_ bytes: [UInt8]) -> [UInt8] {
    var encoded: [UInt8] = []
    for shift in [24, 16, 8, 0] { encoded.append(UInt8(truncatingIfNeeded: bytes.count >> shift)) }
    return encoded + bytes
}

/// An SSH public key that may sign a catalogue.
public struct ReviewerKey: Equatable, Sendable {
    /// `ssh-ed25519` or `sk-ssh-ed25519@openssh.com`.
    public let algorithm: Text
    /// The key as it stands in a public key file, decoded: what signatures carry, and what makes two keys the same.
    public let blob: [UInt8]
    /// The 32-byte Ed25519 key.
    let point: [UInt8]
    /// What a security key signs for, such as `ssh:`; empty for a plain key.
    let application: [UInt8]

    static let ed25519: Text = "ssh-ed25519"
    static let securityKey: Text = "sk-ssh-ed25519@openssh.com"

    /// Reads a key's blob.
    ///
    /// - Throws: `.unsupportedSignature` naming another algorithm; `.malformed`.
    public init(blob: [UInt8]) throws(CatalogueError) {
        let malformed = CatalogueError(.malformed, "A public key is not in OpenSSH's format.")
        var reader = SSHReader(blob)
        guard let name = reader.string(), isWellFormedUTF8(name[...]) else { throw malformed }
        let algorithm = Text(name)
        guard algorithm == Self.ed25519 || algorithm == Self.securityKey else {
            throw CatalogueError(
                .unsupportedSignature,
                "A key of type " + algorithm.sentence(limit: 64)
                    + " cannot sign a catalogue; use ssh-ed25519 or sk-ssh-ed25519@openssh.com."
            )
        }
        guard let point = reader.string(), point.count == 32 else { throw malformed }
        var application: [UInt8] = []
        if algorithm == Self.securityKey {
            guard let string = reader.string(), string.count <= 256 else { throw malformed }
            application = string
        }
        guard reader.isAtEnd else { throw malformed }
        // All at once and last: swiftc 6.3.1 fails on a throwing initializer that leaves half of a struct behind (Embedded, -Osize).
        self.algorithm = algorithm
        self.blob = blob
        self.point = point
        self.application = application
    }
}

/// A signature that `ssh-keygen -Y sign` made (OpenSSH's PROTOCOL.sshsig).
public struct SSHSignature: Equatable, Sendable {
    /// Who signed.
    public let key: ReviewerKey
    private let namespace: [UInt8]
    private let hashAlgorithm: [UInt8]
    private let signature: [UInt8]

    private static let magic: [UInt8] = ("SSHSIG" as Text).bytes

    /// Reads the binary form: what stands in base64 between the armour lines.
    ///
    /// - Throws: `.malformed`, or `.unsupportedSignature` naming a key type that is not accepted.
    public init(blob: [UInt8]) throws(CatalogueError) {
        let malformed = CatalogueError(.malformed, "A signature is not in OpenSSH's format.")
        var reader = SSHReader(blob)
        guard blob.count <= 4_096, reader.take(6) == Self.magic, reader.number() == 1 else { throw malformed }
        guard let keyBlob = reader.string(), let namespace = reader.string(), let reserved = reader.string(),
            let hashAlgorithm = reader.string(), let signature = reader.string(), reader.isAtEnd, reserved.isEmpty
        else { throw malformed }
        key = try ReviewerKey(blob: keyBlob)
        self.namespace = namespace
        self.hashAlgorithm = hashAlgorithm
        self.signature = signature
    }

    /// Longest armoured signature, bytes: the binary form's 4,096 in base64, with room for ends of lines.
    private static let armourSizeLimit = 6_144

    /// Reads the armoured form that ssh-keygen writes; nil if it is not that.
    public static func unarmour(_ text: [UInt8]) -> [UInt8]? {
        let begin: Text = "-----BEGIN SSH SIGNATURE-----"
        let end: Text = "-----END SSH SIGNATURE-----"
        guard text.count <= armourSizeLimit else { return nil }
        let lines = text.split { $0 == 10 || $0 == 13 }
        guard lines.count >= 3, Array(lines[0]) == begin.bytes, Array(lines[lines.count - 1]) == end.bytes else { return nil }
        var digits: [UInt8] = []
        for line in lines[1..<lines.count - 1] { digits.append(contentsOf: line) }
        return Base64.decode(digits)
    }

    /// Whether this is a signature of `message` in `namespace`.
    ///
    /// A security key's signature counts only where the key says that a person touched it.
    public func isValid(message: [UInt8], namespace: Text) -> Bool {
        guard self.namespace == namespace.bytes else { return false }
        let hash: [UInt8]
        let (sha256, sha512): (Text, Text) = ("sha256", "sha512")
        if hashAlgorithm == sha512.bytes {
            hash = SHA512.hash(message)
        } else if hashAlgorithm == sha256.bytes {
            hash = SHA256.hash(message)
        } else {
            return false
        }
        let signed = Self.magic + sshString(self.namespace) + sshString([]) + sshString(hashAlgorithm) + sshString(hash)
        var reader = SSHReader(signature)
        guard reader.string() == key.algorithm.bytes, let raw = reader.string(), raw.count == 64 else { return false }
        if key.algorithm == ReviewerKey.ed25519 {
            return reader.isAtEnd && Ed25519.isValid(signature: raw, message: signed, publicKey: key.point)
        }
        // PROTOCOL.u2f: the token signs SHA-256(application), its flags, a counter and SHA-256(message).
        guard let flags = reader.take(1), let counter = reader.take(4), reader.isAtEnd, flags[0] & 1 == 1 else { return false }
        let assertion = SHA256.hash(key.application) + flags + counter + SHA256.hash(signed)
        return Ed25519.isValid(signature: raw, message: assertion, publicKey: key.point)
    }
}
