internal import Calls
internal import Diagnosis
internal import Report
internal import Telemetry

/// How a device went down and what the minutes before showed, in words.
struct RebootText {
    private let reboot: Reboot

    init(_ reboot: Reboot) { self.reboot = reboot }

    /// One line on how and when, one on what was measured before, one for each thing that happened before.
    var lines: [String] {
        var lines = [
            "It has started anew since this desk last saw it, " + TelemetryText.start(reboot.event, lastSample: reboot.lastSample)
                + "; back at "
                + timeText(Int64(clamping: reboot.event.time).multipliedReportingOverflow(by: 1_000).partialValue) + "."
        ]
        let end = reboot.before.map { Int64(clamping: $0.lastTime) }.max() ?? 0
        if end > 0 { lines += LastMinutesText(blocks: reboot.before, end: end).lines }
        return lines
    }
}

/// What the last minutes of a device's telemetry showed, in words.
struct LastMinutesText {
    /// In the order in which they came about.
    let blocks: [TelemetryBlock]
    /// When the last sample was taken, milliseconds UTC by the device's clock.
    let end: Int64

    /// Milliseconds before the last sample that are told of.
    private static let span: Int64 = 600_000
    /// What may say why: metric, and whether a high value is the bad one.
    private static let telling: [(Metric, isHighBad: Bool)] = [
        (.memoryAvailable, false), (.swapFree, false), (.load1, true), (.pressureMemoryFull, true), (.pressureDiskFull, true),
        (.spaceAvailable, false), (.temperature, true), (.charge, false), (.supply, false), (.tasksBlocked, true),
    ]

    /// A line on what was measured, one for each thing that happened.
    var lines: [String] {
        var lines: [String] = []
        let history = TelemetryHistory(blocks, from: max(end, Self.span) - Self.span, to: end)
        let measured = Self.telling.compactMap { metric, isHighBad -> String? in
            // Of several disks or sensors the one that was worst at the end.
            let candidates = history.lines.filter { $0.series.metric == metric && !$0.points.isEmpty }
            func last(_ line: TelemetryHistory.Line) -> Double { line.points.last?.value ?? 0 }
            guard let line = candidates.max(by: { isHighBad ? last($0) < last($1) : last($0) > last($1) }),
                let first = line.points.first?.value, let summary = line.summary, summary.highest != 0
            else { return nil }
            let unit = line.description.unit
            return "\(TelemetryText.name(line.series)) \(TelemetryText.value(first, unit)) to \(TelemetryText.value(last(line), unit))"
        }
        if !measured.isEmpty { lines.append("In the last minutes before: " + measured.joined(separator: ", ") + ".") }
        for event in history.events where ![.agentStarted, .agentStopped].contains(event.kind) {
            lines.append("Before that: " + TelemetryText.line(event))
        }
        return lines
    }
}
