import Catalogue
import Foundation
import Probes
import Testing
import Wire

@testable import Diagnosis

@Suite("A case that an author writes")
struct CaseTests {
    private static let manifest = """
        id: odd.file
        title: A file
        impact: observe
        read: {files: [/run/a]}
        parse: record
        facts:
          all: {type: text, from: {file: /run/a}}
          level: {type: int, from: {file: /run/a, match: '^level=(.*)'}}
        findings:
          - {id: odd.high, when: level > 3, severity: info, customer: High., engineer: "{level}"}

        """

    /// Plays one case; the manifest's folder is given too.
    private func play(_ files: [String: String], by manifest: String = manifest) throws -> (problems: [String], lint: FolderLint) {
        let folder = FileManager.default.temporaryDirectory.appending(path: "case-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let place = folder.appending(path: "odd/file/cases/one")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        try Data(manifest.utf8).write(to: folder.appending(path: "odd/file/probe.yaml"))
        for (name, text) in files { try Data(text.utf8).write(to: place.appending(path: name)) }
        let library = try ManifestLibrary(directory: folder.path(), check: Diagnostician.ruleCheck)
        let results = try CaseRunner(library: library, directory: folder.path()).run("odd.file")
        let problems = results.flatMap(\.problems).map { "\($0)".replacing("odd/file/cases/one/", with: "") }
        return (problems, try FolderLint(directory: folder.path(), check: Diagnostician.ruleCheck))
    }

    @Test("a text may be empty where a device's may", arguments: ["\"\"", "''", "!!str \"\"", ""])
    func emptyText(_ content: String) throws {
        let played = try play([
            "answer.yaml": "stderr: ''\nfiles:\n  - path: /run/a\n    content: \(content)\n",
            "expected.yaml": "facts:\n  - {all: '', level: null}\nfindings: []\nunknown: [odd.high]\n",
        ])
        #expect(played.problems == [] && played.lint.mistakes == [])
    }

    @Test("a default may be empty")
    func emptyDefault() throws {
        let other = "  other: {type: text, from: {file: /run/b}, default: ''}\n"
        let manifest = Self.manifest.replacing("findings:", with: other + "findings:")
        let played = try play(
            [
                "answer.yaml": "files: [{path: /run/a, content: level=1}]\n",
                "expected.yaml": "facts: [{other: '', level: 1}]\nfindings: []\n",
            ], by: manifest)
        #expect(played.problems == [])
    }

    @Test("a wrong key is that of a case, with the keys that there are; and lint says it too")
    func keys() throws {
        let played = try play([
            "answer.yaml": "stdout: x\nfiles:\n  - {path: /run/a, error: 2}\n  - {content: x}\n",
            "expected.yaml": "findings:\n  - {id: odd.high, subjet: {}}\nunknwon: []\n",
        ])
        #expect(
            played.problems.sorted() == [
                "answer.yaml:1: The answer of a case has no key stdout. What a program wrote is the file stdout beside it.",
                "answer.yaml:3: files[0] has no key error. Its keys are path, status, content.",
                "answer.yaml:4: files[1] lacks the key path.",
                "expected.yaml:2: findings[0] has no key subjet. Its keys are id, subject, under. Did you mean subject?",
                "expected.yaml:3: What is expected of a case has no key unknwon. Its keys are complete, facts, findings, unknown, no-data. "
                    + "Did you mean unknown?",
            ])
        #expect(played.lint.mistakes.count == 5 && played.lint.advice.isEmpty == false)
    }

