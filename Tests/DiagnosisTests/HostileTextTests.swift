import Probes
import Testing
import Wire

@testable import Diagnosis

struct HostileTextTests {
    @Test(
        "text of a device cannot move the cursor, hide, reverse or break a line",
        arguments: [
            "\u{1B}[2J\u{1B}]0;x\u{7}", "a\u{202E}b", "a\u{200B}b", "\u{9B}31m", "a\r\nb", "a\u{2028}b", "\u{E0041}", "\u{FEFF}",
            "\u{2066}x",
            "\u{0}", "\u{AD}", "\u{7F}",
        ])
    func escaped(text: String) {
        let shown = displayed(text)
        #expect(shown.contains("\\u{"))
        for scalar in shown.unicodeScalars {
            let isHarmless = scalar.value >= 32 && ![.control, .format, .lineSeparator].contains(scalar.properties.generalCategory)
            #expect(isHarmless)
        }
    }

    @Test("plain text of any language stays as it is, and long text is cut")
    func plain() {
        #expect(displayed("Größe größer, 設定 ok") == "Größe größer, 設定 ok")
        #expect(displayed(String(repeating: "x", count: 1_000), limit: 10) == "xxxxxxxxxx…")
        #expect(displayed("z" + String(repeating: "\u{336}", count: 500)).unicodeScalars.count == 5)
    }

    @Test("a hostile unit name comes into sentences only escaped, and never into a remedy that can be run")
    func hostileUnit() throws {
        let name = "\u{1B}[31mx\u{202E}; reboot.service"
        let verdict = try Diagnostician(library: shippedLibrary()).judge([.failed(name)])
        let finding = try #require(verdict.findings.first)
        #expect(!finding.engineer.unicodeScalars.contains("\u{1B}") && !finding.engineer.unicodeScalars.contains("\u{202E}"))
        #expect(finding.subject.first?.value == .text(name))
        #expect(finding.remedies.first?.refusal?.contains("may hold only") == true)
        #expect(!finding.key.description.unicodeScalars.contains("\u{1B}"))
    }

    @Test("a name that looks like SQL stays a value")
    func injection() throws {
        let name = "x' OR 1=1; DROP TABLE service_failed; --.service"
        let verdict = try Diagnostician(library: shippedLibrary()).judge(
            [.failed(name, "b.service"), .mounts([.of("/", available: 0)]), .log([("b.service", "No space left on device")])]
                + Answer.quietUnits, desk: .inTime)
        #expect(verdict.causes.map(\.finding.id) == ["storage.full", "service.failed"])
        #expect(verdict.causes[1].finding.subject.first?.value == .text(name))
    }

    @Test("bytes that no reader expects never trap, whatever they are")
    func noise() throws {
        let library = try shippedLibrary()
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<60 {
            let seeds = ["{\"MESSAGE\":[1,2", "Id=a\nb", "\u{8B}", "[[[[[[", "a=1\n\n\n=", "{\"a\":\"\\ud800\\u12\"}"]
            let bytes = (0..<Int.random(in: 0..<80, using: &generator)).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let output = Array((seeds.randomElement() ?? "").utf8) + bytes
            let answers = library.diagnosisProbes.map {
                Answer(probe: $0.id, ending: .done(Done(request: 1, ending: .exited)), output: output, errorOutput: bytes)
            }
            let verdict = try Diagnostician(library: library).judge(answers)
            #expect(verdict.exitCode >= 0)
        }
    }

    @Test("mounts with numbers at the end of their range are read or left unknown, not trapped on")
    func extremes() throws {
        var row = MountRow.of("/huge")
        (row.blocks, row.freeBlocks, row.availableBlocks, row.blockSize) = (.max, 0, 0, .max)
        (row.inodes, row.freeInodes) = (.max, 0)
        var inverted = MountRow.of("/inverted")
        (inverted.freeBlocks, inverted.freeInodes) = (inverted.blocks + 5, inverted.inodes + 5)
        let verdict = try Diagnostician(library: shippedLibrary()).judge([.mounts([row, inverted])])
        #expect(verdict.findings.isEmpty)
        #expect(verdict.unknowns.contains { $0.id == "storage.full" })
    }

    @Test("JSON is read strictly, its numbers without loss and its depth bounded")
    func json() {
        func parse(_ text: String) -> JSONValue? { JSONValue(Array(text.utf8)[...]) }
        #expect(parse("{\"a\":9223372036854775807}") == .object(["a": .number("9223372036854775807")]))
        #expect(parse("\"\\ud83d\\ude00\\u0041\"") == .string("😀A"))
        #expect(parse("\"\\ud83dx\"") == .string("\u{FFFD}x"))
        #expect(parse(String(repeating: "[", count: 10_000)) == nil)
        for bad in ["{", "{\"a\"}", "[1,]", "\"a", "01x", "+1", "nul", "{} {}", "\"\u{1}\"", "\"\\u12g4\""] { #expect(parse(bad) == nil) }
    }
}
