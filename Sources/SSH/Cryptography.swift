internal import CSodium

/// libsodium, as far as SSH keys need it.
enum Cryptography {
    /// libsodium sets itself up once; later calls cost nothing.
    static let isReady = sodium_init() >= 0

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: Int(crypto_hash_sha256_BYTES))
        crypto_hash_sha256(&digest, bytes, UInt64(bytes.count))
        return digest
    }

    static func base64(_ bytes: [UInt8], padded: Bool = true) -> String {
        let variant = padded ? sodium_base64_VARIANT_ORIGINAL : sodium_base64_VARIANT_ORIGINAL_NO_PADDING
        // Four characters for three bytes, rounded up, and the terminating zero.
        var text = [CChar](repeating: 0, count: (bytes.count + 2) / 3 * 4 + 1)
        sodium_bin2base64(&text, text.count, bytes, bytes.count, variant)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// The bytes that `text` stands for; `nil` if it is not base64 to its end. Line breaks and blanks are skipped.
    static func decodeBase64(_ text: some StringProtocol) -> [UInt8]? {
        let characters = text.utf8.map { CChar(bitPattern: $0) }
        var bytes = [UInt8](repeating: 0, count: characters.count / 4 * 3 + 3)
        var count = 0
        let status = sodium_base642bin(
            &bytes, bytes.count, characters, characters.count, " \r\n\t", &count, nil, sodium_base64_VARIANT_ORIGINAL)
        guard status == 0 else { return nil }
        return Array(bytes.prefix(count))
    }

    /// A new Ed25519 key: 32 bytes of public key, and 64 of secret key (seed, then public key).
    static func generateEd25519() -> (publicKey: [UInt8], secretKey: [UInt8]) {
        precondition(isReady, "libsodium could not be initialised")
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        crypto_sign_keypair(&publicKey, &secretKey)
        return (publicKey, secretKey)
    }

    /// The public key that belongs to the 32-byte `seed`.
    static func publicKey(ofSeed seed: [UInt8]) -> [UInt8] {
        precondition(isReady && seed.count == 32, "an Ed25519 seed has 32 bytes")
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        crypto_sign_seed_keypair(&publicKey, &secretKey, seed)
        return publicKey
    }

    /// The 64-byte Ed25519 signature of `message` (RFC 8032).
    static func signEd25519(_ message: [UInt8], secretKey: [UInt8]) -> [UInt8] {
        precondition(secretKey.count == Int(crypto_sign_SECRETKEYBYTES), "an Ed25519 secret key has 64 bytes")
        var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
        crypto_sign_detached(&signature, nil, message, UInt64(message.count), secretKey)
        return signature
    }

    /// Overwrites `bytes` with zeros, in a way that is not optimised away.
    static func wipe(_ bytes: inout [UInt8]) {
        sodium_memzero(&bytes, bytes.count)
    }

    static func randomUInt32() -> UInt32 {
        randombytes_random()
    }
}
