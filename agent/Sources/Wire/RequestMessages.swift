/// One parameter of a request, by name.
public struct Parameter: Equatable, Sendable {
    /// The name that the probe's manifest gives it.
    public var name: Text
    /// The value, as text; the catalogue says what it must look like.
    public var value: Text

    /// Makes a parameter of its name and value.
    public init(name: Text, value: Text) {
        self.name = name
        self.value = value
    }
}

/// Asks the agent to run one probe of its catalogue.
public struct Run: Equatable, Sendable {
    /// Number of the request, chosen by the controller, unused so far in the session.
    public var request: UInt64
    /// Id of the probe.
    public var probe: Text
    /// Parameters, in the order given.
    public var parameters: [Parameter]

    /// Makes the message of its fields.
    public init(request: UInt64, probe: Text, parameters: [Parameter] = []) {
        self.request = request
        self.probe = probe
        self.parameters = parameters
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.text(2, probe)
        if parameters.isEmpty { return }
        var list = CBORWriter()
        list.array(parameters.count)
        for parameter in parameters {
            list.array(2)
            list.text(parameter.name)
            list.text(parameter.value)
        }
        fields.encoded(3, list.bytes)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var request: UInt64?
        var run = Run(request: 0, probe: "")
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.requestNumber()
            case 2: run.probe = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3:
                for _ in 0..<(try reader.array(limit: RollcallProtocol.parameterCountLimit)) {
                    guard try reader.array(limit: 2) == 2 else { throw WireError(.outOfRange, 3) }
                    let name = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
                    let value = try reader.text(limit: RollcallProtocol.parameterSizeLimit)
                    run.parameters.append(Parameter(name: name, value: value))
                }
            default: return false
            }
            return true
        }
        run.request = try required(request, 1)
        if run.probe.isEmpty { throw WireError(.missingField, 2) }
        self = run
    }
}

/// A piece of an answer.
public struct Chunk: Equatable, Sendable {
    /// The two kinds of output.
    public struct Stream: Equatable, Sendable {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Makes a stream of the number on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Standard output, or a reader's rows.
        public static let output = Stream(rawValue: 1)
        /// Standard error.
        public static let error = Stream(rawValue: 2)
    }

    /// Number of the request.
    public var request: UInt64
    /// Which output it continues.
    public var stream: Stream
    /// The bytes, at most ``RollcallProtocol/chunkSizeLimit``.
    public var bytes: [UInt8]

    /// Makes the message of its fields.
    public init(request: UInt64, stream: Stream, bytes: [UInt8]) {
        self.request = request
        self.stream = stream
        self.bytes = bytes
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, stream.rawValue)
        fields.byteString(3, bytes)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (request, stream): (UInt64?, UInt64?)
        var bytes: [UInt8] = []
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.unsigned()
            case 2: stream = try reader.unsigned()
            case 3: bytes = try reader.byteString(limit: RollcallProtocol.chunkSizeLimit)
            default: return false
            }
            return true
        }
        self.init(request: try required(request, 1), stream: Stream(rawValue: try required(stream, 2)), bytes: bytes)
    }
}

/// The end of an answer: how the probe ended, and whether the answer is whole.
public struct Done: Equatable, Sendable {
    /// How a probe can end; more may be added.
    public struct Ending: Equatable, Sendable {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Makes an ending of the number on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// The program exited; `code` is its exit status. A reader that read everything exits with 0.
        public static let exited = Ending(rawValue: 0)
        /// A signal ended it; `code` is the signal's number.
        public static let signalled = Ending(rawValue: 1)
        /// The time limit passed, and the process tree was ended.
        public static let timedOut = Ending(rawValue: 2)
        /// It is stuck in the kernel and outlived SIGKILL; it was abandoned and is not asked again until it returns.
        public static let abandoned = Ending(rawValue: 3)
        /// It could not be started; `code` is the errno.
        public static let notStarted = Ending(rawValue: 4)
        /// The controller cancelled it, or went away.
        public static let cancelled = Ending(rawValue: 5)
    }

