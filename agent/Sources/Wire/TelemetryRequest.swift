/// Asks for what the device measured: blocks by cursor, or only how it is now.
///
/// The answer is a CBOR sequence. It begins with ``TelemetryHead``; then comes `[sequence number, block]` for each block, oldest first, the one
/// that is still open last; its number is ``TelemetryHead/next``, and it comes again, longer, under the same number.
public struct TelemetryRequest: Equatable, Sendable {
    /// Number of the request, chosen by the controller, unused so far in the session.
    public var request: UInt64
    /// Sequence number after which blocks are wanted.
    public var after: UInt64
    /// The ring that the number is of; where it is another's, or empty, every block is wanted.
    public var ring: [UInt8]
    /// Bytes of blocks after which the answer ends with the block that reaches them; 0 asks for a block of one tick, taken now.
    public var sizeLimit: UInt64

    /// Bytes in the id of a ring.
    public static let ringSize = 16

    /// Makes the message of its fields.
    public init(request: UInt64, after: UInt64 = 0, ring: [UInt8] = [], sizeLimit: UInt64) {
        self.request = request
        self.after = after
        self.ring = ring
        self.sizeLimit = sizeLimit
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, request)
        fields.unsigned(2, after)
        fields.byteString(3, ring)
        fields.unsigned(4, sizeLimit)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (request, after, limit): (UInt64?, UInt64?, UInt64?)
        var ring: [UInt8] = []
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: request = try reader.requestNumber()
            case 2: after = try reader.unsigned()
            case 3:
                ring = try reader.byteString(limit: Self.ringSize)
                if ring.count != Self.ringSize { throw WireError(.outOfRange, 3) }
            case 4: limit = try reader.unsigned()
            default: return false
            }
            return true
        }
        self.init(request: try required(request, 1), after: try required(after, 2), ring: ring, sizeLimit: try required(limit, 4))
    }
}

/// What the answer to a ``TelemetryRequest`` begins with.
public struct TelemetryHead: Equatable, Sendable {
    /// The ring that sequence numbers are of; empty where no disk holds one.
    public var ring: [UInt8]
    /// Number of the oldest block that is still there.
    public var first: UInt64
    /// Number of the block that is still open.
    public var next: UInt64

    /// Makes a head of its fields.
    public init(ring: [UInt8], first: UInt64, next: UInt64) {
        self.ring = ring
        self.first = first
        self.next = next
    }

    /// The head's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(3)
        writer.byteString(ring)
        writer.unsigned(first)
        writer.unsigned(next)
        return writer.bytes
    }

    /// Reads the head of an answer.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 3) == 3 else { throw WireError(.malformed, UInt64(reader.offset)) }
        ring = try reader.byteString(limit: TelemetryRequest.ringSize)
        guard ring.isEmpty || ring.count == TelemetryRequest.ringSize else { throw WireError(.outOfRange, UInt64(reader.offset)) }
        first = try reader.unsigned()
        next = try reader.unsigned()
    }
}
