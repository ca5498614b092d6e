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
