import Diagnosis
import Foundation
import Probes

/// Times a diagnosis on the desk: `diagnosis-bench PROBES ANSWERS ROUNDS`, where ANSWERS is a file of answers as the store keeps them.
///
/// Says as JSON the medians in milliseconds of reading the answers into facts, of judging all rules over them, and of both.
@main
struct DiagnosisBench {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count == 4, let rounds = Int(arguments[3]), rounds > 0 else {
            FileHandle.standardError.write(Data("usage: diagnosis-bench PROBES ANSWERS ROUNDS\n".utf8))
            exit(64)
        }
        let library = try ManifestLibrary(directory: arguments[1], check: Diagnostician.ruleCheck)
        let answers = try Answer.decode([UInt8](Data(contentsOf: URL(filePath: arguments[2]))))
        let diagnostician = Diagnostician(library: library)
        // Without the desk's own knowledge the rules that read it would not be asked.
        var desk = DeskFacts()
        let now = Int64(Date().timeIntervalSince1970)
        (desk.time, desk.deviceTime, desk.model) = (now, now, "bench")
        let hours = (0..<60).map { Double($0 - 59) / 10 }
        desk.trends = (0..<80).map { number in
            DeskFacts.Trend(metric: "bench.\(number)", key: "", hours: hours, values: hours.map { $0 * Double(number) })
        }
        let clock = ContinuousClock()
        var facts: [Duration] = []
        var rules: [Duration] = []
        var verdict: Verdict?
        for _ in 0..<rounds {
            let began = clock.now
            let stated = try diagnostician.facts(of: answers, desk: desk)
            let read = clock.now
            verdict = diagnostician.judge(stated)
            let judged = clock.now
            facts.append(read - began)
            rules.append(judged - read)
        }
        let body: [String: Double] = [
            "manifests": Double(Set(answers.map(\.probe)).count), "rules": Double(verdict?.judged.count ?? 0), "facts_ms": median(facts),
            "rules_ms": median(rules), "both_ms": median(zip(facts, rules).map { $0 + $1 }),
        ]
        print(String(decoding: try JSONSerialization.data(withJSONObject: body, options: [.sortedKeys]), as: UTF8.self))
    }

    /// Milliseconds.
    private static func median(_ durations: [Duration]) -> Double {
        let middle = durations.sorted()[durations.count / 2].components
        return Double(middle.seconds) * 1_000 + Double(middle.attoseconds) / 1e15
    }
}
