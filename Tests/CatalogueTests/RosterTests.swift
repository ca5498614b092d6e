import Catalogue
import LedgerCore
import Testing
import Wire

enum RosterSamples {
    static let operators = [
        RosterOperator(name: "alice", role: .repair, keys: [Reviewer(4).blob, Reviewer(5, application: "ssh:").blob]),
        RosterOperator(name: "bob", role: .observe, expiresAt: CatalogueSamples.now + CatalogueSamples.hour, keys: [Reviewer(6).blob]),
    ]
    static let desks: Text = "desk.example/ledger+6b0e9e39+AQMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMD\n"

    static var part: [UInt8] { Roster(operators: operators, desks: desks).encoded }

    static var header: DocumentHeader {
        DocumentHeader(
            kind: .roster, name: "example", version: 7, signedAt: CatalogueSamples.now,
            expiresAt: CatalogueSamples.now + CatalogueSamples.hour,
            partDigest: SHA256.hash(part))
    }

    static func signed(by reviewers: [Reviewer]) -> SignedDocument {
        var flaw = Reviewer.Flaw()
        flaw.namespace = "rollcall-roster"
        return SignedDocument(header: header.encoded, part: part, signatures: reviewers.map { $0.sign(header.encoded, flaw) })
    }
}

@Suite struct RosterTests {
    private func isRefused(_ operators: [RosterOperator], desks: Text = "") -> Bool {
        (try? Roster(decoding: Roster(operators: operators, desks: desks).encoded)) == nil
    }

    @Test("a roster comes back from its encoding, and one cut at any byte is refused")
    func encoding() throws {
        let read = try Roster(decoding: RosterSamples.part)
        #expect(read.encoded == RosterSamples.part && read.operators.count == 2 && read.desks == RosterSamples.desks)
        #expect(read.named("bob")?.role == .observe && read.named("carl") == nil)
        for length in RosterSamples.part.indices {
            #expect(throws: WireError.self) { try Roster(decoding: Array(RosterSamples.part[..<length])) }
        }
        #expect(throws: WireError.self) { try Roster(decoding: RosterSamples.part + [0]) }
    }

    @Test("enough signatures in the roster's own namespace open it; as a catalogue it is none")
    func signed() throws {
        let reviewers = [Reviewer(1), Reviewer(2)]
        let trust = try Reviewer.trust(2, reviewers)
        let document = RosterSamples.signed(by: reviewers)
        let verified = try document.roster(trust: trust)
        #expect(verified.header == RosterSamples.header && verified.digest == SHA256.hash(document.header))
        #expect(rule { _ = try document.authenticated(trust: trust) }?.name == "catalogue-unsigned")
        #expect(rule { _ = try CatalogueSamples.signed(by: reviewers).roster(trust: trust) }?.name == "roster-unsigned")
        #expect(rule { _ = try RosterSamples.signed(by: [reviewers[0]]).roster(trust: trust) }?.name == "roster-unsigned")
        // A catalogue's header signed in the roster's namespace is no roster either.
        var flaw = Reviewer.Flaw()
        flaw.namespace = "rollcall-roster"
        var mixed = CatalogueSamples.signed(by: [])
        mixed.signatures = reviewers.map { $0.sign(mixed.header, flaw) }
        #expect(rule { _ = try mixed.roster(trust: trust) }?.name == "roster-malformed")
    }

    @Test("names that a shell or a path could mind are refused")
    func names() {
        let long = Text(String(repeating: "a", count: 65))
        for name: Text in ["", "-a", ".a", "..", "a b", "a/b", "a\"b", "a$b", "a\nb", "a;b", "\u{e9}", "a'b", "a`b", "a\\b", long] {
            #expect(isRefused([RosterOperator(name: name, role: .repair, keys: [Reviewer(4).blob])]), "\(name.string)")
        }
        for name: Text in ["a", "A.b_c-9", "9", "_"] {
            #expect(!isRefused([RosterOperator(name: name, role: .repair, keys: [Reviewer(4).blob])]))
        }
    }

    @Test("operators ascend, have keys of the types sshd is given, and there is one at least")
    func operators() {
        let (a, b) = (RosterSamples.operators[0], RosterSamples.operators[1])
        #expect(isRefused([]) && isRefused([b, a]) && isRefused([a, a]) && !isRefused([a, b]))
        func isKeyRefused(_ keys: [[UInt8]]) -> Bool { isRefused([RosterOperator(name: "a", role: .shell, keys: keys)]) }
        let point = string([UInt8](repeating: 4, count: 65))
        #expect(!isKeyRefused([string("ecdsa-sha2-nistp256") + string("nistp256") + point]))
        #expect(isKeyRefused([]) && isKeyRefused([[]]) && isKeyRefused([string("ssh-rsa") + string([1, 0, 1]) + point]))
        #expect(isKeyRefused([string("ssh-ed25519")]) && isKeyRefused([Reviewer(4).blob + [0]]) && isKeyRefused([string("")]))
        #expect(isKeyRefused([string("ssh-ed25519 x") + point]) && isKeyRefused([string("ssh-ed25519\n") + point]))
        #expect(isKeyRefused(Array(repeating: Reviewer(4).blob, count: 9)))
        #expect(isKeyRefused([string("ssh-ed25519") + string([UInt8](repeating: 4, count: 1_024))]))
        let many = (0..<257).map { RosterOperator(name: Text("op-\(1_000 + $0)"), role: .observe, keys: [Reviewer(4).blob]) }
        #expect(isRefused(many) && !isRefused(Array(many.dropLast())))
    }

    @Test("a role that there is not is refused", arguments: [0, 4, 257, .max] as [UInt64])
    func roles(_ number: UInt64) {
        var writer = CBORWriter()
        writer.array(2)
        writer.array(1)
        writer.array(4)
        writer.text("a")
        writer.unsigned(number)
        writer.unsigned(0)
        writer.array(1)
        writer.byteString(Reviewer(4).blob)
        writer.text("")
        #expect(throws: WireError.self) { try Roster(decoding: writer.bytes) }
    }
}
