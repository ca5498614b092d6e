public import Wire

/// What a probe may do to a device, from less to more.
public enum Impact: UInt64, Sendable {
    /// Reads only.
    case observe = 0
    /// May be noticed by whoever uses the device.
    case disturb = 1
    /// Changes the device.
    case change = 2

    /// The word in manifests and tables.
    public var name: Text {
        switch self {
        case .observe: "observe"
        case .disturb: "disturb"
        case .change: "change"
        }
    }
}

/// How an agent answers a probe.
public enum ProbeSource: Equatable, Sendable {
    /// Starts a program, without a shell: each argument is written out in the manifest or is a whole parameter.
    case run([Argument])
    /// Reads regular files that match absolute paths, in which `*` stands for any characters but `/` within one path component.
    case files([Text])
    /// Asks every mount for its space and inodes.
    case statfs
    /// Looks at what matches absolute paths, as with ``files(_:)``, and reads nothing.
    case stat([Text])
    /// Asks the clock and how well it is kept.
    case clock
    /// Asks every name server of the device for the addresses of names.
    case resolve([Text])
    /// Tries to connect to numeric addresses with ports, and to Unix sockets by their paths, and sends nothing.
    case connect([Text])

    /// One argument of a program.
    public enum Argument: Equatable, Sendable {
        /// As the manifest writes it.
        case literal(Text)
        /// The value of the parameter at this index.
        case parameter(Int)
    }
}

/// One probe as the agent knows it: the device part of a manifest.
public struct ProbeDefinition: Equatable, Sendable {
    /// Id, such as `storage.space`.
    public var id: Text
    /// What it may do to the device.
    public var impact: Impact
    /// How it is answered.
    public var source: ProbeSource
    /// What may be asked for; every parameter is required.
    public var parameters: [ParameterDefinition]
    /// Wall time after which its process tree is ended, milliseconds; 1 to 600,000.
    public var timeLimit: UInt64
    /// Bytes of output after which the rest is cut, both streams together; 1 to 4 MiB.
    public var outputLimit: UInt64
    /// User it runs as.
    public var user: Text
    /// Supplementary groups it runs with; those the device lacks are left out.
    public var groups: [Text]
    /// Whether it may use the network.
    public var mayUseNetwork: Bool
    /// Whether it may open Unix sockets, as who asks systemd or D-Bus must.
    public var mayUseLocalSockets: Bool
    /// Absolute paths at and beneath which it may write; a probe that only observes has none.
    public var writable: [Text]

    /// Makes a definition of its fields.
    public init(
        id: Text, impact: Impact, source: ProbeSource, parameters: [ParameterDefinition] = [], timeLimit: UInt64 = 5_000,
        outputLimit: UInt64 = 65_536, user: Text = "nobody", groups: [Text] = [], mayUseNetwork: Bool = false,
        mayUseLocalSockets: Bool = false, writable: [Text] = []
    ) {
        self.id = id
        self.impact = impact
        self.source = source
        self.parameters = parameters
        self.timeLimit = timeLimit
        self.outputLimit = outputLimit
        self.user = user
        self.groups = groups
        self.mayUseNetwork = mayUseNetwork
        self.mayUseLocalSockets = mayUseLocalSockets
        self.writable = writable
    }

