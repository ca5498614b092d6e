import Testing
import Wire

@Suite struct TextTests {
    @Test(
        "numbers are written in base 10",
        arguments: [(0, "0"), (9, "9"), (10, "10"), (UInt64.max, "18446744073709551615")] as [(UInt64, String)])
    func decimal(value: UInt64, digits: String) { #expect(Text.decimal(value).string == digits) }

    @Test("texts are compared byte by byte, not by what they look like")
    func comparison() {
        #expect(Text("\u{e9}") != Text("e\u{301}"))
        #expect(Text("a") + Text("b") == "ab")
    }

    @Test("a sentence is well-formed, without control characters, and cut between characters")
    func sentence() {
        #expect(Text([0x61, 0xFF, 0x1B, 0x0A, 0x7F, 0x62, 0xC3]).sentence(limit: 100) == "a?? ?b?")
        #expect(Text("abc\u{e9}").sentence(limit: 4) == "abc")
        #expect(Text("abc\u{e9}").sentence(limit: 5) == Text("abc\u{e9}"))
        #expect(Text("\u{1F600}\u{1F600}").sentence(limit: 7) == Text("\u{1F600}"))
        #expect(Text("\u{85}\u{9b}x").sentence(limit: 7) == "??x")
        #expect(Text("").sentence(limit: 0) == "")
    }
}
