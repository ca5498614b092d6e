public import Wire

/// What reviewers sign: which catalogue this is, until when it holds, and the digests of its two parts.
public struct CatalogueHeader: Equatable, Sendable {
    /// First field of every header, so that no other signed thing can pass for one.
    public static let format: Text = "rollcall-catalogue-v1"
    /// Namespace of the signatures, as in `ssh-keygen -Y sign -n`.
    public static let namespace: Text = "rollcall-catalogue"
    /// How far one catalogue's version may leap above the last, so that one slip cannot use up the numbers.
    public static let versionStepLimit: UInt64 = 1_000_000
    /// How far a device's clock may lag behind the signing time before a catalogue counts as signed in the future, microseconds.
    public static let clockLag: UInt64 = 86_400_000_000

    /// Name of the catalogue.
    public var name: Text
    /// Grows with every catalogue; at least 1.
    public var version: UInt64
    /// When it was packed, microseconds UTC.
    public var signedAt: UInt64
    /// When it expires, microseconds UTC.
    public var expiresAt: UInt64
    /// SHA-256 of the device part.
    public var deviceDigest: [UInt8]
    /// SHA-256 of the desk part.
    public var deskDigest: [UInt8]

    /// Makes a header of its fields.
    public init(name: Text, version: UInt64, signedAt: UInt64, expiresAt: UInt64, deviceDigest: [UInt8], deskDigest: [UInt8]) {
        self.name = name
        self.version = version
        self.signedAt = signedAt
        self.expiresAt = expiresAt
        self.deviceDigest = deviceDigest
        self.deskDigest = deskDigest
    }

    /// The header's encoding: what is signed.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, Self.format)
        fields.text(1, name)
        fields.unsigned(2, version)
        fields.unsigned(3, signedAt)
        fields.unsigned(4, expiresAt)
        fields.byteString(5, deviceDigest)
        fields.byteString(6, deskDigest)
        return fields.bytes
    }

    /// Reads a header from its encoding.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var format: Text?
        var (version, signedAt, expiresAt): (UInt64?, UInt64?, UInt64?)
        var header = CatalogueHeader(name: "", version: 0, signedAt: 0, expiresAt: 0, deviceDigest: [], deskDigest: [])
        var reader = CBORReader(bytes)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: format = try reader.text(limit: 64)
            case 1: header.name = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 2: version = try reader.unsigned()
            case 3: signedAt = try reader.unsigned()
            case 4: expiresAt = try reader.unsigned()
            case 5: header.deviceDigest = try reader.hash()
            case 6: header.deskDigest = try reader.hash()
            default: return false
            }
            return true
        }
        try reader.end()
        guard try required(format, 0) == Self.format else { throw WireError(.unexpectedType, 0) }
        header.version = try required(version, 2)
        header.signedAt = try required(signedAt, 3)
        header.expiresAt = try required(expiresAt, 4)
        // A hello says 0 where there is no catalogue.
        guard header.version > 0 else { throw WireError(.outOfRange, 2) }
        try keys.require(5, 6)
        self = header
    }
}
