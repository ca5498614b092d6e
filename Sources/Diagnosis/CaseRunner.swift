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

    /// Plays every case of a probe, by name; one that has mistakes itself is not played, and they are its problems.
    ///
    /// - Returns: Nothing for a probe without cases.
    /// - Throws: ``ProbesError`` for a folder that cannot be read, ``DiagnosisError`` where facts do not fit into memory.
    public func run(_ probe: String) throws -> [Result] {
        let manifest = try library.manifest(probe)
        return try ProbeCase.read(of: manifest, directory: directory).map { reading in
            var problems = reading.problems
            if let probeCase = reading.probeCase {
                problems += library.mistakes(in: probeCase, directory: directory)
                if problems.isEmpty { problems = try differences(probeCase, manifest) }
            }
            return Result(probe: manifest.id, name: reading.name, problems: problems)
        }
    }

    private func differences(_ probeCase: ProbeCase, _ manifest: Manifest) throws -> [ManifestProblem] {
        let answer = probeCase.answer
        let verdict = try Diagnostician(library: library).judge([answer] + others(of: probeCase), desk: DeskFacts(probeCase.desk))
        let parsed = AnswerReader(manifest: manifest).read(answer)
        var problems: [ManifestProblem] = []
        func report(_ line: Int, _ message: String) {
            problems.append(ManifestProblem(file: probeCase.file, line: line, message: message))
        }
        if let message = Self.difference(probeCase, parsed.state, manifest) { report(message.line, message.text) }
        if let facts = probeCase.facts {
            for (row, message) in Self.differences(facts, parsed.rows, manifest) {
                report(row.map(probeCase.line(ofRow:)) ?? probeCase.line(of: "facts"), message)
            }
        }
        let found = verdict.lines.sorted()
        let expected = Set(probeCase.findings.map(\.words))
        for finding in probeCase.findings where !found.contains(finding.words) {
            report(finding.line, "This finding did not come: \(finding.words).")
        }
        for finding in found where !expected.contains(finding) {
            report(probeCase.line(of: "findings"), "This finding was not expected: \(finding).")
        }
        let unknowns = Set(verdict.unknowns.map(\.id))
        for id in unknowns.subtracting(probeCase.unknowns).sorted() {
            let reasons = Set(verdict.unknowns.filter { $0.id == id }.map(\.reason)).sorted().joined(separator: " ")
            report(probeCase.line(of: "unknown"), "\(id) is unknown: \(reasons) Where that is right, name it in unknown.")
        }
        for id in probeCase.unknowns where !unknowns.contains(id) {
            report(probeCase.line(of: "unknown"), "\(id) is not unknown.")
        }
        return problems.sorted { ($0.line, $0.message) < ($1.line, $1.message) }
    }

    /// How the state of the answer differs from what was expected; nil where it does not.
    private static func difference(_ probeCase: ProbeCase, _ state: TableState, _ manifest: Manifest) -> (line: Int, text: String)? {
        switch state {
        case .nothing(let reason):
            if probeCase.isNoData { return nil }
            return (probeCase.line(of: "no-data"), "There is no data: \(reason). Where that is right, say no-data: true.")
        case _ where probeCase.isNoData:
            return (probeCase.line(of: "no-data"), "There is data; no-data: true is not right.")
        case .incomplete(let reason) where probeCase.isComplete:
            return (
                probeCase.line(of: "complete"),
                "The answer is not complete: \(manifest.id) \(reason). Where that is right, say complete: false."
            )
        case .complete where !probeCase.isComplete:
            return (probeCase.line(of: "complete"), "The answer is complete; complete: false is not right.")
        default: return nil
        }
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

    /// What differs, each with its row, from 0, where it is of one.
    private static func differences(
        _ facts: [[String: String]], _ rows: [[FactValue]], _ manifest: Manifest
    ) -> [(row: Int?, message: String)] {
        guard facts.count == rows.count else {
            return [(nil, "There are \(rows.count) rows of facts, expected \(facts.count).")]
        }
        let columns = manifest.facts.map(\.name)
        return zip(facts, rows).enumerated().flatMap { index, pair in
            pair.0.sorted { $0.key < $1.key }.compactMap { column, text -> (Int?, String)? in
                guard let place = columns.firstIndex(of: column) else { return (index, "There is no fact \(column).") }
                let value = pair.1[place] == .null ? "null" : pair.1[place].text
                return value == text ? nil : (index, "Row \(index + 1) has \(column) \(displayed(value)), expected \(text).")
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
    fileprivate var words: String {
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
