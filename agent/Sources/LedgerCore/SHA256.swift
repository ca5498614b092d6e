internal import CSodium

/// SHA-256 by libsodium.
public struct SHA256: Sendable {
    private var state = crypto_hash_sha256_state()

    /// Starts with nothing hashed.
    public init() { crypto_hash_sha256_init(&state) }

    /// Hashes the next bytes.
    public mutating func update(_ bytes: [UInt8]) {
        crypto_hash_sha256_update(&state, bytes, UInt64(bytes.count))
    }

    /// The 32-byte hash of everything given so far.
    public consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256_final(&state, &digest)
        return digest
    }

    /// The 32-byte hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        return digest
    }

    /// The digest of an answer as both sides write it to their ledgers: SHA-256 over the hash of standard output and the hash of
    /// standard error.
    public static func answerDigest(output: [UInt8], error: [UInt8]) -> [UInt8] { hash(output + error) }
}

/// SHA-512 by libsodium, which SSH signatures use by default.
public enum SHA512 {
    /// The 64-byte hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 64)
        crypto_hash_sha512(&digest, bytes, UInt64(bytes.count))
        return digest
    }
}
