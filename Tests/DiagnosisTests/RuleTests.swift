import Foundation
import Probes
import Testing
import Wire

@testable import Diagnosis

/// A probe of columns a (int) and b (text), with one rule.
private func manifest(id: String = "test.one", _ rule: String, finding: String = "test.found") -> String {
    """
    id: \(id)
    title: A test
    impact: observe
    run: [/bin/true]
    parse: {pairs: {separator: "=", records: blank-line}}
    facts: {a: int, b: text}
    findings:
      - id: \(finding)
        subject: [b]
        \(rule)
        severity: warning
        customer: Something is wrong.
        engineer: "b is {b}"
    """
}

struct RuleTests {
    @Test(
        "a rule is judged only on an answer that is complete",
        arguments: [
            Answer.text("test.one", "a=1\nb=x\n", code: 1), .text("test.one", "a=1\nb=x\n", cut: 1), .text("test.one", "a=1\nb=x\nrest"),
            Answer(probe: "test.one", ending: .done(Done(request: 1, ending: .timedOut)), output: Array("a=1\nb=x\n".utf8)),
            Answer(probe: "test.one", ending: .done(Done(request: 1, ending: .abandoned))),
            Answer(probe: "test.one", ending: .done(Done(request: 1, ending: .signalled, code: 9))),
            Answer(probe: "test.one", ending: .done(Done(request: 1, ending: Done.Ending(rawValue: 99)))),
            Answer(probe: "test.one", ending: .refused(Refused(request: 1, rule: "x", sentence: "No."))),
            Answer(probe: "test.one", ending: .none(reason: "the connection was lost")),
        ])
    func incomplete(answer: Answer) throws {
        let verdict = try Diagnostician(library: library(manifest("when: a > 0"))).judge([answer])
        #expect(verdict.findings.isEmpty)
        #expect(verdict.unknowns.map(\.id) == ["test.found"])
        #expect(verdict.exitCode == 3)
        let whole = try Diagnostician(library: library(manifest("when: a > 0"))).judge([.text("test.one", "a=1\nb=x\n")])
        #expect(whole.findings.map(\.id) == ["test.found"])
        #expect(whole.exitCode == 1)
    }

    @Test("a rule that reads another table waits for that table's answer too")
    func twoTables() throws {
        let other = manifest(id: "test.two", "when: a > 100", finding: "test.other")
        let library = try library(manifest("when: a > 0 AND NOT EXISTS (SELECT 1 FROM test_two t WHERE t.a = 1)"), other)
        let judge = Diagnostician(library: library)
        let answer = Answer.text("test.one", "a=1\nb=x\n")
        #expect(try judge.judge([answer]).unknowns.map(\.reason) == ["test.two was not asked."])
        #expect(try judge.judge([answer, .text("test.two", "", code: 1)]).findings.isEmpty)
        #expect(try judge.judge([answer, .text("test.two", "")]).findings.map(\.id) == ["test.found"])
        #expect(judge.probes(behind: "test.found") == ["test.one", "test.two"])
    }

    /// A probe with a view, of which a rule of another probe makes use.
    private func view(_ query: String) -> String {
        manifest(id: "test.two", "when: a > 100", finding: "test.other") + "\nviews:\n  large: \"\(query)\"\n"
    }

    @Test("a rule that reads a view waits for every table behind it")
    func views() throws {
        let judge = Diagnostician(
            library: try library(
                manifest("select: SELECT a, b FROM large"), view("SELECT t.a, o.b FROM test_two t JOIN test_one o ON o.a < t.a")))
        let one = Answer.text("test.one", "a=1\nb=x\n")
        #expect(try judge.judge([one]).unknowns.map(\.reason) == ["test.two was not asked."])
        #expect(try judge.judge([one, .text("test.two", "a=2\nb=y\n")]).findings.map(\.engineer) == ["b is x"])
        #expect(try judge.judge([one, .text("test.two", "a=0\nb=y\n")]).judged == ["test.found", "test.other"])
        #expect(judge.probes(behind: "test.found") == ["test.one", "test.two"])
    }

