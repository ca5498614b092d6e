public import Wire

/// A member of staff as a roster names them.
public final class RosterOperator: Sendable {
    /// The name: letters, digits and `. _ -`, beginning with none of `.` and `-`, at most 64 bytes. It stands in a command that a shell reads.
    public let name: Text
    /// What they may do.
    public let role: Role
    /// From when on they are no longer let in, microseconds UTC; 0: no such time.
    public let expiresAt: UInt64
    /// Their public keys as SSH encodes them (RFC 4253 section 6.6).
    public let keys: [[UInt8]]

    /// Keys of one operator at most.
    public static let keyCountLimit = 8
    /// Longest key, bytes.
    public static let keySizeLimit = 1_024

    /// Makes an operator of its fields.
    public init(name: Text, role: Role, expiresAt: UInt64 = 0, keys: [[UInt8]]) {
        self.name = name
        self.role = role
        self.expiresAt = expiresAt
        self.keys = keys
    }

    convenience init(_ reader: inout CBORReader) throws(WireError) {
        try Roster.array(of: 4, &reader)
        let name = try reader.text(limit: 64)
        let role = Role(rawValue: UInt8(truncatingIfNeeded: min(try reader.unsigned(), 4)))
        let expiresAt = try reader.unsigned()
        let keys = try reader.byteStrings(count: Self.keyCountLimit, limit: Self.keySizeLimit)
        for key in keys where Self.keyType(key) == nil { throw WireError(.outOfRange, 3) }
        guard let role, !keys.isEmpty, Self.isName(name.bytes) else { throw WireError(.outOfRange, 0) }
        self.init(name: name, role: role, expiresAt: expiresAt, keys: keys)
    }

    /// Whether these bytes may be an operator's name.
    public static func isName(_ name: [UInt8]) -> Bool {
        guard let first = name.first, first != 45, first != 46, name.count <= 64 else { return false }
        for byte in name {
            switch byte {
            case 97...122, 65...90, 48...57, 45, 46, 95: continue
            default: return false
            }
        }
        return true
    }

    /// The type of a key that may let an operator in, as it stands before the key in a file; nil for what is no such key.
    public static func keyType(_ key: [UInt8]) -> Text? {
        let types: Text = "ssh-ed25519 sk-ssh-ed25519@openssh.com ecdsa-sha2-nistp256 ecdsa-sha2-nistp384 ecdsa-sha2-nistp521"
        var reader = SSHReader(key)
        let name = reader.string() ?? []
        repeat {
            if reader.string() == nil { return nil }
        } while !reader.isAtEnd
        return types.bytes.split(separator: 32).contains { $0.elementsEqual(name) } ? Text(name) : nil
    }
}

/// Who may come in, by which keys and in which role: what a device's keys file is made of, and the part of a signed roster.
///
/// The encoding is an array: operators, desks. An operator is an array: name, role 1 to 3, expiry, keys.
public final class Roster: Sendable {
    /// Ascending by the bytes of their names, each name once; at least one.
    public let operators: [RosterOperator]
    /// Verifier keys of the desks whose ledgers devices witness, a line each; empty: those that stand in the device's own file.
    public let desks: Text

    /// Operators of one roster at most.
    public static let operatorCountLimit = 256
    /// Longest list of desks, bytes.
    public static let desksSizeLimit = 16_384

    /// Makes a roster of its fields.
    public init(operators: [RosterOperator], desks: Text = "") {
        self.operators = operators
        self.desks = desks
    }

    /// The roster's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(2)
        writer.array(operators.count)
        for one in operators {
            writer.array(4)
            writer.text(one.name)
            writer.unsigned(UInt64(one.role.rawValue))
            writer.unsigned(one.expiresAt)
            writer.array(one.keys.count)
            for key in one.keys { writer.byteString(key) }
        }
        writer.text(desks)
        return writer.bytes
    }

    /// Reads a roster from its encoding.
    public convenience init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = CBORReader(bytes)
        try Self.array(of: 2, &reader)
        var operators: [RosterOperator] = []
        for index in 0..<(try reader.array(limit: Self.operatorCountLimit)) {
            let one = try RosterOperator(&reader)
            if let last = operators.last, !last.name.bytes.lexicographicallyPrecedes(one.name.bytes) {
                throw WireError(.malformed, UInt64(index))
            }
            operators.append(one)
        }
        let desks = try reader.text(limit: Self.desksSizeLimit)
        try reader.end()
        if operators.isEmpty { throw WireError(.missingField, 0) }
        self.init(operators: operators, desks: desks)
    }

    static func array(of count: Int, _ reader: inout CBORReader) throws(WireError) {
        if try reader.array(limit: count) != count { throw WireError(.malformed, UInt64(reader.offset)) }
    }

    /// The operator of this name.
    public func named(_ name: Text) -> RosterOperator? { operators.first { $0.name == name } }
}

/// A roster whose signatures were checked.
public final class VerifiedRoster: Sendable {
    /// What was signed.
    public let header: DocumentHeader
    /// SHA-256 of the header's encoding.
    public let digest: [UInt8]
    /// Who may come in.
    public let roster: Roster

    init(header: DocumentHeader, digest: [UInt8], roster: Roster) {
        self.header = header
        self.digest = digest
        self.roster = roster
    }
}

extension SignedDocument {
    /// Opens a roster, whatever the time and version: one in force stays so beyond its expiry, for nobody could mend that from afar.
    ///
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func roster(trust: TrustPolicy) throws(CatalogueError) -> VerifiedRoster {
        let header = try opened(as: .roster, trust: trust)
        guard let roster = try? Roster(decoding: part) else { throw DocumentKind.roster.malformed }
        return VerifiedRoster(header: header, digest: digest, roster: roster)
    }
}
