internal import Foundation
public import Store

/// The figures of a period's calls, with what each leaves out.
public struct CallReport: Sendable, Encodable {
    /// Calls opened in the period.
    public let calls: Int
    /// Calls by outcome; those without any are left out.
    public let outcomes: [String: Int]
    /// Calls that are still open.
    public let open: Int
    /// Avoided truck rolls whose window has passed without a visit: the numerator.
    public let avoidedSettled: Int
    /// Avoided truck rolls whose window has not passed yet.
    public let avoidedProvisional: Int
    /// Claims that a later visit refuted.
    public let avoidedRefuted: Int
    /// Closed calls for which a truck would have rolled: the denominator.
    public let eligible: Int
    /// What the denominator leaves out, by reason.
    public let excluded: [String: Int]
    /// Median time from opening to outcome, seconds; nil without a closed call.
    public let medianSecondsToOutcome: Double?

    /// Makes a report of the store's figures.
    public init(_ figures: CallFigures) {
        let rolls = figures.avoidedRolls
        calls = figures.callCount
        outcomes = Dictionary(uniqueKeysWithValues: figures.outcomes.map { ($0.key.rawValue, $0.value) })
        open = rolls.openCount
        avoidedSettled = rolls.settledCount
        avoidedProvisional = rolls.provisionalCount
        avoidedRefuted = rolls.refutedCount
        eligible = rolls.eligibleCount
        excluded = [
            "open": rolls.openCount, "abandoned": rolls.abandonedCount, "no truck would have rolled": rolls.wouldNotRollCount,
            "unsure": rolls.unsureCount,
        ].filter { $0.value > 0 }
        medianSecondsToOutcome = figures.medianTimeToOutcome.map { Double($0) / 1_000_000 }
    }

    /// The report for people.
    public var lines: [String] {
        if calls == 0 { return ["No call in this period."] }
        let ends = SupportCall.Outcome.allCases.compactMap { outcome in outcomes[outcome.rawValue].map { "\($0) \(outcome.rawValue)" } }
        let left = excluded.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        var lines = ["\(calls) \(calls == 1 ? "call" : "calls"): " + (ends + (open > 0 ? ["\(open) open"] : [])).joined(separator: ", ")]
        lines.append(
            "Truck rolls avoided: \(avoidedSettled) settled and \(avoidedProvisional) provisional of \(eligible) eligible"
                + (avoidedRefuted > 0 ? "; \(avoidedRefuted) refuted by a later visit" : "")
                + (left.isEmpty ? "" : "; left out: " + left.joined(separator: ", ")))
        if let median = medianSecondsToOutcome { lines.append("Median time to outcome: \(Self.duration(median))") }
        return lines
    }

    private static func duration(_ seconds: Double) -> String {
        if seconds < 120 { return "\(Int(seconds.rounded())) s" }
        if seconds < 7_200 { return "\(Int((seconds / 60).rounded())) min" }
        return "\(Int((seconds / 3_600).rounded())) h"
    }
}
