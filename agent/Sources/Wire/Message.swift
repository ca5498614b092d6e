/// Everything that the two sides say to each other. docs/PROTOCOL.md is the specification.
///
/// On the wire a message is one CBOR map; key 0 holds the type, the other keys the fields. Unknown keys are skipped, unknown types are
/// refused by number.
public enum Message: Equatable, Sendable {
    /// Relay to daemon only: who sshd let in.
    case door(Door)
    /// The agent's first message.
    case hello(Hello)
    /// The controller's first message.
    case open(Open)
    /// The agent's answer to it.
    case opened(Opened)
    /// Run a probe.
    case run(Run)
    /// A piece of an answer.
    case chunk(Chunk)
    /// The end of an answer.
    case done(Done)
    /// The agent will not.
    case refused(Refused)
    /// A piece of something signed.
    case push(Push)
    /// Asks for ledger entries.
    case entries(Entries)
    /// Ends the session.
    case close(Close)
    /// The agent's last message.
    case closed(Closed)
    /// Stop a request.
    case cancel(Cancel)
    /// Asks for what the device measured.
    case telemetry(TelemetryRequest)
    /// Asks for a stream.
    case stream(OpenStream)
    /// The agent opened it.
    case streamOpened(StreamOpened)
    /// Bytes of a stream, either way.
    case data(StreamData)
    /// Credit, end, window size or signal of a stream.
    case control(StreamControl)

    private enum Kind {
        static let door: UInt64 = 0
        static let hello: UInt64 = 1
        static let open: UInt64 = 2
        static let opened: UInt64 = 3
        static let run: UInt64 = 4
        static let chunk: UInt64 = 5
        static let done: UInt64 = 6
        static let refused: UInt64 = 7
        static let push: UInt64 = 8
        static let entries: UInt64 = 9
        static let close: UInt64 = 10
        static let closed: UInt64 = 11
        static let cancel: UInt64 = 12
        static let telemetry: UInt64 = 13
        static let stream: UInt64 = 16
        static let streamOpened: UInt64 = 17
        static let data: UInt64 = 18
        static let control: UInt64 = 19
    }

    /// The message's encoding, without the frame's length.
    public var encoded: [UInt8] { fields.bytes }

    /// The message as it goes on the wire: length, then encoding.
    public var frame: [UInt8] {
        var fields = fields
        return fields.takeFrame()
    }

    private var fields: FieldWriter {
        var fields = FieldWriter()
        switch self {
        case .door(let message):
            fields.unsigned(0, Kind.door)
            message.write(&fields)
        case .hello(let message):
            fields.unsigned(0, Kind.hello)
            message.write(&fields)
        case .opened(let message):
            fields.unsigned(0, Kind.opened)
            message.write(&fields)
        case .chunk(let message):
            fields.unsigned(0, Kind.chunk)
            message.write(&fields)
        case .done(let message):
            fields.unsigned(0, Kind.done)
            message.write(&fields)
        case .refused(let message):
            fields.unsigned(0, Kind.refused)
            message.write(&fields)
        case .closed(let message):
            fields.unsigned(0, Kind.closed)
            message.write(&fields)
        case .streamOpened(let message):
            fields.unsigned(0, Kind.streamOpened)
            message.write(&fields)
        case .data(let message):
            fields.unsigned(0, Kind.data)
            message.write(&fields)
        case .control(let message):
            fields.unsigned(0, Kind.control)
            message.write(&fields)
        // What only a controller writes takes no room on a device.
        #if ROLLCALL_DEVICE
            default: preconditionFailure("only a controller writes this")
        #else
            case .open(let message):
                fields.unsigned(0, Kind.open)
                message.write(&fields)
            case .run(let message):
                fields.unsigned(0, Kind.run)
                message.write(&fields)
            case .push(let message):
                fields.unsigned(0, Kind.push)
                message.write(&fields)
            case .entries(let message):
                fields.unsigned(0, Kind.entries)
                message.write(&fields)
            case .close(let message):
                fields.unsigned(0, Kind.close)
                message.write(&fields)
            case .cancel(let message):
                fields.unsigned(0, Kind.cancel)
                message.write(&fields)
            case .telemetry(let message):
                fields.unsigned(0, Kind.telemetry)
                message.write(&fields)
            case .stream(let message):
                fields.unsigned(0, Kind.stream)
                message.write(&fields)
        #endif
        }
        return fields
    }

    /// Reads a message from the bytes of one frame.
    ///
    /// - Throws: ``WireError``; `.unknownMessage` carries the type's number.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        var typeReader = CBORReader(bytes)
        var type: UInt64?
        try typeReader.fields { (reader, key) throws(WireError) in
            guard key == 0 else { return false }
            type = try reader.unsigned()
            return true
        }
        try typeReader.end()
        let kind = try required(type, 0)
        var reader = CBORReader(bytes)
        switch kind {
        case Kind.door: self = .door(try Door(&reader))
        case Kind.open: self = .open(try Open(&reader))
        case Kind.run: self = .run(try Run(&reader))
        case Kind.push: self = .push(try Push(&reader))
        case Kind.entries: self = .entries(try Entries(&reader))
        case Kind.close: self = .close(try Close(&reader))
        case Kind.cancel: self = .cancel(try Cancel(&reader))
        case Kind.telemetry: self = .telemetry(try TelemetryRequest(&reader))
        case Kind.stream: self = .stream(try OpenStream(&reader))
        case Kind.data: self = .data(try StreamData(&reader))
        case Kind.control: self = .control(try StreamControl(&reader))
        // What only a controller reads takes no room on a device.
        #if !ROLLCALL_DEVICE
            case Kind.hello: self = .hello(try Hello(&reader))
            case Kind.opened: self = .opened(try Opened(&reader))
            case Kind.chunk: self = .chunk(try Chunk(&reader))
            case Kind.done: self = .done(try Done(&reader))
            case Kind.refused: self = .refused(try Refused(&reader))
            case Kind.closed: self = .closed(try Closed(&reader))
            case Kind.streamOpened: self = .streamOpened(try StreamOpened(&reader))
        #endif
        default: throw WireError(.unknownMessage, kind)
        }
    }
}
