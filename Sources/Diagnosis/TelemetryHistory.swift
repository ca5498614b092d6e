public import Telemetry

/// Values of a device's series over time, made of blocks: gauges as they were, counters as steps a second.
public struct TelemetryHistory: Sendable {
    /// One series.
    public struct Line: Sendable {
        /// What it is of.
        public let series: Series
        /// Its name and unit.
        public let description: MetricDescription
        /// In the order in which they were taken.
        public fileprivate(set) var points: [Point] = []

        /// Lowest, mean and highest value; nil without any.
        public var summary: (lowest: Double, mean: Double, highest: Double)? {
            guard let first = points.first?.value else { return nil }
            var (lowest, sum, highest) = (first, 0.0, first)
            for point in points {
                lowest = min(lowest, point.value)
                highest = max(highest, point.value)
                sum += point.value
            }
            return (lowest, sum / Double(points.count), highest)
        }

        /// Means of the values in each of `count` equal spans between two times; nil where a span has none.
        public func spans(_ count: Int, from start: Int64, to end: Int64) -> [Double?] {
            guard count > 0, end > start else { return [] }
            var sums = [(sum: Double, count: Int)](repeating: (0, 0), count: count)
            for point in points where point.time >= start && point.time <= end {
                let place = min(Int((Double(point.time) - Double(start)) / (Double(end) - Double(start)) * Double(count)), count - 1)
                sums[place].sum += point.value
                sums[place].count += 1
            }
            return sums.map { $0.count == 0 ? nil : $0.sum / Double($0.count) }
        }
    }

    /// One value.
    public struct Point: Equatable, Sendable {
        /// Milliseconds UTC since 1970, by the device's clock.
        public let time: Int64
        /// In the unit of the line.
        public let value: Double
    }

    /// One for each series, in the order of the specification, then of the subjects.
    public private(set) var lines: [Line] = []
    /// What happened, in the order in which it was written down, each once.
    public private(set) var events: [TelemetryEvent] = []

    /// Seconds after which a counter's step says nothing of what lies between.
    private static let stepLimit = 3

    /// Puts blocks together.
    ///
    /// - Parameters:
    ///   - blocks: In the order in which they came about.
    ///   - start: Time in milliseconds before which values and events are left out; `end` the one after which.
    ///   - isWanted: Which series.
    public init(
        _ blocks: [TelemetryBlock], from start: Int64 = .min, to end: Int64 = .max, where isWanted: (Series) -> Bool = { _ in true }
    ) {
        var places: [Series: Int] = [:]
        var last: [Series: (time: Int64, value: Int64, boot: [UInt8])] = [:]
        for block in blocks {
            let times = block.times
            for column in block.columns.dropFirst() where isWanted(column.series) {
                let place = places[column.series] ?? lines.count
                if place == lines.count {
                    places[column.series] = place
                    lines.append(Line(series: column.series, description: MetricDescription(column.series.metric)))
                }
                let scale = lines[place].description.scale
                for (offset, value) in column.values.enumerated() {
                    let time = times[column.start + offset]
                    defer { last[column.series] = (time, value, block.boot) }
                    guard time >= start, time <= end else { continue }
                    guard column.series.metric.isCounter else {
                        lines[place].points.append(Point(time: time, value: Double(value) * scale))
                        continue
                    }
                    guard let before = last[column.series], before.boot == block.boot,
                        let step = Self.step(from: before, to: (time, value), interval: block.interval)
                    else { continue }
                    lines[place].points.append(Point(time: time, value: step * scale))
                }
            }
            for event in block.events where Int64(clamping: event.time) >= start && Int64(clamping: event.time) <= end {
                if !events.contains(event) { events.append(event) }
            }
        }
        let order = MetricDescription.all.map(\.metric.rawValue)
        func rank(_ line: Line) -> Int { order.firstIndex(of: line.series.metric.rawValue) ?? order.count }
        lines.sort {
            let (left, right) = (rank($0), rank($1))
            if left != right { return left < right }
            if $0.series.metric != $1.series.metric { return $0.series.metric.rawValue < $1.series.metric.rawValue }
            return $0.series.subject.lexicographicallyPrecedes($1.series.subject)
        }
    }

    /// Leaves out lines in which there is nothing but noughts.
    public mutating func drop(allZero isWanted: Bool) {
        if isWanted { lines.removeAll { line in line.points.allSatisfy { $0.value == 0 } } }
    }

    /// A counter's step a second; nil where it began anew, or the clock was set, or so much time passed that the step says nothing.
    private static func step(
        from before: (time: Int64, value: Int64, boot: [UInt8]), to now: (time: Int64, value: Int64), interval: UInt64
    ) -> Double? {
        let seconds = (Double(now.time) - Double(before.time)) / 1_000
        let longest = Double(stepLimit) * max(Double(interval) / 1_000, 1)
        guard seconds > 0, seconds <= longest, now.value >= before.value else { return nil }
        return (Double(now.value) - Double(before.value)) / seconds
    }
}
