internal import LedgerCore
public import Wire

/// A catalogue as it is pushed to a device and kept there: header, device part and signatures.
///
/// The encoding is one CBOR map: 0 the header, 1 the device part, 2 the signatures in SSHSIG's binary form.
public struct SignedCatalogue: Equatable, Sendable {
    /// Encoding of the ``CatalogueHeader``; the signatures are over exactly these bytes.
    public var header: [UInt8]
    /// Encoding of the ``DevicePart``.
    public var devicePart: [UInt8]
    /// Signatures of the header, binary SSHSIG.
    public var signatures: [[UInt8]]

    /// Makes a catalogue of its parts.
    public init(header: [UInt8], devicePart: [UInt8], signatures: [[UInt8]]) {
        self.header = header
        self.devicePart = devicePart
        self.signatures = signatures
    }

    /// The catalogue's encoding.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.byteString(0, header)
        fields.byteString(1, devicePart)
        fields.byteStrings(2, signatures)
        return fields.bytes
    }

    /// Reads a catalogue from its encoding, without judging it.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var (header, devicePart): ([UInt8]?, [UInt8]?)
        var signatures: [[UInt8]] = []
        var reader = CBORReader(bytes)
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: header = try reader.byteString(limit: 4_096)
            case 1: devicePart = try reader.byteString(limit: RollcallProtocol.pushSizeLimit)
            case 2: signatures = try reader.byteStrings(count: 64, limit: 4_096)
            default: return false
            }
            return true
        }
        try reader.end()
        self.init(header: try required(header, 0), devicePart: try required(devicePart, 1), signatures: signatures)
    }

    /// SHA-256 of the header: the catalogue's name in hellos and ledgers.
    public var digest: [UInt8] { SHA256.hash(header) }

    /// Judges the catalogue, and opens it if it may be put in force.
    ///
    /// - Parameters:
    ///   - trust: Whose signatures count.
    ///   - now: Microseconds UTC.
    ///   - versionInForce: Version of the catalogue to be replaced; nil where this one is only loaded again or is the first.
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func verified(trust: TrustPolicy, now: UInt64, versionInForce: UInt64?) throws(CatalogueError) -> VerifiedCatalogue {
        let verified = try authenticated(trust: trust)
        let header = verified.header
        if header.signedAt > now.addingSaturating(CatalogueHeader.clockLag) {
            throw CatalogueError(.notYetValid, "The catalogue says it was signed in the future; check the device's clock.")
        }
        if header.expiresAt <= now {
            throw CatalogueError(.expired, "The catalogue has expired; push one that reviewers signed anew.")
        }
        if let versionInForce {
            if header.version <= versionInForce {
                throw CatalogueError(
                    .rolledBack,
                    "The catalogue's version " + .decimal(header.version) + " is not above " + .decimal(versionInForce)
                        + ", which is in force.")
            }
            if header.version - versionInForce > CatalogueHeader.versionStepLimit {
                throw CatalogueError(.versionLeap, "The catalogue's version leaps by more than a million.")
            }
        }
        return verified
    }

    /// Checks signatures and digests and opens the catalogue, whatever the time and version: for one that is in force already, whose
    /// expiry closes changes but not observation.
    ///
    /// - Throws: ``CatalogueError`` with the first rule that refuses.
    public func authenticated(trust: TrustPolicy) throws(CatalogueError) -> VerifiedCatalogue {
        try trust.judge(signatures, of: header, namespace: CatalogueHeader.namespace, rule: .notEnoughSignatures, what: "catalogue")
        let malformed = CatalogueError(.malformed, "The catalogue is not in the format this version reads.")
        guard let opened = try? CatalogueHeader(decoding: header) else { throw malformed }
        guard SHA256.hash(devicePart) == opened.deviceDigest else {
            throw CatalogueError(.tampered, "The catalogue's probes are not those that were signed.")
        }
        guard let part = try? DevicePart(decoding: devicePart) else { throw malformed }
        return VerifiedCatalogue(header: opened, digest: digest, probes: part.probes)
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
        var reader = CBORReader(bytes)
        var probes: [ProbeDefinition] = []
        for index in 0..<(try reader.array(limit: Self.probeCountLimit)) {
            let probe = try ProbeDefinition(&reader)
            if let last = probes.last, !Self.isAscending(last.id, probe.id) { throw WireError(.malformed, UInt64(index)) }
            probes.append(probe)
        }
        try reader.end()
        self.probes = probes
    }
}

/// A catalogue whose signatures were checked: the only thing an agent will run from.
public struct VerifiedCatalogue: Equatable, Sendable {
    /// What was signed.
    public let header: CatalogueHeader
    /// SHA-256 of the header's encoding.
    public let digest: [UInt8]
    /// The probes, ascending by id.
    public let probes: [ProbeDefinition]

    /// The probe of this id.
    ///
    /// - Throws: `.unknownProbe`.
    public func probe(_ id: Text) throws(CatalogueError) -> ProbeDefinition {
        for probe in probes where probe.id == id { return probe }
        throw CatalogueError(.unknownProbe, "The catalogue in force has no probe of that name.")
    }
}

extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
