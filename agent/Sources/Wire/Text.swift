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

    /// The text as one line that any peer accepts and any terminal can show.
    ///
    /// It is cut to `limit` bytes between two characters. What is not well-formed UTF-8, and every control character, becomes `?`; tabs
    /// and ends of lines become spaces.
    public func sentence(limit: Int) -> Text {
        var line: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let length = wellFormedLength(bytes[...], at: index)
            let isControl =
                length == 0 || bytes[index] < 0x20 || bytes[index] == 0x7F || (bytes[index] == 0xC2 && bytes[index + 1] < 0xA0)
            let isBlank = bytes[index] == 9 || bytes[index] == 10 || bytes[index] == 13
            guard line.count + (isControl ? 1 : length) <= limit else { break }
            if isControl { line.append(isBlank ? 32 : 63) } else { line.append(contentsOf: bytes[index..<index + length]) }
            index += max(length, 1)
        }
        return Text(line)
    }

    /// The two texts, one after the other.
    public static func + (left: Text, right: Text) -> Text { Text(left.bytes + right.bytes) }
}

/// Whether `bytes` are well-formed UTF-8 (Unicode 15, table 3-7): no overlong forms, no surrogates, nothing above U+10FFFF.
public func isWellFormedUTF8(_ bytes: ArraySlice<UInt8>) -> Bool {
    var index = bytes.startIndex
    while index < bytes.endIndex {
        let length = wellFormedLength(bytes, at: index)
        if length == 0 { return false }
        index += length
    }
    return true
}

/// How many bytes the well-formed character at `index` has; 0 if there is none.
private func wellFormedLength(_ bytes: ArraySlice<UInt8>, at index: Int) -> Int {
    let first = bytes[index]
    if first < 0x80 { return 1 }
    let length: Int
    var low: UInt8 = 0x80
    var high: UInt8 = 0xBF
    switch first {
    case 0xC2...0xDF: length = 2
    case 0xE0: (length, low) = (3, 0xA0)
    case 0xED: (length, high) = (3, 0x9F)
    case 0xE1...0xEF: length = 3
    case 0xF0: (length, low) = (4, 0x90)
    case 0xF4: (length, high) = (4, 0x8F)
    case 0xF1...0xF3: length = 4
    default: return 0
    }
    if bytes.endIndex - index < length { return 0 }
    for position in 1..<length {
        let byte = bytes[index + position]
        if byte < low || byte > high { return 0 }
        (low, high) = (0x80, 0xBF)
    }
    return length
}
