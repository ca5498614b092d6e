internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

/// Runs a remedy, and proves by asking again what it mended.
struct FixCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fix", abstract: "Run a remedy, and prove by asking again what it mended.",
        discussion: "Shows what will be done and asks; then asks the device again and compares each finding before and after.")

    @Argument(help: "The device's name.")
    var device: String

    @Argument(help: "Id of the remedy, such as storage.vacuum-journal.")
    var remedy: String?

    @Argument(help: "Parameters as name=value.")
    var parameters: [String] = []

    @Flag(help: "Take back the last remedy of the open call, or of the device without one, that can be taken back.")
    var undo = false

    @OptionGroup var urgency: UrgencyOptions

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var options: DeskOptions

    func validate() throws {
        if undo == (remedy != nil) { throw ValidationError("Name a remedy, or give --undo.") }
    }

    func run() async throws {
        let desk = try await options.desk()
        let found = try findDevice(device, desk.database)
        let values = try RollcallCLI.parameters(parameters).map { Parameter(name: Text($0.name), value: Text($0.value)) }
        let work = remedy.map { RemedyWork.remedy($0, values) } ?? .undo
        try await fix(found, work, urgency: try urgency.reason(), desk: desk, asks: !yes, json: options.json)
    }
}

/// Why something is to be done although the device may be in use.
struct UrgencyOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Do it although the device is in use; the reason goes on both records.", valueName: "reason"))
    var now: String?

    /// The reason; nil for none.
    func reason() throws(CommandFailure) -> String? { try Self.reason(now) }

    /// A reason as it was given; nil for none.
    static func reason(_ now: String?) throws(CommandFailure) -> String? {
        guard let now else { return nil }
        let reason = now.trimmingCharacters(in: .whitespacesAndNewlines)
        guard !reason.isEmpty else {
            throw CommandFailure(
                .usage, kind: "usage", "--now wants a reason.", next: "Say why it cannot wait, such as --now \"the customer agreed\".")
        }
        return reason
    }
}

extension PriorState {
    /// Why what takes a remedy back would not lead to what was before.
    fileprivate var whyNotUndone: String {
        switch self {
        case .other: ""
        case .same: "the device was so before"
        case .unknown(let reason): "how the device was before could not be found out: \(reason)"
        }
    }
}

/// What is to be done to a device.
enum RemedyWork {
    /// A remedy and its parameters.
    case remedy(String, [Parameter])
    /// The last one taken back.
    case undo
}

extension CommandFailure {
    /// That a device is in use, or that this is not known.
    init(_ use: DeviceUse, of device: String, remedy: String) {
        let reasons = use.reasons.joined(separator: "; ")
        let again = "or give --now \"REASON\", which goes on both records."
        switch use {
        case .unknown:
            self.init(
                .inUse, kind: "use-unknown", "Whether \(device) is in use could not be found out, so \(remedy) was not run: \(reasons)",
                next: "Ask the customer and look at the device, " + again)
        default:
            self.init(
                .inUse, kind: "in-use", "\(device) is in use, so \(remedy) was not run: \(reasons).",
                next: "Wait until it is idle, " + again)
        }
    }
}

