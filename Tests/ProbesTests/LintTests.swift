import Foundation
import Probes
import Testing

private func problems(_ text: String) -> [ManifestProblem] {
    do {
        _ = try ManifestLibrary(texts: [("test.yaml", Array(text.utf8))])
        return []
    } catch {
        return error.problems
    }
}

struct LintTests {
    private static let remedy = """
        id: test.act
        title: Acts
        impact: change
        run: [/bin/true, "{n}"]
        parameters: {n: {type: integer, min: 1, max: 9}}
        in-use: [{probe: test.one, when: a = 'x', says: "{a} works on it"}]
        undo: {probe: test.back, with: {n: "{n}"}}
        """
    private static let back = """
        id: test.back
        title: Takes it back
        impact: change
        run: [/bin/true, "{n}"]
        parameters: {n: {type: integer, min: 1, max: 9}}
        """

    private func mistakes(_ texts: String...) -> [String] {
        do {
            _ = try ManifestLibrary(texts: texts.enumerated().map { ("\($0.offset).yaml", Array($0.element.utf8)) })
            return []
        } catch {
            return error.problems.map(\.message)
        }
    }

    @Test(
        "lint finds a guard that asks nothing, and an undo that takes nothing back",
        arguments: [
            ("probe: test.one,", "probe: test.on,", "no probe test.on to ask"),
            ("probe: test.one,", "probe: test.back,", "must observe, state facts"),
            ("when: a = 'x', ", "", "exactly one of when and select"),
            ("\"{a} works", "\"{b} works", "has no fact b"),
            ("test.back, with", "test.bakc, with", "no probe test.bakc"),
            ("{probe: test.back, with: {n: \"{n}\"}}", "test.back", "needs the parameter n"),
            ("with: {n: \"{n}\"}", "with: {n: \"{m}\"}", "no parameter m"),
            ("with: {n: \"{n}\"}", "with: {n: \"{n}0\"}", "alone, or a word"),
            ("max: 9", "max: 8", "of another type"),
            ("test.back, with", "test.act, with", "cannot take itself back"),
            ("test.back, with", "test.one, with", "changes nothing"),
            ("impact: change", "impact: observe", "it has no in-use"),
            ("\"{n}\"}}", "\"{n}\"}, if: [{probe: test.on, when: a = 'x'}]}", "no probe test.on to ask"),
            ("\"{n}\"}}", "\"{n}\"}, if: [{probe: test.back, when: a = 'x'}]}", "in which state a device is"),
            ("\"{n}\"}}", "\"{n}\"}, if: [{probe: test.one}]}", "exactly one of when and select"),
            ("\"{n}\"}}", "\"{n}\"}, if: {probe: test.one}}", "must be a list"),
        ])
    func safety(_ old: String, _ new: String, _ message: String) {
        #expect(mistakes(Self.wellFormed, Self.remedy, Self.back) == [])
        let found = mistakes(Self.wellFormed, Self.remedy.replacing(old, with: new, maxReplacements: 1), Self.back)
        #expect(found.contains { $0.contains(message) }, "\(found)")
    }

    @Test("what takes a remedy back is taken back by that remedy, if by anything")
    func undoCircle() {
        let other = Self.back.replacing("test.back", with: "test.other")
        let both = Self.back + "\nundo: {probe: test.act, with: {n: \"{n}\"}}"
        #expect(mistakes(Self.wellFormed, Self.remedy, both) == [])
        let astray = Self.back + "\nundo: {probe: test.other, with: {n: \"{n}\"}}"
        #expect(mistakes(Self.wellFormed, Self.remedy, astray, other).contains { $0.contains("taken back by test.other") })
    }

    static let wellFormed = """
        id: test.one
        title: A test
        impact: observe
        run: [/bin/true]
        parse: {lines: {match: '(?<a>.*)'}}
        facts: {a: text}
        findings:
          - {id: test.found, when: a = 'x', severity: info, customer: Yes., engineer: "{a}"}
        """

