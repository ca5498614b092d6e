import Foundation
import Testing

@Suite("A probe that is being written", .timeLimit(.minutes(10)))
struct AuthoringTests {
    @Test("its first line leads an editor to the schema, however deep the folder", arguments: ["paper", "printer.paper", "a.b.c-d"])
    func new(_ id: String) async throws {
        try await Workplace.with { place in
            let library = place.folder + "/mine"
            try await place.must("probes", "new", id, "--folder", library)
            let file = "\(library)/\(id.replacing(".", with: "/"))/probe.yaml"
            let first = try #require(try Scratch.text(file).split(separator: "\n").first)
            let path = try #require(first.wholeMatch(of: /# yaml-language-server: \$schema=(.+)/)).1
            let schema = URL(filePath: file).deletingLastPathComponent().appending(path: path).standardizedFileURL.path()
            #expect(schema == library + "/schema.json")
            #expect(try Scratch.text(schema) == (try await place.must("probes", "schema")))
            // It is a manifest that runs, and the schema in its folder is no mistake.
            #expect(try await place.must("probes", "list", "--from", library).contains(id))
            #expect(try await place.must("probes", "try", file).contains("uptime_s"))
            let lint = try await place.rollcall("probes", "lint", library)
            #expect(lint.output.split(separator: "\n").allSatisfy { $0.contains("no cases") }, "\(lint)")
        }
    }

    @Test("a schema that is there is left as it is")
    func ownSchema() async throws {
        try await Workplace.with { place in
            try Scratch.make(place.folder + "/mine")
            try Scratch.write("{}", to: place.folder + "/mine/schema.json")
            try await place.must("probes", "new", "printer.paper", "--folder", place.folder + "/mine")
            #expect(try Scratch.text(place.folder + "/mine/schema.json") == "{}")
        }
    }

    /// A path that the user of a probe can read, unlike the test's own folder.
    private static func scratch() -> String { "/tmp/rollcall-author-\(UUID().uuidString)" }

    /// A manifest that reads one file, in a library of its own.
    private func file(_ place: Workplace, reading path: String, _ condition: String = "level > 3", severity: String = "warning") throws
        -> String
    {
        let folder = place.folder + "/mine/odd/file"
        try Scratch.make(folder)
        try Scratch.write(
            """
            id: odd.file
            title: A file
            impact: observe
            read: {files: [\(path)]}
            parse: record
            facts:
              whole: {type: text, from: {file: \(path)}}
              level: {type: int, from: {file: \(path), match: '^level=(.*)'}}
            findings:
              - {id: odd.high, when: \(condition), severity: \(severity), customer: High., engineer: "{level}"}

            """, to: folder + "/probe.yaml")
        return folder + "/probe.yaml"
    }

