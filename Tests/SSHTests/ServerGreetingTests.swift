import Testing

@testable import SSH

@Suite("A server's first bytes")
struct ServerGreetingTests {
    static func keyExchangeInit(ciphers: String = "aes128-ctr", macs: String = "hmac-sha2-256") -> [UInt8] {
        var payload = PacketWriter()
        payload.append(byte: 20)
        payload.append(raw: [UInt8](repeating: 9, count: 16))
        for list in ["curve25519-sha256", "ssh-ed25519", ciphers, ciphers, macs, macs, "none", "none", "", ""] {
            payload.append(string: Array(list.utf8))
        }
        payload.append(raw: [0, 0, 0, 0, 0])
        let padding = 8 - (payload.bytes.count + 5) % 8 + 8
        var packet = PacketWriter()
        packet.append(uint32: UInt32(payload.bytes.count + padding + 1))
        packet.append(byte: UInt8(padding))
        packet.append(raw: payload.bytes)
        packet.append(raw: [UInt8](repeating: 0, count: padding))
        return packet.bytes
    }

    @Test("version and offer are read, whole or byte by byte", arguments: [1, 7, 10_000])
    func offer(pieceSize: Int) {
        let bytes = Array("Welcome\r\nSSH-2.0-Test_1\r\n".utf8) + Self.keyExchangeInit()
        var greeting = ServerGreeting()
        for start in stride(from: 0, to: bytes.count, by: pieceSize) {
            greeting.consume(bytes[start..<min(start + pieceSize, bytes.count)])
        }
        #expect(greeting.version == "SSH-2.0-Test_1")
        #expect(greeting.offer?.cipherToServer == ["aes128-ctr"])
        #expect(greeting.offer?.mismatch == nil)
        #expect(greeting.failure(hungUp: true) == nil)
    }

    @Test("a kind without a common algorithm is named with what is offered")
    func mismatch() {
        var greeting = ServerGreeting()
        greeting.consume(Array("SSH-2.0-Hardened\r\n".utf8) + Self.keyExchangeInit(macs: "hmac-sha2-256-etm@openssh.com"))
        #expect(greeting.failure(hungUp: true)?.code == .noCommonAlgorithm)
        #expect(greeting.offer?.mismatch == "no common MAC; the server offers hmac-sha2-256-etm@openssh.com")
    }

    @Test(
        "what is not SSH 2 is told at once",
        arguments: ["SSH-1.5-Old\r\n", "\u{0}\u{1}\u{2}", String(repeating: "x", count: 2000), String(repeating: "hello\n", count: 70)])
    func foreign(text: String) {
        var greeting = ServerGreeting()
        greeting.consume(Array(text.utf8))
        #expect(greeting.isForeign)
        #expect(greeting.failure(hungUp: false)?.code == .notSSH)
    }

    @Test("a server that is merely full is not taken for another protocol")
    func busy() {
        var greeting = ServerGreeting()
        greeting.consume(Array("Exceeded MaxStartups\r\n".utf8))
        #expect(greeting.failure(hungUp: true)?.code == .resetBeforeBanner)
    }

    @Test("a server that hung up without a word is told from one that is silent")
    func silent() {
        let greeting = ServerGreeting()
        #expect(greeting.failure(hungUp: true)?.code == .resetBeforeBanner)
        #expect(greeting.failure(hungUp: false) == nil)
    }

    @Test("an offer cut anywhere, or with a length of its own invention, is never read as one")
    func hostileOffers() {
        let whole = Self.keyExchangeInit()
        for count in 0..<whole.count {
            var greeting = ServerGreeting()
            greeting.consume(Array("SSH-2.0-X\r\n".utf8) + whole.prefix(count))
            #expect(greeting.offer == nil)
        }
        for index in 0..<5 {
            var bytes = whole
            bytes[index] = 0xff
            var greeting = ServerGreeting()
            greeting.consume(Array("SSH-2.0-X\r\n".utf8) + bytes)
            #expect(greeting.offer == nil)
        }
    }
}
