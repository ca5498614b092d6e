import Catalogue
import LedgerCore
import Testing
import Wire

@Suite struct SignedCatalogueTests {
    private let now = CatalogueSamples.now
    private let reviewers = [Reviewer(1), Reviewer(2), Reviewer(3, application: "ssh:")]

    private func refusal(
        _ catalogue: SignedDocument, threshold: Int = 2, now: UInt64 = CatalogueSamples.now, inForce: UInt64? = nil
    ) throws -> CatalogueError.Rule? {
        let trust = try Reviewer.trust(threshold, reviewers)
        return rule { _ = try catalogue.verified(trust: trust, now: now, versionInForce: inForce) }
    }

    @Test("a catalogue that enough reviewers signed opens, and comes back from its encoding")
    func opens() throws {
        let catalogue = CatalogueSamples.signed(by: [reviewers[0], reviewers[2]])
        let decoded = try SignedDocument(decoding: catalogue.encoded)
        #expect(decoded == catalogue)
        #expect(decoded.encoded == catalogue.encoded)
        let verified = try decoded.verified(trust: try Reviewer.trust(2, reviewers), now: now, versionInForce: 6)
        #expect(verified.header == CatalogueSamples.header())
        #expect(verified.digest == SHA256.hash(catalogue.header))
        #expect(verified.probes.map(\.id) == CatalogueSamples.probes.map(\.id).sorted { $0.string < $1.string })
        #expect(try verified.probe("load").impact == .observe)
        #expect(rule { _ = try verified.probe("nothing") } == .unknownProbe)
    }

    @Test("M of N are M distinct keys that are trusted")
    func threshold() throws {
        #expect(try refusal(CatalogueSamples.signed(by: [])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: [reviewers[0]])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: [reviewers[0], reviewers[0]])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: [reviewers[2], reviewers[2], Reviewer(9)])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: [Reviewer(8), Reviewer(9)])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: reviewers), threshold: 3) == nil)
        #expect(try refusal(CatalogueSamples.signed(by: [Reviewer(9), reviewers[1], reviewers[0]])) == nil)
    }

    @Test("a key that is trusted as a security key does not count as a plain one")
    func otherKind() throws {
        #expect(try refusal(CatalogueSamples.signed(by: [reviewers[0], Reviewer(3)])) == .notEnoughSignatures)
        #expect(try refusal(CatalogueSamples.signed(by: [reviewers[0], Reviewer(3, application: "ssh:x")])) == .notEnoughSignatures)
    }

    @Test("signatures of another header do not count")
    func otherHeader() throws {
        var catalogue = CatalogueSamples.signed(by: reviewers)
        catalogue.header = CatalogueSamples.header(version: 8).encoded
        #expect(try refusal(catalogue) == .notEnoughSignatures)
        for index in CatalogueSamples.header().encoded.indices {
            var altered = CatalogueSamples.signed(by: reviewers)
            altered.header[index] ^= 1
            #expect(try refusal(altered) == .notEnoughSignatures)
        }
    }

    @Test("another device part than the signed one is refused")
    func tampered() throws {
        var catalogue = CatalogueSamples.signed(by: reviewers)
        catalogue.part = DevicePart(probes: []).encoded
        #expect(try refusal(catalogue) == .tampered)
        catalogue.part = CatalogueSamples.part + [0]
        #expect(try refusal(catalogue) == .tampered)
    }

    @Test("time and version have their rules")
    func timeAndVersion() throws {
        let hour = CatalogueSamples.hour
        let catalogue = CatalogueSamples.signed(by: reviewers)
        #expect(try refusal(catalogue, now: now + hour - 1) == nil)
        #expect(try refusal(catalogue, now: now + hour) == .expired)
        #expect(try refusal(catalogue, now: .max) == .expired)
        #expect(try refusal(catalogue, now: now - 24 * hour) == nil)
        #expect(try refusal(catalogue, now: now - 24 * hour - 1) == .notYetValid)
        #expect(try refusal(catalogue, now: 0) == .notYetValid)
        #expect(try refusal(catalogue, inForce: 7) == .rolledBack)
        #expect(try refusal(catalogue, inForce: 8) == .rolledBack)
        #expect(try refusal(catalogue, inForce: .max) == .rolledBack)
        #expect(try refusal(catalogue, inForce: 6) == nil)
        let leap = CatalogueSamples.signed(CatalogueSamples.header(version: 1_000_008), by: reviewers)
        #expect(try refusal(leap, inForce: 8) == nil)
        #expect(try refusal(leap, inForce: 7) == .versionLeap)
        let last = CatalogueSamples.signed(CatalogueSamples.header(version: .max, signedAt: .max, expiresAt: .max), by: reviewers)
        #expect(try refusal(last, inForce: 1) == .notYetValid)
        #expect(try refusal(last, now: .max - 1, inForce: 1) == .versionLeap)
    }

    @Test("an expired catalogue that is in force still opens for observation")
    func authenticated() throws {
        let catalogue = CatalogueSamples.signed(CatalogueSamples.header(expiresAt: now), by: reviewers)
        #expect(try catalogue.authenticated(trust: try Reviewer.trust(2, reviewers)).probes.count == CatalogueSamples.probes.count)
    }

    @Test("a signature of an unsupported kind is named when it is the one that lacks")
    func unsupported() throws {
        var rsa = Array("SSHSIG".utf8) + [0, 0, 0, 1] + string(string("ssh-rsa"))
        rsa += string("rollcall-catalogue") + string("") + string("sha512") + string("x")
        var catalogue = CatalogueSamples.signed(by: [reviewers[0]])
        catalogue.signatures.append(rsa)
        #expect(try refusal(catalogue) == .unsupportedSignature)
        catalogue = CatalogueSamples.signed(by: reviewers)
        catalogue.signatures.append(rsa)
        #expect(try refusal(catalogue) == nil)
    }

    @Test("a header without a version, digest or the format's name is refused")
    func header() throws {
        var short = CatalogueSamples.header()
        short.partDigest = [1]
        #expect(throws: WireError.self) { try DocumentHeader(decoding: short.encoded) }
        #expect(throws: WireError.self) { try DocumentHeader(decoding: CatalogueSamples.header(version: 0).encoded) }
        #expect(throws: WireError.self) { try DocumentHeader(decoding: CatalogueSamples.header().encoded + [0]) }
        #expect(throws: WireError.self) { try DocumentHeader(decoding: [0xA1, 0x00, 0x61, 0x61]) }
        #expect(try DocumentHeader(decoding: CatalogueSamples.header().encoded) == CatalogueSamples.header())
    }

    @Test("a catalogue cut at any byte is refused")
    func cut() {
        let encoded = CatalogueSamples.signed(by: [reviewers[0]]).encoded
        for length in 0..<encoded.count { #expect(throws: WireError.self) { try SignedDocument(decoding: Array(encoded[..<length])) } }
        #expect(throws: WireError.self) { try SignedDocument(decoding: encoded + [0]) }
    }
}
