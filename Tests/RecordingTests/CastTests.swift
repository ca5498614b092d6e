import Foundation
import LedgerCore
import Recording
import Testing

@Suite("Recordings")
struct CastTests {
    private let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rollcall-cast-\(UUID().uuidString)").path
    private var path: String { folder + "/s-1.cast" }

    private func writer(sizeLimit: Int = CastWriter.sizeLimit, path: String? = nil) throws -> CastWriter {
        try CastWriter(
            path: path ?? self.path, size: TerminalSize(columns: 80, rows: 24), terminal: "xterm", title: "kiosk \"1\"\n",
            startedAt: 1_700_000_000,
            sizeLimit: sizeLimit)
    }

    private func remove() { try? FileManager.default.removeItem(atPath: folder) }

    @Test("what a device sent is there to the byte, with its times, for its owner alone, and the hash is the file's")
    func written() throws {
        defer { remove() }
        let writer = try writer()
        let sent: [[UInt8]] = [
            Array("$ ls\r\n".utf8), [0xE2, 0x82], [0xAC, 0xFF, 0x41], [0], Array("\u{1B}]0;\"t\\\u{7}\u{9B}\u{7F}".utf8), [0xF0, 0x9F],
        ]
        for (number, bytes) in sent.enumerated() { try writer.output(bytes, at: .milliseconds(number * 1_001)) }
        try writer.resize(TerminalSize(columns: 132, rows: 43), at: .seconds(9))
        // It grows as it goes: a session that is cut off leaves what there was.
        #expect(try Cast(path: path).output == sent.dropLast().flatMap { $0 })
        let (digest, count) = writer.close(at: .seconds(10))
        let file = try #require(FileManager.default.contents(atPath: path))
        #expect(digest == SHA256.hash([UInt8](file)) && count == UInt64(file.count))
        #expect(writer.close(at: .seconds(11)).digest == digest)
        let cast = try Cast(path: path)
        #expect(cast.output == sent.flatMap { $0 } && cast.digest == digest && cast.startedAt == 1_700_000_000 && !cast.isCut)
        #expect(cast.events.contains { $0.time == 9_000_000 && $0.content == .resize(TerminalSize(columns: 132, rows: 43)) })
        #expect(cast.events.first?.time == 0 && cast.events[1].time == 2_002_000)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        // No byte of it does anything to a terminal.
        #expect(file.allSatisfy { $0 == 10 || $0 >= 0x20 && $0 != 0x7F })
    }

    @Test("a file that is there is left alone, and a folder that cannot be had is said")
    func refused() throws {
        defer { remove() }
        _ = try writer()
        #expect { _ = try writer() } throws: { ($0 as? RecordingError)?.code == .exists }
        #expect { _ = try writer(path: "/proc/none/x.cast") } throws: { ($0 as? RecordingError)?.code == .io }
        #expect { _ = try writer(path: folder + "/none/more/x.cast") } throws: { ($0 as? RecordingError)?.code == .io }
        #expect { _ = try writer(sizeLimit: 10, path: folder + "/x.cast") } throws: { ($0 as? RecordingError)?.code == .tooLarge }
        #expect(!FileManager.default.fileExists(atPath: folder + "/x.cast"))
    }

