import Catalogue
import Foundation
import Probes
import Testing
import Wire

struct CaseWriterTests {
    private func read(_ source: ProbeSource, _ read: String, _ facts: String, output: [UInt8]) throws -> ProbeCase {
        let folder = FileManager.default.temporaryDirectory.appending(path: "case-writer-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let text = "id: a.b\ntitle: A test\nimpact: observe\n\(read)\nfacts: \(facts)\n"
        try FileManager.default.createDirectory(at: folder.appending(path: "a/b"), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: folder.appending(path: "a/b/probe.yaml"))
        let manifest = try ManifestLibrary(directory: folder.path()).manifests[0]
        try CaseWriter(folder: folder.appending(path: "a/b/cases/one").path()).write(
            source, done: Done(request: 1, ending: .exited, code: 3, cutByteCount: 7), output: output,
            errorOutput: Array("x: \"y\"\n".utf8),
            expecting: .init(
                isComplete: false, isNoData: false, facts: [[("path", "a\u{1B}\"\\b"), ("error", nil)]],
                findings: [("a.found", [("path", "x: y")])], unknowns: ["a.other"]))
        #expect(throws: ProbesError.self) {
            try CaseWriter(folder: folder.appending(path: "a/b/cases/one").path()).write(
                source, done: Done(request: 1, ending: .exited), output: output, errorOutput: [],
                expecting: .init(isComplete: true, isNoData: false, facts: [], findings: [], unknowns: []))
        }
        return try #require(try ProbeCase.all(of: manifest, directory: folder.path()).first)
    }

