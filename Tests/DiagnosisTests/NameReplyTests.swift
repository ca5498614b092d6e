import Testing

@testable import Diagnosis

struct NameReplyTests {
    /// A reply to a question for `a.example`, with records that name it by a pointer.
    private func reply(flags: UInt8 = 0x80, count: UInt8, _ records: [UInt8]) -> [UInt8] {
        [1, 2, 0x81, flags, 0, 1, 0, count, 0, 0, 0, 0, 1, 97, 7] + Array("example".utf8) + [0, 0, 1, 0, 1] + records
    }

    private func record(_ type: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xC0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, UInt8(data.count)] + data
    }

    @Test("addresses of both kinds are read, past an alias")
    func addresses() throws {
        let records =
            record(5, [1, 98, 0xC0, 14]) + record(1, [192, 0, 2, 7])
            + record(28, [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [9])
        let read = try #require(NameReply(reply(count: 3, records)))
        #expect(read.outcome == "answered" && read.addresses == ["192.0.2.7", "2001:db8:0:0:0:0:0:9"])
    }

    @Test(
        "what went wrong is told by the server's own code",
        arguments: [(0, "answered"), (1, "error"), (2, "server-failure"), (3, "no-such-name"), (5, "not-allowed")])
    func outcome(code: UInt8, word: String) { #expect(NameReply(reply(flags: 0x80 | code, count: 0, []))?.outcome == word) }

    @Test("a question, too few bytes, and lengths that lie end nothing but the reading")
    func damaged() {
        #expect(NameReply([]) == nil)
        #expect(NameReply([1, 2, 0x01, 0, 0, 0, 0, 0, 0, 0, 0, 0]) == nil)
        #expect(NameReply([1, 2, 0x81, 0, 255, 255, 255, 255, 0, 0, 0, 0])?.addresses == [])
        let whole = reply(count: 2, record(1, [192, 0, 2, 7]) + record(1, [192, 0, 2, 8]))
        for length in 12..<whole.count {
            #expect((NameReply(Array(whole.prefix(length)))?.addresses.count ?? 9) <= 1)
        }
        #expect(NameReply(reply(count: 1, [0x80, 0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 1, 2, 3, 4]))?.addresses == [])
        #expect(NameReply(reply(count: 255, (0..<40).flatMap { record(1, [192, 0, 2, $0]) }))?.addresses.count == NameReply.addressLimit)
    }
}
