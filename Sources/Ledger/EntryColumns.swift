/// What a store lists an entry under beside its encoding.
public struct EntryColumns: Sendable {
    /// The kind's word.
    public var kind: String
    /// Microseconds UTC.
    public var time: UInt64
    /// Session, call and device; empty where the entry names none.
    public var (session, call, device): (String, String, String)

    /// Makes the columns of their values.
    public init(kind: String, time: UInt64, session: String, call: String, device: String) {
        self.kind = kind
        self.time = time
        (self.session, self.call, self.device) = (session, call, device)
    }

    /// Whether the first fields of `encoded` are exactly these.
    ///
    /// Compares bytes in place, which is several times faster than decoding the entry.
    func match(_ encoded: [UInt8]) -> Bool {
        encoded.withUnsafeBufferPointer { bytes in
            // The map has fewer than 24 pairs, so that its head is one byte.
            var walk = EncodedWalk(bytes: bytes, position: 1)
            guard walk.take(0, kind), walk.take(1), walk.takeHead(0, time) else { return false }
            guard walk.take(2, session), walk.take(3, call), walk.take(4, device) else { return false }
            // Keys up to 4 are these columns; a further one of them would be a value that the listing leaves out.
            return walk.position == bytes.count || bytes[walk.position] > 4
        }
    }
}

/// Goes along an encoding and compares it with what is expected.
private struct EncodedWalk {
    let bytes: UnsafeBufferPointer<UInt8>
    var position: Int

    mutating func take(_ byte: UInt8) -> Bool {
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    /// Takes the shortest head of `argument` (RFC 8949 section 4.2.1).
    mutating func takeHead(_ major: UInt8, _ argument: UInt64) -> Bool {
        let type = major << 5
        if argument < 24 { return take(type | UInt8(argument)) }
        let length: UInt64 = argument <= 0xFF ? 1 : argument <= 0xFFFF ? 2 : argument <= 0xFFFF_FFFF ? 4 : 8
        guard take(type | (length == 1 ? 24 : length == 2 ? 25 : length == 4 ? 26 : 27)) else { return false }
        for place in (0..<length).reversed() {
            guard take(UInt8(truncatingIfNeeded: argument >> (8 * place))) else { return false }
        }
        return true
    }

    /// Takes a text under `key`; an empty one is not there.
    mutating func take(_ key: UInt8, _ text: String) -> Bool {
        if text.isEmpty { return true }
        guard take(key), takeHead(3, UInt64(text.utf8.count)) else { return false }
        for byte in text.utf8 {
            guard take(byte) else { return false }
        }
        return true
    }
}
