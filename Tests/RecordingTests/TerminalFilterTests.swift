import Recording
import Testing

@Suite("What a device's bytes may do to a terminal")
struct TerminalFilterTests {
    private func shown(_ text: String) -> String { shown(Array(text.utf8)) }

    private func shown(_ bytes: [UInt8]) -> String {
        var filter = TerminalFilter()
        return String(decoding: filter.take(bytes), as: UTF8.self)
    }

    @Test(
        "text, looks and cursor control come through as they are",
        arguments: [
            "plain text\r\n", "grüß → 日本 😀", "\u{1B}[1;38;5;200mbold\u{1B}[0m", "\u{1B}[38:2::1:2:3m", "\u{1B}[2J\u{1B}[10;20H\u{1B}[K",
            "\u{1B}[A\u{1B}[12B\u{1B}[C\u{1B}[D\u{1B}[G\u{1B}[5d\u{1B}[3L\u{1B}[3M\u{1B}[P\u{1B}[@\u{1B}[X\u{1B}[S\u{1B}[2T",
            "\u{1B}[2;20r\u{1B}[s\u{1B}[u\u{1B}7\u{1B}8\u{1B}M\u{1B}D\u{1B}E", "\u{1B}[?1049h\u{1B}[?25l\u{1B}[?1;2004h\u{1B}[?7l",
            "\u{1B}(0lqqk\u{1B}(B\u{1B})0\u{0E}x\u{0F}", "\u{1B}[4h\u{1B}[4l\u{1B}=\u{1B}>", "\u{1B}[!p\u{1B}[2 q\u{1B}[3b\ttab\u{8}\u{7}",
        ])
    func passes(_ text: String) { #expect(shown(text) == text) }

    @Test(
        "what a terminal would do, keep or answer is left out",
        arguments: [
            // The clipboard, titles, links, colours of the palette, notifications; with every way to end one.
            "\u{1B}]52;c;ZXZpbA==\u{7}", "\u{1B}]52;c;?\u{1B}\\", "\u{1B}]0;title\u{7}", "\u{1B}]8;;http://x\u{1B}\\", "\u{1B}]4;1;?\u{7}",
            "\u{1B}]10;?\u{1B}\\", "\u{1B}]9;note\u{7}", "\u{1B}]1337;File=:AAAA\u{7}", "\u{1B}]52;c;cut\u{18}", "\u{1B}]2;t\u{9C}",
            // DCS, APC, PM, SOS.
            "\u{1B}P$q\"p\u{1B}\\", "\u{1B}P+q544e\u{1B}\\", "\u{1B}P1$tx\u{1B}\\", "\u{1B}_Gf=24;AAAA\u{1B}\\", "\u{1B}^private\u{1B}\\",
            "\u{1B}Xstart\u{1B}\\",
            // What is answered to: device attributes, status, cursor, window, checksum, modes, keyboards.
            "\u{1B}[c", "\u{1B}[0c", "\u{1B}[>c", "\u{1B}[=c", "\u{1B}Z", "\u{5}", "\u{1B}[5n", "\u{1B}[6n", "\u{1B}[?6n", "\u{1B}[21t",
            "\u{1B}[14t",
            "\u{1B}[18t", "\u{1B}[x", "\u{1B}[1;1;1;1;1;1*y", "\u{1B}[?2004$p", "\u{1B}[>q", "\u{1B}[?u", "\u{1B}[>1u", "\u{1B}[>4;2m",
            "\u{1B}[?4m",
            // Mouse, focus, columns, printing, lights, reset, other controls.
            "\u{1B}[?1000h", "\u{1B}[?1003;1006h", "\u{1B}[?1004h", "\u{1B}[?3h", "\u{1B}[5i", "\u{1B}[?5i", "\u{1B}[3q", "\u{1B}c",
            "\u{1B} G", "\u{1B}%@",
            "\u{1B}#8", "\u{1B}n", "\u{1B}|", "\u{1B}[20h", "\u{1B}[1;2;3;4;5T", "\u{1B}[?2;3h",
            "\u{1B}[1;30s", "\u{1B}[123456A", "\u{1B}[1$}", "\u{1B}]", "\u{1B}P", "\u{0}", "\u{7F}", "\u{1}",
            // C1 controls as characters.
            "\u{9B}6n", "\u{9D}52;c;x\u{9C}", "\u{90}q\u{9C}", "\u{9F}x\u{9C}", "\u{85}", "\u{84}",
        ])
    func drops(_ text: String) {
        #expect(shown(text) == "")
        // What follows on the next line is not left out with it.
        #expect(shown("a" + text + "\nb") == "a\nb")
    }

    @Test("C1 controls in a single byte introduce what is left out")
    func singleBytes() {
        #expect(shown([0x61, 0x9B, 0x36, 0x6E, 0x62]) == "ab")
        #expect(shown([0x61, 0x9D] + Array("52;c;x".utf8) + [0x9C, 0x62]) == "ab")
        #expect(shown([0x90, 0x71, 0x1B, 0x5C, 0x62]) == "b")
    }

    @Test("of several private modes only those that are allowed come through")
    func modes() {
        #expect(shown("\u{1B}[?1000;25;1004l") == "\u{1B}[?25l")
        #expect(shown("\u{1B}[?1049;1002h") == "\u{1B}[?1049h")
    }

    @Test("a sequence that a control breaks off is left out, and what follows is text")
    func broken() {
        #expect(shown("\u{1B}[1;3\r\nx") == "\r\nx")
        #expect(shown("\u{1B}]52;c;abc\nnext") == "\nnext")
        #expect(shown("\u{1B}[\u{1B}[31mred") == "\u{1B}[31mred")
        #expect(shown("\u{1B}[3ä1m") == "ä1m")
        #expect(shown("\u{1B}[" + String(repeating: "1;", count: 100) + "mx") == "x")
    }

    @Test("what is no UTF-8, and what turns text round, is replaced")
    func characters() {
        #expect(shown([0x61, 0xFF, 0x62]) == "a\u{FFFD}b")
        #expect(shown([0xC3, 0x28]) == "\u{FFFD}(")
        #expect(shown([0xED, 0xA0, 0xC0, 0xAF, 0xF5]).unicodeScalars.allSatisfy { $0 == "\u{FFFD}" })
        #expect(shown("a\u{202E}b\u{2066}c") == "a\u{FFFD}b\u{FFFD}c")
    }

    @Test("however the bytes are cut, the same comes through")
    func cuts() {
        let bytes = Array("a\u{1B}[1mß\u{1B}]52;c;x\u{1B}\\😀\u{1B}[?1049;1000h\u{1B}[6n\u{9B}31mz\u{1B}(0".utf8) + [0xFF, 0x9B, 0x6E, 0x7A]
        let whole = shown(bytes)
        for size in 1...bytes.count {
            var filter = TerminalFilter()
            var pieces: [UInt8] = []
            for start in stride(from: 0, to: bytes.count, by: size) {
                pieces += filter.take(Array(bytes[start..<min(start + size, bytes.count)]))
            }
            #expect(String(decoding: pieces, as: UTF8.self) == whole, "\(size)")
        }
    }

    @Test("at its end the terminal is brought back from what was left on")
    func finish() {
        var filter = TerminalFilter()
        _ = filter.take(
            Array("\u{1B}[?1049h\u{1B}[?25l\u{1B}[?7l\u{1B}=\u{1B}[4h\u{1B}[2;5r\u{1B}[?2004h\u{1B}[?2004l\u{1B}[31m\u{1B}[".utf8))
        let end = String(decoding: filter.finish(), as: UTF8.self)
        for part in ["\u{1B}[?1049l", "\u{1B}[?25h", "\u{1B}[?7h", "\u{1B}>", "\u{1B}[4l", "\u{1B}[r", "\u{1B}[0m"] {
            #expect(end.contains(part))
        }
        #expect(!end.contains("2004"))
        #expect(String(decoding: filter.finish(), as: UTF8.self) == "\u{1B}[0m\u{1B}(B\u{0F}")
    }
}
