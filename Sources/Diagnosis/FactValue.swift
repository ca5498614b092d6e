internal import Probes

/// One value of a fact table.
public enum FactValue: Equatable, Hashable, Sendable {
    /// The device did not say.
    case null
    /// A whole number.
    case int(Int64)
    /// A finite number.
    case real(Double)
    /// Text as the device gave it: hostile until ``displayed(_:limit:)``.
    case text(String)

    /// Reads a value as a column's type; what cannot be read is NULL.
    init(_ text: String, as type: FactType, scale: Double?) {
        switch type {
        case .text: self = .text(text)
        case .int: self = Self.whole(text, scale)
        case .real:
            guard let number = Self.number(text) else { self = .null; return }
            let scaled = number * (scale ?? 1)
            self = scaled.isFinite ? .real(scaled) : .null
        }
    }

    private static func whole(_ text: String, _ scale: Double?) -> FactValue {
        guard let scale else { return Int64(text).map { .int($0) } ?? .null }
        // A factor without a fraction keeps every digit of a whole number.
        if let number = Int64(text), let factor = Int64(exactly: scale) {
            let (product, overflow) = number.multipliedReportingOverflow(by: factor)
            return overflow ? .null : .int(product)
        }
        guard let number = number(text), let whole = Int64(exactly: (number * scale).rounded()) else { return .null }
        return .int(whole)
    }

    /// A decimal number; Swift would also read nan, inf and hexadecimal.
    private static func number(_ text: String) -> Double? {
        guard text.utf8.count <= 64, text.utf8.allSatisfy({ (48...57).contains($0) || [43, 45, 46, 69, 101].contains($0) }) else {
            return nil
        }
        return Double(text)
    }

    /// The value as plain text, unescaped; `unknown` for NULL.
    public var text: String {
        switch self {
        case .null: "unknown"
        case .int(let value): String(value)
        case .real(let value): String(value)
        case .text(let value): value
        }
    }

    var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .real(let value): value
        case .null, .text: nil
        }
    }
}

extension FactValue: Codable {
    /// Writes a JSON null, number or string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .null: try container.encodeNil()
        case .int(let value): try container.encode(value)
        case .real(let value): try container.encode(value)
        case .text(let value): try container.encode(value)
        }
    }

    /// Reads what ``encode(to:)`` wrote; a real without a fraction comes back as a whole number.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Int64.self) {
            self = .int(value)
        } else if let value = try? container.decode(Double.self) {
            self = .real(value)
        } else {
            self = .text(try container.decode(String.self))
        }
    }
}