    @Test("what is written of an answer is read again, whichever reader it came from")
    func roundTrip() throws {
        let files =
            FileRow(path: Array("/proc/x".utf8), status: 0, content: Array("a: \"b\"\n\tc\u{7}\u{85}\n".utf8)).encoded
            + FileRow(path: Array("/proc/y".utf8), status: 13, content: []).encoded
        let file = try read(.files(["/proc/x"]), "read: {files: [/proc/x]}", "{path: text, error: int}", output: files)
        #expect(file.output == files)
        #expect(file.errorOutput == Array("x: \"y\"\n".utf8))
        #expect(file.facts == [["path": "a\u{1B}\"\\b", "error": "null"]])
        #expect(file.findings.map(\.id) == ["a.found"] && file.findings[0].subject == ["path": "x: y"] && file.unknowns == ["a.other"])
        guard case .done(let done) = file.ending else { throw CocoaError(.coderInvalidValue) }
        #expect(done.code == 3 && done.cutByteCount == 7 && !file.isComplete)
        let paths = StatusRow(
            path: [47], status: 0, type: 4, mode: 0o1777, user: 1, group: 2, size: 3, links: 4, changedAt: 5_000_000, device: 6)
        let stat = paths.encoded + StatusRow(path: [47, 97], status: 2).encoded
        #expect(try read(.stat(["/"]), "read: {stat: [/]}", "{path: text}", output: stat).output == stat)
        let clock = ClockRow(time: 5_000_000, uptime: 6_000_000, isSynchronised: false, offset: -7, error: 8, frequency: -9).encoded
        #expect(try read(.clock, "read: clock", "{time: int}", output: clock).output == clock)
        let names =
            NameRow(name: [46], server: Array("::1".utf8), type: 28, status: 0, duration: 9, reply: [0, 255]).encoded
            + NameRow(name: Array("a.example".utf8), server: [], type: 1, status: 101, duration: 0).encoded
        #expect(try read(.resolve(["."]), "network: true\nread: {resolve: [.]}", "{server: text}", output: names).output == names)
        let connections =
            ConnectionRow(target: Array("[::1]:80".utf8), status: 111, duration: 42).encoded
            + ConnectionRow(target: Array("/run/a b".utf8), status: 0, duration: 0).encoded
        #expect(
            try read(
                .connect(["[::1]:80", "/run/a b"]),
                "network: true\nsandbox: {local-sockets: true}\nread: {connect: [\"[::1]:80\", /run/a b]}", "{target: text}",
                output: connections
            ).output == connections)
        let mount = MountRow(
            mount: [47], source: Array("/dev/a b".utf8), type: [120], options: [], status: 0, blockSize: 1, blocks: 2, freeBlocks: 3,
            availableBlocks: 4, inodes: 5, freeInodes: 6
        ).encoded
        #expect(try read(.statfs, "read: statfs", "{mount: text}", output: mount).output == mount)
        let run = "run: [/bin/true]\nparse: {lines: {match: '(?<a>.*)'}}"
        #expect(try read(.run([.literal("/bin/true")]), run, "{a: text}", output: [0, 255, 10]).output == [0, 255, 10])
    }

    @Test("names and addresses are replaced, each by the same, and what says nothing of anybody stays")
    func redaction() {
        var redaction = Redaction(names: ["kiosk-0421", "x"])
        let text =
            "kiosk-0421 at 10.1.2.3 (52:54:00:12:34:56) and 10.1.2.3, 8.8.8.8, 127.0.0.1 0.0.0.0 255.255.255.0 224.0.0.1 169.254.7.7 x"
        #expect(
            redaction.redact(text)
                == "device at 192.0.2.1 (02:00:00:00:00:00) and 192.0.2.1, 192.0.2.2, 127.0.0.1 0.0.0.0 255.255.255.0 224.0.0.1 169.254.7.7 x"
        )
        #expect(
            redaction.redact("8.8.8.8 2a02:1234::5/64 fe80::1 00:00:00:00:00:00")
                == "192.0.2.2 2001:db8::1/64 fe80::1 00:00:00:00:00:00")
        #expect(
            redaction.redact("fd12:3456:789a::1, 2a01:e0a:1:2::/64 [fdAB:1:2:3:4:5:6:7]:80 2a02:1234::5.")
                == "2001:db8::2, 2001:db8::3/64 [2001:db8::4]:80 2001:db8::1.")
        #expect(redaction.redact("fe80::5054:ff:fe12:3456%eth0 fe80::1") == "fe80::c0ff:eeff:fe00:5%eth0 fe80::1")
        let noAddresses = "ID 2109:2813 fd00:1234 3141:59:26"
        #expect(redaction.redact(noAddresses) == noAddresses)
    }

    @Test("a machine id is replaced by as many made-up digits, the same by the same, and a name only where it is a whole word")
    func machineID() throws {
        let (id, other) = ("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "ffffffffffffffffffffffffffffffff")
        var redaction = Redaction(names: [id, "main.example", "10.1.2.3", "localhost"])
        let made = redaction.redact(id + "\n")
        #expect(made.wholeMatch(of: /[0-9a-f]{32}\n/) != nil && made != id + "\n")
        #expect(redaction.redact("x=" + id) == "x=" + made.dropLast() && !redaction.redact(other).contains(made.dropLast()))
        let uuid = redaction.redact("0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9")
        #expect(uuid.wholeMatch(of: /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/) != nil && !uuid.contains("0a1b"))
        let kept = "\"MESSAGE_ID\":\"fc2e22bc6ee647b6b90729ab34a250b1\" 00000000000000000000000000000000"
        #expect(redaction.redact(kept) == kept)
        #expect(redaction.redact("main.example main domain localhost 10.1.2.3") == "device device domain localhost 192.0.2.1")
        #expect(redaction.replacements.map(\.kind) == [.name, .id, .v4] && redaction.replacements.map(\.count) == [2, 3, 1])
    }

    @Test("where what is kept comes to something else than the real answer is told")
    func difference() {
        func expectation(_ findings: [String], _ unknowns: [String], isComplete: Bool = true) -> CaseWriter.Expectation {
            .init(isComplete: isComplete, isNoData: false, facts: [], findings: findings.map { ($0, []) }, unknowns: unknowns)
        }
        #expect(expectation(["a"], ["b"]).difference(from: expectation(["a"], ["b"])) == nil)
        #expect(expectation([], ["a"]).difference(from: expectation(["a"], [])) == "a is not found any more, a is unknown now")
        #expect(expectation(["a", "a"], []).difference(from: expectation(["a"], [])) == "there are 2 findings and not 1")
        #expect(expectation([], [], isComplete: false).difference(from: expectation([], [])) == "it is read otherwise")
    }
}
