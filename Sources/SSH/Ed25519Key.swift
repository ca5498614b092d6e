/// An Ed25519 user key held in memory.
public struct Ed25519Key: Sendable {
    /// The public half; the same encoding as a host key's.
    public let publicKey: HostKey
    private let secretKey: [UInt8]

    /// Reads an unencrypted OpenSSH private key file; a file that has not changed is parsed once per process.
    ///
    /// - Throws: `.keyFile` if the file cannot be read, is readable for others, or is not a private key; `.keyFileEncrypted` and
    ///   `.unsupportedKey`, with a hint, if it is encrypted or of another kind.
    public init(contentsOfFile path: String) throws(SSHError) {
        self = try PrivateKeyFile.key(atPath: path, cache: .shared)
    }

    /// - Parameter secretKey: 64 bytes, seed then public key.
    init?(publicKey: [UInt8], secretKey: [UInt8]) {
        guard publicKey.count == 32, secretKey.count == 64, Array(secretKey.suffix(32)) == publicKey,
            Cryptography.publicKey(ofSeed: Array(secretKey.prefix(32))) == publicKey
        else { return nil }
        var blob = PacketWriter()
        blob.append(string: Array("ssh-ed25519".utf8))
        blob.append(string: publicKey)
        guard let key = HostKey(blob: blob.bytes) else { return nil }
        self.publicKey = key
        self.secretKey = secretKey
    }

    /// A new random key.
    public static func generate() -> Ed25519Key {
        let pair = Cryptography.generateEd25519()
        guard let key = Ed25519Key(publicKey: pair.publicKey, secretKey: pair.secretKey) else {
            preconditionFailure("libsodium made a key pair whose halves do not fit")
        }
        return key
    }

    /// The line for authorized_keys: algorithm, base64, comment.
    public func openSSHPublicKey(comment: String) -> String {
        comment.isEmpty ? publicKey.openSSH : "\(publicKey.openSSH) \(comment)"
    }

    /// The unencrypted private key file, PEM armour included, as OpenSSH reads it (PROTOCOL.key).
    public func openSSHPrivateKey(comment: String) -> String {
        PrivateKeyFile.armour(publicKeyBlob: publicKey.blob, secretKey: secretKey, comment: comment)
    }

    func sign(_ message: [UInt8]) -> [UInt8] {
        Cryptography.signEd25519(message, secretKey: secretKey)
    }
}
