internal import Wire

/// A JSON value, as far as the vector files have them: no fractions, no booleans, no null.
indirect enum JSON {
    case number(UInt64)
    case negative(Int64)
    case text([UInt8])
    case list([JSON])
    case object([(key: [UInt8], value: JSON)])

    /// The value under a key of an object; nil where there is none.
    subscript(key: Text) -> JSON? {
        guard case .object(let fields) = self else { return nil }
        for field in fields where field.key == key.bytes { return field.value }
        return nil
    }

    /// The bytes of a string.
    var text: [UInt8]? {
        if case .text(let bytes) = self { return bytes }
        return nil
    }

    /// A non-negative number.
    var number: UInt64? {
        if case .number(let value) = self { return value }
        return nil
    }

    /// The items of an array.
    var items: [JSON]? {
        if case .list(let items) = self { return items }
        return nil
    }

    /// The bytes that a string of hexadecimal digits stands for.
    var hex: [UInt8]? { text.flatMap { unhex($0) } }
}

/// The bytes that hexadecimal digits stand for; nil for anything else.
func unhex(_ digits: [UInt8]) -> [UInt8]? {
    guard digits.count % 2 == 0 else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
        guard let high = nibble(digits[index]), let low = nibble(digits[index + 1]) else { return nil }
        bytes.append(high << 4 | low)
    }
    return bytes
}

private func nibble(_ digit: UInt8) -> UInt8? {
    switch digit {
    case 48...57: digit - 48
    case 97...102: digit - 87
    default: nil
    }
}

/// Reads JSON (RFC 8259) of the vector files; nil for everything else.
struct JSONReader {
    private let bytes: [UInt8]
    private var position = 0

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Reads a whole file.
    static func read(_ bytes: [UInt8]) -> JSON? {
        var reader = JSONReader(bytes)
        guard let value = reader.value() else { return nil }
        reader.skipBlanks()
        return reader.position == bytes.count ? value : nil
    }

    private mutating func skipBlanks() {
        while position < bytes.count, bytes[position] == 32 || bytes[position] == 10 { position += 1 }
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        skipBlanks()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func value() -> JSON? {
        skipBlanks()
        guard position < bytes.count else { return nil }
        switch bytes[position] {
        case 34: return string().map { .text($0) }
        case 91: return list()
        case 123: return object()
        default: return number()
        }
    }

    private mutating func list() -> JSON? {
        guard take(91) else { return nil }
        var items: [JSON] = []
        if take(93) { return .list([]) }
        repeat {
            guard let item = value() else { return nil }
            items.append(item)
        } while take(44)
        return take(93) ? .list(items) : nil
    }

    private mutating func object() -> JSON? {
        guard take(123) else { return nil }
        var fields: [(key: [UInt8], value: JSON)] = []
        if take(125) { return .object([]) }
        repeat {
            skipBlanks()
            guard let key = string(), take(58), let value = value() else { return nil }
            fields.append((key, value))
        } while take(44)
        return take(125) ? .object(fields) : nil
    }

    private mutating func string() -> [UInt8]? {
        guard take(34) else { return nil }
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if byte == 34 { return text }
            guard byte == 92 else {
                text.append(byte)
                continue
            }
            guard position < bytes.count else { return nil }
            switch bytes[position] {
            case 34, 47, 92: text.append(bytes[position])
            case 110: text.append(10)
            default: return nil
            }
            position += 1
        }
        return nil
    }

    private mutating func number() -> JSON? {
        let isNegative = take(45)
        var value: UInt64 = 0
        let start = position
        while position < bytes.count, bytes[position] >= 48, bytes[position] <= 57 {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) = product.addingReportingOverflow(UInt64(bytes[position] - 48))
            if tooLarge || overflows { return nil }
            value = sum
            position += 1
        }
        guard position > start else { return nil }
        if !isNegative { return .number(value) }
        guard value > 0, value <= UInt64(Int64.max) else { return nil }
        return .negative(-Int64(value))
    }
}
