#if hasFeature(Embedded)
    internal import CSodium
#else
    internal import CCrypto
    internal import CSodium
#endif

/// SHA-256: by libsodium on a device, by OpenSSL on a desk, where it is five times as fast because it uses the processor's own instructions.
public struct SHA256: Sendable {
    #if hasFeature(Embedded)
        private var state = crypto_hash_sha256_state()
    #else
        private var state = SHA256_CTX()
    #endif

    /// Starts with nothing hashed.
    public init() {
        #if hasFeature(Embedded)
            crypto_hash_sha256_init(&state)
        #else
            SHA256_Init(&state)
        #endif
    }

    /// Hashes the next bytes: all of `bytes`, or the first `count`.
    public mutating func update(_ bytes: [UInt8], count: Int? = nil) {
        let count = min(count ?? bytes.count, bytes.count)
        #if hasFeature(Embedded)
            crypto_hash_sha256_update(&state, bytes, UInt64(count))
        #else
            SHA256_Update(&state, bytes, count)
        #endif
    }

    /// The 32-byte hash of everything given so far.
    public consuming func finish() -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: 32)
        #if hasFeature(Embedded)
            crypto_hash_sha256_final(&state, &digest)
        #else
            SHA256_Final(&digest, &state)
        #endif
        return digest
    }

    /// The 32-byte hash of `bytes`.
    public static func hash(_ bytes: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
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
