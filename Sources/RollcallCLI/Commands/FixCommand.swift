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
    var remedy: String

    @Argument(help: "Parameters as name=value.")
    var parameters: [String] = []

    @Flag(help: "Do not ask.")
    var yes = false

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let desk = try await options.desk()
        let found = try findDevice(device, desk.database)
        let values = try RollcallCLI.parameters(parameters).map { Parameter(name: Text($0.name), value: Text($0.value)) }
        try await fix(found, remedy: remedy, parameters: values, desk: desk, asks: !yes, json: options.json)
    }
}

/// Plans, asks, carries out and shows one remedy.
///
/// - Throws: `.notFixed` where it ran but what it should have mended is still there or cannot be told.
func fix(_ device: Device, remedy: String, parameters: [Parameter], desk: Desk, asks: Bool, json: Bool) async throws {
    let terminal = Terminal.current
    let call = try openCall(of: device, desk.database)
    let run = RemedyRun(desk: desk, device: device, call: call?.id)
    let last = try desk.database.lastVerdict(device: device.id)
    let verdict = last.flatMap { try? JSONDecoder().decode(Verdict.self, from: Data($0.json.utf8)) }
    let plan = try await withProbe(remedy) { try await run.plan(remedy: remedy, parameters: parameters, verdict: verdict) }
    if !json {
        terminal.line("\(terminal.styled(plan.title, .bold)) on \(device.name)")
        terminal.line(
            "   impact \(plan.impact), at most \(plan.timeLimit / 1_000) s; for: "
                + (plan.findings.isEmpty ? "no finding of the last verdict" : plan.findings.map(\.key.description).joined(separator: ", ")))
    }
    if asks { try confirm("Do it?") }
    let result = try await withDevice(device) { try await run.carryOut(plan) }
    let accepted = try await desk.library().manifest(remedy).acceptedExitCodes
    if json { try printJSON(FixBody(result, device: device)) } else { show(result, terminal) }
    if let failure = CommandFailure(result.answer, accepted: accepted, device: device.name) { throw failure }
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

    init(_ result: RemedyRun.Result, device: Device) {
        self.device = device.name
        remedy = result.plan.remedy
        impact = result.plan.impact
        fixed = result.isFixed
        comparison = result.comparison
    }
}
