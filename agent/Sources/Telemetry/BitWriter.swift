/// Bits in a row, the first one highest in its byte.
struct BitWriter {
    private(set) var bytes: [UInt8] = []
    private var pending: UInt64 = 0
    private var pendingCount: UInt64 = 0

    /// Adds the lowest `count` bits of `value`, at most 56.
    mutating func write(_ value: UInt64, count: UInt64) {
        if count == 0 { return }
        pending = pending << count | (value & (UInt64.max >> (64 - count)))
        pendingCount += count
        while pendingCount >= 8 {
            pendingCount -= 8
            bytes.append(UInt8(truncatingIfNeeded: pending >> pendingCount))
        }
    }

    /// The bytes, the last one filled up with zeros.
    var finished: [UInt8] {
        if pendingCount == 0 { return bytes }
        return bytes + [UInt8(truncatingIfNeeded: pending << (8 - pendingCount))]
    }
}
