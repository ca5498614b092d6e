import Testing

@testable import SSH

@Suite("Answers of an ssh-agent")
struct KeyAgentTests {
    private func list(count: UInt32, _ entries: [(String, String)]) -> [UInt8] {
        var writer = PacketWriter()
        writer.append(byte: 12)
        writer.append(uint32: count)
        for (blob, comment) in entries {
            writer.append(string: Array(blob.utf8))
            writer.append(string: Array(comment.utf8))
        }
        return writer.bytes
    }

    @Test("the keys are listed in order, comments made printable")
    func identities() {
        let answer = KeyAgent.parseIdentities(list(count: 2, [("a", "one"), ("b", "\u{1b}[2J")]))
        #expect(answer?.map(\.comment) == ["one", "?[2J"])
        #expect(answer?.map(\.blob) == [[97], [98]])
    }

    @Test("a list that promises more than it holds is refused, wherever it is cut")
    func hostileLists() {
        #expect(KeyAgent.parseIdentities(list(count: .max, [("a", "one")])) == nil)
        let whole = list(count: 2, [("a", "one"), ("b", "two")])
        for length in 0..<whole.count { #expect(KeyAgent.parseIdentities(Array(whole.prefix(length))) == nil) }
        #expect(KeyAgent.parseIdentities([5]) == nil)
    }

    @Test("a signature of another algorithm, or with something behind it, is refused")
    func signatures() {
        func answer(_ algorithm: String, trailing: [UInt8] = []) -> [UInt8] {
            var inner = PacketWriter()
            inner.append(string: Array(algorithm.utf8))
            inner.append(string: [1, 2, 3])
            inner.append(raw: trailing)
            var outer = PacketWriter()
            outer.append(byte: 14)
            outer.append(string: inner.bytes)
            return outer.bytes
        }
        #expect(KeyAgent.parseSignature(answer("ssh-ed25519"), algorithm: "ssh-ed25519") == [1, 2, 3])
        #expect(KeyAgent.parseSignature(answer("ssh-rsa"), algorithm: "ssh-ed25519") == nil)
        #expect(KeyAgent.parseSignature(answer("ssh-ed25519", trailing: [0]), algorithm: "ssh-ed25519") == nil)
        #expect(KeyAgent.parseSignature([5], algorithm: "ssh-ed25519") == nil)
    }
}
