/// SHA-1 (RFC 3174), for the hashed names in known_hosts: nothing rests on its strength, and libsodium has none.
struct SHA1 {
    private static let blockSizeInBytes = 64

    private var state: InlineArray<5, UInt32> = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    private var absorbedBytes: UInt64 = 0

    /// The 20 bytes that stand for `message`.
    static func digest(_ message: [UInt8]) -> [UInt8] {
        SHA1().finish(message)
    }

    /// The digest of all that was absorbed and then `rest`.
    func finish(_ rest: [UInt8]) -> [UInt8] {
        var hash = self
        let bitCount = (absorbedBytes + UInt64(rest.count)) * 8
        // 0x80 and the length fill up the last block.
        let size = (rest.count + 8) / Self.blockSizeInBytes * Self.blockSizeInBytes + Self.blockSizeInBytes
        var padded = [UInt8](repeating: 0, count: size)
        padded.replaceSubrange(..<rest.count, with: rest)
        padded[rest.count] = 0x80
        for index in 0..<8 { padded[size - 1 - index] = UInt8(truncatingIfNeeded: bitCount >> UInt64(8 * index)) }
        for start in stride(from: 0, to: size, by: Self.blockSizeInBytes) { hash.absorb(blockOf: padded, at: start) }
        var digest = [UInt8](repeating: 0, count: 20)
        for index in 0..<20 { digest[index] = UInt8(truncatingIfNeeded: hash.state[index / 4] >> UInt32(24 - index % 4 * 8)) }
        return digest
    }

    /// Takes in the 64 bytes at `start`.
    mutating func absorb(blockOf bytes: [UInt8], at start: Int = 0) {
        precondition(start + Self.blockSizeInBytes <= bytes.count, "SHA-1 takes in 64 bytes at once")
        var words = InlineArray<80, UInt32>(repeating: 0)
        for index in 0..<16 {
            let place = start + index * 4
            words[index] =
                UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8 | UInt32(bytes[place + 3])
        }
        for index in 16..<80 {
            words[index] = Self.rotated(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], by: 1)
        }
        var (a, b, c, d, e) = (state[0], state[1], state[2], state[3], state[4])
        func round(_ function: UInt32, _ constant: UInt32, _ word: UInt32) {
            let next = Self.rotated(a, by: 5) &+ function &+ e &+ constant &+ word
            (e, d, c, b, a) = (d, c, Self.rotated(b, by: 30), a, next)
        }
        for index in 0..<20 { round(b & c | ~b & d, 0x5a82_7999, words[index]) }
        for index in 20..<40 { round(b ^ c ^ d, 0x6ed9_eba1, words[index]) }
        for index in 40..<60 { round(b & c | b & d | c & d, 0x8f1b_bcdc, words[index]) }
        for index in 60..<80 { round(b ^ c ^ d, 0xca62_c1d6, words[index]) }
        state = [state[0] &+ a, state[1] &+ b, state[2] &+ c, state[3] &+ d, state[4] &+ e]
        absorbedBytes += UInt64(Self.blockSizeInBytes)
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
        inner.absorb(blockOf: block.map { $0 ^ 0x36 })
        outer.absorb(blockOf: block.map { $0 ^ 0x5c })
    }

    /// The 20 bytes for `message`.
    func code(for message: [UInt8]) -> [UInt8] {
        outer.finish(inner.finish(message))
    }
}
