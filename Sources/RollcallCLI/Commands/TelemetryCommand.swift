internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Report
internal import Store
internal import Telemetry

/// Takes in a device's telemetry and shows a part of it.
struct TelemetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "telemetry", abstract: "What a device measured: values over time, and what happened.",
        discussion: """
            Without a metric, every series with its lowest, mean, highest and last value. A metric is a name, such as memory.available, its
            beginning, such as disk, or a name and what it is of, such as "net.received eth0". Counters are shown as steps a second.
            """)

    @Argument(help: "The device's name.")
    var device: String

    @Argument(help: "Metrics; all where none is named.")
    var metrics: [String] = []

    @Option(help: "How far back: a number and s, m, h, d or w.")
    var since = "1h"

    @Option(help: ArgumentHelp("End that long ago instead of now.", valueName: "period"))
    var until: String?

    @Flag(help: "Show what this desk has, without asking the device.")
    var stored = false

    @Flag(help: "Every value, as CSV.")
    var csv = false

    @Option(help: ArgumentHelp("Write curves to a file, as SVG.", valueName: "file"))
    var svg: String?

    @OptionGroup var options: DeskOptions

    func validate() throws {
        if csv, options.json { throw ValidationError("Give --csv or --json, not both.") }
    }

    func run() async throws {
        let span = try period(since, option: "--since")
        let ago = try until.map { try period($0, option: "--until") } ?? 0
        let database: RollcallDatabase
        let found: Device
        var lead: Int64 = 0
        if stored {
            database = try options.readableDatabase()
            found = try findDevice(device, database)
        } else {
            let desk = try await options.desk(asksProbes: false)
            database = desk.database
            found = try findDevice(device, database)
            lead = try await take(found, desk)
        }
        // The device's times are its own clock's, and so is what an hour ago was.
        let end = RollcallDatabase.systemTime() / 1_000 + lead - ago
        let history = try history(found, database, from: end - span, to: end)
        if let svg { try write(history, to: svg, from: end - span, to: end) }
        if options.json { return try printJSON(Body(history, device: found.name, from: end - span, to: end)) }
        if csv { return writeOut(history.csv { TelemetryText.subject($0) }.utf8) }
        if svg == nil { show(history, from: end - span, to: end) }
    }

    /// Takes in what is new, and says on standard error what is missing. Returns the lead of the device's clock.
    private func take(_ found: Device, _ desk: Desk) async throws -> Int64 {
        let call = try openCall(of: found, desk.database)
        let taken = try await withDevice(found) {
            do {
                return try await DeviceSession.with(found, desk: desk, call: call?.id, reason: "telemetry") {
                    try await TelemetryCollection.take(in: $0, desk: desk)
                }.result
            } catch let failure as TelemetryCollection.Failure {
                throw CommandFailure(failure, device: found.name)
            }
        }
        if taken.missedCount > 0 {
            Terminal.current.complain(
                "\(taken.missedCount) older \(taken.missedCount == 1 ? "block" : "blocks") of \(found.name) had been dropped before they were fetched."
            )
        }
        if taken.clockLead.magnitude > 60_000 {
            Terminal.current.complain(
                "The clock of \(found.name) is \(TelemetryText.span(Int64(clamping: taken.clockLead.magnitude))) \(taken.clockLead > 0 ? "ahead" : "behind"); times are its own."
            )
        }
        return taken.clockLead
    }

    private func history(_ found: Device, _ database: RollcallDatabase, from start: Int64, to end: Int64) throws -> TelemetryHistory {
        // A block earlier gives the first step of a counter.
        let blocks = try database.telemetry(device: found.id, from: start - 60_000, to: end)
        let history = TelemetryHistory(blocks, from: start, to: end) { series in
            metrics.isEmpty || metrics.contains { Self.matches($0, series) }
        }
        let known = Set(blocks.flatMap { $0.columns.dropFirst().map { TelemetryText.name($0.series) } })
        for metric in metrics where !known.isEmpty && !history.lines.contains(where: { Self.matches(metric, $0.series) }) {
            throw CommandFailure(
                .notFound, kind: "unknown-metric", "\(found.name) has no metric \"\(displayed(metric))\" in this time.",
                next: "`rollcall telemetry \(found.name)` lists those it has.")
        }
        guard !blocks.isEmpty else {
            throw CommandFailure(
                .notFound, kind: "no-telemetry", "There is no telemetry of \(found.name) in this time.",
                next: stored ? "Leave out --stored to fetch it from the device." : "Look further back with --since.")
        }
        return history
    }

    private static func matches(_ wanted: String, _ series: Series) -> Bool {
        let name = TelemetryText.name(series)
        return name == wanted || name.hasPrefix(wanted + ".") || name.hasPrefix(wanted + " ")
    }

    // MARK: Showing

    private func show(_ history: TelemetryHistory, from start: Int64, to end: Int64) {
        let terminal = Terminal.current
        let columns = max(min(terminal.width - 78, 40), 16)
        var table = TextTable(["metric", "lowest", "mean", "highest", "last", "over time"])
        for line in history.lines {
            guard let summary = line.summary, let last = line.points.last?.value else { continue }
            // What never was anything but nought says nothing unless it was asked for.
            if metrics.isEmpty, summary.lowest == 0, summary.highest == 0 { continue }
            let unit = line.description.unit
            let cells = [summary.lowest, summary.mean, summary.highest, last].map { TelemetryText.value($0, unit) }
            table.add([TelemetryText.name(line.series)] + cells + [sparkline(line.spans(columns, from: start, to: end))])
        }
        for line in table.lines(terminal) { terminal.line(line) }
        if !history.events.isEmpty {
            terminal.line()
            for event in history.events { terminal.line(TelemetryText.line(event)) }
        }
    }

    private func write(_ history: TelemetryHistory, to path: String, from start: Int64, to end: Int64) throws {
        let text = history.svg(
            title: "\(device), \(since) to \(timeText(end * 1_000))", from: start, to: end, name: { TelemetryText.name($0.series) },
            format: TelemetryText.value)
        do { try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic) } catch {
            throw CommandFailure(
                .storeFull, kind: "cannot-write", "\(displayed(path)) cannot be written.", next: "Name another file with --svg.")
        }
        Terminal.current.complain("written: \(path)")
    }

    private struct Body: Encodable {
        let device: String
        let from: Int64
        let to: Int64
        let series: [SeriesBody]
        let events: [EventBody]

        struct SeriesBody: Encodable {
            let metric: String
            let subject: String
            let unit: String
            let times: [Int64]
            let values: [Double]
        }

        struct EventBody: Encodable {
            let time: UInt64
            let kind: String
            let subject: String
            let value: Int64
            let text: String
        }

        init(_ history: TelemetryHistory, device: String, from: Int64, to: Int64) {
            (self.device, self.from, self.to) = (device, from, to)
            series = history.lines.map {
                SeriesBody(
                    metric: $0.description.name, subject: String(decoding: $0.series.subject, as: UTF8.self),
                    unit: $0.description.unit.rawValue, times: $0.points.map(\.time), values: $0.points.map(\.value))
            }
            events = history.events.map {
                EventBody(
                    time: $0.time, kind: $0.kind.name, subject: String(decoding: $0.subject, as: UTF8.self), value: $0.value,
                    text: TelemetryText.words($0))
            }
        }
    }
}
