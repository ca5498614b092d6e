internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Store

/// Asks every device of a selection the same questions.
struct SweepCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep", abstract: "Ask every device of a selection the same questions; every one ends in exactly one state.",
        discussion: "Exits with the worst of all: 0 all healthy, 1 a warning, 2 something critical, 3 something could not be found out.")

    @OptionGroup var selection: SelectionOptions

    @Option(help: "Visits under way at once.")
    var concurrency = 64

    @Option(help: "Start no further visit after so many that went wrong.")
    var stopAfter: Int?

    @Flag(help: "Visit the first device alone, and the rest only if that went well.")
    var canary = false

    @OptionGroup var options: DeskOptions

    func validate() throws {
        guard (1...1_024).contains(concurrency) else { throw ValidationError("--concurrency is 1 to 1024.") }
        if let stopAfter, stopAfter < 1 { throw ValidationError("--stop-after is at least 1.") }
    }

    func run() async throws {
        let desk = try await options.desk()
        let devices = try desk.database.devices(selection.selection).filter { $0.name != ThisMachine.name }
        guard !devices.isEmpty else {
            throw CommandFailure(
                .notFound, kind: "no-devices", "No device matches \(displayed(selection.words)).",
                next: "`rollcall device list` shows those there are.")
        }
        let terminal = Terminal.current
        let sweep = FleetSweep(
            desk: desk, plan: BoundedSweep(concurrency: concurrency, errorLimit: stopAfter, startsWithCanary: canary))
        let result = try await sweep.run(devices, selection: selection.words) { target in
            guard !options.json else { return }
            terminal.line(
                target.device.name.padding(toLength: 24, withPad: " ", startingAt: 0) + " "
                    + styled(target.state, terminal) + "  " + displayed(target.detail, limit: 100))
        }
        // A desk that never packed a roster has nothing to compare with.
        let isKept = try !desk.database.rosters().isEmpty
        let drifting = isKept ? try DriftText.drifting(try desk.database.devices(selection.selection), desk.database) : []
        if options.json {
            try printJSON(SweepBody(result.record, result.targets, drifting))
        } else {
            let sums = SweepRecord.State.allCases.compactMap { state in result.record.sums[state].map { "\($0) \(state.rawValue)" } }
            terminal.line(
                terminal.styled("\(result.record.targetCount) \(result.record.targetCount == 1 ? "device" : "devices"): ", .bold)
                    + sums.joined(separator: ", "))
            if !drifting.isEmpty {
                terminal.line(
                    "\(drifting.count) of them \(drifting.count == 1 ? "lets" : "let") in whom the newest roster does not, or may: rollcall device list --drift"
                )
            }
        }
        exitProcess(Self.exitCode(result.targets))
    }

    private func styled(_ state: SweepRecord.State, _ terminal: Terminal) -> String {
        let text = state.rawValue.padding(toLength: 16, withPad: " ", startingAt: 0)
        switch state {
        case .healthy: return terminal.styled(text, .green)
        case .degraded, .skipped, .cancelled: return terminal.styled(text, .yellow)
        default: return terminal.styled(text, .red)
        }
    }

    /// Critical outranks warning, and what could not be found out is never well.
    private static func exitCode(_ targets: [FleetSweep.Target]) -> Int32 {
        let codes = targets.map { $0.exitCode ?? 3 }
        if codes.contains(2) { return 2 }
        if codes.contains(1) { return 1 }
        return codes.contains(3) ? 3 : 0
    }
}

/// A sweep for `--json`.
private struct SweepBody: Encodable {
    let id: String
    let targetCount: Int
    let sums: [String: Int]
    let targets: [Target]
    let drifting: [DriftBody]

    struct Target: Encodable {
        let device: String
        let state: String
        let detail: String
        let exitCode: Int?
    }

    init(_ record: SweepRecord, _ targets: [FleetSweep.Target], _ drifting: [RosterDrift]) {
        self.drifting = drifting.map(DriftBody.init)
        id = record.id
        targetCount = record.targetCount
        sums = Dictionary(uniqueKeysWithValues: record.sums.map { ($0.key.rawValue, $0.value) })
        self.targets = targets.map {
            Target(device: $0.device.name, state: $0.state.rawValue, detail: displayed($0.detail), exitCode: $0.exitCode)
        }
    }
}
