/// Reads SSH's data types (RFC 4251 section 5) from bytes nobody vouches for: every read is bounded by what is there.
struct PacketReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: some Collection<UInt8>) {
        rest = ArraySlice(Array(bytes))
    }

    var isAtEnd: Bool { rest.isEmpty }
    var remainder: [UInt8] { Array(rest) }

    mutating func byte() -> UInt8? {
        rest.popFirst()
    }

    mutating func bytes(_ count: Int) -> [UInt8]? {
        guard count >= 0, count <= rest.count else { return nil }
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    mutating func uint32() -> UInt32? {
        bytes(4).map { $0.reduce(0) { $0 << 8 | UInt32($1) } }
    }

    mutating func string() -> [UInt8]? {
        guard let count = uint32() else { return nil }
        return bytes(Int(count))
    }

    mutating func text() -> String? {
        string().flatMap { String(validating: $0, as: UTF8.self) }
    }

    /// A comma-separated list of names.
    mutating func nameList() -> [String]? {
        text().map { $0.split(separator: ",").map(String.init) }
    }
}

/// Writes SSH's data types (RFC 4251 section 5).
struct PacketWriter {
    private(set) var bytes: [UInt8] = []

    mutating func append(byte: UInt8) {
        bytes.append(byte)
    }

    mutating func append(uint32 value: UInt32) {
        for shift in [24, 16, 8, 0] {
            bytes.append(UInt8(truncatingIfNeeded: value >> UInt32(shift)))
        }
    }

    mutating func append(string value: some Collection<UInt8>) {
        append(uint32: UInt32(value.count))
        bytes.append(contentsOf: value)
    }

    mutating func append(raw value: some Collection<UInt8>) {
        bytes.append(contentsOf: value)
    }
}
