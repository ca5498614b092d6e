/// Asks the agent for a stream: bytes both ways, each as far as the receiver gave credit.
public struct OpenStream: Equatable, Sendable {
    /// What can be asked for; more may be added.
    public struct Flags: OptionSet, Equatable, Sendable {
        /// The bits on the wire.
        public let rawValue: UInt64
        /// Makes a set of the bits on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// `put` may replace a file that is there.
        public static let replace = Flags(rawValue: 1)
        /// `put` does not go on with what an earlier one left behind.
        public static let afresh = Flags(rawValue: 2)
    }

    /// Number of the request, chosen by the controller, unused so far in the session.
    public var request: UInt64
    /// `get`, `put`, `tunnel` or `shell`.
    public var kind: Text
    /// An absolute path, or `host:port`; empty for a shell.
    public var target: Text
    /// `put`: bytes of the whole file.
    public var size: UInt64
    /// `get`: bytes that the controller has already.
    public var offset: UInt64
    /// `get` from an offset: when the file was changed last, microseconds UTC, as the agent said it before.
    public var time: UInt64
    /// `get` from an offset: SHA-256 of the bytes before it. `put`: SHA-256 of the whole file.
    public var digest: [UInt8]
    /// What else is wanted.
    public var flags: Flags
    /// Bytes that the agent may send before it gets more credit.
    public var credit: UInt64

    /// Makes the message of its fields.
    public init(
        request: UInt64, kind: Text, target: Text, size: UInt64 = 0, offset: UInt64 = 0, time: UInt64 = 0, digest: [UInt8] = [],
        flags: Flags = [], credit: UInt64
    ) {
        self.request = request
        self.kind = kind
        self.target = target
        self.size = size
        self.offset = offset
        self.time = time
        self.digest = digest
        self.flags = flags
        self.credit = credit
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.text(2, kind)
        fields.text(3, target)
        fields.unsigned(4, size)
        fields.unsigned(5, offset)
        fields.unsigned(6, time)
        fields.byteString(7, digest)
        fields.unsigned(8, flags.rawValue)
        fields.unsigned(9, credit)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        let fields = try StreamFields(&reader, numbers: [4, 5, 6, 8, 9], texts: [2, 3], bytes: 7, required: 2)
        self.init(
            request: fields.numbers[1], kind: fields.texts[0], target: fields.texts[1], size: fields.numbers[4], offset: fields.numbers[5],
            time: fields.numbers[6], digest: fields.bytes, flags: Flags(rawValue: fields.numbers[8]), credit: fields.numbers[9])
        guard digest.isEmpty || digest.count == 32 else { throw WireError(.outOfRange, 7) }
        guard kind.bytes.count <= RollcallProtocol.identifierSizeLimit else { throw WireError(.outOfRange, 2) }
    }
}

/// The agent opened a stream.
public struct StreamOpened: Equatable, Sendable {
    /// Number of the request.
    public var request: UInt64
    /// `get`: bytes of the file as the device tells them; 0 where it does not, as of files in /proc.
    public var size: UInt64
    /// Where in the file the stream begins: what was asked for, or 0 where that is no part of this file.
    public var offset: UInt64
    /// `get`: when the file was changed last, microseconds UTC.
    public var time: UInt64
    /// `put` from an offset above 0: SHA-256 of the bytes that the device has already.
    public var digest: [UInt8]
    /// Bytes that the controller may send before it gets more credit.
    public var credit: UInt64

