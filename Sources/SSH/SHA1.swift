/// SHA-1 (RFC 3174), for the hashed names in known_hosts: nothing rests on its strength, and libsodium has none.
struct SHA1 {
    private static let blockSizeInBytes = 64

    private var state: (UInt32, UInt32, UInt32, UInt32, UInt32) = (0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0)
    private var absorbedBytes: UInt64 = 0

    /// The 20 bytes that stand for `message`.
    static func digest(_ message: [UInt8]) -> [UInt8] {
        SHA1().finish(message)
    }

    /// The digest of all that was absorbed and then `rest`.
    func finish(_ rest: [UInt8]) -> [UInt8] {
        var hash = self
        let bitCount = (absorbedBytes + UInt64(rest.count)) * 8
        var padded = rest
        padded.append(0x80)
        while padded.count % Self.blockSizeInBytes != 56 { padded.append(0) }
        for shift in stride(from: UInt64(56), through: 0, by: -8) { padded.append(UInt8(truncatingIfNeeded: bitCount >> shift)) }
        for start in stride(from: 0, to: padded.count, by: Self.blockSizeInBytes) {
            hash.absorb(block: padded[start..<start + Self.blockSizeInBytes])
        }
        let words = [hash.state.0, hash.state.1, hash.state.2, hash.state.3, hash.state.4]
        return words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> UInt32($0)) } }
    }

    /// Takes in the next 64 bytes.
    mutating func absorb(block: ArraySlice<UInt8>) {
        precondition(block.count == Self.blockSizeInBytes, "SHA-1 takes in 64 bytes at once")
        var words = InlineArray<16, UInt32>(repeating: 0)
        for (offset, byte) in block.enumerated() { words[offset / 4] = words[offset / 4] << 8 | UInt32(byte) }
        var (a, b, c, d, e) = state
        for round in 0..<80 {
            if round >= 16 {
                let mixed = words[(round + 13) & 15] ^ words[(round + 8) & 15] ^ words[(round + 2) & 15] ^ words[round & 15]
                words[round & 15] = Self.rotated(mixed, by: 1)
            }
            let (function, constant) = Self.step(round, b, c, d)
            let next = Self.rotated(a, by: 5) &+ function &+ e &+ constant &+ words[round & 15]
            (e, d, c, b, a) = (d, c, Self.rotated(b, by: 30), a, next)
        }
        state = (state.0 &+ a, state.1 &+ b, state.2 &+ c, state.3 &+ d, state.4 &+ e)
        absorbedBytes += UInt64(Self.blockSizeInBytes)
    }

    private static func step(_ round: Int, _ b: UInt32, _ c: UInt32, _ d: UInt32) -> (function: UInt32, constant: UInt32) {
        switch round {
        case ..<20: (b & c | ~b & d, 0x5a82_7999)
        case ..<40: (b ^ c ^ d, 0x6ed9_eba1)
        case ..<60: (b & c | b & d | c & d, 0x8f1b_bcdc)
        default: (b ^ c ^ d, 0xca62_c1d6)
        }
    }

    private static func rotated(_ word: UInt32, by count: UInt32) -> UInt32 {
        word << count | word >> (32 - count)
    }
}

/// HMAC-SHA1 (RFC 2104) under one key, half of whose work is done once.
struct MessageAuthenticationSHA1 {
    private var inner = SHA1()
    private var outer = SHA1()

    init(key: [UInt8]) {
        let short = key.count > 64 ? SHA1.digest(key) : key
        let block = short + [UInt8](repeating: 0, count: 64 - short.count)
        inner.absorb(block: block.map { $0 ^ 0x36 }[...])
        outer.absorb(block: block.map { $0 ^ 0x5c }[...])
    }

    /// The 20 bytes for `message`.
    func code(for message: [UInt8]) -> [UInt8] {
        outer.finish(inner.finish(message))
    }
}