    /// The definition's encoding.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, id)
        fields.unsigned(1, impact.rawValue)
        switch source {
        case .run(let arguments):
            var list = CBORWriter()
            list.array(arguments.count)
            for argument in arguments {
                switch argument {
                case .literal(let text): list.text(text)
                case .parameter(let index): list.unsigned(UInt64(index))
                }
            }
            fields.encoded(2, list.bytes)
        case .files(let patterns): fields.texts(3, patterns)
        case .statfs: fields.unsigned(4, 1)
        case .clock: fields.unsigned(4, 2)
        case .stat, .resolve, .connect: break
        }
        if !parameters.isEmpty {
            var list = CBORWriter()
            list.array(parameters.count)
            for parameter in parameters { list.encoded(parameter.encoded) }
            fields.encoded(5, list.bytes)
        }
        fields.unsigned(6, timeLimit)
        fields.unsigned(7, outputLimit)
        fields.text(8, user)
        fields.texts(9, groups)
        if mayUseNetwork { fields.unsigned(10, 1) }
        if mayUseLocalSockets { fields.unsigned(11, 1) }
        fields.texts(12, writable)
        switch source {
        case .stat(let patterns): fields.texts(13, patterns)
        case .resolve(let names): fields.texts(14, names)
        case .connect(let targets): fields.texts(15, targets)
        default: break
        }
        return fields.bytes
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (id, impact): (Text?, UInt64?)
        var source: ProbeSource?
        var probe = ProbeDefinition(id: "", impact: .observe, source: .statfs)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 0: id = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 1: impact = try reader.unsigned(limit: 2)
            case 2: source = .run(try Self.arguments(&reader))
            case 3: source = .files(try reader.texts(count: 64, limit: 1_024))
            case 4:
                let number = try reader.unsigned()
                guard number == 1 || number == 2 else { throw WireError(.outOfRange, 4) }
                source = number == 1 ? .statfs : .clock
            case 5:
                for _ in 0..<(try reader.array(limit: RollcallProtocol.parameterCountLimit)) {
                    probe.parameters.append(try ParameterDefinition(&reader))
                }
            case 6: probe.timeLimit = try reader.unsigned(limit: 600_000)
            case 7: probe.outputLimit = try reader.unsigned(limit: 4 << 20)
            case 8: probe.user = try reader.text(limit: 64)
            case 9: probe.groups = try reader.texts(count: 16, limit: 64)
            case 10:
                guard try reader.unsigned() == 1 else { throw WireError(.outOfRange, 10) }
                probe.mayUseNetwork = true
            case 11:
                guard try reader.unsigned() == 1 else { throw WireError(.outOfRange, 11) }
                probe.mayUseLocalSockets = true
            case 12: probe.writable = try reader.texts(count: 16, limit: 1_024)
            case 13: source = .stat(try reader.texts(count: 64, limit: 1_024))
            case 14: source = .resolve(try reader.texts(count: 8, limit: 253))
            case 15: source = .connect(try reader.texts(count: 16, limit: ConnectionRow.targetSizeLimit))
            default: return false
            }
            return true
        }
        probe.id = try required(id, 0)
        probe.impact = Impact(rawValue: try required(impact, 1)) ?? .change
        probe.source = try required(source, 2)
        try keys.require(6, 7, 8)
        var sourceCount = 0
        for key: UInt64 in [2, 3, 4, 13, 14, 15] where keys.contains(key) { sourceCount += 1 }
        guard sourceCount == 1 else { throw WireError(.outOfRange, 2) }
        guard probe.timeLimit > 0 else { throw WireError(.outOfRange, 6) }
        guard probe.outputLimit > 0 else { throw WireError(.outOfRange, 7) }
        for path in probe.writable where probe.impact == .observe || !Self.isPathPattern(path.bytes) {
            throw WireError(.outOfRange, 12)
        }
        try probe.checkSource()
        try probe.checkParameterNames()
        self = probe
    }

    private func checkSource() throws(WireError) {
        switch source {
        case .run(let arguments):
            guard case .literal(let program)? = arguments.first, program.bytes.first == 47 else { throw WireError(.outOfRange, 2) }
            for case .parameter(let index) in arguments where index >= parameters.count { throw WireError(.outOfRange, 2) }
        case .files(let patterns), .stat(let patterns):
            for pattern in patterns where !Self.isPathPattern(pattern.bytes) { throw WireError(.outOfRange, 3) }
        case .statfs, .clock: break
        case .resolve(let names):
            for name in names where Self.labels(of: name.bytes) == nil { throw WireError(.outOfRange, 14) }
        case .connect(let targets):
            for target in targets where SocketAddress(target.bytes) == nil && !Self.isPathPattern(target.bytes) {
                throw WireError(.outOfRange, 15)
            }
        }
    }

    /// The labels of a host name as RFC 1035 section 4.1.2 writes them, each after its length, and the root's at the end; nil for what is
    /// no name. A dot alone is the root.
    public static func labels(of name: [UInt8]) -> [UInt8]? {
        var encoded: [UInt8] = [0]
        var last = 0
        for byte in name where name.count > 1 || byte != 46 {
            if byte == 46 {
                if encoded[last] == 0 { return nil }
                last = encoded.count
                encoded.append(0)
            } else {
                let isOfNames = byte == 45 || byte == 95 || byte &- 48 < 10 || (byte | 32) &- 97 < 26
                if encoded[last] == 63 || !isOfNames { return nil }
                encoded[last] += 1
                encoded.append(byte)
            }
        }
        if encoded[last] != 0 { encoded.append(0) }
        return !name.isEmpty && encoded.count <= 255 ? encoded : nil
    }

    /// Whether a path begins at the root, never climbs, and has no byte at which C would end it.
    private static func isPathPattern(_ path: [UInt8]) -> Bool {
        guard path.first == 47, !path.contains(0) else { return false }
        return path.split(separator: 47).allSatisfy { Array($0) != [46, 46] }
    }

    private func checkParameterNames() throws(WireError) {
        for index in parameters.indices {
            for other in parameters[..<index] where other.name == parameters[index].name { throw WireError(.outOfRange, 5) }
        }
    }

    private static func arguments(_ reader: inout CBORReader) throws(WireError) -> [ProbeSource.Argument] {
        var arguments: [ProbeSource.Argument] = []
        for _ in 0..<(try reader.array(limit: 64)) {
            if reader.nextIsText {
                let text = try reader.text(limit: 1_024)
                guard !text.bytes.contains(0) else { throw WireError(.outOfRange, 2) }
                arguments.append(.literal(text))
            } else {
                arguments.append(.parameter(Int(try reader.unsigned(limit: UInt64(RollcallProtocol.parameterCountLimit)))))
            }
        }
        return arguments
    }

    /// The whole command line for checked parameters, or nil where the probe runs no program.
    public func commandLine(_ values: [Text]) -> [Text]? {
        guard case .run(let arguments) = source else { return nil }
        var line: [Text] = []
        for argument in arguments {
            switch argument {
            case .literal(let text): line.append(text)
            case .parameter(let index): line.append(values[index])
            }
        }
        return line
    }

    /// Puts a request's parameters in the definition's order, after checking each.
    ///
    /// - Throws: `.parameter`, naming the parameter and what it must be.
    public func check(_ parameters: [Parameter]) throws(CatalogueError) -> [Text] {
        for parameter in parameters where !self.parameters.contains(where: { $0.name == parameter.name }) {
            throw CatalogueError(.parameter, id + " takes no parameter of the name given.")
        }
        var values: [Text] = []
        for definition in self.parameters {
            let given = parameters.filter { $0.name == definition.name }
            guard given.count == 1 else {
                throw CatalogueError(.parameter, id + " needs the parameter " + definition.name + " exactly once.")
            }
            try definition.check(given[0].value)
            values.append(given[0].value)
        }
        return values
    }
}
