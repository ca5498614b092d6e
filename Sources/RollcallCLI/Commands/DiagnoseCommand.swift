internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store

/// Asks a device everything, and says what is wrong.
struct DiagnoseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "diagnose", abstract: "Ask a device everything, and say what is wrong.",
        discussion: "Exits with the monitoring convention: 0 ok, 1 warning, 2 critical, 3 unknown.")

    @Argument(help: "The device's name.")
    var device: String?

    @Flag(help: "Judge this very machine: no root, no sshd, no enrolment.")
    var here = false

    @Flag(help: "Show every rule that fired, with the row it saw.")
    var explain = false

    @Flag(help: "As Markdown, for a ticket.")
    var markdown = false

    @OptionGroup var caller: CallerOptions
    @OptionGroup var options: DeskOptions

    func validate() throws {
        if here == (device != nil) { throw ValidationError("Name a device, or give --here.") }
        if [explain, markdown, options.json].count(where: { $0 }) > 1 {
            throw ValidationError("Give one of --explain, --markdown and --json.")
        }
    }

    func run() async throws {
        if here {
            let machine = try await ThisMachine.open(options)
            let diagnosis = try await withDevice(machine.device) {
                try await DeviceDiagnosis.run(machine.device, desk: machine.desk, way: machine.way, reason: "diagnose --here")
            }
            try await show(diagnosis, of: machine.device, machine.desk, call: nil)
        }
        let desk = try await options.desk()
        let found = try findDevice(device ?? "", desk.database)
        let call = try openCall(of: found, desk.database)
        let replies = try await caller.replies(to: desk.library().callerProbes(model: found.labels.model))
        let diagnosis: DeviceDiagnosis
        do {
            diagnosis = try await DeviceDiagnosis.run(
                found, desk: desk, call: call?.id, reason: call.map { "call: \($0.symptom)" } ?? "diagnose")
        } catch {
            _ = try await attend(found, failedWith: error, desk: desk, call: call?.id, replies: replies, json: options.json)
            throw CommandFailure(error, device: found) ?? error
        }
        replies.sayUnused(of: found)
        try await show(diagnosis, of: found, desk, call: call?.id)
    }

    private func show(_ diagnosis: DeviceDiagnosis, of device: Device, _ desk: Desk, call: String?) async throws -> Never {
        if markdown {
            writeOut(VerdictMarkdown(device: device).text(diagnosis).utf8)
            exitProcess(Int32(diagnosis.verdict.exitCode))
        }
        if explain {
            printVerdict(diagnosis, device: device, desk: desk)
            let explanation = VerdictExplanation(library: try await desk.library())
            for line in explanation.lines(diagnosis.verdict, .current) { Terminal.current.line(line) }
            exitProcess(Int32(diagnosis.verdict.exitCode))
        }
        try RollcallCLI.show(diagnosis, device: device, desk: desk, call: call, json: options.json)
    }
}

/// Prints a diagnosis and exits as it says.
func show(_ diagnosis: DeviceDiagnosis, device: Device, desk: Desk, call: String?, json: Bool) throws -> Never {
    if json {
        try printJSON(DiagnosisBody(diagnosis, device: device, call: call))
    } else {
        printVerdict(diagnosis, device: device, desk: desk)
    }
    exitProcess(Int32(diagnosis.verdict.exitCode))
}

/// Ends the process with a verdict's exit code.
func exitProcess(_ code: Int32) -> Never { Foundation.exit(code) }

/// Prints a diagnosis for people.
func printVerdict(_ diagnosis: DeviceDiagnosis, device: Device, desk: Desk) {
    let model = device.labels.model.isEmpty ? nil : device.labels.model
    let text = VerdictText(terminal: .current, device: device) { finding in
        (try? desk.database.remedyHistory(finding: finding, model: model, window: avoidanceWindow)) ?? []
    }
    for line in text.lines(diagnosis) { Terminal.current.line(line) }
    let seconds = Double(diagnosis.timing.total.milliseconds) / 1_000
    Terminal.current.line(
        Terminal.current.styled(
            "\(diagnosis.verdict.judged.count) rules judged in \(seconds.formatted(.number.precision(.fractionLength(2)))) s", .faint))
}

/// How long an avoided roll is provisional, and a remedy must hold.
let avoidanceWindow = Duration.seconds(14 * 86_400)

/// The device's open call, if there is exactly one.
func openCall(of device: Device, _ database: RollcallDatabase) throws -> SupportCall? {
    let calls = try database.calls(CallSelection(device: device.id, isOpen: true, limit: 2))
    return calls.count == 1 ? calls[0] : nil
}