    /// Makes the message of its fields.
    public init(request: UInt64, size: UInt64 = 0, offset: UInt64 = 0, time: UInt64 = 0, digest: [UInt8] = [], credit: UInt64) {
        self.request = request
        self.size = size
        self.offset = offset
        self.time = time
        self.digest = digest
        self.credit = credit
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, size)
        fields.unsigned(3, offset)
        fields.unsigned(4, time)
        fields.byteString(5, digest)
        fields.unsigned(6, credit)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        let fields = try StreamFields(&reader, numbers: [2, 3, 4, 6], bytes: 5)
        guard fields.bytes.isEmpty || fields.bytes.count == 32 else { throw WireError(.outOfRange, 5) }
        self.init(
            request: fields.numbers[1], size: fields.numbers[2], offset: fields.numbers[3], time: fields.numbers[4], digest: fields.bytes,
            credit: fields.numbers[6])
    }
}

/// Bytes of a stream, from either side.
public struct StreamData: Equatable, Sendable {
    /// Number of the request.
    public var request: UInt64
    /// The bytes, at least one and at most ``RollcallProtocol/chunkSizeLimit``.
    public var bytes: [UInt8]

    /// Makes the message of its fields.
    public init(request: UInt64, bytes: [UInt8]) {
        self.request = request
        self.bytes = bytes
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.byteString(2, bytes)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        let fields = try StreamFields(&reader, numbers: [], bytes: 2, required: 2)
        self.init(request: fields.numbers[1], bytes: fields.bytes)
    }
}

/// What is said about a stream beside its bytes.
public struct StreamControl: Equatable, Sendable {
    /// The kinds; more may be added, and an unknown one is passed over.
    public struct Kind: Equatable, Sendable {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Makes a kind of the number on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// The receiver takes `value` more bytes.
        public static let credit = Kind(rawValue: 1)
        /// The sender has nothing more to send; the other way stays open.
        public static let end = Kind(rawValue: 2)
        /// The terminal has `value` columns and `other` rows.
        public static let resize = Kind(rawValue: 3)
        /// Signal number `value` for what the shell has in the foreground.
        public static let signal = Kind(rawValue: 4)
    }

    /// Number of the request.
    public var request: UInt64
    /// What is said.
    public var kind: Kind
    /// As the kind says.
    public var value: UInt64
    /// As the kind says.
    public var other: UInt64

    /// Makes the message of its fields.
    public init(request: UInt64, kind: Kind, value: UInt64 = 0, other: UInt64 = 0) {
        self.request = request
        self.kind = kind
        self.value = value
        self.other = other
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, kind.rawValue)
        fields.unsigned(3, value)
        fields.unsigned(4, other)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        let fields = try StreamFields(&reader, numbers: [2, 3, 4])
        self.init(
            request: fields.numbers[1], kind: Kind(rawValue: fields.numbers[2]), value: fields.numbers[3], other: fields.numbers[4])
    }
}

/// The fields of the messages above: one reader for all of them takes less room on a device than one for each.
private struct StreamFields {
    /// By key; key 1 is the request.
    var numbers = [UInt64](repeating: 0, count: 10)
    /// In the order of their keys.
    var texts: [Text] = ["", ""]
    var bytes: [UInt8] = []

    /// Reads a message whose numbers must all be there, and one field more where `required` says so.
    init(
        _ reader: inout CBORReader, numbers keys: [UInt64], texts textKeys: [UInt64] = [], bytes bytesKey: UInt64 = 0,
        required extra: UInt64 = 1
    ) throws(WireError) {
        var found = StreamFields()
        let seen = try reader.fields { (reader, key) throws(WireError) in
            if key == 1 {
                found.numbers[1] = try reader.requestNumber()
            } else if keys.contains(key) {
                found.numbers[Int(key)] = try reader.unsigned(limit: RollcallProtocol.streamSizeLimit)
            } else if key == bytesKey, key > 0 {
                found.bytes = try reader.byteString(limit: RollcallProtocol.chunkSizeLimit)
            } else if let index = textKeys.firstIndex(of: key) {
                found.texts[index] = try reader.text(limit: RollcallProtocol.targetSizeLimit)
            } else {
                return false
            }
            return true
        }
        for key in keys { try seen.require(key) }
        try seen.require(1, extra)
        self = found
    }

    private init() {}
}
