/// What became of the findings of an earlier verdict.
public struct Comparison: Codable, Equatable, Sendable {
    /// What became of one finding.
    public enum Outcome: String, Codable, Sendable {
        /// The rule was judged again and does not find it.
        case gone
        /// The rule still finds it.
        case stillThere = "still-there"
        /// The rule could not be judged again.
        case cannotTell = "cannot-tell"
    }

    /// One earlier finding.
    public struct Entry: Codable, Equatable, Sendable {
        /// The finding as it was.
        public var before: Finding
        /// What became of it.
        public var outcome: Outcome
        /// The finding as it is; nil unless it is still there.
        public var after: Finding?
        /// Why it cannot be told; nil otherwise.
        public var reason: String?
    }

    /// The earlier findings, in the earlier verdict's order.
    public var entries: [Entry]
    /// Findings that were not there before.
    public var appeared: [Finding]
}

extension Verdict {
    /// Compares two verdicts of a device by id and subject.
    ///
    /// A finding is gone only where its rule was judged again; silence leaves it open. The later verdict may stand on fewer probes, such as
    /// those that ``Diagnostician/probes(behind:)`` names.
    public static func compare(before: Verdict, after: Verdict) -> Comparison {
        let later = after.findings
        let entries = before.findings.map { finding -> Comparison.Entry in
            if let found = later.first(where: { $0.key == finding.key }) {
                return Comparison.Entry(before: finding, outcome: .stillThere, after: found, reason: nil)
            }
            let open = after.unknowns.first { $0.id == finding.id && ($0.subject.isEmpty || $0.subject == finding.subject) }
            if let open { return Comparison.Entry(before: finding, outcome: .cannotTell, after: nil, reason: open.reason) }
            let wasAsked = after.judged.contains(finding.id) || after.unknowns.contains { $0.id == finding.id }
            if wasAsked { return Comparison.Entry(before: finding, outcome: .gone, after: nil, reason: nil) }
            let reason = after.noData.first { $0.probe == finding.probe }?.reason ?? "\(finding.probe) was not asked again."
            return Comparison.Entry(before: finding, outcome: .cannotTell, after: nil, reason: reason)
        }
        let earlier = Set(before.findings.map(\.key))
        return Comparison(entries: entries, appeared: later.filter { !earlier.contains($0.key) })
    }
}
