internal import Calls
internal import Diagnosis
internal import Foundation
internal import Report
internal import Telemetry

/// Telemetry in words: values with their units, names of series, events.
enum TelemetryText {
    /// A value with its unit, as short as it can be read aloud.
    static func value(_ value: Double, _ unit: MetricDescription.Unit) -> String {
        switch unit {
        case .bytes, .bytesPerSecond: return bytes(value) + (unit == .bytesPerSecond ? "/s" : "")
        case .yes: return value == 0 ? "no" : "yes"
        case .number: return number(value)
        default: return number(value) + " " + unit.rawValue
        }
    }

    private static func number(_ value: Double) -> String {
        if value == value.rounded(), abs(value) < 1e15 { return String(Int64(value)) }
        return String(format: abs(value) >= 100 ? "%.0f" : abs(value) >= 10 ? "%.1f" : "%.2f", value)
    }

    private static func bytes(_ value: Double) -> String {
        var (value, index) = (value, 0)
        let units = ["B", "KiB", "MiB", "GiB", "TiB"]
        while abs(value) >= 1_024, index < units.count - 1 {
            value /= 1_024
            index += 1
        }
        return (index == 0 ? String(Int64(value.rounded())) : number((value * 10).rounded() / 10)) + " " + units[index]
    }

    /// The name of a series: metric, and what it is of; foreign bytes made harmless.
    static func name(_ series: Series) -> String {
        let name = MetricDescription(series.metric).name
        return series.subject.isEmpty ? name : name + " " + subject(series)
    }

    static func subject(_ series: Series) -> String { subject(series.subject) }

    static func subject(_ bytes: [UInt8]) -> String { displayed(String(decoding: bytes, as: UTF8.self), limit: 64) }

    /// Seconds, minutes, hours or days, as a person says them.
    static func span(_ milliseconds: Int64) -> String {
        let seconds = Double(milliseconds) / 1_000
        if seconds < 120 { return "\(number(seconds.rounded())) s" }
        if seconds < 7_200 { return "\(number((seconds / 60).rounded())) min" }
        return seconds < 172_800 ? "\(number((seconds / 3_600).rounded())) h" : "\(number((seconds / 86_400).rounded())) days"
    }

    /// An event as a line: when, what, of what.
    static func line(_ event: TelemetryEvent) -> String {
        let time = timeText(Int64(clamping: event.time).multipliedReportingOverflow(by: 1_000).partialValue)
        return "\(time)  " + words(event)
    }

    /// How a device came to start anew, and when it was seen last before.
    static func start(_ event: TelemetryEvent, lastSample: Int64? = nil) -> String {
        let lastSample = lastSample ?? event.value
        let how =
            switch subject(event.subject) {
            case "shutdown": "after a shutdown"
            case "panic": "after the kernel had panicked"
            case "watchdog": "by the watchdog: the device had hung"
            default: "without a clean shutdown: power, a hang or a reset"
            }
        if lastSample <= 0 { return how }
        return how + "; the last sample before is of " + timeText(lastSample.multipliedReportingOverflow(by: 1_000).partialValue)
    }

    /// An event in words.
    static func words(_ event: TelemetryEvent) -> String {
        let subject = subject(event.subject)
        switch event.kind {
        case .boot: return "started anew " + start(event)
        case .oomKill: return "the kernel ended \(event.value) \(event.value == 1 ? "process" : "processes") for want of memory"
        case .clockJump: return "the clock was set \(event.value < 0 ? "back" : "ahead") by \(span(Int64(clamping: event.value.magnitude)))"
        case .hot: return "\(subject) is hot: \(value(Double(event.value) / 1_000, .celsius))"
        case .lost: return "\(event.value) blocks of telemetry were lost: the disk did not take them"
        case .login: return "login that did not use the door: \(subject)"
        default: return event.kind.name + (subject.isEmpty ? "" : ": \(subject)")
        }
    }
}

extension CommandFailure {
    /// What kept a device's telemetry from being read.
    init(_ failure: TelemetryCollection.Failure, device: String) {
        switch failure {
        case .refused(let rule, let sentence):
            self.init(refusedBy: rule, sentence: displayed(sentence, limit: 600), what: "telemetry", device: device)
        case .unreadable(let reason):
            self.init(
                .noAgent, kind: "telemetry-malformed", "The telemetry of \(device) cannot be read: \(displayed(reason)).",
                next: "What was taken in before is kept; `rollcall telemetry \(device) --stored` shows it.")
        }
    }
}

/// A period such as 90s, 15m, 1h, 7d or 2w, in milliseconds.
///
/// - Throws: `.usage` naming the option.
func period(_ text: String, option: String) throws(CommandFailure) -> Int64 {
    let units: [Character: Int64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000]
    guard let unit = text.last.flatMap({ units[$0] }), let count = Int64(text.dropLast()), (1...1_000_000).contains(count) else {
        throw CommandFailure(
            .usage, kind: "usage", "\"\(displayed(text))\" is not a period.",
            next: "Give \(option) a number and s, m, h, d or w, such as 1h.")
    }
    return count * unit
}
