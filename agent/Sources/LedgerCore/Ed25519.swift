internal import CSodium

/// An Ed25519 key that signs (RFC 8032), by libsodium.
public struct SigningKey: Sendable {
    /// The 32 bytes that the key is made of; a secret.
    public let seed: [UInt8]
    /// The 32-byte public key.
    public let publicKey: [UInt8]
    private let secret: [UInt8]

    /// Derives the key of a 32-byte seed; nil for any other length.
    public init?(seed: [UInt8]) {
        guard seed.count == 32 else { return nil }
        var publicKey = [UInt8](repeating: 0, count: 32)
        var secret = [UInt8](repeating: 0, count: 64)
        crypto_sign_ed25519_seed_keypair(&publicKey, &secret, seed)
        self.seed = seed
        self.publicKey = publicKey
        self.secret = secret
    }

    /// The 64-byte signature of `message`.
    public func sign(_ message: [UInt8]) -> [UInt8] {
        var signature = [UInt8](repeating: 0, count: 64)
        crypto_sign_ed25519_detached(&signature, nil, message, UInt64(message.count), secret)
        return signature
    }
}

/// Checks of Ed25519 signatures.
public enum Ed25519 {
    /// Whether `signature` (64 bytes) is that of `message` under `publicKey` (32 bytes). Wrong lengths are simply not valid.
    public static func isValid(signature: [UInt8], message: [UInt8], publicKey: [UInt8]) -> Bool {
        guard signature.count == 64, publicKey.count == 32 else { return false }
        return crypto_sign_ed25519_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
    }
}
