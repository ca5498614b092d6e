internal import LedgerCore
public import Wire

/// A catalogue or a roster as it is pushed to a device and kept there: header, part and signatures.
///
/// The encoding is one CBOR map: 0 the header, 1 the part, 2 the signatures in SSHSIG's binary form.
public struct SignedDocument: Equatable, Sendable {
    /// Encoding of the ``DocumentHeader``; the signatures are over exactly these bytes.
    public var header: [UInt8]
    /// Encoding of the ``DevicePart`` or of the ``Roster``.
    public var part: [UInt8]
    /// Signatures of the header, binary SSHSIG.
    public var signatures: [[UInt8]]

    /// Makes a document of its parts.
    public init(header: [UInt8], part: [UInt8], signatures: [[UInt8]]) {
        self.header = header
        self.part = part
        self.signatures = signatures
    }

    /// The document's encoding.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.byteString(0, header)
        fields.byteString(1, part)
        fields.byteStrings(2, signatures)
        return fields.bytes
    }

    /// Reads a document from its encoding, without judging it.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var (header, part, signatures): ([UInt8], [UInt8], [[UInt8]]) = ([], [], [])
        var reader = CBORReader(bytes)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: header = try reader.byteString(limit: 4_096)
            case 1: part = try reader.byteString(limit: RollcallProtocol.pushSizeLimit)
            case 2: signatures = try reader.byteStrings(count: 64, limit: 4_096)
            default: return false
            }
            return true
        }
        try reader.end()
        try keys.require(0, 1)
        self.init(header: header, part: part, signatures: signatures)
    }

    /// SHA-256 of the header: the document's name in hellos and ledgers.
    public var digest: [UInt8] { SHA256.hash(header) }

    /// Checks signatures and digest and opens the header, whatever the time and version.
    ///
    /// - Parameters:
    ///   - kind: What it must be.
    ///   - trust: Whose signatures count.
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func opened(as kind: DocumentKind, trust: TrustPolicy) throws(CatalogueError) -> DocumentHeader {
        try kind.checkSignatures(signatures, of: header, trust: trust)
        guard let opened = try? DocumentHeader(decoding: header), opened.kind == kind else { throw kind.malformed }
        guard SHA256.hash(part) == opened.partDigest else { throw kind.error("tampered", "'s content is not what was signed.") }
        return opened
    }

    /// Judges a catalogue, and opens it if it may be put in force.
    ///
    /// - Parameters:
    ///   - trust: Whose signatures count.
    ///   - now: Microseconds UTC.
    ///   - versionInForce: Version of the catalogue to be replaced; nil where this one is only loaded again or is the first.
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func verified(trust: TrustPolicy, now: UInt64, versionInForce: UInt64?) throws(CatalogueError) -> VerifiedCatalogue {
        let verified = try authenticated(trust: trust)
        try verified.header.check(now: now, versionInForce: versionInForce)
        return verified
    }

    /// Opens a catalogue, whatever the time and version: for one that is in force already, whose expiry closes changes but not observation.
    ///
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func authenticated(trust: TrustPolicy) throws(CatalogueError) -> VerifiedCatalogue {
        let header = try opened(as: .catalogue, trust: trust)
        guard (try? DevicePart.forEach(in: part) { _ in }) != nil else { throw DocumentKind.catalogue.malformed }
        return VerifiedCatalogue(header: header, digest: digest, part: part)
    }
}

/// The part of a catalogue that devices get: an array of probe definitions.
public struct DevicePart: Equatable, Sendable {
    /// The probes, ascending by id, each id once.
    public let probes: [ProbeDefinition]

    /// Probes in one catalogue at most.
    public static let probeCountLimit = 1_024

    /// Sorts `probes` by id.
    ///
    /// - Precondition: No id stands twice.
    public init(probes: [ProbeDefinition]) {
        self.probes = probes.sorted { Self.isAscending($0.id, $1.id) }
    }

    private static func isAscending(_ left: Text, _ right: Text) -> Bool { left.bytes.lexicographicallyPrecedes(right.bytes) }

    /// The part's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(probes.count)
        for probe in probes { writer.encoded(probe.encoded) }
        return writer.bytes
    }

    /// Reads a device part from its encoding.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var probes: [ProbeDefinition] = []
        try Self.forEach(in: bytes) { probes.append($0) }
        self.probes = probes
    }

    /// Reads the probes of an encoded part one after the other, to its end.
    static func forEach(in bytes: [UInt8], _ body: (ProbeDefinition) -> Void) throws(WireError) {
        var reader = CBORReader(bytes)
        var last: Text?
        for index in 0..<(try reader.array(limit: probeCountLimit)) {
            let probe = try ProbeDefinition(&reader)
            if let last, !isAscending(last, probe.id) { throw WireError(.malformed, UInt64(index)) }
            last = probe.id
            body(probe)
        }
        try reader.end()
    }
}

/// A catalogue whose signatures were checked: the only thing an agent will run from.
public struct VerifiedCatalogue: Equatable, Sendable {
    /// What was signed.
    public let header: DocumentHeader
    /// SHA-256 of the header's encoding.
    public let digest: [UInt8]
    /// The probes, ascending by id, as they came: a definition takes many times the memory of its encoding, and few are asked for at once.
    let part: [UInt8]

    /// The probe of this id.
    ///
    /// - Throws: `.unknownProbe`.
    public func probe(_ id: Text) throws(CatalogueError) -> ProbeDefinition {
        do throws(WireError) {
            var reader = CBORReader(part)
            for _ in 0..<(try reader.array(limit: DevicePart.probeCountLimit)) {
                // The id is the first field of each.
                var ahead = reader
                _ = try ahead.map(limit: .max)
                _ = try ahead.unsigned()
                if try ahead.text() == id { return try ProbeDefinition(&reader) }
                try reader.skip()
            }
        } catch {}
        throw CatalogueError(.unknownProbe, "The catalogue in force has no probe of that name.")
    }

    #if !ROLLCALL_DEVICE
        /// The probes, ascending by id.
        public var probes: [ProbeDefinition] { (try? DevicePart(decoding: part))?.probes ?? [] }
    #endif
}
