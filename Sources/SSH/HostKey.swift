/// A server's public key, as it stands in known_hosts.
public struct HostKey: Sendable, Hashable {
    /// The name inside the blob, e.g. `ssh-ed25519`.
    public let algorithm: String
    /// The key in SSH's encoding (RFC 4253 section 6.6), as hashed for the fingerprint.
    public let blob: [UInt8]

    /// Reads `algorithm base64 [comment]`, one line of a `.pub` file; `nil` if the parts do not fit together.
    public init?(openSSH line: String) {
        let words = line.split(maxSplits: 2, omittingEmptySubsequences: true) { $0 == " " || $0 == "\t" || $0.isNewline }
        guard words.count >= 2, words[1].utf8.count <= 16_384, let blob = Cryptography.decodeBase64(words[1]) else { return nil }
        self.init(blob: blob)
        guard algorithm == words[0] else { return nil }
    }

    /// Takes a key blob; `nil` if it does not begin with the name of an algorithm.
    public init?(blob: [UInt8]) {
        var reader = PacketReader(blob.prefix(128))
        guard let name = reader.string(), (1...64).contains(name.count), name.allSatisfy({ (0x21..<0x7f).contains($0) }) else { return nil }
        algorithm = String(decoding: name, as: UTF8.self)
        self.blob = blob
    }

    /// `SHA256:` and unpadded base64, as OpenSSH prints it.
    public var fingerprint: String {
        "SHA256:" + Cryptography.base64(Cryptography.sha256(blob), padded: false)
    }

    /// `algorithm base64`, one line without a comment.
    public var openSSH: String {
        "\(algorithm) \(Cryptography.base64(blob))"
    }
}

/// Which server keys a connection accepts.
public enum HostKeyPolicy: Sendable {
    /// One of these, and no other. The first one's algorithm is asked for first. What the files mark as revoked for the host is refused all
    /// the same.
    case pinned([HostKey], notRevokedBy: KnownHosts? = nil, alias: String? = nil)
    /// The one of this fingerprint (`SHA256:...`), and no other.
    case fingerprint(String, notRevokedBy: KnownHosts? = nil, alias: String? = nil)
    /// Whatever the closure says yes to. It runs outside every deadline, since it may ask a person.
    case decide(@Sendable (HostKey) async -> Bool)
    /// What OpenSSH's files say of the host at the connection's address, or of `alias` if there is one (`HostKeyAlias`). The algorithms of
    /// known keys are asked for first.
    case knownHosts(KnownHosts, alias: String? = nil, whenUnknown: UnknownHostKey = .refuse)
}