    @Test("what cannot be written is kept for the next time, and the hash is that of what could")
    func full() throws {
        defer { remove() }
        let writer = try writer(sizeLimit: 220)
        try writer.output(Array("fits".utf8), at: .zero)
        #expect { try writer.output([UInt8](repeating: 97, count: 500), at: .seconds(1)) } throws: {
            ($0 as? RecordingError)?.code == .tooLarge
        }
        #expect { try writer.flush() } throws: { ($0 as? RecordingError)?.code == .tooLarge }
        let (digest, _) = writer.close(at: .seconds(2))
        let cast = try Cast(path: path)
        #expect(cast.digest == digest && cast.output == Array("fits".utf8))
    }

    private static let header = "{\"version\": 2, \"width\": 80, \"height\": 24}\n"

    @Test(
        "what is no recording is refused by its line",
        arguments: [
            ("", 1), ("\n", 1), ("{}\n", 1), ("{\"version\": 1, \"width\": 80, \"height\": 24}\n", 1), ("[1]\n", 1),
            ("{\"version\": 2, \"width\": 0, \"height\": 24}\n", 1), ("{\"version\": 2, \"width\": 99999, \"height\": 24}\n", 1),
            (header + "x\n", 2),
            (header + "[1]\n", 2), (header + "[1, \"o\", 2]\n", 2), (header + "[-1, \"o\", \"\"]\n", 2),
            (header + "[1e300, \"o\", \"\"]\n", 2),
            (header + "[1, \"b\", \"YQ==\"]\n", 2), (header + "[1, \"o\", \"a\"]\n[1, \"b\", \"?\"]\n", 3),
            (header + "[1, \"r\", \"0x1\"]\n", 2),
            (header + "[1, \"r\", \"80\"]\n", 2),
        ])
    func malformed(_ text: String, _ line: Int) throws {
        let error = try #require(throws: RecordingError.self) { _ = try Cast(decoding: Array(text.utf8)) }
        #expect(error.code == .malformed && error.number == line)
    }

    @Test("a last line that was cut off is left out, unknown events are passed over, and time never goes back")
    func lenient() throws {
        let cast = try Cast(decoding: Array((Self.header + "[2, \"m\", \"\"]\n[5, \"o\", \"a\"]\n[3, \"o\", \"b\"]\n[6, \"o\", \"c").utf8))
        #expect(cast.isCut && cast.events.map(\.time) == [5_000_000, 5_000_000] && cast.output == Array("ab".utf8))
    }

    @Test("a link in the place of a recording is not followed")
    func links() throws {
        defer { remove() }
        _ = try writer()
        try FileManager.default.createSymbolicLink(atPath: folder + "/link.cast", withDestinationPath: "s-1.cast")
        #expect { _ = try Cast(path: folder + "/link.cast") } throws: { ($0 as? RecordingError)?.code == .io }
        #expect { _ = try Cast(path: folder + "/none.cast") } throws: { ($0 as? RecordingError)?.code == .missing }
    }

    // MARK: Transcripts

    private func lines(_ output: String...) throws -> [String] {
        var text = Self.header
        for (number, piece) in output.enumerated() {
            let quoted = try #require(String(data: try JSONEncoder().encode(piece), encoding: .utf8))
            text += "[\(number), \"o\", \(quoted)]\n"
        }
        return Transcript(try Cast(decoding: Array(text.utf8))).lines.map(\.text)
    }

    @Test("a transcript has what could be read: typed over, erased and coloured as it was seen")
    func transcript() throws {
        #expect(try lines("$ ls -l\r\n", "total 0\r\n$ ") == ["$ ls -l", "total 0", "$"])
        #expect(try lines("$ lss\u{8}\u{1B}[K\r\n") == ["$ ls"])
        #expect(try lines("10%\r100%\r\n") == ["100%"])
        #expect(try lines("\u{1B}[1;31mred\u{1B}[0m \u{1B}(0q\u{1B}(Bx\u{1B}]0;title\u{7}!\r\n") == ["red qx!"])
        #expect(try lines("abc\u{1B}[2D*\u{1B}[5Gend\r\n", "a\tb\r\n") == ["a*c end", "a       b"])
        #expect(try lines("one\u{1B}[5;1Htwo\u{1B}[2Jthree") == ["one", "two", "three"])
        #expect(try lines("\u{1B}[99999Cx") == ["", "x"])
    }

    @Test("a search finds lines whatever their case, and when they were begun")
    func search() throws {
        let text = Self.header + "[1.5, \"o\", \"$ cat menu\\r\\n\"]\n[2.5, \"o\", \"Coffee 3.20\\r\\ntea\\r\\n\"]\n"
        let transcript = Transcript(try Cast(decoding: Array(text.utf8)))
        let found = transcript.search("COFFEE")
        #expect(found.map(\.time) == [2_500_000] && found.map(\.text) == ["Coffee 3.20"])
        #expect(transcript.search("milk").isEmpty)
    }
}