    @Test("lint finds every mistake of a file in one pass, with line and suggestion")
    func allAtOnce() {
        let found = problems(
            """
            id: Storage Space
            titel: A test
            impact: chnage
            run: [bin/true, "--unit={unit}", "{unti}"]
            parameters: {unit: unit}
            limits: {time: 2 hours, output: 64KiB}
            parse: {lines: {match: '(', skip: x}}
            facts:
              a: integer
              B: text
            findings:
              - id: test.found
                when: a > 1
                select: SELECT 1
                severity: fatal
                customer: "{a"
                engineer: "{a|hours}"
                visit: if-remedies-fails
            """)
        let lines = Set(found.map(\.line))
        #expect(lines.isSuperset(of: [1, 2, 3, 4, 6, 7, 9, 10, 12, 15, 16, 17, 18]))
        #expect(found.first { $0.message.contains("titel") }?.suggestion == "title")
        #expect(found.first { $0.line == 3 }?.suggestion == "change")
        #expect(found.first { $0.message.contains("unti") }?.suggestion == "unit")
        #expect(found.first { $0.line == 18 }?.suggestion == "if-remedies-fail")
        #expect(found.contains { $0.message.contains("lacks the key title") })
        #expect(found.contains { $0.message.contains("whole argument") })
        #expect(found.allSatisfy { $0.file == "test.yaml" })
    }