    /// What limited the probe while it ran.
    public struct Measures: OptionSet, Equatable, Sendable {
        /// The bits on the wire.
        public let rawValue: UInt64
        /// Makes a set of the bits on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// Its own session and process group, /dev/null as standard input, no other descriptor, an empty environment, `/` as directory.
        public static let isolatedProcess = Measures(rawValue: 1)
        /// PR_SET_NO_NEW_PRIVS.
        public static let noNewPrivileges = Measures(rawValue: 2)
        /// Another user than the agent's own.
        public static let user = Measures(rawValue: 4)
        /// Resource limits.
        public static let resourceLimits = Measures(rawValue: 8)
        /// Lowered CPU and I/O priority.
        public static let lowPriority = Measures(rawValue: 16)
        /// No socket that leads off the device: an empty network namespace, a filter on socket(2), or both.
        public static let noNetwork = Measures(rawValue: 32)
        /// Landlock rules on files: nothing is written but where the manifest says so.
        public static let landlock = Measures(rawValue: 64)
        /// No Unix socket, such as that of D-Bus.
        public static let noLocalSockets = Measures(rawValue: 128)
        /// A limit on the processes of its user.
        public static let processLimit = Measures(rawValue: 256)
        /// A filter on system calls (seccomp(2)), under which no other process can be traced.
        public static let systemCalls = Measures(rawValue: 512)
    }

    /// Number of the request.
    public var request: UInt64
    /// How it ended.
    public var ending: Ending
    /// Exit status, signal number or errno, as `ending` says.
    public var code: UInt64
    /// Bytes of both streams that were sent.
    public var sentByteCount: UInt64
    /// Bytes that were not sent because of the output limit. More than 0 makes the answer incomplete.
    public var cutByteCount: UInt64
    /// Wall time from start to end, microseconds.
    public var duration: UInt64
    /// CPU time of the process tree, microseconds.
    public var cpuTime: UInt64
    /// What limited it.
    public var measures: Measures
    /// SHA-256 over SHA-256(standard output) and SHA-256(standard error), of the bytes sent.
    public var digest: [UInt8]
    /// One sentence where there is more to say, such as which mount did not answer.
    public var note: Text

    /// Makes the message of its fields.
    public init(
        request: UInt64, ending: Ending, code: UInt64 = 0, sentByteCount: UInt64 = 0, cutByteCount: UInt64 = 0, duration: UInt64 = 0,
        cpuTime: UInt64 = 0, measures: Measures = [], digest: [UInt8] = [], note: Text = ""
    ) {
        self.request = request
        self.ending = ending
        self.code = code
        self.sentByteCount = sentByteCount
        self.cutByteCount = cutByteCount
        self.duration = duration
        self.cpuTime = cpuTime
        self.measures = measures
        self.digest = digest
        self.note = note
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, ending.rawValue)
        fields.unsigned(3, code)
        fields.unsigned(4, sentByteCount)
        fields.unsigned(5, cutByteCount)
        fields.unsigned(6, duration)
        fields.unsigned(7, cpuTime)
        fields.unsigned(8, measures.rawValue)
        fields.byteString(9, digest)
        fields.sentence(10, note)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var done = Done(request: 0, ending: .exited)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: done.request = try reader.unsigned()
            case 2: done.ending = Ending(rawValue: try reader.unsigned())
            case 3: done.code = try reader.unsigned()
            case 4: done.sentByteCount = try reader.unsigned()
            case 5: done.cutByteCount = try reader.unsigned()
            case 6: done.duration = try reader.unsigned()
            case 7: done.cpuTime = try reader.unsigned()
            case 8: done.measures = Measures(rawValue: try reader.unsigned())
            case 9: done.digest = try reader.hash()
            case 10: done.note = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            default: return false
            }
            return true
        }
        try keys.require(1, 2, 3, 4, 5, 6, 7, 8)
        self = done
    }
}

/// The agent will not do what was asked, and says by which rule.
public struct Refused: Equatable, Sendable {
    /// Number of the request; 0 where the session itself is refused.
    public var request: UInt64
    /// Name of the rule, stable, such as `unknown-probe` or `catalogue-expired`; docs/PROTOCOL.md lists them.
    public var rule: Text
    /// One sentence for people.
    public var sentence: Text