    @Test("try exits as a verdict does, says what is not known, and prints one JSON document")
    func tryExits() async throws {
        try await Workplace.with { place in
            let data = Self.scratch()
            defer { Scratch.remove(data) }
            let probe = try file(place, reading: data)
            for (text, exit, says) in [
                ("level=1", 0, "Nothing found."), ("level=9", 1, "High."), ("level=x", 3, "Nothing found, but not everything is known."),
            ] as [(String, Int32, String)] {
                try Scratch.write(text + "\n", to: data, permissions: 0o644)
                let words = try await place.rollcall("probes", "try", probe, "--here")
                #expect(words.exit == exit && words.output.contains(says + "\n"), "\(words)")
                #expect(words.output.contains("Nothing found.") == (exit == 0))
                let json = try await place.rollcall("probes", "try", probe, "--json")
                let document = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
                #expect(json.exit == exit && document["exitCode"] as? Int == Int(exit) && document["probe"] as? String == "odd.file")
                #expect((document["facts"] as? [[String: Any]])?.first?["whole"] as? String == text)
                #expect((document["verdict"] as? [String: Any])?["summary"] != nil)
            }
            Scratch.remove(data)
            #expect(
                try await place.rollcall("probes", "try", probe).output.contains("No data: the device does not have the files it reads."))
        }
    }

    @Test("an empty file is recorded as a case that holds, and test and lint print one JSON document each")
    func recordEmpty() async throws {
        try await Workplace.with { place in
            let data = Self.scratch()
            defer { Scratch.remove(data) }
            let (library, probe) = (place.folder + "/mine", try file(place, reading: data))
            func json(_ arguments: String...) async throws -> [String: Any] {
                let outcome = try await place.rollcall(["probes"] + arguments + [library, "--json"])
                return try #require(try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [String: Any], "\(outcome)")
            }
            #expect((try await json("lint")["mistakes"] as? [[String: Any]])?.count == 1)
            try await place.expectFailure(["probes", "test", library], exit: 65, kind: "no-cases", says: "no case", "probes record")
            try Scratch.write("", to: data, permissions: 0o644)
            try await place.must("probes", "record", probe, "empty", "--here")
            #expect(try Scratch.text(library + "/odd/file/cases/empty/answer.yaml").contains("content: \"\""))
            #expect(try await place.must("probes", "test", library).contains("1 case holds, 0 do not."))
            let played = try await json("test")
            #expect(played["held"] as? Int == 1 && played["failed"] as? Int == 0 && (played["cases"] as? [Any])?.count == 1)
            let lint = try await json("lint")
            #expect((lint["mistakes"] as? [Any])?.isEmpty == true && (lint["advice"] as? [Any])?.count == 2)
            #expect(try await place.must("probes", "lint", library, "--json").contains("\"mistakes\" : []"))
            try await place.expectFailure(
                ["probes", "record", probe, "empty"], exit: 98, kind: "exists", says: "a case of this name", "Choose another name")
            try Scratch.write("findings: [{id: odd.hgih}]\n", to: library + "/odd/file/cases/empty/expected.yaml")
            try await place.expectFailure(["probes", "lint", library], exit: 65, kind: "lint", says: "1 mistake")
            #expect((try await json("test")["failed"] as? Int) == 1)
            Scratch.remove(library + "/odd/file/cases/empty/expected.yaml")
            #expect(try await place.rollcall("probes", "test", library).output.contains("expected.yaml:1: The file is not there: write it"))
        }
    }

    @Test("a machine id is recorded as one of the same form, and what that changes is said")
    func recordID() async throws {
        try await Workplace.with { place in
            let data = Self.scratch()
            defer { Scratch.remove(data) }
            let id = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"
            try Scratch.write(id + "\n", to: data, permissions: 0o644)
            let probe = try file(place, reading: data, "length(whole) <> 32")
            let said = try await place.must("probes", "record", probe, "healthy")
            #expect(said.contains("Replaced, each by another of its form: 1 machine id or UUID.") && !said.contains("matters to the rules"))
            let kept = try Scratch.text(place.folder + "/mine/odd/file/cases/healthy/answer.yaml")
            #expect(kept.contains(/content: "[0-9a-f]{32}\\n"/) && !kept.contains(id))
            _ = try file(place, reading: data, "whole <> '\(id)'")
            let other = try await place.must("probes", "record", probe, "other")
            #expect(other.contains("What was replaced matters to the rules: odd.high is found now."), "\(other)")
        }
    }

    @Test("what is given in the wrong way is answered with the right one")
    func wrongWays() async throws {
        try await Workplace.with { place in
            let probe = try file(place, reading: "/proc/uptime")
            let library = place.folder + "/mine"
            try await place.expectFailure(
                ["probes", "lint", library + "/odd/file"], exit: 66, kind: "inner-folder", says: "folder of one probe", "all manifests")
            let inner = try await place.rollcall("probes", "test", library + "/odd")
            #expect(inner.exit == 65 && inner.error.contains("name the folder above, in which it is odd/file/probe.yaml."), "\(inner)")
            try Scratch.make(place.folder + "/bare")
            try await place.expectFailure(
                ["probes", "lint", place.folder + "/bare"], exit: 66, kind: "no-manifest", says: "no probe.yaml", "probes new")
            try await place.expectFailure(
                ["probes", "record", probe, "a", "--here", "--device", "x"], exit: 64, kind: "usage", says: "not both")
            let watching = try await place.rollcall("probes", "test", library, "--watch", "--json")
            #expect(watching.exit == 64 && watching.error.contains("no JSON document"))
            for option in ["--yep", "--yse", "--hers"] {
                let outcome = try await place.rollcall("probes", "try", probe, option)
                #expect(outcome.exit == 64 && !outcome.error.contains("--yes"), "\(outcome)")
            }
        }
    }

    @Test(
        "a machine without a machine id is told what its agent lacks",
        .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"))
    func noMachineID() async throws {
        try await Workplace.with { place in
            let probe = try file(place, reading: "/proc/uptime")
            let script = ": > \"$0/empty\" && mount --bind \"$0/empty\" /etc/machine-id && exec \"$@\""
            try await place.expectFailure(
                ["probes", "try", probe], exit: 94, kind: "tool-failed", says: "/etc/machine-id is empty", "systemd-machine-id-setup",
                through: { try await Namespace.rollcall(place, script, $0) })
        }
    }

    @Test("test --watch plays the cases again whenever a file changes, and a mistake does not end it")
    func watch() async throws {
        try await Workplace.with { place in
            let probe = place.folder + "/mine/odd/one"
            try Scratch.make(probe + "/cases/healthy")
            func manifest(_ condition: String) throws {
                try Scratch.write(
                    """
                    id: odd.one
                    title: One
                    impact: observe
                    run: [/bin/true]
                    parse: {pairs: {}}
                    facts: {level: int}
                    findings: [{id: odd.high, when: \(condition), severity: info, customer: High., engineer: high}]

                    """, to: probe + "/probe.yaml")
            }
            try manifest("level > 3")
            for (name, text) in [("answer.yaml", "code: 0\n"), ("stdout", "level=3\n"), ("expected.yaml", "findings: []\n")] {
                try Scratch.write(text, to: probe + "/cases/healthy/" + name)
            }
            let watching = try Watching(place, ["probes", "test", place.folder + "/mine", "--watch"])
            defer { watching.end() }
            try await watching.expect("1 case holds, 0 do not.")
            try Scratch.write("level=30\n", to: probe + "/cases/healthy/stdout")
            try await watching.expect("0 cases hold, 1 does not.")
            #expect(watching.text.contains("odd.high"))
            try manifest("level >")
            try await watching.expect("probe.yaml:7")
            try manifest("level > 40")
            try await watching.expect("1 case holds, 0 do not.", times: 2)
            // A file that goes is a change too.
            Scratch.remove(probe + "/cases/healthy/expected.yaml")
            try await watching.expect("Watching", times: 5)
            #expect(watching.process.isRunning)
        }
    }
}

/// A program that goes on until it is ended.
private final class Watching {
    let process = Process()
    private let file: String
    private let handle: FileHandle

    init(_ place: Workplace, _ arguments: [String]) throws {
        file = place.folder + "/watching.out"
        try Scratch.write("", to: file)
        handle = try FileHandle(forWritingTo: URL(fileURLWithPath: file))
        process.executableURL = URL(fileURLWithPath: Program.rollcall)
        process.arguments = arguments
        process.environment = place.environment
        process.standardInput = FileHandle.nullDevice
        (process.standardOutput, process.standardError) = (handle, handle)
        try process.run()
    }

    /// All that it has written.
    var text: String { (try? Scratch.text(file)) ?? "" }

    /// Waits until it has written `words` so often, for a minute at most.
    func expect(_ words: String, times: Int = 1) async throws {
        let end = ContinuousClock.now + .seconds(60)
        while text.ranges(of: words).count < times {
            if ContinuousClock.now > end || !process.isRunning { throw Scratch.Failure(description: "no \"\(words)\" in: \(text)") }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    func end() {
        process.terminate()
        process.waitUntilExit()
        try? handle.close()
    }
}
