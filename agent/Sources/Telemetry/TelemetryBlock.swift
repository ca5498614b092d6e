public import Wire

/// The samples of some minutes, and what happened in them. docs/TELEMETRY.md is the specification.
public struct TelemetryBlock: Equatable, Sendable {
    /// Most ticks in a block.
    public static let tickCountLimit = 4_096
    /// Most columns in a block.
    public static let columnCountLimit = 512
    /// Most events in a block.
    public static let eventCountLimit = 256
    /// Longest block, bytes.
    public static let sizeLimit = 131_072
    static let format: UInt64 = 1

    /// The boot in which it was taken: the kernel's id of it, 16 bytes.
    public var boot: [UInt8] = []
    /// Time between ticks as it was meant, milliseconds.
    public var interval: UInt64 = 0
    /// How many ticks it covers.
    public var tickCount = 0
    /// One for each series; more where a series went and came again. The first is ``Metric/time``.
    public var columns: [Column] = []
    /// In order of time.
    public var events: [TelemetryEvent] = []
    /// Values for which there was no room.
    public var droppedCount: UInt64 = 0
    /// Time of the last tick, milliseconds UTC since 1970, or 0.
    public var lastTime: UInt64 = 0
    /// Whether the agent was asked to stop at its end.
    public var endsInStop = false

    /// Times of the ticks, milliseconds UTC since 1970, by the device's clock: they can step back.
    public var times: [Int64] { columns.first?.values ?? [] }
}

/// A block that is being written.
public struct OpenTelemetryBlock {
    /// The boot in which it is taken, 16 bytes.
    public let boot: [UInt8]
    private let interval: UInt64
    /// How many ticks it covers so far.
    public private(set) var tickCount: UInt64 = 0
    /// What happened so far.
    public private(set) var events: [TelemetryEvent] = []
    private var columns: [ColumnEncoder] = []
    /// Where the next series of a tick is looked for first: they come in the same order every time.
    private var next = 0
    private var droppedCount: UInt64 = 0
    private var lastTime: UInt64 = 0

    /// Begins a block.
    ///
    /// - Parameter interval: Milliseconds between ticks.
    public init(boot: [UInt8], interval: UInt64) {
        self.boot = boot
        self.interval = interval
    }

    /// Whether there is neither a tick nor an event in it.
    public var isEmpty: Bool { tickCount == 0 && events.isEmpty }
    /// Whether nothing more should be added.
    public var isFull: Bool {
        tickCount >= UInt64(TelemetryBlock.tickCountLimit) || columns.count >= TelemetryBlock.columnCountLimit
            || events.count >= TelemetryBlock.eventCountLimit
    }

    /// Begins a tick.
    ///
    /// - Parameter time: Milliseconds UTC since 1970.
    public mutating func tick(at time: UInt64) {
        tickCount += 1
        next = 0
        lastTime = time
        set(Series(.time), Int64(clamping: time))
    }

    /// Notes the value of a series in this tick; the second of the same is dropped.
    public mutating func set(_ series: Series, _ value: Int64) {
        let tick = tickCount - 1
        if let place = place(of: series, tick) {
            columns[place].append(value)
            next = place + 1
        } else if columns.count < TelemetryBlock.columnCountLimit, !columns.contains(where: { $0.series == series && $0.end > tick }) {
            columns.append(ColumnEncoder(series, start: tick, first: value))
            next = columns.count
        } else {
            droppedCount += 1
        }
    }

    /// The column that a value of this tick belongs to: one of the same series with a value of the tick before.
    private func place(of series: Series, _ tick: UInt64) -> Int? {
        if next < columns.count, columns[next].end == tick, columns[next].series == series { return next }
        return columns.firstIndex { $0.end == tick && $0.series == series }
    }

    /// Notes an event.
    public mutating func note(_ event: TelemetryEvent) {
        if events.count < TelemetryBlock.eventCountLimit { events.append(event) } else { droppedCount += 1 }
    }