    @Test("what is not there is named, with the nearest that is")
    func names() throws {
        let played = try play([
            "answer.yaml": "files: []\nwith: [odd.file/on, odd.flie/one]\n",
            "expected.yaml": "facts:\n  - {level: 1, al: x}\nfindings:\n  - {id: odd.hihg}\nunknown: [odd.hig]\n",
        ])
        #expect(
            played.problems.sorted() == [
                "answer.yaml:2: There is no probe odd.flie. Did you mean odd.file?",
                "answer.yaml:2: odd.file has no case on. Did you mean one?",
                "expected.yaml:2: There is no fact al. Did you mean all?",
                "expected.yaml:4: There is no finding odd.hihg. Did you mean odd.high?",
                "expected.yaml:5: There is no finding odd.hig. Did you mean odd.high?",
            ])
        #expect(played.lint.mistakes.map { "\($0)" }.count == 5)
    }

    @Test("what comes otherwise than expected is said of its line, in words")
    func differences() throws {
        let levels = try play([
            "answer.yaml": "files: [{path: /run/a, content: level=9}]\n",
            "expected.yaml": "# A comment.\nfacts:\n  - level: 7\n    all: level=9\nunknown:\n  - odd.high\nfindings: []\n",
        ])
        #expect(
            levels.problems == [
                "expected.yaml:3: Row 1 has level 9, expected 7.", "expected.yaml:5: odd.high is not unknown.",
                "expected.yaml:7: This finding was not expected: odd.high.",
            ])
        let refused = try play(["answer.yaml": "ending: not-started\ncode: 13\n", "expected.yaml": "\nfindings:\n  - {id: odd.high}\n"])
        #expect(
            refused.problems == [
                "expected.yaml:1: The answer is not complete: odd.file could not be started (errno 13). Where that is right, say complete: false.",
                "expected.yaml:1: odd.high is unknown: odd.file could not be started (errno 13). Where that is right, name it in unknown.",
                "expected.yaml:3: This finding did not come: odd.high.",
            ])
        let absent = try play(["answer.yaml": "files: [{path: /run/a, status: 2}]\n", "expected.yaml": "findings: []\n"])
        let words = try #require(absent.problems.first)
        #expect(absent.problems.count == 1 && words.contains("There is no data: ") && words.hasSuffix("no-data: true."))
        let present = try play([
            "answer.yaml": "files: [{path: /run/a, content: level=1}]\n", "expected.yaml": "findings: []\nno-data: true\n",
        ])
        #expect(present.problems == ["expected.yaml:2: There is data; no-data: true is not right."])
    }

    @Test("a file that is not there is to be written, and what was not started has an errno")
    func missing() throws {
        let played = try play(["answer.yaml": "ending: not-started\n"])
        #expect(played.problems.count == 2 && played.problems.contains { $0.contains("expected.yaml:1: The file is not there: write it") })
        #expect(played.problems.contains { $0.contains("has the errno in code") })
    }

    @Test("no file at all without parse is a row with an error, with record no data; a word that record does not find is NULL")
    func absence() throws {
        let rows = """
            id: odd.file
            title: A file
            impact: observe
            read: {files: [/run/a]}
            facts: {path: text, error: int, content: text}
            findings:
              - {id: odd.high, subject: [path], when: content LIKE '%x%', severity: info, customer: High., engineer: "{path}"}

            """
        let answer = "files: [{path: /run/a, status: 2}]\n"
        let expected = "facts: [{path: /run/a, error: 2, content: null}]\nfindings: []\nunknown: [odd.high]\n"
        #expect(try play(["answer.yaml": answer, "expected.yaml": expected], by: rows).problems == [])
        #expect(try play(["answer.yaml": answer, "expected.yaml": "findings: []\nno-data: true\n"]).problems == [])
        let unfit = "facts: [{all: other, level: null}]\nfindings: []\nunknown: [odd.high]\n"
        let file = "files: [{path: /run/a, content: \"other\\n\"}]\n"
        #expect(try play(["answer.yaml": file, "expected.yaml": unfit]).problems == [])
    }

    @Test("lint advises on kinds of cases that are not there and on findings that no case finds, and what it says is no mistake")
    func advice() throws {
        let played = try play(["answer.yaml": "files: [{path: /run/a, content: level=1}]\n", "expected.yaml": "findings: []\n"])
        #expect(played.lint.mistakes == [] && played.lint.manifestCount == 1 && played.lint.caseCount == 1)
        #expect(
            played.lint.advice.map { "\($0)" } == [
                "odd/file/probe.yaml:1: There is no case named healthy or garbled or absent.",
                "odd/file/probe.yaml:10: No case finds odd.high.",
            ])
    }

    @Test("one slip in what is read is one mistake", arguments: [("read: {files:", "read: {file:"), ("match: '^", "mtach: '^")])
    func oneSlip(_ old: String, _ new: String) {
        let text = Self.manifest.replacing(old, with: new)
        #expect {
            _ = try ManifestLibrary(texts: [("odd/file/probe.yaml", Array(text.utf8))], check: Diagnostician.ruleCheck)
        } throws: { error in
            (error as? ProbesError)?.problems.count == 1
        }
    }

    @Test("a function that rules may not use is answered with those that they may, and the document names the same")
    func functions() throws {
        let text = Self.manifest.replacing("level > 3", with: "random() > level")
        #expect {
            _ = try ManifestLibrary(texts: [("odd/file/probe.yaml", Array(text.utf8))], check: Diagnostician.ruleCheck)
        } throws: { error in
            (error as? ProbesError)?.problems.first?.message.contains("random is not allowed in rules; these are: abs, avg, char,") == true
        }
        for (condition, meant) in [("lenght(level) > 3", "length"), ("levl > 3", "level")] {
            let text = Self.manifest.replacing("level > 3", with: condition)
            #expect {
                _ = try ManifestLibrary(texts: [("odd/file/probe.yaml", Array(text.utf8))], check: Diagnostician.ruleCheck)
            } throws: { error in
                (error as? ProbesError)?.problems.first?.suggestion == meant
            }
        }
        let words = try Self.document.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        #expect(words.contains("`" + SQLGuard.functions.sorted().joined(separator: ", ") + "`"))
    }

    private static var document: String {
        get throws { try String(contentsOfFile: shippedProbes + "/../docs/PROBES.md", encoding: .utf8) }
    }

    @Test("the example of the document is a probe whose cases hold, with nothing to advise")
    func example() throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "example-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let block = try #require(try Self.document.split(separator: "```yaml\n").last { $0.hasPrefix("# probe.yaml") })
        let text = block.split(separator: "```", maxSplits: 1)[0]
        for part in ("\n" + text).split(separator: "\n# ") {
            let (name, content) = (part.prefix { $0 != "\n" }, part.drop { $0 != "\n" }.dropFirst())
            let file = folder.appending(path: "printer/paper/" + name)
            try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data((content + "\n").utf8).write(to: file)
        }
        let lint = try FolderLint(directory: folder.path(), check: Diagnostician.ruleCheck)
        #expect(lint.mistakes == [] && lint.advice == [] && lint.caseCount == 4)
        let library = try ManifestLibrary(directory: folder.path(), check: Diagnostician.ruleCheck)
        #expect(try CaseRunner(library: library, directory: folder.path()).run("printer.paper").allSatisfy(\.problems.isEmpty))
    }
}
