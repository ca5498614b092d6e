internal import Catalogue
public import Diagnosis
internal import Foundation
internal import Probes
public import Store
public import Wire

/// One remedy against the findings that name it: asked before, done, and asked again.
///
/// What it mended is decided by asking again what each finding came from, by id and subject; an answer that did not come is never taken
/// for a mended device.
public struct RemedyRun: Sendable {
    /// What is about to be done, for a person to agree to.
    public struct Plan: Sendable {
        /// Id of the remedy's probe.
        public let remedy: String
        /// What it does, as a heading.
        public let title: String
        /// `disturb` or `change`.
        public let impact: String
        /// Its parameters.
        public let parameters: [Parameter]
        /// Wall time it may take, milliseconds.
        public let timeLimit: UInt64
        /// Findings of the call's last verdict that name it, or would be gone with it; empty where none does.
        public let findings: [Finding]
    }

    /// What came of it.
    public struct Result: Sendable {
        /// The plan carried out.
        public let plan: Plan
        /// The findings' state just before, from fresh answers.
        public let before: Verdict
        /// The remedy's own answer.
        public let answer: Answer
        /// The state just after; nil where the remedy did not run, or nothing was to be asked again.
        public fileprivate(set) var after: Verdict?
        /// What became of each finding that was there just before.
        public fileprivate(set) var comparison: Comparison?
        /// What became of each finding that the plan names, in its order, whether or not it could be seen just before.
        public fileprivate(set) var outcomes: [(finding: Finding, result: FixRecord.Result)] = []
        /// How the evidence of each finding reads now, whether or not it is still a finding.
        public fileprivate(set) var evidenceAfter: [FindingKey: String] = [:]
        /// Whether the remedy ran to an accepted end, and every finding that names it is gone.
        public fileprivate(set) var isFixed: Bool
        /// How both ledgers stand to each other; nil where the device took no part in the session's end.
        public fileprivate(set) var heads: HeadJudgement?
    }

    /// What can keep a remedy from being planned; more may be added.
    public struct PlanError: Error, Sendable {
        /// One sentence for a person.
        public let sentence: String
        /// What to do next, one sentence.
        public let next: String
    }

    private let desk: Desk
    private let device: Device
    private let call: String?

    /// Works on `device`, within a call or outside one.
    public init(desk: Desk, device: Device, call: String?) {
        self.desk = desk
        self.device = device
        self.call = call
    }

    /// Looks up a remedy and checks its parameters, as the device will.
    ///
    /// - Throws: `ProbesError` (unknown), `CatalogueError` (a parameter), ``PlanError`` (it changes nothing).
    public func plan(remedy id: String, parameters: [Parameter], verdict: Verdict?) async throws -> Plan {
        let manifest = try await desk.library().manifest(id)
        _ = try manifest.definition?.check(parameters)
        guard manifest.impact != .observe else {
            throw PlanError(sentence: "\(id) only observes and mends nothing.", next: "Run it with `rollcall run \(device.name) \(id)`.")
        }
        let wanted = parameters.map { [$0.name.string, $0.value.string] }
        let findings = (verdict?.findings ?? []).filter { finding in
            finding.remedies.contains { $0.probe == id && $0.wireParameters.map { [$0.name.string, $0.value.string] } == wanted }
        }
        return Plan(
            remedy: id, title: manifest.title, impact: manifest.impact.name.string, parameters: parameters, timeLimit: manifest.timeLimit,
            findings: findings)
    }

    /// Asks, runs the remedy, asks again, and puts all of it on record.
    ///
    /// - Throws: What ``DeviceSession/open(_:desk:way:call:reason:questions:)`` throws, or `StoreError`.
    public func carryOut(_ plan: Plan) async throws -> Result {
        let library = try await desk.library()
        let diagnostician = Diagnostician(library: library)
        let questions = questions(behind: plan.findings, diagnostician, library)
        let accepted = try library.manifest(plan.remedy).acceptedExitCodes
        let taken = try await DeviceSession.with(
            device, desk: desk, call: call, reason: "remedy \(plan.remedy)", questions: { questions }
        ) { session -> Result in
            let known = try DeskFacts(of: session, desk: desk)
            let before = try diagnostician.judge(try await session.firstAnswers(), desk: known)
            let answer = try await session.ask([.init(probe: plan.remedy, parameters: plan.parameters)])[0]
            var result = Result(plan: plan, before: before, answer: answer, isFixed: false)
            guard Self.hasRun(answer, accepted: accepted) else { return result }
            result.isFixed = true
            if questions.isEmpty { return result }
            let answersAfter = try await session.ask(questions)
            let after = try diagnostician.judge(answersAfter, desk: known)
            result.after = after
            result.comparison = Verdict.compare(before: before, after: after)
            result.evidenceAfter = diagnostician.evidence(for: plan.findings + before.findings, in: answersAfter, desk: known)
            result.outcomes = plan.findings.map { ($0, Self.outcome(of: $0.key, in: after)) }
            result.isFixed = result.outcomes.allSatisfy { $0.result == .gone }
            try record(result, session: session)
            return result
        }
        var result = taken.result
        result.heads = taken.parting?.judgement
        return result
    }

    /// What became of a finding, by a later verdict. Gone is only what its rule, judged again, does not find.
    public static func outcome(of key: FindingKey, in after: Verdict) -> FixRecord.Result {
        if after.findings.contains(where: { $0.key == key }) { return .still }
        let isOpen = after.unknowns.contains { $0.id == key.id && ($0.subject.isEmpty || $0.subject == key.subject) }
        let wasJudged = after.judged.contains(key.id) || after.unknowns.contains { $0.id == key.id }
        return wasJudged && !isOpen ? .gone : .unknown
    }

    /// What to ask so that every finding can be judged again, folding included.
    private func questions(behind findings: [Finding], _ diagnostician: Diagnostician, _ library: ManifestLibrary) -> [DeviceSession
        .Question]
    {
        let probes = Set(findings.flatMap { diagnostician.probes(behind: $0.id) })
        return library.diagnosisProbes.filter { probes.contains($0.id) }.map { DeviceSession.Question(probe: $0.id) }
    }

    /// Whether the remedy's program ran to an end that its manifest accepts.
    private static func hasRun(_ answer: Answer, accepted: [UInt64]) -> Bool {
        guard case .done(let done) = answer.ending else { return false }
        return done.ending == .exited && accepted.contains(done.code)
    }

    /// Records what became of each finding that names the remedy, unless it was gone before the remedy ran.
    private func record(_ result: Result, session: DeviceSession) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let parameters = String(
            decoding: try encoder.encode(result.plan.parameters.map { [$0.name.string, $0.value.string] }), as: UTF8.self)
        for (finding, outcome) in result.outcomes where Self.outcome(of: finding.key, in: result.before) != .gone {
            let subject = String(decoding: try encoder.encode(finding.subject), as: UTF8.self)
            _ = try desk.database.recordFix(
                device: device.id, session: session.id, call: call,
                FixRecord.Attempt(
                    finding: finding.id, subject: subject, remedy: result.plan.remedy, parameters: parameters, result: outcome))
        }
    }
}