    @Test(
        "a view that does more than read facts is refused by lint, at its own line",
        arguments: [
            "SELECT name FROM sqlite_master", "DELETE FROM test_one", "SELECT a FROM test_one; DROP TABLE test_one",
            "SELECT c FROM test_one",
            "SELECT 1 AS a", "SELECT load_extension('x') AS a FROM test_one", "SELECT * FROM large", "PRAGMA database_list",
        ])
    func refusedView(query: String) throws {
        #expect {
            _ = try library(manifest("when: a > 0"), view(query))
        } throws: { error in
            (error as? ProbesError)?.problems.contains { $0.message.contains("view large") && $0.line == 15 } == true
        }
    }

    @Test("two views of one name, and a view of a table's name, are refused")
    func viewNames() throws {
        let twice = view("SELECT a FROM test_one").replacing("test.two", with: "test.three").replacing("test.other", with: "test.more")
        #expect(throws: ProbesError.self) { _ = try library(manifest("when: a > 0"), view("SELECT a FROM test_one"), twice) }
        let table = view("SELECT a FROM test_one").replacing("large:", with: "test_one:")
        #expect(throws: ProbesError.self) { _ = try library(manifest("when: a > 0"), table) }
    }

    @Test("a NULL where a rule wanted a number is unknown for that subject, and says which value is missing")
    func null() throws {
        let verdict = try Diagnostician(library: library(manifest("when: a > 5"))).judge([
            .text("test.one", "a=9\nb=x\n\na=many\nb=y\n\na=1\nb=z\n")
        ])
        #expect(verdict.findings.map(\.subject) == [[NamedValue(name: "b", value: .text("x"))]])
        #expect(verdict.unknowns.map(\.subject) == [[NamedValue(name: "b", value: .text("y"))]])
        #expect(verdict.unknowns.map(\.reason) == ["The device gave no value for a."])
        #expect(verdict.judged.isEmpty)
    }

    @Test("a probe that was not asked says nothing, and nothing at all is not health")
    func silence() throws {
        let verdict = try Diagnostician(library: library(manifest("when: a > 5"))).judge([])
        #expect(verdict.unknowns.isEmpty && verdict.findings.isEmpty)
        #expect(verdict.exitCode == 3)
    }

    @Test(
        "SQL that does more than read facts is refused by lint",
        arguments: [
            "when: a > 0) FROM test_one; ATTACH '/etc/passwd' AS p; SELECT (1", "select: PRAGMA database_list",
            "select: ATTACH '/tmp/x' AS x", "select: DELETE FROM test_one RETURNING b", "select: DROP TABLE test_one",
            "select: INSERT INTO test_one VALUES (1, 'x') RETURNING b", "select: SELECT name AS b FROM sqlite_master",
            "select: SELECT load_extension('x') AS b FROM test_one", "select: SELECT name AS b FROM pragma_database_list",
            "select: WITH RECURSIVE n(b) AS (SELECT 1 UNION ALL SELECT b + 1 FROM n) SELECT b FROM n, test_one",
            "select: SELECT zeroblob(1000000000) AS b FROM test_one", "select: SELECT readfile('/etc/shadow') AS b FROM test_one",
            "select: CREATE TABLE x (b)", "select: VACUUM INTO '/tmp/x'", "when: no_such_column > 1",
            "select: SELECT b FROM test_one; SELECT b FROM test_one",
        ])
    func refused(rule: String) throws {
        #expect {
            _ = try library(manifest(rule))
        } throws: { error in
            guard let error = error as? ProbesError else { return false }
            return error.problems.contains { $0.message.contains("refused") && $0.line == 10 }
        }
    }

    @Test(
        "refused SQL in a library that was not linted is an unknown, never run",
        arguments: ["DELETE FROM test_one RETURNING b", "VACUUM INTO '/nonexistent/x'", "BEGIN", "REINDEX", "ANALYZE", "SAVEPOINT x"])
    func unlinted(sql: String) throws {
        let text = manifest("select: " + sql)
        let library = try ManifestLibrary(texts: [("x.yaml", Array(text.utf8))])
        let verdict = try Diagnostician(library: library).judge([.text("test.one", "a=1\nb=x\n")])
        #expect(verdict.unknowns.count == 1)
        #expect(verdict.unknowns.first?.reason.contains("may only read") == true)
    }

    @Test("a query that would never end is stopped, and is unknown")
    func endless() throws {
        let rule = "select: SELECT max(t.b || u.b || v.b || w.b) AS b FROM test_one t, test_one u, test_one v, test_one w"
        let rows = (0..<300).map { "a=\($0)\nb=row \($0)\n" }.joined(separator: "\n")
        let start = ContinuousClock.now
        let verdict = try Diagnostician(library: library(manifest(rule))).judge([.text("test.one", rows)])
        #expect(verdict.findings.isEmpty)
        #expect(verdict.unknowns.first?.reason.contains("more steps") == true)
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test("a device with very many broken things gets a bounded verdict that says so")
    func bounded() throws {
        let rows = (0..<1_000).map { "a=9\nb=row \($0)\n" }.joined(separator: "\n")
        let verdict = try Diagnostician(library: library(manifest("when: a > 0"))).judge([.text("test.one", rows)])
        #expect(verdict.findings.count == Judgement.findingLimit)
        #expect(verdict.unknowns.map(\.reason) == ["There are more findings than are listed."])
    }
}

