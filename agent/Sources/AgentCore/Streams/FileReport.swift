internal import Wire

/// What the child that reads or writes a file tells the agent: once on its standard output before the first byte, once on its status pipe
/// at its end.
struct FileReport: Equatable {
    /// 0, or why it could not.
    var problem: Errno?
    /// Size of the file, bytes.
    var size: UInt64 = 0
    /// Where it begins.
    var offset: UInt64 = 0
    /// When the file was changed last, microseconds UTC.
    var time: UInt64 = 0
    /// SHA-256 of what was asked about; none for 32 zeros.
    var digest: [UInt8] = []

    static let byteCount = 64

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        for number in [UInt64(problem?.rawValue.magnitude ?? 0), size, offset, time] {
            for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: number >> UInt64(shift * 8))) }
        }
        return bytes + (digest.isEmpty ? [UInt8](repeating: 0, count: 32) : digest)
    }

    init() {}

    init(problem: Errno) { self.problem = problem }

    /// Reads a report; nil where there are not enough bytes for one.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.byteCount else { return nil }
        func number(_ index: Int) -> UInt64 {
            var value: UInt64 = 0
            for offset in (0..<8).reversed() { value = value << 8 | UInt64(bytes[bytes.startIndex + index * 8 + offset]) }
            return value
        }
        let code = number(0)
        problem = code == 0 ? nil : Errno(rawValue: Int32(truncatingIfNeeded: min(code, 4_095)))
        (size, offset, time) = (number(1), number(2), number(3))
        digest = Array(bytes[(bytes.startIndex + 32)..<(bytes.startIndex + 64)])
    }
}
