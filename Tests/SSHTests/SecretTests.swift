import CSSH2
import Testing

@testable import SSH

@Suite("Secrets, and what is asked for them")
struct SecretTests {
    @Test("a secret shows itself in no description and no dump, nor does what holds it")
    func descriptions() {
        let secret = Secret("hunter2")
        var dumped = ""
        dump(Identity.password(secret), to: &dumped)
        dump(secret, to: &dumped)
        let texts = ["\(secret)", String(reflecting: secret), "\(Identity.password(secret))", dumped, Identity.password(secret).label]
        for text in texts { #expect(!text.contains("hunter2")) }
        #expect(secret.withBytes { Array($0) } == Array("hunter2".utf8))
    }

    @Test("what a secret is made of is wiped, also if it is empty")
    func wiped() {
        var bytes = Array("hunter2".utf8)
        #expect(Secret(wiping: &bytes).byteCount == 7)
        #expect(bytes == [UInt8](repeating: 0, count: 7))
        var none: [UInt8] = []
        #expect(Secret(wiping: &none).withBytes { $0.count } == 0)
    }

    @Test("a challenge is printable and bounded, whatever the server sent")
    func challenge() {
        let hostile = [UInt8](repeating: 0x1b, count: 5000)
        let challenge = KeyboardChallenge(name: hostile, instruction: hostile, prompts: [(hostile, true), ([], false)])
        #expect(challenge.name == String(repeating: "?", count: 200))
        #expect(challenge.instruction == String(repeating: "?", count: 1000))
        #expect(challenge.prompts.map(\.text) == [String(repeating: "?", count: 200), ""])
        #expect(challenge.prompts.map(\.isEchoed) == [true, false])
    }

    @Test("while questions may come, what libssh2 allocates has zeros behind it, and is small")
    func guarded() throws {
        var context = cssh2_context(buffers: nil, is_guarded: true, used: 0, limit: 1 << 30)
        try withUnsafeMutablePointer(to: &context) { context in
            var abstract: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(context)
            let memory = try #require(cssh2_allocate(8, &abstract))
            let behind = UnsafeRawBufferPointer(start: memory, count: 8 + 65_536)
            #expect(behind.allSatisfy { $0 == 0 })
            cssh2_free(memory, &abstract)
            #expect(cssh2_allocate(65_537, &abstract) == nil)
            #expect(cssh2_reallocate(nil, 65_537, &abstract) == nil)
            context.pointee.is_guarded = false
            let large = try #require(cssh2_allocate(65_537, &abstract))
            cssh2_free(large, &abstract)
        }
    }
}
