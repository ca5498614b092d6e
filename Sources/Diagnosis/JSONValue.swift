/// A JSON value of a device. Numbers stay text, so that no digit is lost before the column's type is known.
enum JSONValue: Equatable {
    case null
    case bool(Bool)
    case number(String)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    /// Deepest nesting that is read.
    static let depthLimit = 32

    /// Reads one document; nil where the bytes are not exactly one.
    init?(_ bytes: ArraySlice<UInt8>) {
        var reader = JSONReader(rest: bytes)
        guard let value = reader.value(depth: 0), reader.isAtEnd else { return nil }
        self = value
    }

    /// The value as a fact's text; nil for what is no scalar. An array of bytes, as journald writes text that is no UTF-8, is text.
    var scalarText: String? {
        switch self {
        case .null, .object: return nil
        case .bool(let value): return value ? "1" : "0"
        case .number(let text), .string(let text): return text
        case .array(let items):
            var bytes: [UInt8] = []
            for item in items {
                guard case .number(let digits) = item, let byte = UInt8(digits) else { return nil }
                bytes.append(byte)
            }
            return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        }
    }
}

/// RFC 8259, strictly but for duplicate keys, of which the first counts.
private struct JSONReader {
    var rest: ArraySlice<UInt8>

    var isAtEnd: Bool {
        mutating get {
            skipBlanks()
            return rest.isEmpty
        }
    }

    private mutating func skipBlanks() { rest = rest.drop { $0 == 32 || $0 == 9 || $0 == 10 || $0 == 13 } }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard rest.first == byte else { return false }
        rest.removeFirst()
        return true
    }

    private mutating func take(word: String) -> Bool {
        guard rest.starts(with: word.utf8) else { return false }
        rest.removeFirst(word.utf8.count)
        return true
    }

    mutating func value(depth: Int) -> JSONValue? {
        skipBlanks()
        guard depth < JSONValue.depthLimit, let first = rest.first else { return nil }
        switch first {
        case UInt8(ascii: "{"): return object(depth)
        case UInt8(ascii: "["): return array(depth)
        case UInt8(ascii: "\""): return string().map { .string($0) }
        case UInt8(ascii: "t"): return take(word: "true") ? .bool(true) : nil
        case UInt8(ascii: "f"): return take(word: "false") ? .bool(false) : nil
        case UInt8(ascii: "n"): return take(word: "null") ? .null : nil
        default: return number()
        }
    }

    private mutating func object(_ depth: Int) -> JSONValue? {
        guard take(UInt8(ascii: "{")) else { return nil }
        var fields: [String: JSONValue] = [:]
        if take(UInt8(ascii: "}")) { return .object(fields) }
        repeat {
            skipBlanks()
            guard let key = string(), take(UInt8(ascii: ":")), let value = value(depth: depth + 1) else { return nil }
            if fields[key] == nil { fields[key] = value }
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "}")) ? .object(fields) : nil
    }

    private mutating func array(_ depth: Int) -> JSONValue? {
        guard take(UInt8(ascii: "[")) else { return nil }
        var items: [JSONValue] = []
        if take(UInt8(ascii: "]")) { return .array(items) }
        repeat {
            guard let value = value(depth: depth + 1) else { return nil }
            items.append(value)
        } while take(UInt8(ascii: ","))
        return take(UInt8(ascii: "]")) ? .array(items) : nil
    }

    private mutating func number() -> JSONValue? {
        let digits = rest.prefix { (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }
        let text = String(decoding: digits, as: UTF8.self)
        guard !digits.isEmpty, digits.count <= 64, digits.first != 43, Double(text) != nil else { return nil }
        rest = rest[digits.endIndex...]
        return .number(text)
    }

    private mutating func string() -> String? {
        guard rest.first == UInt8(ascii: "\"") else { return nil }
        rest.removeFirst()
        var bytes: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: bytes, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let scalar = escape() else { return nil }
                bytes.append(contentsOf: String(Character(scalar)).utf8)
            case 0..<32: return nil
            default: bytes.append(byte)
            }
        }
        return nil
    }

    private mutating func escape() -> Unicode.Scalar? {
        switch rest.popFirst() {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): return unicodeEscape()
        default: return nil
        }
    }

    /// `\uXXXX`, or two of them as a surrogate pair; a half alone becomes U+FFFD.
    private mutating func unicodeEscape() -> Unicode.Scalar? {
        guard let high = hexadecimal() else { return nil }
        guard (0xD800..<0xDC00).contains(high), rest.starts(with: "\\u".utf8) else { return Unicode.Scalar(high) ?? "\u{FFFD}" }
        let before = rest
        rest.removeFirst(2)
        guard let low = hexadecimal(), (0xDC00..<0xE000).contains(low) else {
            rest = before
            return "\u{FFFD}"
        }
        return Unicode.Scalar(0x10000 + (high - 0xD800) << 10 + (low - 0xDC00))
    }

    private mutating func hexadecimal() -> UInt32? {
        let digits = rest.prefix(4)
        guard digits.count == 4, digits.allSatisfy({ $0 < 128 && Character(Unicode.Scalar($0)).isHexDigit }) else { return nil }
        rest = rest[digits.endIndex...]
        return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
    }
}
