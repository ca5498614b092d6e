import Catalogue
import LedgerCore
import Testing
import Wire

@Suite struct SSHSignatureTests {
    private let message: [UInt8] = Array("a header".utf8)
    private let plain = Reviewer(1)
    private let token = Reviewer(2, application: "ssh:")

    private func counts(_ blob: [UInt8]) -> Bool {
        (try? SSHSignature(blob: blob))?.isValid(message: message, namespace: DocumentKind.catalogue.namespace) == true
    }

    @Test("signatures of a plain key and of a security key count")
    func valid() {
        #expect(counts(plain.sign(message)))
        #expect(counts(token.sign(message)))
        #expect(counts(token.sign(message, Reviewer.Flaw(hash: "sha256", flags: 5))))
        #expect(counts(Reviewer(3, application: "ssh:catalogue").sign(message)))
    }

    @Test("a security key's signature without a person's touch does not count")
    func untouched() {
        #expect(!counts(token.sign(message, Reviewer.Flaw(flags: 0))))
        #expect(!counts(token.sign(message, Reviewer.Flaw(flags: 4))))
        #expect(!counts(token.sign(message, Reviewer.Flaw(flags: 0xFE))))
    }

    @Test("a signature with one thing wrong does not count")
    func flaws() {
        for reviewer in [plain, token] {
            for flaw in [
                Reviewer.Flaw(namespace: "file"), Reviewer.Flaw(namespace: ""), Reviewer.Flaw(hash: "sha384"), Reviewer.Flaw(hash: "md5"),
                Reviewer.Flaw(trailing: [0]), Reviewer.Flaw(reserved: [0]), Reviewer.Flaw(version: 2), Reviewer.Flaw(version: 0),
                Reviewer.Flaw(inner: "ssh-rsa"),
            ] { #expect(!counts(reviewer.sign(message, flaw)), "\(flaw)") }
        }
        #expect(!counts(plain.sign(message, Reviewer.Flaw(inner: "sk-ssh-ed25519@openssh.com"))))
        #expect(!counts(token.sign(message, Reviewer.Flaw(inner: "ssh-ed25519"))))
        #expect(!counts(token.sign(message, Reviewer.Flaw(signedApplication: "ssh:other"))))
    }

    @Test("no byte of a signature can be altered, and none left out")
    func altered() {
        for blob in [plain.sign(message), token.sign(message)] {
            for index in blob.indices {
                for bit: UInt8 in [1, 0x80] {
                    var altered = blob
                    altered[index] ^= bit
                    #expect(!counts(altered), "byte \(index)")
                }
            }
            for length in 0..<blob.count { #expect(!counts(Array(blob[..<length]))) }
            #expect(!counts(blob + [0]))
        }
    }

    @Test("lengths that reach beyond the signature are refused")
    func lengths() {
        for length: [UInt8] in [[0xFF, 0xFF, 0xFF, 0xFF], [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0, 0, 16, 0]] {
            #expect(!counts(Array("SSHSIG".utf8) + [0, 0, 0, 1] + length + plain.blob))
        }
        #expect(rule { _ = try SSHSignature(blob: plain.sign(message) + Array(repeating: 0, count: 4_096)) } == .malformed)
    }

    @Test("a key that is too short, too long or has more behind it is refused")
    func keys() {
        #expect(rule { _ = try ReviewerKey(blob: string("ssh-ed25519") + string(Array(repeating: 1, count: 31))) } == .malformed)
        #expect(rule { _ = try ReviewerKey(blob: string("ssh-ed25519") + string(Array(repeating: 1, count: 33))) } == .malformed)
        #expect(rule { _ = try ReviewerKey(blob: plain.blob + [0]) } == .malformed)
        #expect(rule { _ = try ReviewerKey(blob: string("sk-ssh-ed25519@openssh.com") + string(token.key.publicKey)) } == .malformed)
        #expect(rule { _ = try ReviewerKey(blob: []) } == .malformed)
        #expect(rule { _ = try ReviewerKey(blob: plain.blob) } == nil)
    }

    @Test("a key type's name cannot make the refusal unreadable")
    func hostileName() throws {
        for name in ["sk-\u{1b}[2Jssh", String(repeating: "a", count: 63) + "\u{e9}", String(repeating: "x", count: 3_000)] {
            do {
                _ = try ReviewerKey(blob: string(name))
                Issue.record("accepted")
            } catch {
                #expect(error.rule == .unsupportedSignature)
                #expect(error.sentence == error.sentence.sentence(limit: RollcallProtocol.sentenceSizeLimit))
            }
        }
    }

    @Test("armour is read as ssh-keygen writes it and not otherwise")
    func armour() {
        func text(_ lines: String...) -> [UInt8] { Array(lines.joined(separator: "\n").utf8) }
        let (begin, end) = ("-----BEGIN SSH SIGNATURE-----", "-----END SSH SIGNATURE-----")
        #expect(SSHSignature.unarmour(text(begin, "Zm9v", "YmFy", end, "")) == Array("foobar".utf8))
        #expect(SSHSignature.unarmour(text(begin, end)) == nil)
        #expect(SSHSignature.unarmour(text(begin, "Zm9v")) == nil)
        #expect(SSHSignature.unarmour(text("Zm9v", end)) == nil)
        #expect(SSHSignature.unarmour(text(begin, "Zm9", end)) == nil)
        #expect(SSHSignature.unarmour(text(begin, "Zm 9v", end)) == nil)
        #expect(SSHSignature.unarmour([]) == nil)
        #expect(SSHSignature.unarmour(text(begin) + Array(String(repeating: "\nZm9v", count: 4_000).utf8) + text("", end)) == nil)
    }
}