    /// Makes the message of its fields.
    public init(request: UInt64, rule: Text, sentence: Text) {
        self.request = request
        self.rule = rule
        self.sentence = sentence
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.text(2, rule)
        fields.sentence(3, sentence)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var request: UInt64?
        var rule: Text?
        var sentence: Text = ""
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.unsigned()
            case 2: rule = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3: sentence = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            default: return false
            }
            return true
        }
        self.init(request: try required(request, 1), rule: try required(rule, 2), sentence: sentence)
    }
}

/// A piece of something signed that the agent is to take over, such as a catalogue.
///
/// Pieces come in order; with the last one the agent checks the whole and answers ``Done`` or ``Refused``.
public struct Push: Equatable, Sendable {
    /// Number of the request, the same in every piece.
    public var request: UInt64
    /// What it is: `catalogue`.
    public var kind: Text
    /// Size of the whole in bytes, at most ``RollcallProtocol/pushSizeLimit``.
    public var size: UInt64
    /// Where this piece begins.
    public var offset: UInt64
    /// The piece, at most ``RollcallProtocol/chunkSizeLimit`` bytes.
    public var bytes: [UInt8]

    /// Makes the message of its fields.
    public init(request: UInt64, kind: Text, size: UInt64, offset: UInt64, bytes: [UInt8]) {
        self.request = request
        self.kind = kind
        self.size = size
        self.offset = offset
        self.bytes = bytes
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.text(2, kind)
        fields.unsigned(3, size)
        fields.unsigned(4, offset)
        fields.byteString(5, bytes)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (request, size, offset): (UInt64?, UInt64?, UInt64?)
        var kind: Text = ""
        var bytes: [UInt8] = []
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.requestNumber()
            case 2: kind = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3: size = try reader.unsigned(limit: UInt64(RollcallProtocol.pushSizeLimit))
            case 4: offset = try reader.unsigned(limit: UInt64(RollcallProtocol.pushSizeLimit))
            case 5: bytes = try reader.byteString(limit: RollcallProtocol.chunkSizeLimit)
            default: return false
            }
            return true
        }
        let whole = try required(size, 3)
        let start = try required(offset, 4)
        guard start <= whole, UInt64(bytes.count) <= whole - start else { throw WireError(.outOfRange, 4) }
        self.init(request: try required(request, 1), kind: kind, size: whole, offset: start, bytes: bytes)
    }
}

/// Asks for entries of the agent's ledger; they come as chunks of a CBOR sequence of byte strings, then ``Done``.
public struct Entries: Equatable, Sendable {
    /// Number of the request.
    public var request: UInt64
    /// Index of the first entry wanted.
    public var first: UInt64
    /// Entries wanted at most.
    public var count: UInt64

    /// Makes the message of its fields.
    public init(request: UInt64, first: UInt64, count: UInt64) {
        self.request = request
        self.first = first
        self.count = count
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, first)
        fields.unsigned(3, count)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (request, first, count): (UInt64?, UInt64?, UInt64?)
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.requestNumber()
            case 2: first = try reader.unsigned(limit: RollcallProtocol.ledgerSizeLimit)
            case 3: count = try reader.unsigned(limit: RollcallProtocol.ledgerSizeLimit)
            default: return false
            }
            return true
        }
        self.init(request: try required(request, 1), first: try required(first, 2), count: try required(count, 3))
    }
}

/// Asks the agent to stop a request that runs; it still ends with ``Done``.
public struct Cancel: Equatable, Sendable {
    /// Number of the request.
    public var request: UInt64

    /// Makes the message of its field.
    public init(request: UInt64) { self.request = request }

    func write(_ fields: inout FieldWriter) { fields.unsigned(1, request) }

    init(_ reader: inout CBORReader) throws(WireError) {
        var request: UInt64?
        try reader.fields { (reader, field) throws(WireError) in
            guard field == 1 else { return false }
            request = try reader.requestNumber()
            return true
        }
        self.init(request: try required(request, 1))
    }
}
