internal import LedgerCore
internal import Wire

/// Counts and hashes what an answer is made of, and says how much of it may still be sent.
struct AnswerMeter {
    /// Bytes that may be sent, both streams together.
    let limit: UInt64
    private(set) var sentByteCount: UInt64 = 0
    var cutByteCount: UInt64 = 0
    private var outputHash = SHA256()
    private var errorHash = SHA256()

    /// A program that writes this many times its limit is ended: it would write for ever.
    static let floodFactor: UInt64 = 16

    init(limit: UInt64) { self.limit = limit }

    /// Whether every further byte is only counted.
    var isFull: Bool { sentByteCount >= limit }

    /// Whether so much was cut that the program is ended.
    var isFlood: Bool { cutByteCount > limit &* Self.floodFactor }

    /// The part of `bytes` that may be sent.
    mutating func admit(_ bytes: [UInt8], _ stream: Chunk.Stream) -> [UInt8] {
        let room = limit - min(sentByteCount, limit)
        let part = UInt64(bytes.count) <= room ? bytes : Array(bytes.prefix(Int(room)))
        sentByteCount += UInt64(part.count)
        cutByteCount += UInt64(bytes.count - part.count)
        if stream == .output { outputHash.update(part) } else { errorHash.update(part) }
        return part
    }

    /// The digest of what was sent.
    func digest() -> [UInt8] {
        let (output, error) = (outputHash, errorHash)
        return SHA256.answerDigest(output: output.finish(), error: error.finish())
    }
}
