/// What a name server answered (RFC 1035 section 4): foreign bytes of any kind.
public struct NameReply: Equatable, Sendable {
    /// What came of the question: `answered`, `no-such-name`, `server-failure`, `not-allowed` or `error`.
    public var outcome: String
    /// Addresses that the answer names, at most ``addressLimit``.
    public var addresses: [String] = []

    /// Addresses that are read of one answer.
    public static let addressLimit = 16

    /// Reads a reply; nil where it is none.
    public init?(_ bytes: [UInt8]) {
        guard bytes.count >= 12, bytes[2] & 0x80 != 0 else { return nil }
        func number(_ place: Int) -> Int { Int(bytes[place]) << 8 | Int(bytes[place + 1]) }
        switch bytes[3] & 15 {
        case 0: outcome = "answered"
        case 2: outcome = "server-failure"
        case 3: outcome = "no-such-name"
        case 5: outcome = "not-allowed"
        default: outcome = "error"
        }
        var place: Int? = 12
        for _ in 0..<number(4) {
            place = place.flatMap { Self.end(of: $0, in: bytes) }.map { $0 + 4 }
        }
        // What is cut off or damaged after this names no address any more.
        for _ in 0..<number(6) {
            guard let record = place.flatMap({ Self.end(of: $0, in: bytes) }), record + 10 <= bytes.count else { return }
            let data = record + 10
            let end = data + number(record + 8)
            guard end <= bytes.count, addresses.count < Self.addressLimit else { return }
            switch (number(record), end - data) {
            case (1, 4): addresses.append(bytes[data..<end].map { String($0) }.joined(separator: "."))
            case (28, 16):
                let groups = stride(from: data, to: end, by: 2).map { String(number($0), radix: 16) }
                addresses.append(groups.joined(separator: ":"))
            default: break
            }
            place = end
        }
    }

    /// Where the name that begins at `place` ends: after its labels, or after the first pointer; nil where the bytes end before.
    private static func end(of place: Int, in bytes: [UInt8]) -> Int? {
        var place = place
        while place < bytes.count {
            let length = Int(bytes[place])
            if length == 0 { return place + 1 }
            if length & 0xC0 == 0xC0 { return place + 2 }
            if length & 0xC0 != 0 { return nil }
            place += 1 + length
        }
        return nil
    }
}
