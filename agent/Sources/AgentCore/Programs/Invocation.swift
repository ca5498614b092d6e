public import Wire

/// The arguments of the program, read by hand.
public struct Invocation: Equatable, Sendable {
    /// Which part to be.
    public enum Part: Equatable, Sendable {
        case run, serve, check, ways, key, log, off, on, allow, version, help
    }

    /// Which part to be.
    public var part = Part.help
    /// `--root-dir`: prefix of all paths.
    public var root: [UInt8] = []
    /// `--state`.
    public var state: [UInt8]?
    /// `--trust`.
    public var trust: [UInt8]?
    /// `--desks`.
    public var desks: [UInt8]?
    /// `--keys`.
    public var keys: [UInt8]?
    /// `--operator`.
    public var operatorName: Text = ""
    /// `--role`.
    public var role: Text = ""
    /// `--standalone`.
    public var isStandalone = false
    /// `--reason`.
    public var reason: Text = ""
    /// What stands behind `allow`: how long the owner consents.
    public var minutes: UInt64 = 60
    /// `-n`.
    public var count: UInt64 = 50

    /// Reads arguments, the program's own name left out.
    ///
    /// - Throws: A sentence about the first one that is not understood.
    public init(_ arguments: [[UInt8]]) throws(UsageError) {
        let parts: [(Text, Part)] = [
            ("run", .run), ("serve", .serve), ("check", .check), ("ways", .ways), ("key", .key), ("log", .log), ("off", .off), ("on", .on),
            ("allow", .allow),
            ("--version", .version),
            ("--help", .help), ("-h", .help),
        ]
        guard let first = arguments.first else { return }
        guard let found = parts.first(where: { $0.0.bytes == first }) else { throw UsageError("does not know", first) }
        part = found.1
        var index = 1
        while index < arguments.count {
            let name = arguments[index]
            let standalone: Text = "--standalone"
            if name == standalone.bytes {
                isStandalone = true
                index += 1
                continue
            }
            if part == .allow, name.first != 45 {
                guard let number = Decimal.unsigned(name[...]), number <= 1_440 else {
                    throw UsageError("allows for 0 to 1440 minutes, not for", name)
                }
                minutes = number
                index += 1
                continue
            }
            guard index + 1 < arguments.count else { throw UsageError("does not know, or misses a value after", name) }
            try set(Text(name), arguments[index + 1])
            index += 2
        }
    }

    private mutating func set(_ name: Text, _ value: [UInt8]) throws(UsageError) {
        let options: [Text] = ["--root-dir", "--state", "--trust", "--desks", "--operator", "--role", "-n", "--reason", "--keys"]
        switch options.firstIndex(of: name) {
        case 0: root = value
        case 1: state = value
        case 2: trust = value
        case 3: desks = value
        case 4: operatorName = Text(value)
        case 5: role = Text(value)
        case 6:
            guard let number = Decimal.unsigned(value[...]) else { throw UsageError("wants a whole number after", name.bytes) }
            count = number
        case 7: reason = Text(value)
        case 8: keys = value
        default: throw UsageError("does not know", name.bytes)
        }
    }

    /// Where things lie, by these arguments.
    public var settings: Settings {
        var settings = Settings(root: root)
        if let state { settings.state = state }
        if let trust { settings.trust = trust }
        if let desks { settings.desks = desks }
        // An agent that serves alone is not the device's own: it leaves the device's keys be.
        if isStandalone, state != nil { settings.keys = nil }
        if let keys { settings.keys = keys }
        return settings
    }

    /// What `--help` says.
    public static let usage: StaticString = """
        usage: rollcall-agent run [--root-dir DIR]
               rollcall-agent serve --operator NAME --role observe|repair|shell
                              [--standalone [--state DIR] [--trust FILE] [--desks FILE] [--keys FILE]]
               rollcall-agent check [--state DIR]
               rollcall-agent ways                  how people get into this device
               rollcall-agent key [--state DIR]
               rollcall-agent log [--state DIR] [-n N]
               rollcall-agent off [--reason TEXT]   shut the door to support; `on` opens it
               rollcall-agent on
               rollcall-agent allow [MINUTES]       consent to what waits for it: 60, at most 1440; 0 ends it
               rollcall-agent --version

        """
}

/// An argument that is not understood.
public struct UsageError: Error, Equatable, Sendable {
    /// The complaint, as the middle of a sentence.
    public let complaint: Text
    /// The argument.
    public let argument: [UInt8]

    init(_ complaint: Text, _ argument: [UInt8]) {
        self.complaint = complaint
        self.argument = argument
    }
}
