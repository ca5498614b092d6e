import Catalogue
import Testing
import Wire

@Suite struct TrustPolicyTests {
    private let one = Reviewer(1).line
    private let two = Reviewer(2).line

    private func error(_ text: String) -> CatalogueError? {
        do throws(CatalogueError) {
            _ = try TrustPolicy(file: Array(text.utf8))
            return nil
        } catch {
            return error
        }
    }

    @Test("comments, blank lines, tabs and carriage returns are passed over")
    func accepted() throws {
        let text =
            "# reviewers\n\n  # indented\r\nthreshold\t2\r\n\(one)\r\n\n\(two) with a comment\n\(Reviewer(3, application: "ssh:").line)"
        let trust = try TrustPolicy(file: Array(text.utf8))
        #expect(trust.threshold == 2)
        #expect(trust.keys.map(\.algorithm) == ["ssh-ed25519", "ssh-ed25519", "sk-ssh-ed25519@openssh.com"])
    }

    @Test("a mistake in a line is told with the line's number")
    func lines() {
        let mistakes: [(Int, String)] = [
            (1, one), (1, "threshold"), (1, "threshold 1 2\n\(one)"), (1, "threshold x\n\(one)"), (1, "threshold -1\n\(one)"),
            (1, "threshold 100\n\(one)"),
            (1, "threshold 01\n\(one)"), (2, "\nThreshold 1\n\(one)"), (2, "threshold 1\nssh-ed25519"),
            (2, "threshold 1\nssh-ed25519 !!!!"),
            (3, "threshold 1\n\(one)\n\(one)"), (2, "threshold 1\nsk-ssh-ed25519@openssh.com \(one.split(separator: " ")[1])"),
            (2, "threshold 1\nrestrict \(one)"), (3, "threshold 1\n\(one)\nthreshold 1"), (2, "threshold 1\nssh-ed25519 AAAA"),
            (2, "threshold 1\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5"),
        ]
        for (line, text) in mistakes {
            let error = error(text)
            #expect(error?.rule == .trustMalformed, "\(text)")
            #expect(error?.sentence.string.contains("Line \(line) ") == true, "\(text): \(error?.sentence.string ?? "accepted")")
        }
    }

    @Test("a key of another kind is refused by name and line")
    func otherKind() {
        let rsa = String(decoding: Base64.encode(string("ssh-rsa") + string([1, 0, 1])), as: UTF8.self)
        let error = error("threshold 1\n\(one)\nssh-rsa \(rsa)")
        #expect(error?.rule == .unsupportedSignature)
        #expect(error?.sentence.string.contains("ssh-rsa") == true)
        #expect(error?.sentence.string.contains("ine 3 ") == true)
    }

    @Test("a threshold that no number of keys can meet, or that needs none, is refused")
    func threshold() {
        for text in ["", "# nothing\n", "threshold 0\n\(one)", "threshold 2\n\(one)", "threshold 1"] {
            #expect(error(text)?.rule == .trustMalformed, "\(text)")
        }
        let many = (1...33).map { Reviewer(UInt8($0)).line }
        #expect(error("threshold 1\n" + many.dropLast().joined(separator: "\n")) == nil)
        #expect(error("threshold 1\n" + many.joined(separator: "\n"))?.sentence.string.contains("Line 34 ") == true)
    }

    @Test("one key in two dresses is still one key")
    func twice() {
        let error = error("threshold 2\n\(one)\n\(Reviewer(1, application: "ssh:").line)\n\(Reviewer(1, application: "ssh:b").line)")
        #expect(error?.sentence.string.contains("Line 3 ") == true)
    }

    @Test("a file that is too long is refused before it is read")
    func flood() { #expect(error(String(repeating: "\n", count: 1 << 20) + "threshold 1\n\(one)")?.rule == .trustMalformed) }
}
