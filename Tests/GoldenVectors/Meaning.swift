/// What a vector means, written by hand beside it: the value that an independent CBOR reader must find in its bytes.
public indirect enum Meaning: Sendable, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral {
    /// A non-negative integer.
    case number(UInt64)
    /// An integer of either sign.
    case signed(Int64)
    /// A text string.
    case text(String)
    /// A byte string.
    case bytes([UInt8])
    /// An array.
    case list([Meaning])
    /// A map with integer keys, ascending.
    case map([(UInt64, Meaning)])

    /// A non-negative integer.
    public init(integerLiteral value: UInt64) { self = .number(value) }
    /// A text string.
    public init(stringLiteral value: String) { self = .text(value) }

    /// The meaning as JSON: byte strings as `{"bytes": HEX}`, maps as `{"map": {KEY: VALUE}}`.
    public var json: String {
        switch self {
        case .number(let value): String(value)
        case .signed(let value): String(value)
        case .text(let value): quoted(value)
        case .bytes(let value): "{\"bytes\": \"\(hex(value))\"}"
        case .list(let values): "[" + values.map(\.json).joined(separator: ", ") + "]"
        case .map(let pairs): "{\"map\": {" + pairs.map { "\"\($0.0)\": \($0.1.json)" }.joined(separator: ", ") + "}}"
        }
    }
}

/// A JSON string.
public func quoted(_ text: String) -> String {
    var quoted = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"": quoted += "\\\""
        case "\\": quoted += "\\\\"
        case "\n": quoted += "\\n"
        default: quoted.unicodeScalars.append(scalar)
        }
    }
    return quoted + "\""
}
