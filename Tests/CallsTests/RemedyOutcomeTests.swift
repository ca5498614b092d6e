import Calls
import Diagnosis
import Foundation
import Probes
import Store
import Testing
import Wire

@Suite("What became of a finding")
struct RemedyOutcomeTests {
    /// A library of one probe, `spot.a`, whose rule `spot.bad` finds every row with v = 1.
    private static func verdict(_ ending: Answer.Ending, _ output: String) throws -> Verdict {
        let text = """
            id: spot.a
            title: A spot
            impact: observe
            run: [/bin/true]
            parse: {lines: {match: '(?<name>[a-z]+) (?<v>[-0-9]+)'}}
            facts: {name: text, v: int}
            findings:
              - {id: spot.bad, subject: [name], when: v = 1, severity: warning, customer: It is bad., engineer: "{name} is bad"}
            """
        let library = try ManifestLibrary(texts: [("spot/a/probe.yaml", Array(text.utf8))])
        let answer = Answer(probe: "spot.a", ending: ending, output: Array(output.utf8))
        return try Diagnostician(library: library).judge([answer])
    }

    private static let whole = Answer.Ending.done(Done(request: 1, ending: .exited))

    @Test("gone is only what a complete answer no longer shows; silence leaves it open")
    func outcomes() throws {
        let before = try Self.verdict(Self.whole, "x 1\ny 0\n")
        let key = try #require(before.findings.first?.key)
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(Self.whole, "x 0\ny 0\n")) == .gone)
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(Self.whole, "x 1\ny 0\n")) == .still)
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(Self.whole, "x -\ny 0\n")) == .unknown, "no value for it")
        let cut = Answer.Ending.done(Done(request: 1, ending: .exited, cutByteCount: 1))
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(cut, "x 0\n")) == .unknown, "an incomplete answer")
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(.none(reason: "gone"), "")) == .unknown, "no answer")
        #expect(RemedyRun.outcome(of: key, in: try Self.verdict(Self.whole, "y 0\n")) == .gone, "its row is not there any more")
    }
}
