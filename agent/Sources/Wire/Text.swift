/// UTF-8 text kept as bytes, which is what the wire and /proc are made of.
///
/// Swift's `String` compares by Unicode canonical equivalence and drags its tables into the agent; identifiers on the wire are compared
/// byte by byte.
public struct Text: Equatable, Sendable, ExpressibleByStringLiteral {
    /// The UTF-8 bytes.
    public let bytes: [UInt8]

    /// Takes bytes that are known to be UTF-8, or that are only ever shown escaped.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    /// The UTF-8 of `string`.
    public init(_ string: String) {
        self.bytes = Array(string.utf8)
    }

    /// The UTF-8 of a literal.
    public init(stringLiteral value: StaticString) {
        self.bytes = value.withUTF8Buffer { Array($0) }
    }

    /// The text as a `String`; ill-formed parts become U+FFFD.
    public var string: String { String(decoding: bytes, as: UTF8.self) }

    /// Whether there is nothing in it.
    public var isEmpty: Bool { bytes.isEmpty }

    /// The text of a non-negative number in base 10.
    public static func decimal(_ value: UInt64) -> Text {
        if value == 0 { return "0" }
        var digits: [UInt8] = []
        var rest = value
        while rest > 0 {
            digits.append(UInt8(48 + rest % 10))
            rest /= 10
        }
        digits.reverse()
        return Text(digits)
    }

    /// The two texts, one after the other.
    public static func + (left: Text, right: Text) -> Text { Text(left.bytes + right.bytes) }
}

/// Whether `bytes` are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
public func isWellFormedUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    var index = bytes.startIndex
    while index < bytes.endIndex {
        let first = bytes[index]
        index += 1
        if first < 0x80 { continue }
        let length: Int
        var low: UInt8 = 0x80
        var high: UInt8 = 0xBF
        switch first {
        case 0xC2...0xDF: length = 1
        case 0xE0: (length, low) = (2, 0xA0)
        case 0xED: (length, high) = (2, 0x9F)
        case 0xE1...0xEF: length = 2
        case 0xF0: (length, low) = (3, 0x90)
        case 0xF4: (length, high) = (3, 0x8F)
        case 0xF1...0xF3: length = 3
        default: return false
        }
        if bytes.endIndex - index < length { return false }
        for position in 0..<length {
            let byte = bytes[index + position]
            if byte < low || byte > high { return false }
            (low, high) = (0x80, 0xBF)
        }
        index += length
    }
    return true
}
