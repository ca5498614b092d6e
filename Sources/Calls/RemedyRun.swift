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
        /// The state just after; nil where the remedy did not run.
        public let after: Verdict?
        /// What became of each finding that was there before.
        public let comparison: Comparison?
        /// How the evidence of each finding reads now, whether or not it is still a finding.
        public let evidenceAfter: [FindingKey: String]
        /// Whether the remedy ran to an accepted end, and every finding that names it is gone.
        public let isFixed: Bool
        /// How both ledgers stand to each other.
        public let heads: HeadJudgement?
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
    public func plan(remedy id: String, parameters: [Parameter], verdict: Verdict?) throws -> Plan {
        let manifest = try desk.library.manifest(id)
        _ = try manifest.definition.check(parameters)
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
        let diagnostician = Diagnostician(library: desk.library)
        let questions = questions(behind: plan.findings, diagnostician)
        let session = try await DeviceSession.open(
            device, desk: desk, call: call, reason: "remedy \(plan.remedy)", questions: questions)
        do {
            let before = try diagnostician.judge(try await session.firstAnswers())
            let answer = try await session.ask([.init(probe: plan.remedy, parameters: plan.parameters)])[0]
            let hasRun = Self.hasRun(answer, accepted: try desk.library.manifest(plan.remedy).acceptedExitCodes)
            guard hasRun, !questions.isEmpty else {
                let parting = try? await session.end()
                return Result(
                    plan: plan, before: before, answer: answer, after: nil, comparison: nil, evidenceAfter: [:],
                    isFixed: hasRun && questions.isEmpty, heads: parting?.judgement)
            }
            let answersAfter = try await session.ask(questions)
            let after = try diagnostician.judge(answersAfter)
            let comparison = Verdict.compare(before: before, after: after)
            let isFixed = try record(comparison, plan: plan, session: session)
            let parting = try? await session.end()
            return Result(
                plan: plan, before: before, answer: answer, after: after, comparison: comparison,
                evidenceAfter: diagnostician.evidence(for: before.findings, in: answersAfter), isFixed: isFixed, heads: parting?.judgement)
        } catch {
            _ = try? await session.end()
            throw error
        }
    }

    /// What to ask so that every finding can be judged again, folding included.
    private func questions(behind findings: [Finding], _ diagnostician: Diagnostician) -> [DeviceSession.Question] {
        let probes = Set(findings.flatMap { diagnostician.probes(behind: $0.id) })
        return desk.library.diagnosisProbes.filter { probes.contains($0.id) }.map { DeviceSession.Question(probe: $0.id) }
    }

    /// Whether the remedy's program ran to an end that its manifest accepts.
    private static func hasRun(_ answer: Answer, accepted: [UInt64]) -> Bool {
        guard case .done(let done) = answer.ending else { return false }
        return done.ending == .exited && accepted.contains(done.code)
    }

    /// Records what became of each finding that names the remedy; true if all of them are gone.
    private func record(_ comparison: Comparison, plan: Plan, session: DeviceSession) throws -> Bool {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let parameters = String(
            decoding: try encoder.encode(plan.parameters.map { [$0.name.string, $0.value.string] }), as: UTF8.self)
        let keys = Set(plan.findings.map(\.key))
        var isFixed = true
        for entry in comparison.entries where keys.contains(entry.before.key) {
            let result: FixRecord.Result =
                switch entry.outcome {
                case .gone: .gone
                case .stillThere: .still
                case .cannotTell: .unknown
                }
            if result != .gone { isFixed = false }
            let subject = String(decoding: try encoder.encode(entry.before.subject), as: UTF8.self)
            _ = try desk.database.recordFix(
                device: device.id, session: session.id, call: call,
                FixRecord.Attempt(finding: entry.before.id, subject: subject, remedy: plan.remedy, parameters: parameters, result: result))
        }
        return isFixed
    }
}
