import Diagnosis
import Probes
import Testing
import Wire

@Suite("Whether a device is in use")
struct DeviceUseTests {
    private static let asked = """
        id: test.users
        title: Who works on it
        impact: observe
        run: [/bin/true]
        parse: {pairs: {separator: "=", records: blank-line}}
        facts: {who: text, idle_s: int}
        """
    private static let remedy = """
        id: test.act
        title: Acts
        impact: change
        run: [/bin/true, "{n}"]
        parameters: {n: {type: choice, of: [a, b]}}
        in-use:
          - probe: test.users
            when: idle_s < 600 AND EXISTS (SELECT 1 FROM parameters WHERE name = 'n' AND value = 'a')
            says: "{who} works on it"
        """

    private func use(_ output: String, n: String = "a", cut: UInt64 = 0, ending: Done.Ending = .exited, code: UInt64 = 0) throws
        -> DeviceUse
    {
        let library = try ManifestLibrary(
            texts: [("a.yaml", Array(Self.asked.utf8)), ("b.yaml", Array(Self.remedy.utf8))], check: Diagnostician.ruleCheck)
        let bytes = Array(output.utf8)
        let done = Done(request: 1, ending: ending, code: code, sentByteCount: UInt64(bytes.count), cutByteCount: cut)
        return try Diagnostician(library: library).use(
            library.manifest("test.act"), parameters: [NamedValue(name: "n", value: .text(n))],
            answers: [Answer(probe: "test.users", ending: .done(done), output: bytes)], desk: DeskFacts())
    }

    @Test("in use outranks unknown, and idle is only what was found out whole")
    func judged() throws {
        #expect(try use("") == .idle)
        #expect(try use("who=maria\nidle_s=700\n") == .idle)
        #expect(try use("who=maria\nidle_s=5\n\nwho=otto\nidle_s=6\n") == .inUse(["maria works on it", "otto works on it"]))
        #expect(try use("who=maria\nidle_s=5\n", n: "b") == .idle, "what the remedy is for counts")
        #expect(try use("who=maria\nidle_s=?\n").word == "unknown")
        #expect(try use("who=otto\nidle_s=?\n\nwho=maria\nidle_s=5\n") == .inUse(["maria works on it"]))
        #expect(try use("nonsense\n").word == "unknown")
        #expect(try use("who=maria\nidle_s=700\n", cut: 9).word == "unknown")
        #expect(try use("", ending: .timedOut).word == "unknown")
        #expect(try use("", code: 1).word == "unknown")
        #expect(try use("", ending: .notStarted, code: 13).word == "unknown")
        #expect(try use("", ending: .notStarted, code: 2) == .idle, "what is not on the device is not in use")
    }

    @Test("lint: what finds a use reads only what was asked, and findings have no parameters to read")
    func lint() throws {
        func problems(_ remedy: String, _ asked: String = Self.asked) -> [String] {
            do {
                _ = try ManifestLibrary(
                    texts: [("a.yaml", Array(asked.utf8)), ("b.yaml", Array(remedy.utf8))], check: Diagnostician.ruleCheck)
                return []
            } catch { return error.problems.map(\.message) }
        }
        #expect(problems(Self.remedy).isEmpty)
        #expect(problems(Self.remedy.replacing("idle_s < 600", with: "idle < 600")).contains { $0.contains("SQL of in-use is refused") })
        let other = Self.asked + "\nfindings:\n  - {id: x, select: SELECT value FROM parameters, severity: info, customer: X., engineer: x}"
        #expect(problems(Self.remedy, other).contains { $0.contains("x reads parameters") })
    }
}
