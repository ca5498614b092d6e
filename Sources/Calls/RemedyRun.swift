internal import Catalogue
public import Diagnosis
internal import Foundation
public import Probes
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
        /// The remedy that it takes back; nil for a remedy of its own.
        public let undoes: RunRecord?
        /// Why one that ran later than `undoes` is not the one that is taken back, as a sentence without its stop; nil where none did.
        public let passedOver: String?
        /// Id of the remedy that takes it back; nil where none does.
        public let undo: String?
        /// What that does, as a heading.
        public let undoTitle: String?
    }

    /// What came of it.
    public struct Result: Sendable {
        /// The plan carried out.
        public let plan: Plan
        /// The findings' state just before, from fresh answers.
        public let before: Verdict
        /// Whether the device was in use just before by what the remedy disturbs.
        public let use: DeviceUse
        /// Whether the remedy changed something, as the device stood just before; nil where nothing says how to tell, and in an undo.
        public let prior: PriorState?
        /// The remedy's own answer; nil where it was not run, because the device was in use or that was not known.
        public let answer: Answer?
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
        /// Whether it ran to an end that its manifest accepts.
        public let hasRun: Bool
        /// Whether it can be taken back, so that the device is as it was before.
        public var canBeUndone: Bool { hasRun && plan.undo != nil && plan.undoes == nil && (prior ?? .other) == .other }
        /// How both ledgers stand to each other; nil where the device took no part in the session's end.
        public fileprivate(set) var heads: HeadJudgement?
    }

    /// What can keep a remedy from being planned; more may be added.
    public struct PlanError: Error, Sendable {
        /// Stable word for the kind.
        public let kind: String
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
        guard manifest.source != nil else {
            throw PlanError(
                kind: "asks-the-caller", sentence: "\(id) asks the caller, and mends nothing.",
                next: "`rollcall call \(device.name)` asks its questions where the device cannot be reached.")
        }
        _ = try manifest.definition?.check(parameters)
        guard manifest.impact != .observe else {
            throw PlanError(
                kind: "not-a-remedy", sentence: "\(id) only observes and mends nothing.",
                next: "Run it with `rollcall run \(device.name) \(id)`.")
        }
        return try await plan(manifest, parameters, verdict)
    }

    /// Looks up the last remedy of the call, or of the device outside one, that can be taken back and was not, and how.
    ///
    /// - Throws: ``PlanError`` where there is none, `CatalogueError` for a parameter that this catalogue does not take any more.
    public func undoPlan() async throws -> Plan {
        let library = try await desk.library()
        let undoable = library.manifests.filter { $0.undo != nil }.map(\.id)
        var passedOver: RunRecord?
        for run in try desk.database.runs(of: undoable, device: device.id, call: call) {
            guard let manifest = try? library.manifest(run.probe), let undo = manifest.undo, manifest.acceptedExitCodes.contains(run.code)
            else { continue }
            // What changed nothing is not to be taken back, and nor is what may have changed nothing.
            if !manifest.undoStates.isEmpty, run.prior != "other" {
                passedOver = passedOver ?? run
                continue
            }
            guard let remedy = try? library.manifest(undo.probe), let definition = remedy.definition
            else { continue }
            let parameters = definition.parameters.map { parameter in
                let template = undo.parameters[parameter.name.string]
                return Parameter(
                    name: parameter.name,
                    value: Text(template?.filled { column, _ in run.parameters.first { $0.name == column }?.value ?? "" } ?? ""))
            }
            _ = try definition.check(parameters)
            return try await plan(remedy, parameters, nil, undoes: run, passedOver: passedOver.map(Self.why))
        }
        throw PlanError(
            kind: "nothing-to-undo",
            sentence: "Nothing that was done to \(device.name)\(call == nil ? "" : " in this call") can be taken back"
                + (passedOver.map { "; \(Self.why($0))" } ?? "") + ".",
            next:
                "`rollcall probes show REMEDY` says whether a remedy has an undo; `rollcall audit list --device \(device.name)` what was done."
        )
    }

    /// Why what is on record of a run keeps it from being taken back.
    private static func why(_ run: RunRecord) -> String {
        run.prior == "same" ? "\(run.probe) changed nothing" : "whether \(run.probe) changed anything was not found out before it ran"
    }

    private func plan(
        _ manifest: Manifest, _ parameters: [Parameter], _ verdict: Verdict?, undoes: RunRecord? = nil, passedOver: String? = nil
    ) async throws -> Plan {
        let id = manifest.id
        let library = try await desk.library()
        let undo = try manifest.undo.map { try library.manifest($0.probe).title }
        let wanted = parameters.map { [$0.name.string, $0.value.string] }
        let findings = (verdict?.findings ?? []).filter { finding in
            finding.remedies.contains { $0.probe == id && $0.wireParameters.map { [$0.name.string, $0.value.string] } == wanted }
        }
        return Plan(
            remedy: id, title: manifest.title, impact: manifest.impact.name.string, parameters: parameters, timeLimit: manifest.timeLimit,
            findings: findings, undoes: undoes, passedOver: passedOver, undo: manifest.undo?.probe, undoTitle: undo)
    }

    /// What came of one attempt at a remedy.
    public struct Attempt: Sendable {
        /// Whether the device was in use just before by what it disturbs.
        public let use: DeviceUse
        /// Whether it changed something, as the device stood just before; nil where its manifest does not say how to tell.
        public let prior: PriorState?
        /// Its answer; nil where it was not run, because the device was in use or that was not known.
        public let answer: Answer?
        /// Whether it ran to an end that its manifest accepts.
        public let hasRun: Bool
    }

    /// Asks a device whether it is in use by what a remedy would disturb, and whether the remedy changes anything; then runs it unless the
    /// device is in use. What is about to be done is on record before the device hears of it, and what came of it after.
    ///
    /// Whether it is in use is for the desk to ask and to obey: facts and rules are the desk's. What nobody may do is the device's to refuse.
    ///
    /// - Parameters:
    ///   - session: One that ran no remedy before.
    ///   - urgency: Why it is to run although the device may be in use; nil where it is not.
    ///   - undoes: The remedy that it takes back; nil for one of its own.
    /// - Throws: ``PlanError`` where somebody took that back since it was looked up, `StoreError`, or what asking throws.
    public static func attempt(
        _ manifest: Manifest, parameters: [Parameter], in session: DeviceSession, desk: Desk, urgency: String?, undoes: RunRecord? = nil
    ) async throws -> Attempt {
        let states = undoes == nil ? manifest.undoStates : []
        let probes = Set(manifest.inUse.map(\.probe) + states.map(\.probe)).sorted()
        var (use, prior) = (DeviceUse.idle, PriorState?.none)
        if !probes.isEmpty {
            let answers = try await session.ask(probes.map { DeviceSession.Question(probe: $0) })
            let diagnostician = Diagnostician(library: try await desk.library())
            let values = parameters.map { NamedValue(name: $0.name.string, value: .text($0.value.string)) }
            let known = try DeskFacts(of: session, desk: desk)
            use = try diagnostician.use(manifest, parameters: values, answers: answers, desk: known)
            if !states.isEmpty { prior = try diagnostician.priorState(of: manifest, parameters: values, answers: answers, desk: known) }
        }
        let isLeftAlone = use != .idle && urgency == nil
        var reason = ""
        if case .unknown(let sentence) = prior { reason = sentence }
        let start = RemedyStart(
            remedy: manifest.id, parameters: parameters.map { ($0.name.string, $0.value.string) },
            use: manifest.inUse.isEmpty ? nil : (use.word, use.reasons.joined(separator: "; "), urgency),
            prior: prior.map { ($0.word, reason) }, undoes: undoes, obstacle: isLeftAlone ? use.obstacle : nil)
        do throws(StoreError) { try desk.database.recordRemedy(session: session.id, start) } catch {
            guard error.code == .wrongState, let undoes else { throw error }
            throw PlanError(
                kind: "undone-already", sentence: "\(undoes.probe) was taken back by somebody else in the meantime; nothing was done.",
                next: "`rollcall audit list --device \(session.device.name)` shows what was done.")
        }
        if isLeftAlone { return Attempt(use: use, prior: prior, answer: nil, hasRun: false) }
        let answer = try await session.ask([.init(probe: manifest.id, parameters: parameters)])[0]
        let hasRun = hasRun(answer, accepted: manifest.acceptedExitCodes)
        switch answer.ending {
        case .done: try desk.database.recordRemedyEnded(session: session.id, hasRun ? .ran : .failed)
        case .refused(let refused):
            try desk.database.recordRemedyEnded(session: session.id, .refused, detail: displayed(refused.rule.string, limit: 64))
        // Whether it ran is not known, and stays so on record.
        case .none: break
        }
        return Attempt(use: use, prior: prior, answer: answer, hasRun: hasRun)
    }

    /// Asks, runs the remedy unless the device is in use, asks again, and puts all of it on record.
    ///
    /// - Parameter urgency: Why it is to run although the device may be in use; nil where it is not.
    /// - Throws: What ``DeviceSession/open(_:desk:way:call:reason:questions:)`` throws, or `StoreError`.
    public func carryOut(_ plan: Plan, urgency: String? = nil) async throws -> Result {
        let library = try await desk.library()
        let diagnostician = Diagnostician(library: library)
        // What was taken back leaves what it had mended.
        let undone = plan.undoes.map { undone in
            library.manifests.flatMap(\.findings).filter { $0.remedies.contains { $0.probe == undone.probe } }.map(\.id)
        }
        let questions = questions(behind: plan.findings.map(\.id) + (undone ?? []), diagnostician, library)
        let remedy = try library.manifest(plan.remedy)
        let reason = (plan.undoes.map { "undo of \($0.probe)" } ?? "remedy \(plan.remedy)") + (urgency.map { ", now: \($0)" } ?? "")
        let taken = try await DeviceSession.with(
            device, desk: desk, call: call, reason: reason, questions: { questions }
        ) { session -> Result in
            let known = try DeskFacts(of: session, desk: desk)
            let before = try diagnostician.judge(try await session.firstAnswers(), desk: known)
            let attempt = try await Self.attempt(
                remedy, parameters: plan.parameters, in: session, desk: desk, urgency: urgency, undoes: plan.undoes)
            var result = Result(
                plan: plan, before: before, use: attempt.use, prior: attempt.prior, answer: attempt.answer, isFixed: attempt.hasRun,
                hasRun: attempt.hasRun)
            if !attempt.hasRun { return result }
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
    private func questions(behind findings: [String], _ diagnostician: Diagnostician, _ library: ManifestLibrary) -> [DeviceSession
        .Question]
    {
        let probes = Set(findings.flatMap { diagnostician.probes(behind: $0) })
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

extension DeviceUse {
    /// Why a remedy is left alone, as it is recorded; nil where it is not.
    fileprivate var obstacle: RemedyRecord.Outcome? {
        switch self {
        case .idle: nil
        case .inUse: .inUse
        case .unknown: .useUnknown
        }
    }
}
