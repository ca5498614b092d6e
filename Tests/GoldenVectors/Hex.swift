/// The bytes that hexadecimal digits stand for, for tests; blanks between them are passed over, anything else ends the reading.
public func bytes(hex: String) -> [UInt8] {
    var bytes: [UInt8] = []
    var high: UInt8?
    for character in hex where !character.isWhitespace {
        guard let digit = character.hexDigitValue else { return bytes }
        if let first = high {
            bytes.append(first << 4 | UInt8(digit))
            high = nil
        } else {
            high = UInt8(digit)
        }
    }
    return bytes
}

/// Two lower-case hexadecimal digits for each byte.
public func hex(_ bytes: [UInt8]) -> String {
    var text = ""
    for byte in bytes {
        if byte < 16 { text += "0" }
        text += String(byte, radix: 16)
    }
    return text
}
