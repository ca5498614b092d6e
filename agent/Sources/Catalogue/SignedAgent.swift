public import Wire

/// What reviewers sign of an agent: which one it is, for which machines, and the digest of the program.
public struct AgentHeader: Equatable, Sendable {
    /// Version of the program, as it says it in its hello.
    public var version: Text
    /// Architecture, as agent/build names it.
    public var architecture: Text
    /// When it was packed, microseconds UTC; what is put in force was packed later than what it replaces.
    public var signedAt: UInt64
    /// Bytes of the program.
    public var size: UInt64
    /// SHA-256 of the program.
    public var digest: [UInt8]

    /// Makes a header of its fields.
    public init(version: Text, architecture: Text, signedAt: UInt64, size: UInt64, digest: [UInt8]) {
        self.version = version
        self.architecture = architecture
        self.signedAt = signedAt
        self.size = size
        self.digest = digest
    }

    /// The header's encoding: what is signed.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, DocumentKind.agent.format)
        fields.text(1, version)
        fields.text(2, architecture)
        fields.unsigned(3, signedAt)
        fields.unsigned(4, size)
        fields.byteString(5, digest)
        return fields.bytes
    }

    /// Reads a header from its encoding.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var format: Text?
        var (signedAt, size): (UInt64?, UInt64?)
        var header = AgentHeader(version: "", architecture: "", signedAt: 0, size: 0, digest: [])
        var reader = CBORReader(bytes)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: format = try reader.text(limit: 64)
            case 1: header.version = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 2: header.architecture = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3: signedAt = try reader.unsigned()
            case 4: size = try reader.unsigned()
            case 5: header.digest = try reader.hash()
            default: return false
            }
            return true
        }
        try reader.end()
        guard try required(format, 0) == DocumentKind.agent.format else { throw WireError(.unexpectedType, 0) }
        header.signedAt = try required(signedAt, 3)
        header.size = try required(size, 4)
        try keys.require(1, 2, 5)
        self = header
    }
}

/// What stands before the program in a signed agent: the header and its signatures.
///
/// A signed agent is this envelope as a frame, 4 bytes of length and one CBOR map: 0 the header, 1 the signatures in SSHSIG's binary form; and
/// then the program, so that a device can judge it before it takes any of that, and never holds it in memory.
public struct AgentEnvelope: Equatable, Sendable {
    /// Encoding of the ``AgentHeader``; the signatures are over exactly these bytes.
    public var header: [UInt8]
    /// Signatures of the header, binary SSHSIG.
    public var signatures: [[UInt8]]

    /// Longest envelope in bytes, its length included: it comes whole in the first piece of a push.
    public static let sizeLimit = RollcallProtocol.chunkSizeLimit

    /// Makes an envelope of its parts.
    public init(header: [UInt8], signatures: [[UInt8]]) {
        self.header = header
        self.signatures = signatures
    }

    /// The envelope with its length, as it stands before the program.
    ///
    /// - Precondition: It is not longer than ``sizeLimit``.
    public var frame: [UInt8] {
        var fields = FieldWriter()
        fields.byteString(0, header)
        fields.byteStrings(1, signatures)
        return Frame.encode(fields.bytes)
    }

    /// Reads the envelope at the beginning of a signed agent, without judging it.
    ///
    /// - Returns: The envelope, and where in `bytes` the program begins.
    public static func first(in bytes: [UInt8]) throws(WireError) -> (envelope: AgentEnvelope, end: Int) {
        var frames = FrameReader()
        frames.append(bytes.prefix(sizeLimit))
        guard let map = try frames.next() else { throw WireError(.oversizeFrame, UInt64(bytes.count)) }
        var header: [UInt8]?
        var signatures: [[UInt8]] = []
        var reader = CBORReader(map)
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: header = try reader.byteString(limit: 4_096)
            case 1: signatures = try reader.byteStrings(count: 64, limit: 4_096)
            default: return false
            }
            return true
        }
        try reader.end()
        return (AgentEnvelope(header: try required(header, 0), signatures: signatures), map.count + 4)
    }

    /// Checks the signatures and opens the header.
    ///
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func authenticated(trust: TrustPolicy) throws(CatalogueError) -> AgentHeader {
        try DocumentKind.agent.checkSignatures(signatures, of: header, trust: trust)
        guard let opened = try? AgentHeader(decoding: header) else { throw DocumentKind.agent.malformed }
        return opened
    }
}