    /// The value of a series in the tick before the one that is being written, or in the last where none is.
    public func last(_ series: Series) -> Int64? { columns.last { $0.series == series }?.last }

    /// The block's encoding.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.unsigned(0, TelemetryBlock.format)
        fields.byteString(1, boot)
        fields.unsigned(2, interval)
        fields.unsigned(3, tickCount)
        if !columns.isEmpty {
            var writer = CBORWriter()
            writer.array(columns.count)
            for column in columns { column.write(to: &writer) }
            fields.encoded(4, writer.bytes)
        }
        if !events.isEmpty {
            var writer = CBORWriter()
            writer.array(events.count)
            for event in events { event.write(to: &writer) }
            fields.encoded(5, writer.bytes)
        }
        fields.unsigned(6, droppedCount)
        fields.unsigned(7, lastTime)
        fields.unsigned(8, events.last?.kind == .agentStopped ? 1 : 0)
        return fields.bytes
    }
}

extension ColumnEncoder {
    /// The tick after its last value.
    var end: UInt64 { start + count }
}

/// Reading.
extension TelemetryBlock {
    /// Reads a block from its encoding.
    ///
    /// - Throws: ``WireError`` where it is not one, or larger than a block may be; `.outOfRange` with the number for another format.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= Self.sizeLimit else { throw WireError(.outOfRange, UInt64(bytes.count)) }
        var block = TelemetryBlock()
        var (format, ticks): (UInt64?, UInt64?)
        var reader = CBORReader(bytes)
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0:
                format = try reader.unsigned()
                if format != Self.format { throw WireError(.outOfRange, format ?? 0) }
            case 1: block.boot = try reader.byteString(limit: 16)
            case 2: block.interval = try reader.unsigned()
            case 3:
                ticks = try reader.unsigned(limit: UInt64(Self.tickCountLimit))
                block.tickCount = Int(ticks ?? 0)
            case 4:
                for _ in 0..<(try reader.array(limit: Self.columnCountLimit)) {
                    block.columns.append(try Column(&reader, tickCount: block.tickCount))
                }
            case 5:
                for _ in 0..<(try reader.array(limit: Self.eventCountLimit)) { block.events.append(try TelemetryEvent(&reader)) }
            case 6: block.droppedCount = try reader.unsigned()
            case 7: block.lastTime = try reader.unsigned()
            case 8: block.endsInStop = try reader.unsigned(limit: 1) == 1
            default: return false
            }
            return true
        }
        try reader.end()
        _ = try required(format, 0)
        _ = try required(ticks, 3)
        try block.check()
        self = block
    }

    /// Every tick has its time, and only once.
    private func check() throws(WireError) {
        guard tickCount > 0 || columns.isEmpty else { throw WireError(.malformed, 4) }
        for (index, column) in columns.enumerated() {
            let isTime = column.series == Series(.time)
            guard isTime == (index == 0), !isTime || column.values.count == tickCount else { throw WireError(.malformed, 4) }
        }
        guard tickCount == 0 || !columns.isEmpty else { throw WireError(.missingField, 4) }
    }
}

extension Column {
    init(_ reader: inout CBORReader, tickCount: Int) throws(WireError) {
        guard try reader.array(limit: 6) == 6 else { throw WireError(.malformed, UInt64(reader.offset)) }
        let metric = Metric(rawValue: try reader.unsigned())
        series = Series(metric, try reader.byteString(limit: Series.subjectSizeLimit))
        let (start, count) = (try reader.unsigned(), try reader.unsigned())
        // Its values lie within the block's ticks, and there is one at least.
        guard start < UInt64(tickCount), count > 0, count <= UInt64(tickCount) - start else {
            throw WireError(.outOfRange, UInt64(reader.offset))
        }
        self.start = Int(start)
        let first = try reader.integer()
        values = try Self.values(
            isCounter: metric.isCounter, first: first, count: Int(count), bits: try reader.byteString(limit: TelemetryBlock.sizeLimit))
    }
}
