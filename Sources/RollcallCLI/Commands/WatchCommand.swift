internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Report
internal import Store
internal import Telemetry

/// Shows a device's values as they come.
struct WatchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "watch", abstract: "Watch a device live, with sparklines; Control-C ends it.")

    @Argument(help: "The device's name.")
    var device: String

    @Argument(help: "Metrics; a choice of them where none is named.")
    var metrics: [String] = []

    @Option(help: "Time between samples: a number and s or m, 1s at least.")
    var every = "2s"

    @Option(help: ArgumentHelp("End after so many samples.", valueName: "n"))
    var count: Int?

    @OptionGroup var options: DeskOptions

    /// What one looks at first.
    private static let choice = [
        "load.1", "cpu.user", "cpu.system", "cpu.wait", "memory.available", "swap.free", "pressure", "disk.busy", "disk.read",
        "disk.written",
        "net.received", "net.sent", "net.receive-errors", "tcp.retransmits", "space.available", "temperature", "battery.charge",
    ]
    private static let historyCount = 40

    func run() async throws {
        let interval = try period(every, option: "--every")
        if let count, count < 1 {
            throw CommandFailure(.usage, kind: "usage", "--count wants a number from 1.", next: "Leave it out to watch on.")
        }
        let desk = try await options.desk(asksProbes: false)
        let found = try findDevice(device, desk.database)
        let call = try openCall(of: found, desk.database)
        // An interrupt ends the watch and not the process, so that both ledgers say that the session was closed.
        signal(SIGINT, SIG_IGN)
        let interrupt = DispatchSource.makeSignalSource(signal: SIGINT, queue: .global())
        try await withDevice(found) {
            do {
                _ = try await DeviceSession.with(found, desk: desk, call: call?.id, reason: "watch") { session in
                    let watching = Task { try await watch(session, found, every: interval) }
                    interrupt.setEventHandler { watching.cancel() }
                    interrupt.activate()
                    do { try await watching.value } catch is CancellationError {}
                }
            } catch let failure as TelemetryCollection.Failure {
                throw CommandFailure(failure, device: found.name)
            }
        }
        interrupt.cancel()
    }

    private func watch(_ session: DeviceSession, _ found: Device, every interval: Int64) async throws {
        let isLive = Terminal.current.hasColour && !options.json
        var blocks: [TelemetryBlock] = []
        var seen: [TelemetryEvent] = []
        var round = 0
        while count.map({ round < $0 }) ?? true {
            // A sample that is under way is waited for: a cancelled exchange would break the session.
            let block = try await Task { try await TelemetryCollection.now(in: session) }.value
            try Task.checkCancellation()
            round += 1
            blocks = (blocks + [block]).suffix(Self.historyCount)
            let news = round == 1 ? [] : block.events.filter { !seen.contains($0) }
            seen = block.events
            var history = TelemetryHistory(blocks.map { Self.evenly($0, every: interval) }) { wants($0) }
            history.drop(allZero: metrics.isEmpty)
            if options.json {
                try printLine(history, news, block)
            } else {
                show(history, news, found, isLive: isLive, isFirst: round == 1)
            }
            if count == round { break }
            try await Task.sleep(for: .milliseconds(interval))
        }
    }

    /// The block with the interval at which it was asked for, which decides how long a counter's step may take.
    private static func evenly(_ block: TelemetryBlock, every interval: Int64) -> TelemetryBlock {
        var block = block
        block.interval = max(UInt64(interval), block.interval)
        return block
    }

    private func wants(_ series: Series) -> Bool {
        let name = TelemetryText.name(series)
        return (metrics.isEmpty ? Self.choice : metrics).contains { name == $0 || name.hasPrefix($0 + ".") || name.hasPrefix($0 + " ") }
    }

    private func show(_ history: TelemetryHistory, _ news: [TelemetryEvent], _ found: Device, isLive: Bool, isFirst: Bool) {
        let terminal = Terminal.current
        var table = TextTable(["metric", "now", "highest", "over time"])
        for line in history.lines {
            guard let last = line.points.last?.value, let highest = line.summary?.highest else { continue }
            let unit = line.description.unit
            table.add([
                TelemetryText.name(line.series), TelemetryText.value(last, unit), TelemetryText.value(highest, unit),
                sparkline(line.points.map(\.value)),
            ])
        }
        // On a terminal the table is drawn over the one before.
        if isLive { terminal.line("\u{1B}[H\u{1B}[J" + terminal.styled(found.name, .bold)) }
        for event in news { terminal.line(TelemetryText.line(event)) }
        for line in table.lines(terminal) { terminal.line(line) }
        if !isLive { terminal.line() }
        if isFirst { terminal.line(terminal.styled("rates come with the second sample", .faint)) }
    }

    private func printLine(_ history: TelemetryHistory, _ news: [TelemetryEvent], _ block: TelemetryBlock) throws {
        struct Body: Encodable {
            let time: Int64
            let values: [String: Double]
            let events: [String]
        }
        let values = history.lines.compactMap { line in line.points.last.map { (TelemetryText.name(line.series), $0.value) } }
        let body = Body(
            time: block.times.last ?? 0, values: Dictionary(values, uniquingKeysWith: { first, _ in first }),
            events: news.map(TelemetryText.words))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        Terminal.current.line(plainJSON(String(decoding: try encoder.encode(body), as: UTF8.self)))
    }
}
