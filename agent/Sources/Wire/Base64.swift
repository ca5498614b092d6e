/// Standard base64 with padding (RFC 4648 section 4), as OpenSSH keys and signed notes use it.
public enum Base64 {
    private static let alphabet: StaticString = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

    /// The base64 text of `bytes`, on one line.
    public static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let left = bytes.count - index
            let first = UInt32(bytes[index]) << 16
            let second = left > 1 ? UInt32(bytes[index + 1]) << 8 : 0
            let third = left > 2 ? UInt32(bytes[index + 2]) : 0
            let group = first | second | third
            text.append(digit(group >> 18))
            text.append(digit(group >> 12))
            text.append(left > 1 ? digit(group >> 6) : 61)
            text.append(left > 2 ? digit(group) : 61)
            index += 3
        }
        return text
    }

    private static func digit(_ bits: UInt32) -> UInt8 {
        alphabet.withUTF8Buffer { $0[Int(bits & 63)] }
    }

    private static func value(_ digit: UInt8) -> UInt32? {
        switch digit {
        case 65...90: UInt32(digit) - 65
        case 97...122: UInt32(digit) - 71
        case 48...57: UInt32(digit) + 4
        case 43: 62
        case 47: 63
        default: nil
        }
    }

    /// The bytes that `text` stands for; nil unless it is exactly the text that ``encode(_:)`` makes of them.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        let digits = Array(text)
        guard digits.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(digits.count / 4 * 3)
        var index = 0
        while index < digits.count {
            let isLast = index + 4 == digits.count
            let padding = isLast ? (digits[index + 3] == 61 ? (digits[index + 2] == 61 ? 2 : 1) : 0) : 0
            var group: UInt32 = 0
            for position in 0..<4 {
                if position >= 4 - padding {
                    group <<= 6
                    continue
                }
                guard let bits = value(digits[index + position]) else { return nil }
                group = group << 6 | bits
            }
            // Bits that no byte takes must be zero, or two texts would mean the same bytes.
            if padding == 1, group & 0xFF != 0 { return nil }
            if padding == 2, group & 0xFFFF != 0 { return nil }
            bytes.append(UInt8(truncatingIfNeeded: group >> 16))
            if padding < 2 { bytes.append(UInt8(truncatingIfNeeded: group >> 8)) }
            if padding < 1 { bytes.append(UInt8(truncatingIfNeeded: group)) }
            index += 4
        }
        return bytes
    }
}
