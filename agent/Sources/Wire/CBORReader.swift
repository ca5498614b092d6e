/// Reads the deterministic CBOR of RFC 8949 section 4.2, and refuses every other encoding of the same value.
///
/// Nothing in the input can make it trap, recurse without bound, or allocate more than the input's own length. What every message is read
/// with is kept from being copied into each of them: together with the writer's that is 24 KiB of the agent.
public struct CBORReader: Sendable {
    private let bytes: [UInt8]
    private var position: Int

    /// Deepest nesting that ``skip()`` follows.
    public static let depthLimit = 8

    /// Reads from the front of `bytes`.
    public init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.position = 0
    }

    /// How many bytes have been read.
    public var offset: Int { position }

    /// Whether everything was read.
    public var isAtEnd: Bool { position == bytes.count }

    /// Checks that nothing follows.
    public func end() throws(WireError) {
        if !isAtEnd { throw WireError(.trailingBytes, UInt64(position)) }
    }

    @inline(never)
    private mutating func head() throws(WireError) -> (major: UInt8, argument: UInt64) {
        guard position < bytes.count else { throw WireError(.truncated, UInt64(position)) }
        let first = bytes[position]
        position += 1
        let major = first >> 5
        let low = first & 0x1F
        if low < 24 { return (major, UInt64(low)) }
        guard low <= 27 else { throw WireError(.malformed, UInt64(position - 1)) }
        let length = 1 << Int(low - 24)
        guard bytes.count - position >= length else { throw WireError(.truncated, UInt64(position)) }
        var value: UInt64 = 0
        for _ in 0..<length {
            value = value << 8 | UInt64(bytes[position])
            position += 1
        }
        // RFC 8949 section 4.2.1: the shortest head that holds the argument.
        let isShortest =
            switch low {
            case 24: value >= 24
            case 25: value > 0xFF
            case 26: value > 0xFFFF
            default: value > 0xFFFF_FFFF
            }
        guard isShortest else { throw WireError(.malformed, UInt64(position)) }
        return (major, value)
    }

    private mutating func head(expecting major: UInt8) throws(WireError) -> UInt64 {
        let start = position
        let found = try head()
        guard found.major == major else { throw WireError(.unexpectedType, UInt64(start)) }
        return found.argument
    }

    /// Reads a non-negative integer of at most `limit`.
    public mutating func unsigned(limit: UInt64 = .max) throws(WireError) -> UInt64 {
        let value = try head(expecting: 0)
        guard value <= limit else { throw WireError(.outOfRange, UInt64(position)) }
        return value
    }

    /// Reads an integer of either sign that fits 64 bits.
    public mutating func integer() throws(WireError) -> Int64 {
        let start = position
        let found = try head()
        guard found.major <= 1 else { throw WireError(.unexpectedType, UInt64(start)) }
        guard found.argument <= UInt64(Int64.max) else { throw WireError(.outOfRange, UInt64(start)) }
        return found.major == 0 ? Int64(found.argument) : -1 - Int64(found.argument)
    }

    @inline(never)
    private mutating func run(of length: UInt64, limit: Int) throws(WireError) -> ArraySlice<UInt8> {
        guard length <= UInt64(limit) else { throw WireError(.outOfRange, UInt64(position)) }
        guard length <= UInt64(bytes.count - position) else { throw WireError(.truncated, UInt64(position)) }
        let slice = bytes[position..<position + Int(length)]
        position += Int(length)
        return slice
    }

    /// Reads a byte string of at most `limit` bytes.
    @inline(never)
    public mutating func byteString(limit: Int = .max) throws(WireError) -> [UInt8] {
        let length = try head(expecting: 2)
        return Array(try run(of: length, limit: limit))
    }

    /// Reads a byte string of exactly 32 bytes, as hashes and keys have.
    @inline(never)
    public mutating func hash() throws(WireError) -> [UInt8] {
        let start = position
        let value = try byteString(limit: 32)
        guard value.count == 32 else { throw WireError(.outOfRange, UInt64(start)) }
        return value
    }

    /// Reads an array of at most `count` hashes of 32 bytes each.
    public mutating func hashes(count: Int) throws(WireError) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for _ in 0..<(try array(limit: count)) { values.append(try hash()) }
        return values
    }

    /// Reads the number of a request: at least 1, because 0 stands for the session itself.
    mutating func requestNumber() throws(WireError) -> UInt64 {
        let number = try unsigned()
        guard number > 0 else { throw WireError(.outOfRange, 1) }
        return number
    }

    /// Reads a text of at most `limit` bytes of well-formed UTF-8.
    @inline(never)
    public mutating func text(limit: Int = .max) throws(WireError) -> Text {
        let length = try head(expecting: 3)
        let slice = try run(of: length, limit: limit)
        guard isWellFormedUTF8(slice) else { throw WireError(.malformed, UInt64(position)) }
        return Text(Array(slice))
    }

    /// Reads the head of an array of at most `limit` items, and returns how many follow.
    public mutating func array(limit: Int) throws(WireError) -> Int {
        try count(major: 4, limit: limit)
    }

    /// Reads the head of a map of at most `limit` pairs, and returns how many follow.
    public mutating func map(limit: Int) throws(WireError) -> Int {
        try count(major: 5, limit: limit)
    }

    @inline(never)
    private mutating func count(major: UInt8, limit: Int) throws(WireError) -> Int {
        let value = try head(expecting: major)
        // Each item takes a byte at least, so a count beyond what is left cannot be honest.
        guard value <= UInt64(limit) else { throw WireError(.outOfRange, UInt64(position)) }
        guard value <= UInt64(bytes.count - position) else { throw WireError(.truncated, UInt64(position)) }
        return Int(value)
    }

    /// Reads false or true.
    public mutating func boolean() throws(WireError) -> Bool {
        let value = try head(expecting: 7)
        guard value == 20 || value == 21 else { throw WireError(.malformed, UInt64(position)) }
        return value == 21
    }

    /// Reads an array of at most `count` byte strings of at most `limit` bytes each.
    public mutating func byteStrings(count: Int, limit: Int) throws(WireError) -> [[UInt8]] {
        var values: [[UInt8]] = []
        for _ in 0..<(try array(limit: count)) { values.append(try byteString(limit: limit)) }
        return values
    }

    /// Reads an array of at most `count` texts of at most `limit` bytes each.
    public mutating func texts(count: Int, limit: Int) throws(WireError) -> [Text] {
        var values: [Text] = []
        for _ in 0..<(try array(limit: count)) { values.append(try text(limit: limit)) }
        return values
    }

    /// Reads over one item of any allowed type.
    public mutating func skip() throws(WireError) { try skip(depth: 0) }

    private mutating func skip(depth: Int) throws(WireError) {
        guard depth < Self.depthLimit else { throw WireError(.outOfRange, UInt64(position)) }
        let start = position
        let (major, argument) = try head()
        switch major {
        case 0, 1: break
        case 2: _ = try run(of: argument, limit: .max)
        case 3:
            let slice = try run(of: argument, limit: .max)
            guard isWellFormedUTF8(slice) else { throw WireError(.malformed, UInt64(start)) }
        case 4:
            guard argument <= UInt64(bytes.count - position) else { throw WireError(.truncated, UInt64(start)) }
            for _ in 0..<argument { try skip(depth: depth + 1) }
        case 5:
            guard argument <= UInt64(bytes.count - position) else { throw WireError(.truncated, UInt64(start)) }
            try skipPairs(argument, depth: depth + 1)
        case 7 where argument == 20 || argument == 21: break
        default: throw WireError(.malformed, UInt64(start))
        }
    }

    /// Skips pairs of a map whose keys, of any type, ascend in the order of their encodings (RFC 8949 section 4.2.1).
    private mutating func skipPairs(_ count: UInt64, depth: Int) throws(WireError) {
        var last: Range<Int>?
        for _ in 0..<count {
            let start = position
            try skip(depth: depth)
            if let last, !bytes[last].lexicographicallyPrecedes(bytes[start..<position]) { throw WireError(.malformed, UInt64(start)) }
            last = start..<position
            try skip(depth: depth)
        }
    }

    /// Reads a map with ascending non-negative integer keys.
    ///
    /// An empty string, array or map as a value is refused: such a field is left out, so that each message has one encoding.
    ///
    /// - Parameter field: Called with each key, the reader standing before its value. It reads the value and returns true, or reads
    ///   nothing and returns false: then the value is skipped.
    /// - Returns: Which keys were there.
    /// - Throws: `.malformed` if keys are not ascending or a value is empty, and what `field` throws.
    @discardableResult
    @inline(never)
    public mutating func fields(_ field: (inout CBORReader, UInt64) throws(WireError) -> Bool) throws(WireError) -> FieldKeys {
        let pairs = try map(limit: .max)
        var last: UInt64?
        var keys = FieldKeys()
        for _ in 0..<pairs {
            let key = try unsigned()
            if let last, key <= last { throw WireError(.malformed, key) }
            last = key
            if nextIsEmpty { throw WireError(.malformed, key) }
            keys.insert(key)
            if !(try field(&self, key)) { try skip() }
        }
        return keys
    }

    /// Whether an empty byte string, text, array or map comes next.
    private var nextIsEmpty: Bool {
        guard position < bytes.count else { return false }
        return bytes[position] & 0x1F == 0 && (2...5).contains(bytes[position] >> 5)
    }
}

/// Which keys a map had, as far as they are below 64; the protocol's own all are.
public struct FieldKeys: Equatable, Sendable {
    private var bits: UInt64 = 0

    mutating func insert(_ key: UInt64) {
        if key < 64 { bits |= 1 << key }
    }

    /// Whether the map had this key.
    public func contains(_ key: UInt64) -> Bool { key < 64 && bits >> key & 1 == 1 }

    /// Checks that the map had each of these keys.
    ///
    /// - Throws: `.missingField` with the first that it had not.
    public func require(_ keys: UInt64...) throws(WireError) {
        for key in keys where !contains(key) { throw WireError(.missingField, key) }
    }
}

/// The value of a field that must be there.
///
/// - Throws: `.missingField` with `key` where it is nil.
public func required<Value>(_ value: Value?, _ key: UInt64) throws(WireError) -> Value {
    guard let value else { throw WireError(.missingField, key) }
    return value
}

extension CBORReader {
    /// Whether the next item is a text string; false at the end.
    public var nextIsText: Bool { position < bytes.count && bytes[position] >> 5 == 3 }
}