/// Plans, asks, carries out and shows one remedy.
///
/// - Parameter urgency: Why it is to run although the device may be in use; nil where it is not.
/// - Throws: `.notFixed` where it ran but what it should have mended is still there or cannot be told, `.inUse` where it did not run.
func fix(_ device: Device, _ work: RemedyWork, urgency: String?, desk: Desk, asks: Bool, json: Bool) async throws {
    let terminal = Terminal.current
    let call = try openCall(of: device, desk.database)
    let run = RemedyRun(desk: desk, device: device, call: call?.id)
    let last = try desk.database.lastVerdict(device: device.id)
    let verdict = last.flatMap { try? JSONDecoder().decode(Verdict.self, from: Data($0.json.utf8)) }
    let plan: RemedyRun.Plan
    switch work {
    case .remedy(let remedy, let parameters):
        plan = try await withProbe(remedy) { try await run.plan(remedy: remedy, parameters: parameters, verdict: verdict) }
    case .undo: plan = try await run.undoPlan()
    }
    let remedy = plan.remedy
    if !json {
        let values = plan.parameters.map { " \($0.name.string)=\(displayed($0.value.string, limit: 80))" }.joined()
        terminal.line("\(terminal.styled(plan.title, .bold))\(values) on \(device.name)")
        if let undoes = plan.undoes { terminal.line("   takes back \(undoes.probe), which ran \(timeText(undoes.requestedAt))") }
        if let passedOver = plan.passedOver { terminal.line("   not what was done last: " + terminal.wrapped(passedOver, indent: 3)) }
        if let at = plan.undoes?.undoLostAt {
            terminal.line("   that was tried \(timeText(at)) already, and what came of it is not known")
        }
        terminal.line(
            "   impact \(plan.impact), at most \(plan.timeLimit / 1_000) s; for: "
                + (plan.findings.isEmpty ? "no finding of the last verdict" : plan.findings.map(\.key.description).joined(separator: ", ")))
    }
    if asks { try confirm("Do it?") }
    let result = try await withDevice(device) { try await run.carryOut(plan, urgency: urgency) }
    let accepted = try await desk.library().manifest(remedy).acceptedExitCodes
    if json {
        try printJSON(FixBody(result, device: device))
    } else {
        if result.answer != nil, result.use != .idle {
            terminal.line(
                "   " + terminal.styled("in use", .yellow) + "   "
                    + terminal.wrapped(result.use.reasons.joined(separator: "; "), indent: 12))
        }
        show(result, terminal)
        if result.canBeUndone, let undo = plan.undoTitle {
            terminal.line("   undo: rollcall fix \(device.name) --undo" + terminal.styled("   \(undo)", .faint))
        } else if result.hasRun, let prior = result.prior {
            terminal.line("   undo: none; " + terminal.wrapped(prior.whyNotUndone, indent: 9))
        }
    }
    guard let answer = result.answer else { throw CommandFailure(result.use, of: device.name, remedy: remedy) }
    if let failure = CommandFailure(answer, accepted: accepted, device: device.name) { throw failure }
    if !result.isFixed {
        throw CommandFailure(
            .notFixed, kind: "not-fixed", "\(remedy) ran on \(device.name), but not everything it should mend is known to be gone.",
            next: "Look at the list above; `rollcall diagnose \(device.name)` shows what else there is.")
    }
}

private func show(_ result: RemedyRun.Result, _ terminal: Terminal) {
    let planned = Set(result.plan.findings.map(\.key))
    for (finding, outcome) in result.outcomes {
        show(finding, outcome, after: result.evidenceAfter[finding.key], result, terminal)
    }
    for entry in result.comparison?.entries ?? [] where !planned.contains(entry.before.key) && entry.outcome == .gone {
        show(entry.before, .gone, after: result.evidenceAfter[entry.before.key], result, terminal)
    }
    for finding in result.comparison?.appeared ?? [] where !planned.contains(finding.key) {
        terminal.line("   " + terminal.styled("new", .red) + "   \(finding.key.description): \(finding.engineer)")
    }
    if result.plan.findings.isEmpty, result.isFixed {
        terminal.line("   it ran to its end; no finding of the last verdict says what it should mend")
    }
    for line in VerdictText.alarms(result.heads) { terminal.line(line) }
}

private func show(
    _ finding: Finding, _ outcome: FixRecord.Result, after: String?, _ result: RemedyRun.Result, _ terminal: Terminal
) {
    let word =
        switch outcome {
        case .gone: terminal.styled("gone", .green)
        case .still: terminal.styled("still there", .red)
        case .unknown: terminal.styled("cannot tell", .yellow)
        }
    terminal.line("   \(word)   \(finding.key.description)")
    terminal.line("          before: " + terminal.wrapped(finding.engineer, indent: 18))
    if let after { terminal.line("          after:  " + terminal.wrapped(after, indent: 18)) }
    if outcome == .unknown, let reason = result.after?.unknowns.first(where: { $0.id == finding.id })?.reason {
        terminal.line("          " + terminal.wrapped(reason, indent: 10))
    }
}

/// A remedy's result for `--json`.
private struct FixBody: Encodable {
    let device: String
    let remedy: String
    let impact: String
    let fixed: Bool
    let comparison: Comparison?
    /// `idle`, `in-use` or `unknown`, just before.
    let use: String
    let usedBy: [String]
    /// The remedy that was taken back; absent for one of its own.
    let undoes: String?
    /// The remedy that would take it back; absent where none does, or where that would not lead to what was before.
    let undo: String?
    /// Whether it changed something, as the device stood just before: `other`, `same` or `unknown`; absent where nothing says how to tell.
    let prior: String?

    init(_ result: RemedyRun.Result, device: Device) {
        self.device = device.name
        remedy = result.plan.remedy
        impact = result.plan.impact
        fixed = result.isFixed
        comparison = result.comparison
        use = result.use.word
        usedBy = result.use.reasons
        undoes = result.plan.undoes?.probe
        undo = result.canBeUndone ? result.plan.undo : nil
        prior = result.prior?.word
    }
}
