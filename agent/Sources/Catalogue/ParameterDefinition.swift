public import Wire

/// What one parameter of a probe may be. There is no free text: what is not described is refused.
public enum ParameterType: Equatable, Sendable {
    /// Name of a service unit of systemd, never one that would cut the branch Rollcall sits on or stop the machine.
    case unit
    /// A whole number in base 10, within bounds.
    case integer(minimum: Int64, maximum: Int64)
    /// One of these words.
    case choice([Text])
}

/// One parameter of a probe.
public struct ParameterDefinition: Equatable, Sendable {
    /// Its name in requests.
    public var name: Text
    /// What it may be.
    public var type: ParameterType

    /// Makes a definition of its name and type.
    public init(name: Text, type: ParameterType) {
        self.name = name
        self.type = type
    }

    var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, name)
        switch type {
        case .unit: fields.unsigned(1, 1)
        case .integer(let minimum, let maximum):
            fields.unsigned(1, 2)
            fields.integer(2, minimum)
            fields.integer(3, maximum)
        case .choice(let words):
            fields.unsigned(1, 3)
            fields.texts(4, words)
        }
        return fields.bytes
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (name, kind): (Text?, UInt64?)
        var (minimum, maximum): (Int64, Int64) = (0, 0)
        var words: [Text] = []
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: name = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 1: kind = try reader.unsigned()
            case 2: minimum = try reader.integer()
            case 3: maximum = try reader.integer()
            case 4: words = try reader.texts(count: 64, limit: RollcallProtocol.identifierSizeLimit)
            default: return false
            }
            return true
        }
        self.name = try required(name, 0)
        let (hasBounds, hasWords) = (keys.contains(2) || keys.contains(3), keys.contains(4))
        switch try required(kind, 1) {
        case 1:
            guard !hasBounds, !hasWords else { throw WireError(.outOfRange, 1) }
            type = .unit
        case 2:
            try keys.require(2, 3)
            guard !hasWords, minimum <= maximum else { throw WireError(.outOfRange, 3) }
            type = .integer(minimum: minimum, maximum: maximum)
        case 3:
            try keys.require(4)
            guard !hasBounds, words.allSatisfy({ !$0.isEmpty && !$0.bytes.contains(0) }) else { throw WireError(.outOfRange, 4) }
            type = .choice(words)
        default: throw WireError(.outOfRange, 1)
        }
    }

    /// Checks a value.
    ///
    /// - Throws: `.parameter` with what the value must be.
    public func check(_ value: Text) throws(CatalogueError) {
        switch type {
        case .unit:
            if let reason = UnitName.refusal(of: value) {
                throw CatalogueError(.parameter, "The parameter " + name + " " + reason + ".")
            }
        case .integer(let minimum, let maximum):
            guard let number = Self.number(value), number >= minimum, number <= maximum else {
                throw CatalogueError(
                    .parameter,
                    "The parameter " + name + " must be a whole number from " + Self.decimal(minimum) + " to " + Self.decimal(maximum) + "."
                )
            }
        case .choice(let words):
            guard words.contains(value) else {
                var list: Text = ""
                for word in words { list = list.isEmpty ? word : list + ", " + word }
                throw CatalogueError(.parameter, "The parameter " + name + " must be one of: " + list + ".")
            }
        }
    }

    private static func decimal(_ value: Int64) -> Text { value < 0 ? "-" + .decimal(value.magnitude) : .decimal(UInt64(value)) }

    /// A number in base 10 without sign tricks, blanks or leading zeros; nil for anything else.
    private static func number(_ text: Text) -> Int64? {
        var digits = text.bytes[...]
        let isNegative = digits.first == 45
        if isNegative { digits = digits.dropFirst() }
        guard let first = digits.first, digits.count <= 19, first != 48 || (digits.count == 1 && !isNegative) else { return nil }
        // 19 digits always fit an unsigned number of 64 bits.
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + UInt64(digit - 48)
        }
        if !isNegative { return Int64(exactly: value) }
        return value <= Int64.min.magnitude ? Int64(truncatingIfNeeded: 0 &- value) : nil
    }
}
