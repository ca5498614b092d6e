/// Writes the deterministic CBOR of RFC 8949 section 4.2: shortest heads, definite lengths, no floats, no tags.
///
/// The caller writes map keys in ascending order; ``CBORReader`` refuses anything else.
public struct CBORWriter: Sendable {
    /// What has been written so far.
    public private(set) var bytes: [UInt8] = []

    /// Starts with nothing written.
    public init() {}

    /// Starts behind bytes that are filled in at the end.
    fileprivate init(behind room: [UInt8]) { bytes = room }

    @inline(never)
    private mutating func head(_ major: UInt8, _ argument: UInt64) {
        let type = major << 5
        switch argument {
        case 0..<24:
            bytes.append(type | UInt8(argument))
        case 24...0xFF:
            bytes.append(type | 24)
            bytes.append(UInt8(argument))
        case 0x100...0xFFFF:
            bytes.append(type | 25)
            bigEndian(argument, byteCount: 2)
        case 0x1_0000...0xFFFF_FFFF:
            bytes.append(type | 26)
            bigEndian(argument, byteCount: 4)
        default:
            bytes.append(type | 27)
            bigEndian(argument, byteCount: 8)
        }
    }

    private mutating func bigEndian(_ value: UInt64, byteCount: UInt64) {
        var shift = byteCount * 8
        while shift > 0 {
            shift -= 8
            bytes.append(UInt8(truncatingIfNeeded: value >> shift))
        }
    }

    /// Writes a non-negative integer.
    public mutating func unsigned(_ value: UInt64) { head(0, value) }

    /// Writes an integer of either sign.
    public mutating func integer(_ value: Int64) {
        if value >= 0 { head(0, UInt64(value)) } else { head(1, UInt64(-1 - value)) }
    }

    /// Writes a byte string.
    @inline(never)
    public mutating func byteString(_ value: [UInt8]) {
        head(2, UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    /// Writes a text string.
    @inline(never)
    public mutating func text(_ value: Text) {
        head(3, UInt64(value.bytes.count))
        bytes.append(contentsOf: value.bytes)
    }

    /// Starts an array; `count` items must follow.
    public mutating func array(_ count: Int) { head(4, UInt64(count)) }

    /// Starts a map; `count` pairs must follow, keys ascending.
    public mutating func map(_ count: Int) { head(5, UInt64(count)) }

    /// Writes false or true.
    public mutating func boolean(_ value: Bool) { bytes.append(value ? 0xF5 : 0xF4) }

    /// Writes bytes that already are an encoded item.
    public mutating func encoded(_ item: [UInt8]) { bytes.append(contentsOf: item) }
}

/// Collects the fields of a map whose keys are small non-negative integers, leaving out what is absent.
///
/// The count of a CBOR map stands before its pairs, so room is left for it, and for a frame's length before that: a message may be long and
/// is not to be copied for either.
public struct FieldWriter: Sendable {
    private static let room: [UInt8] = [0, 0, 0, 0, 0]
    /// The most pairs whose count fits the room.
    private static let countLimit = 23
    private var pairs = CBORWriter(behind: room)
    private var count = 0
    private var lastKey: UInt64?

    /// Starts an empty map.
    public init() {}

    @inline(never)
    private mutating func key(_ key: UInt64) {
        precondition(lastKey.map { $0 < key } ?? true, "map keys are written in ascending order")
        precondition(count < Self.countLimit, "a map has at most 23 fields")
        lastKey = key
        count += 1
        pairs.unsigned(key)
    }

    /// Adds a non-negative integer.
    @inline(never)
    public mutating func unsigned(_ key: UInt64, _ value: UInt64) {
        self.key(key)
        pairs.unsigned(value)
    }

    /// Adds an integer of either sign.
    public mutating func integer(_ key: UInt64, _ value: Int64) {
        self.key(key)
        pairs.integer(value)
    }

    /// Adds a byte string; an empty one is left out.
    @inline(never)
    public mutating func byteString(_ key: UInt64, _ value: [UInt8]) {
        if value.isEmpty { return }
        self.key(key)
        pairs.byteString(value)
    }

    /// Adds a text; an empty one is left out.
    @inline(never)
    public mutating func text(_ key: UInt64, _ value: Text) {
        if value.isEmpty { return }
        self.key(key)
        pairs.text(value)
    }

    /// Adds a text for people as ``Text/sentence(limit:)`` makes it, whatever it holds; an empty one is left out.
    @inline(never)
    public mutating func sentence(_ key: UInt64, _ value: Text, limit: Int = RollcallProtocol.sentenceSizeLimit) {
        text(key, value.sentence(limit: limit))
    }

    /// Adds an array of byte strings; an empty one is left out.
    @inline(never)
    public mutating func byteStrings(_ key: UInt64, _ values: [[UInt8]]) {
        if values.isEmpty { return }
        self.key(key)
        pairs.array(values.count)
        for value in values { pairs.byteString(value) }
    }

    /// Adds an array of texts; an empty one is left out.
    @inline(never)
    public mutating func texts(_ key: UInt64, _ values: [Text]) {
        if values.isEmpty { return }
        self.key(key)
        pairs.array(values.count)
        for value in values { pairs.text(value) }
    }

    /// Adds an item that is already encoded.
    public mutating func encoded(_ key: UInt64, _ item: [UInt8]) {
        self.key(key)
        pairs.encoded(item)
    }

    /// The whole map, encoded.
    public var bytes: [UInt8] {
        var bytes = Array(pairs.bytes[4...])
        bytes[0] = head
        return bytes
    }

    /// The whole map as it goes on the wire: length, then encoding; nothing is left in the writer.
    ///
    /// - Precondition: The map is not longer than ``Frame/sizeLimit``.
    mutating func takeFrame() -> [UInt8] {
        var frame = pairs.bytes
        let first = head
        self = FieldWriter()
        Frame.write(length: frame.count - 4, to: &frame)
        frame[4] = first
        return frame
    }

    private var head: UInt8 { 5 << 5 | UInt8(count) }
}
