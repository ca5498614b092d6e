/// What proves who the user is.
///
/// A server may want several proofs one after the other (`AuthenticationMethods publickey,password` of sshd). Identities are tried in their
/// order and each once, so the ones it wants first come first; an identity may be given twice.
public enum Identity: Sendable {
    /// A key held in memory; signed here.
    case ed25519(Ed25519Key)
    /// A key that an ssh-agent holds: Ed25519 or ECDSA.
    ///
    /// RSA is refused by name: libssh2 1.10 signs with SHA-1, which OpenSSH 8.8 and later do not accept.
    case agent(socketPath: String, publicKeyBlob: [UInt8])
    /// A password (RFC 4252 section 8), for first enrolment only: what answers for it afterwards is a key.
    ///
    /// `ask` runs once, outside every deadline, when its turn has come and if the server takes passwords then, which costs a round trip to
    /// know; `nil` gives the whole attempt up as `.cancelled`. At most 1 KiB. A server that wants the password changed is refused.
    case password(ask: @Sendable () async -> Secret?)
    /// Questions that the server makes up (RFC 4256), such as a password and a one-time code; for first enrolment only.
    ///
    /// `answer` runs outside every deadline, once for each round of questions, 16 at most, and returns an answer of at most 1 KiB for each
    /// prompt; `nil` gives the whole attempt up as `.cancelled`. All rounds are one attempt to the server, which may hang up on one who
    /// thinks too long (120 s with sshd).
    ///
    /// It comes before `.password` where both are given: after the question whether passwords are taken, libssh2 1.10 refuses short
    /// challenges that have a name.
    case keyboardInteractive(answer: @Sendable (KeyboardChallenge) async -> [Secret]?)

    /// A password that is known already; see ``password(ask:)``.
    public static func password(_ secret: Secret) -> Identity {
        .password { secret }
    }
}

extension Identity {
    /// The key's blob; `nil` if it is no key.
    var publicKeyBlob: [UInt8]? {
        switch self {
        case .ed25519(let key): key.publicKey.blob
        case .agent(_, let blob): blob
        case .password, .keyboardInteractive: nil
        }
    }

    /// The method's name, or a key's algorithm and fingerprint, for messages.
    var label: String {
        switch self {
        case .password: "password"
        case .keyboardInteractive: "keyboard-interactive"
        case .ed25519, .agent: publicKey.map { "\($0.algorithm) \($0.fingerprint)" } ?? "a key that cannot be read"
        }
    }

    /// Whether the server may ask something while it is tried.
    var asksQuestions: Bool {
        if case .keyboardInteractive = self { true } else { false }
    }

    /// Why the key cannot be used with libssh2 1.10; `nil` if it can.
    public var unsupportedReason: String? {
        guard publicKeyBlob != nil else { return nil }
        guard let key = publicKey else { return "not a public key" }
        switch key.algorithm {
        case "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521": return nil
        case "ssh-rsa": return "RSA would be signed with SHA-1 by libssh2 1.10; use Ed25519 or ECDSA"
        default: return "\(key.algorithm) is not supported by libssh2 1.10; use Ed25519 or ECDSA"
        }
    }

    /// The public half; `nil` if it is no key, or one that cannot be read.
    public var publicKey: HostKey? { publicKeyBlob.flatMap { HostKey(blob: $0) } }
}
