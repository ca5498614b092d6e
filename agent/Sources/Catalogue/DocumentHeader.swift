public import Wire

/// What reviewers sign: what this is, until when it holds, and the digests of its parts.
public struct DocumentHeader: Equatable, Sendable {
    /// What it is the header of.
    public var kind: DocumentKind
    /// Name of the catalogue or roster.
    public var name: Text
    /// Grows with every one of its kind; at least 1.
    public var version: UInt64
    /// When it was packed, microseconds UTC.
    public var signedAt: UInt64
    /// When it expires, microseconds UTC.
    public var expiresAt: UInt64
    /// SHA-256 of the part that devices get.
    public var partDigest: [UInt8]
    /// SHA-256 of the desk part; empty for a roster, which has none.
    public var deskDigest: [UInt8]

    /// Makes a header of its fields.
    public init(
        kind: DocumentKind = .catalogue, name: Text, version: UInt64, signedAt: UInt64, expiresAt: UInt64, partDigest: [UInt8],
        deskDigest: [UInt8] = []
    ) {
        self.kind = kind
        self.name = name
        self.version = version
        self.signedAt = signedAt
        self.expiresAt = expiresAt
        self.partDigest = partDigest
        self.deskDigest = deskDigest
    }

    /// The header's encoding: what is signed.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, kind.format)
        fields.text(1, name)
        fields.unsigned(2, version)
        fields.unsigned(3, signedAt)
        fields.unsigned(4, expiresAt)
        fields.byteString(5, partDigest)
        fields.byteString(6, deskDigest)
        return fields.bytes
    }

    /// Reads a header from its encoding.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var (format, name): (Text, Text) = ("", "")
        var (version, signedAt, expiresAt): (UInt64, UInt64, UInt64) = (0, 0, 0)
        var (partDigest, deskDigest): ([UInt8], [UInt8]) = ([], [])
        var reader = CBORReader(bytes)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0, 1:
                let text = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
                if field == 0 { format = text } else { name = text }
            case 2, 3, 4:
                let number = try reader.unsigned()
                if field == 2 { version = number } else if field == 3 { signedAt = number } else { expiresAt = number }
            case 5, 6:
                let digest = try reader.hash()
                if field == 5 { partDigest = digest } else { deskDigest = digest }
            default: return false
            }
            return true
        }
        try reader.end()
        let kind: DocumentKind = format == DocumentKind.roster.format ? .roster : .catalogue
        guard format == kind.format else { throw WireError(.unexpectedType, 0) }
        for key: UInt64 in 2...(kind == .catalogue ? 6 : 5) where !keys.contains(key) { throw WireError(.missingField, key) }
        // A hello says 0 where there is none.
        guard version > 0 else { throw WireError(.outOfRange, 2) }
        self.init(
            kind: kind, name: name, version: version, signedAt: signedAt, expiresAt: expiresAt, partDigest: partDigest,
            deskDigest: deskDigest)
    }
}
