internal import Wire

/// Numbers in base 10 as the kernel and small text files write them.
enum Decimal {
    /// A number without sign; nil for anything else, or where it does not fit.
    static func unsigned(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard !digits.isEmpty, digits.count <= 19 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + UInt64(digit - 48)
        }
        return value
    }

    /// A number of bytes with its unit, KiB or MiB; nil for anything else.
    static func size(_ text: [UInt8]) -> UInt64? {
        let units: [(Text, UInt64)] = [("KiB", 1 << 10), ("MiB", 1 << 20)]
        guard text.count > 3, let unit = units.first(where: { $0.0.bytes.elementsEqual(text.suffix(3)) }) else { return nil }
        guard let number = unsigned(text.dropLast(3)), number <= UInt64(UInt32.max) else { return nil }
        return number * unit.1
    }

    /// A non-negative number that fits 31 bits, such as a process id.
    static func signed32(_ digits: ArraySlice<UInt8>) -> Int32? {
        guard let value = unsigned(digits) else { return nil }
        return Int32(exactly: value)
    }
}
