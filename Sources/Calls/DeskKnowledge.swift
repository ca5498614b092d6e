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
        // The device's own clock, by which its telemetry counts.
        try learn(of: session.device, desk: desk, telemetryUntil: Int64(clamping: session.hello.clock / 1_000))
    }

    /// What this desk knows of a device that cannot be reached; its telemetry counts by the last that came.
    ///
    /// - Throws: `StoreError`.
    init(of unreachable: UnreachableDevice, desk: Desk) throws {
        self.init()
        time = Int64(Date().timeIntervalSince1970)
        contact = Contact(
            lastSeen: unreachable.contact.lastSeen.map { $0.startedAt / 1_000_000 },
            failingSince: unreachable.contact.firstFailure.map { $0.startedAt / 1_000_000 }, failure: unreachable.failureCode)
        siblings = unreachable.siblings.map {
            Sibling(
                name: $0.record.name, model: $0.record.model, lastSeen: $0.record.lastSeenAt.map { $0 / 1_000_000 },
                lastTried: $0.record.lastTriedAt.map { $0 / 1_000_000 }, isReached: $0.isReached)
        }
        try learn(of: unreachable.device, desk: desk, telemetryUntil: unreachable.lastSample)
    }

    /// - Parameter now: Milliseconds UTC by the device's clock; nil where nothing was measured.
    private mutating func learn(of device: Device, desk: Desk, telemetryUntil now: Int64?) throws {
        (model, site) = (device.labels.model, device.labels.site)
        if !model.isEmpty {
            for expectation in try desk.database.expectations(model: model) {
                expectations[expectation.kind, default: []].append(expectation.item)
            }
        }
        guard let now else { return }
        let start = max(now, Self.span) - Self.span
        let history = TelemetryHistory(try desk.database.telemetry(device: device.id, from: start, to: now), from: start, to: now)
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