struct VerdictTests {
    @Test("exit codes are those of monitoring: critical, warning, unknown, well")
    func exitCodes() throws {
        let judge = Diagnostician(library: try shippedLibrary())
        let stopped = (1...7).map { "Id=clock\($0).service\nLoadState=loaded\nActiveState=inactive\nUnitFileState=disabled\n" }
        let clock = Answer.text("clock.service", stopped.joined(separator: "\n"))
        let hung = Answer.text("service.failed", "", code: 1)
        #expect(try judge.judge([.failed("a.service"), clock, hung]).exitCode == 1)
        #expect(try judge.judge([.failed("a.service"), clock]).exitCode == 2)
        #expect(try judge.judge([clock, hung]).exitCode == 1)
        #expect(try judge.judge([.failed(), hung]).exitCode == 3)
        #expect(try judge.judge([.failed(), .text("clock.sync", "NTP=yes\nNTPSynchronized=no\n")]).exitCode == 0)
    }

    @Test("what is not on the device is no data and leaves the exit code alone")
    func noData() throws {
        let absent = Answer(probe: "clock.sync", ending: .done(Done(request: 1, ending: .notStarted, code: 2)))
        let verdict = try Diagnostician(library: shippedLibrary()).judge([.failed(), absent])
        #expect(verdict.noData.map(\.probe) == ["clock.sync"])
        #expect(verdict.unknowns.isEmpty)
        #expect(verdict.exitCode == 0)
    }

    @Test("a finding is gone only where its rule was judged again")
    func comparison() throws {
        let judge = Diagnostician(library: try shippedLibrary())
        let before = try judge.judge([.failed("a.service", "b.service"), .mounts([.of("/var", available: 0)])])
        let after = try judge.judge([.failed("b.service", "c.service"), .text("storage.space", "", code: 1)])
        let result = Verdict.compare(before: before, after: after)
        let outcomes = Dictionary(uniqueKeysWithValues: result.entries.map { ($0.before.key.description, $0.outcome) })
        #expect(outcomes["service.failed unit=a.service"] == .gone)
        #expect(outcomes["service.failed unit=b.service"] == .stillThere)
        #expect(outcomes["storage.full mount=/var"] == .cannotTell)
        #expect(result.appeared.map(\.key.description) == ["service.failed unit=c.service"])
        let unasked = Verdict.compare(before: before, after: try judge.judge([.failed()]))
        #expect(unasked.entries.first { $0.before.id == "storage.full" }?.outcome == .cannotTell)
    }

    @Test("a full mount that stops to answer is not thereby mended")
    func hungAfterwards() throws {
        let judge = Diagnostician(library: try shippedLibrary())
        let before = try judge.judge([.mounts([.of("/var", available: 0)])])
        let after = try judge.judge([.mounts([.of("/var", status: 110)])])
        #expect(Verdict.compare(before: before, after: after).entries.map(\.outcome) == [.cannotTell])
    }

    @Test("a verdict survives its JSON, keys sorted and exit code included")
    func json() throws {
        let verdict = try Diagnostician(library: shippedLibrary()).judge([
            .mounts([.of("/var", available: 0)]), .failed("a.service"), .log([("a.service", "No space left on device")]),
        ])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let data = try encoder.encode(verdict)
        #expect(String(decoding: data, as: UTF8.self).hasPrefix("{\"causes\":[{\"finding\":{\"customer\":"))
        #expect(String(decoding: data, as: UTF8.self).contains("\"exitCode\":2"))
        let decoded = try JSONDecoder().decode(Verdict.self, from: data)
        #expect(decoded.findings.map(\.key) == verdict.findings.map(\.key))
        #expect(try encoder.encode(decoded) == data)
    }
}
