public import Probes

/// What a device's answers come to: causes first, symptoms folded under them, and apart from them what could not be found out.
public struct Verdict: Codable, Equatable, Sendable {
    /// A finding that no other explains, with the findings that it explains.
    public struct Cause: Codable, Equatable, Sendable {
        /// The cause.
        public var finding: Finding
        /// What it explains, directly or through another symptom, most severe first.
        public var symptoms: [Finding]

        /// The worst of the cause and its symptoms.
        public var worst: Severity { symptoms.map(\.severity).reduce(finding.severity, max) }
    }

    /// A rule that could not be judged, for all its subjects or for one.
    public struct Unknown: Codable, Equatable, Sendable {
        /// Id of the rule.
        public var id: String
        /// The subject; empty where the rule could not be judged at all.
        public var subject: [NamedValue]
        /// The probe whose manifest has the rule.
        public var probe: String
        /// Why, as a sentence that is safe to show.
        public var reason: String
    }

    /// A probe that the device has nothing for: neither well nor ill.
    public struct NoData: Codable, Equatable, Sendable {
        /// The probe.
        public var probe: String
        /// Why, as a sentence.
        public var reason: String
    }

    /// Causes: by the worst of themselves and their symptoms, then by how many symptoms they explain, then by id and subject.
    public var causes: [Cause]
    /// What could not be found out, by id and subject.
    public var unknowns: [Unknown]
    /// What is not there to be asked, by probe.
    public var noData: [NoData]
    /// Ids of the rules that were judged for every subject, ascending.
    public var judged: [String]

    /// Every finding: each cause, followed by its symptoms.
    public var findings: [Finding] { causes.flatMap { [$0.finding] + $0.symptoms } }

    /// One line that is safe to show, for a ticket's subject or a list: the first cause, what it explains, and how much else there is.
    public var summary: String {
        var parts: [String] = []
        if let cause = causes.first {
            let symptoms = cause.symptoms.isEmpty ? "" : ", which explains " + Self.counted(cause.symptoms.count, "finding")
            parts.append("\(cause.finding.title) (\(cause.finding.severity.rawValue)): \(cause.finding.engineer)\(symptoms)")
        } else {
            parts.append(judged.isEmpty ? "nothing was answered" : "nothing was found")
        }
        if causes.count > 1 { parts.append(Self.counted(causes.count - 1, "other cause")) }
        if !unknowns.isEmpty { parts.append("\(unknowns.count) could not be found out") }
        return parts.joined(separator: "; ")
    }

    private static func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)" + (count == 1 ? "" : "s") }

    /// Exit code by the convention of monitoring: 2 if a finding is critical; else 1 if one is a warning; else 3 if anything could not be
    /// found out, or nothing was; else 0.
    ///
    /// What is known to be wrong outranks what is not known, and what is not known is never well. Findings of severity info, and probes
    /// that the device has nothing for, change nothing.
    public var exitCode: Int {
        switch causes.map(\.worst).max() {
        case .critical: 2
        case .warning: 1
        case .info, nil: unknowns.isEmpty && !judged.isEmpty ? 0 : 3
        }
    }

    private enum CodingKeys: String, CodingKey {
        case causes, unknowns, noData, judged, exitCode, summary
    }

    /// Writes the verdict and its exit code.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(exitCode, forKey: .exitCode)
        try container.encode(summary, forKey: .summary)
        try container.encode(causes, forKey: .causes)
        try container.encode(unknowns, forKey: .unknowns)
        try container.encode(noData, forKey: .noData)
        try container.encode(judged, forKey: .judged)
    }

    /// Reads what ``encode(to:)`` wrote.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        causes = try container.decode([Cause].self, forKey: .causes)
        unknowns = try container.decode([Unknown].self, forKey: .unknowns)
        noData = try container.decode([NoData].self, forKey: .noData)
        judged = try container.decode([String].self, forKey: .judged)
    }

    init(causes: [Cause], unknowns: [Unknown], noData: [NoData], judged: [String]) {
        self.causes = causes
        self.unknowns = unknowns
        self.noData = noData
        self.judged = judged
    }
}