    @Test(
        "what a sandbox is to open is checked",
        arguments: [
            ("observe", "{write: [/srv]}", "observe writes nowhere"), ("change", "{write: [srv]}", "must be absolute"),
            ("change", "{write: [/srv/../etc]}", "must be absolute"), ("change", "{write: ['/srv/*']}", "must be absolute"),
            ("change", "{write: []}", "1 to 16 paths"), ("change", "{socket: true}", "socket"),
            ("change", "{local-sockets: 3}", "local-sockets"),
            ("change", "{local-sockets: true, write: [/srv, /var/log/x]}", nil),
        ] as [(String, String, String?)])
    func sandbox(_ impact: String, _ sandbox: String, _ complaint: String?) {
        let found = problems("id: test.one\ntitle: A test\nimpact: \(impact)\nrun: [/bin/true]\nsandbox: \(sandbox)\n")
        #expect(found.count == (complaint == nil ? 0 : 1), "\(found)")
        if let complaint { #expect(found.first?.message.contains(complaint) == true && found.first?.line == 5) }
    }

    @Test(
        "lint says what the reader connect does not connect to",
        arguments: [
            ("[127.0.0.1:80, '[::1]:80', /run/a.sock]", nil), ("[]", "1 to 16 targets"),
            ("[\((1...17).map { "127.0.0.1:\($0)" }.joined(separator: ", "))]", "1 to 16 targets"),
            ("[127.0.0.1:80, 127.0.0.1:80]", "named twice"), ("[localhost:80]", "numeric address"), ("[127.0.0.1]", "numeric address"),
            ("[127.0.0.1:0]", "numeric address"), ("[127.0.0.1:65536]", "numeric address"), ("[127.1:80]", "numeric address"),
            ("[256.0.0.1:80]", "numeric address"), ("['::1:80']", "numeric address"), ("['[127.0.0.1]:80']", "numeric address"),
            ("['[fe80::1%eth0]:80']", "numeric address"), ("['@x']", "numeric address"), ("[\"/run/a\\0b\"]", "Unix socket"),
            ("['/run/*.sock']", "Unix socket"), ("[/run/../a]", "Unix socket"), ("[/\(String(repeating: "a", count: 107))]", "Unix socket"),
        ] as [(String, String?)])
    func connections(_ targets: String, _ complaint: String?) {
        let text = "id: a.b\ntitle: A test\nimpact: observe\nnetwork: true\nsandbox: {local-sockets: true}\nread: {connect: \(targets)}\n"
        let found = problems(text)
        #expect(found.count == (complaint == nil ? 0 : 1), "\(found)")
        if let complaint { #expect(found.first?.message.contains(complaint) == true && found.first?.line == 6, "\(found)") }
    }

    @Test("what connects says that it uses the network, and Unix sockets")
    func connectionRights() {
        let text = "id: a.b\ntitle: A test\nimpact: observe\nread: {connect: [127.0.0.1:80, /run/a]}\n"
        #expect(problems(text).map { $0.message.contains("network: true") || $0.message.contains("local-sockets: true") } == [true, true])
        #expect(problems(text.replacing("127.0.0.1:80, ", with: "")).count == 1)
        #expect(problems(text.replacing(", /run/a", with: "")).count == 1)
        let parsed = text.replacing("/run/a", with: "'[::1]:80'") + "network: true\nparse: record\nfacts: {port: text}\n"
        #expect(problems(parsed).contains { $0.message.contains("need no parse") })
        #expect(problems(parsed.replacing("parse: record\n", with: "")).contains { $0.message.contains("of type int") })
    }

    @Test("a manifest without mistakes has none reported")
    func wellFormed() { #expect(problems(Self.wellFormed) == []) }

    @Test(
        "one mistake is one problem",
        arguments: [
            ("impact: observe", "impact: change", "states no facts"),
            ("run: [/bin/true]", "run: [/bin/true]\nread: statfs", "both run and read"),
            ("run: [/bin/true]\n", "", "neither run nor read"), ("parse: {lines: {match: '(?<a>.*)'}}\n", "", "need parse"),
            ("engineer: \"{a}\"", "engineer: \"{b}\"", "uses b, which is no fact"),
            ("customer: Yes.", "customer: Yes., remedies: [no.such]", "no probe no.such"),
            ("customer: Yes.", "customer: Yes., remedies: [test.one]", "is no remedy"),
            ("customer: Yes.", "customer: Yes., explains: {no.such: effect.a = 1}", "no finding no.such"),
            ("customer: Yes.", "customer: Yes., explains: {test.found: effect.a = 1}", "in a circle"),
            ("title: A test", "title: A test\nid: twice.id", "stands twice"), ("title: A test", "title: [A, test]", "must be a text"),
            ("title: A test", "title: {", "not valid YAML"), ("facts: {a: text}", "facts: {a: {type: text, scale: 2}}", "cannot be scaled"),
            ("title: A test", "title: A test\nexit: [256]", "from 0 to 255"),
            ("title: A test", "title: A test\ndiagnosis: false", "has no findings"),
        ])
    func single(old: String, new: String, message: String) {
        let found = problems(Self.wellFormed.replacingOccurrences(of: old, with: new))
        #expect(found.contains { $0.message.contains(message) }, "\(found)")
    }

    @Test("two findings that explain each other are refused at both ends")
    func circle() throws {
        func text(_ id: String, _ explained: String) -> [UInt8] {
            Array(
                Self.wellFormed.replacingOccurrences(of: "test.one", with: id).replacingOccurrences(of: "test.found", with: id + ".x")
                    .replacingOccurrences(of: "customer: Yes.", with: "customer: Yes., explains: {\(explained).x: effect.a = cause.a}").utf8
            )
        }
        #expect {
            _ = try ManifestLibrary(texts: [("a.yaml", text("a.a", "b.b")), ("b.yaml", text("b.b", "a.a"))])
        } throws: { error in
            (error as? ProbesError)?.problems.filter { $0.message.contains("circle") }.count == 2
        }
    }

    @Test("a folder reports the mistakes of all its files, a wrong folder name and missing cases")
    func folder() throws {
        let root = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: root) }
        for (path, text) in [("a/b", "id: x"), ("test/two", Self.wellFormed)] {
            let folder = root.appending(path: path)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(text.utf8).write(to: folder.appending(path: "probe.yaml"))
        }
        let found = try FolderLint(directory: root.path()).mistakes
        #expect(found.filter { $0.file == "a/b/probe.yaml" }.count >= 3)
        #expect(found.contains { $0.file == "test/two/probe.yaml" && $0.message.contains("differ") })
        #expect(found.filter { $0.message.contains("no cases") }.count == 2)
        #expect(throws: ProbesError.self) { try ManifestLibrary(directory: root.path() + "/nowhere") }
    }

    @Test("an unknown probe is named with the nearest known one")
    func nearestProbe() throws {
        let library = try ManifestLibrary(directory: shippedProbes)
        #expect {
            _ = try library.manifest("storage.spaec")
        } throws: { error in
            (error as? ProbesError)?.sentence.contains("storage.space") == true
        }
    }
}
