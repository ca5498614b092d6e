/// Reads what ``BitWriter`` wrote; beyond the end there are only zeros, and ``isBeyondEnd`` says so.
struct BitReader {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var next = 0
    /// The bits to come, the first one highest.
    private var window: UInt64 = 0
    private var windowCount = 0

    /// - Parameter bytes: What is read, valid as long as the reader is used.
    init(_ bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    /// Whether more bits were read than there are.
    var isBeyondEnd: Bool { windowCount < 0 }

    /// Makes at least 56 bits ready, as far as there are so many.
    @inline(__always)
    private mutating func fill() {
        if windowCount < 0 { return }
        if bytes.count - next >= 8 {
            // All that fit, at once: a whole word is read and as many bytes of it counted as there was room for.
            let word = UInt64(bigEndian: UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: next, as: UInt64.self))
            window |= word >> UInt64(windowCount)
            let taken = (63 - windowCount) >> 3
            next += taken
            windowCount += taken * 8
            return
        }
        while windowCount <= 56, next < bytes.count {
            window |= UInt64(bytes[next]) << UInt64(56 - windowCount)
            next += 1
            windowCount += 8
        }
    }

    /// The next `count` bits, at most 56.
    @inline(__always)
    mutating func read(_ count: Int) -> UInt64 {
        if count == 0 { return 0 }
        if windowCount < count { fill() }
        let value = window >> UInt64(64 - count)
        window <<= UInt64(count)
        windowCount -= count
        return value
    }

    /// Counts zeros up to a one, which is read too; at most `limit`, after which nothing further is read.
    @inline(__always)
    mutating func zeros(limit: Int) -> Int {
        if windowCount <= limit { fill() }
        let count = window.leadingZeroBitCount
        if count >= limit {
            window <<= UInt64(limit)
            windowCount -= limit
            return limit
        }
        window <<= UInt64(count + 1)
        windowCount -= count + 1
        return count
    }
}
