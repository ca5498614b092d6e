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
        try reader.fields { (reader, field) throws(WireError) in
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
        switch try required(kind, 1) {
        case 1: type = .unit
        case 2: type = .integer(minimum: minimum, maximum: maximum)
        case 3: type = .choice(words)
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
        guard let first = digits.first, digits.count <= 18, first != 48 || digits.count == 1 else { return nil }
        var value: Int64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + Int64(digit - 48)
        }
        return isNegative ? -value : value
    }
}

/// Which names of systemd units a parameter may be.
public enum UnitName {
    /// Names that a remedy never touches: the ways in, the agent, and what the machine stands on.
    private static let untouchable: [Text] = [
        "ssh", "sshd", "dropbear", "rollcall-agent", "dbus", "dbus-broker", "polkit", "networking", "NetworkManager", "wpa_supplicant",
        "connman", "dhcpcd", "halt", "poweroff", "reboot", "kexec", "emergency", "rescue", "watchdog",
    ]
    private static let untouchablePrefixes: [Text] = [
        "systemd-", "initrd-", "ssh@", "sshd@", "getty@", "serial-getty@", "user@", "user-runtime-dir@", "dropbear@", "debug-shell",
    ]

    /// Why `name` may not be a unit parameter, as the end of a sentence; nil if it may.
    public static func refusal(of name: Text) -> Text? {
        let suffix: Text = ".service"
        let bytes = name.bytes
        guard bytes.count <= 128, bytes.count > suffix.bytes.count, Array(bytes.suffix(suffix.bytes.count)) == suffix.bytes else {
            return "must be the name of a service unit, such as cups.service"
        }
        let stem = Array(bytes.dropLast(suffix.bytes.count))
        for byte in stem {
            let isLetter = (65...90).contains(byte) || (97...122).contains(byte)
            let isDigit = (48...57).contains(byte)
            guard isLetter || isDigit || byte == 45 || byte == 46 || byte == 64 || byte == 95 else {
                return "may hold only letters, digits and . _ - @"
            }
        }
        if stem.first == 45 || stem.first == 46 { return "must not begin with a dash or a dot" }
        for other in untouchable where other.bytes == stem { return "names a service that Rollcall never touches" }
        for prefix in untouchablePrefixes where stem.starts(with: prefix.bytes) { return "names a service that Rollcall never touches" }
        return nil
    }
}
