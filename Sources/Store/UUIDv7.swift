/// Ids that sort by the time they were made (RFC 9562 section 5.7).
public enum UUIDv7 {
    /// A new id in lower-case text, 36 characters.
    ///
    /// - Parameter time: Microseconds UTC since 1970; the part below a millisecond goes into the 12 bits after the version.
    public static func make(time: Int64) -> String {
        var random = SystemRandomNumberGenerator()
        let milliseconds = UInt64(max(0, time) / 1_000)
        let fraction = UInt64(max(0, time) % 1_000) * 4_096 / 1_000
        let high = milliseconds << 16 | 0x7000 | fraction
        let low = 0x8000_0000_0000_0000 | (random.next() as UInt64) >> 2
        let digits = hexadecimal(high) + hexadecimal(low)
        var text: [UInt8] = []
        for (position, digit) in digits.enumerated() {
            if [8, 12, 16, 20].contains(position) { text.append(UInt8(ascii: "-")) }
            text.append(digit)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func hexadecimal(_ value: UInt64) -> [UInt8] {
        let digits = Array("0123456789abcdef".utf8)
        return stride(from: UInt64(60), through: 0, by: -4).map { digits[Int(value >> $0 & 15)] }
    }
}
