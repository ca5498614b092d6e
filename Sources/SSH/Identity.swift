/// What proves who the user is.
public enum Identity: Sendable {
    /// A key held in memory; signed here.
    case ed25519(Ed25519Key)
    /// A key that an ssh-agent holds: Ed25519 or ECDSA.
    ///
    /// RSA is refused by name: libssh2 1.10 signs with SHA-1, which OpenSSH 8.8 and later do not accept.
    case agent(socketPath: String, publicKeyBlob: [UInt8])

    var publicKeyBlob: [UInt8] {
        switch self {
        case .ed25519(let key): key.publicKey.blob
        case .agent(_, let blob): blob
        }
    }

    /// Algorithm and fingerprint, for messages.
    var label: String {
        HostKey(blob: publicKeyBlob).map { "\($0.algorithm) \($0.fingerprint)" } ?? "a key that cannot be read"
    }

    /// Why the key cannot be used with libssh2 1.10; `nil` if it can.
    var unsupportedReason: String? {
        guard let key = HostKey(blob: publicKeyBlob) else { return "not a public key" }
        switch key.algorithm {
        case "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521": return nil
        case "ssh-rsa": return "RSA would be signed with SHA-1 by libssh2 1.10; use Ed25519 or ECDSA"
        default: return "\(key.algorithm) is not supported by libssh2 1.10; use Ed25519 or ECDSA"
        }
    }
}
