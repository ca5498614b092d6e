public import Probes
internal import Wire

/// Plays recorded cases and compares what comes of them: what `rollcall probes test` and the tests run.
public struct CaseRunner: Sendable {
    /// The manifests.
    public let library: ManifestLibrary
    /// The folder they and their cases were read from.
    public let directory: String

    /// One case that was played.
    public struct Result: Equatable, Sendable {
        /// Id of the probe.
        public var probe: String
        /// Name of the case.
        public var name: String
        /// What differs from what was expected; empty where nothing does.
        public var problems: [ManifestProblem]
    }

    /// Plays the cases below `directory` by the rules of `library`.
    public init(library: ManifestLibrary, directory: String) {
        self.library = library
        self.directory = directory
    }

    /// Plays every case of a probe, by name.
    ///
    /// - Throws: ``ProbesError`` for cases that cannot be read, ``DiagnosisError`` where facts do not fit into memory.
    public func run(_ probe: String) throws -> [Result] {
        let manifest = try library.manifest(probe)
        return try ProbeCase.all(of: manifest, directory: directory).map { try run($0, manifest) }
    }

    private func run(_ probeCase: ProbeCase, _ manifest: Manifest) throws -> Result {
        let answer = probeCase.answer
        let verdict = try Diagnostician(library: library).judge([answer] + others(of: probeCase), desk: DeskFacts(probeCase.desk))
        let parsed = AnswerReader(manifest: manifest).read(answer)
        var messages: [String] = []
        let isNoData = if case .nothing = parsed.state { true } else { false }
        if probeCase.isNoData != isNoData { messages.append("no-data is \(isNoData).") }
        if !isNoData, probeCase.isComplete != (parsed.state == .complete) { messages.append("The answer is \(parsed.state).") }
        if let facts = probeCase.facts { messages += Self.differences(facts, parsed.rows, manifest) }
        let expected = probeCase.findings.map(\.line).sorted()
        let found = verdict.lines.sorted()
        messages += expected.filter { !found.contains($0) }.map { "This finding did not come: \($0)." }
        messages += found.filter { !expected.contains($0) }.map { "This finding was not expected: \($0)." }
        let unknowns = Set(verdict.unknowns.map(\.id)).sorted()
        if unknowns != probeCase.unknowns {
            let reasons = verdict.unknowns.map { "\($0.id): \($0.reason)" }.joined(separator: " ")
            messages.append("Unknown are \(unknowns), expected \(probeCase.unknowns). \(reasons)")
        }
        let problems = messages.map { ManifestProblem(file: probeCase.file, line: 1, message: $0) }
        return Result(probe: probeCase.probe, name: probeCase.name, problems: problems)
    }

    private func others(of probeCase: ProbeCase) throws -> [Answer] {
        try probeCase.others.map { other in
            let cases = try ProbeCase.all(of: try library.manifest(other.probe), directory: directory)
            guard let found = cases.first(where: { $0.name == other.name }) else {
                throw DiagnosisError(.badCase, "\(probeCase.file) names the case \(other.probe)/\(other.name), which is not there")
            }
            return found.answer
        }
    }

    private static func differences(_ facts: [[String: String]], _ rows: [[FactValue]], _ manifest: Manifest) -> [String] {
        guard facts.count == rows.count else { return ["There are \(rows.count) rows of facts, expected \(facts.count)."] }
        let columns = manifest.facts.map(\.name)
        return zip(facts, rows).enumerated().flatMap { index, pair in
            pair.0.sorted { $0.key < $1.key }.compactMap { column, text -> String? in
                guard let place = columns.firstIndex(of: column) else { return "There is no fact \(column)." }
                let value = pair.1[place] == .null ? "null" : pair.1[place].text
                return value == text ? nil : "Row \(index + 1) has \(column) \(displayed(value)), expected \(text)."
            }
        }
    }
}

extension DeskFacts {
    /// What a case says that the desk knows.
    init(_ desk: ProbeCase.Desk?) {
        self.init()
        guard let desk else { return }
        (time, deviceTime, model, site) = (desk.time, desk.deviceTime, desk.model, desk.site)
        trends = desk.trends.map { Trend(metric: $0.metric, key: $0.key, hours: $0.hours, values: $0.values) }
        expectations = desk.expectations
        contact = desk.contact.map { Contact(lastSeen: $0.lastSeen, failingSince: $0.failingSince, failure: $0.failure) }
        siblings = desk.siblings.map {
            Sibling(name: $0.name, model: $0.model, lastSeen: $0.lastSeen, lastTried: $0.lastTried, isReached: $0.isReached)
        }
    }
}

extension ProbeCase {
    /// The recording as an answer.
    var answer: Answer {
        let ending: Answer.Ending =
            switch self.ending {
            case .done(let done): .done(done)
            case .refused(let sentence): .refused(Refused(request: 1, rule: "recorded", sentence: Text(sentence)))
            }
        return Answer(probe: probe, ending: ending, output: output, errorOutput: errorOutput)
    }
}

extension ProbeCase.ExpectedFinding {
    fileprivate var line: String {
        ([id] + subject.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" } + (under.map { ["under \($0)"] } ?? []))
            .joined(separator: " ")
    }
}

extension Verdict {
    /// Each finding as a line that can be compared with an expectation.
    fileprivate var lines: [String] {
        findings.map { finding in
            let subject = finding.subject.sorted { $0.name < $1.name }.map { "\($0.name)=\(displayed($0.value.text))" }
            return ([finding.id] + subject + finding.explainedBy.prefix(1).map { "under \($0.id)" }).joined(separator: " ")
        }
    }
}
