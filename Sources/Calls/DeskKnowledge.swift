internal import Diagnosis
internal import Foundation
internal import Store
internal import Telemetry
internal import Wire

extension DeskFacts {
    /// How far back telemetry counts for trends, and how old the last value may be.
    private static let (span, freshness): (Int64, Int64) = (24 * 3_600_000, 2 * 3_600_000)
    /// Values of one series that a trend is made of.
    private static let pointLimit = 512

    /// What this desk knows of the device of a session that was just opened.
    ///
    /// - Throws: `StoreError`.
    init(of session: DeviceSession, desk: Desk) throws {
        self.init()
        time = Int64(Date().timeIntervalSince1970)
        deviceTime = Int64(exactly: session.hello.clock / 1_000_000)
        (model, site) = (session.device.labels.model, session.device.labels.site)
        if !model.isEmpty {
            for expectation in try desk.database.expectations(model: model) {
                expectations[expectation.kind, default: []].append(expectation.item)
            }
        }
        // The device's own clock, by which its telemetry counts.
        let now = Int64(clamping: session.hello.clock / 1_000)
        let history = TelemetryHistory(
            try desk.database.telemetry(device: session.device.id, from: now - Self.span, to: now), from: now - Self.span, to: now)
        trends = history.lines.compactMap { line in
            guard let last = line.points.last, now - last.time <= Self.freshness else { return nil }
            let stride = max(1, line.points.count / Self.pointLimit)
            let points = line.points.enumerated().filter { $0.offset % stride == 0 || $0.offset == line.points.count - 1 }.map(\.element)
            return Trend(
                metric: line.description.name, key: String(decoding: line.series.subject, as: UTF8.self),
                hours: points.map { Double($0.time - last.time) / 3_600_000 }, values: points.map(\.value))
        }
    }
}
