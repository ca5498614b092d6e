import AgentCore
import Telemetry
import Wire

/// A block: within its limits, and each series of it comes back the same when it is encoded anew.
public func fuzzTelemetry(_ bytes: [UInt8]) -> Bool {
    guard let block = try? TelemetryBlock(decoding: bytes) else { return true }
    guard block.tickCount <= TelemetryBlock.tickCountLimit, block.columns.count <= TelemetryBlock.columnCountLimit,
        block.times.count == block.tickCount
    else { return false }
    return block.columns.dropFirst().allSatisfy { column in
        guard !column.values.isEmpty, column.start + column.values.count <= block.tickCount else { return false }
        // The time has a column of its own in every block, whatever else is said of it.
        if column.series == Series(.time) { return false }
        var open = OpenTelemetryBlock(boot: block.boot, interval: block.interval)
        for value in column.values {
            open.tick(at: 0)
            open.set(column.series, value)
        }
        return (try? TelemetryBlock(decoding: open.encoded))?.columns.last?.values == column.values
    }
}

/// What lies in the ring's file where a record may begin: what is taken for whole is what is written for it.
public func fuzzRingRecord(_ bytes: [UInt8]) -> Bool {
    guard let content = RingRecord.content(bytes) else { return true }
    guard let head = RingRecord.head(bytes[...]), head.size == UInt64(content.count) else { return false }
    return RingRecord.encode(content, sequence: head.sequence) == Array(bytes.prefix(RingRecord.headSize + content.count))
}

/// systemd's answer: names lie in it as they are, and what is whole stays so whatever follows.
public func fuzzFailedUnits(_ bytes: [UInt8]) -> Bool {
    guard case .units(let names) = FailedUnits.read(bytes) else { return true }
    guard names.count <= 32, names.reduce(0, { $0 + $1.count }) <= bytes.count else { return false }
    return FailedUnits.read(bytes + [0, 255]) == .units(names)
}
