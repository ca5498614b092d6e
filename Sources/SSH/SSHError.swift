/// Why something over SSH could not be done: facts for the one who words the message, never a secret.
public struct SSHError: Error, Sendable {
    /// What went wrong, as a caller tells cases apart. An open set: more may come.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        /// The code's name, as it is spelled here.
        public let description: String

        private init(_ name: String) {
            description = name
        }

        /// No address belongs to the host name.
        public static let nameNotFound = Code("nameNotFound")
        /// The host is there and nothing listens on the port.
        public static let refused = Code("refused")
        /// No way to the host's network.
        public static let noRoute = Code("noRoute")
        /// This machine could not make the connection, for want of descriptors, ports or rights; it says nothing of the host.
        public static let localFailure = Code("localFailure")
        /// The jump host is there, and could not connect to the server; the detail has no reason, since libssh2 keeps the jump host's.
        public static let notReachedFromJumpHost = Code("notReachedFromJumpHost")
        /// The server hung up before its banner, as sshd does beyond MaxStartups: the path's trouble more often than the device's.
        public static let resetBeforeBanner = Code("resetBeforeBanner")
        /// Something answers, and it does not speak SSH 2.
        public static let notSSH = Code("notSSH")
        /// The two sides share no algorithm of some kind; the detail names the kind and what the server offered.
        public static let noCommonAlgorithm = Code("noCommonAlgorithm")
        /// No key is pinned or known, or the one asked said no.
        public static let hostKeyUnknown = Code("hostKeyUnknown")
        /// The server's key is not one of the pinned or known ones; the detail has both fingerprints.
        public static let hostKeyChanged = Code("hostKeyChanged")
        /// The server's key is marked as revoked; the detail has its fingerprint, and the file and line that say so.
        public static let hostKeyRevoked = Code("hostKeyRevoked")
        /// A known_hosts file cannot be read or written.
        public static let knownHostsFile = Code("knownHostsFile")
        /// The server accepted none of the identities.
        public static let authenticationRefused = Code("authenticationRefused")
        /// A key of a kind, or kept in a way, that cannot be used here.
        public static let unsupportedKey = Code("unsupportedKey")
        /// A key file is encrypted, so that it cannot be used without its passphrase.
        public static let keyFileEncrypted = Code("keyFileEncrypted")
        /// A key file cannot be read or is not one.
        public static let keyFile = Code("keyFile")
        /// OpenSSH's client configuration asks for what cannot be done here; the detail names it.
        public static let unsupportedConfiguration = Code("unsupportedConfiguration")
        /// OpenSSH's client cannot say what its configuration means; the detail has its first words.
        public static let configuration = Code("configuration")
        /// The ssh-agent cannot be reached, or would not sign.
        public static let agentUnavailable = Code("agentUnavailable")
        /// The deadline of the phase passed.
        public static let timedOut = Code("timedOut")
        /// The server closed or reset the connection in mid-conversation.
        public static let peerVanished = Code("peerVanished")
        /// The server sent what the protocol does not allow.
        public static let protocolViolation = Code("protocolViolation")
        /// The server would not open the channel, or would not start the command.
        public static let channelRefused = Code("channelRefused")
        /// The channel or connection was closed on this side.
        public static let closed = Code("closed")
        /// The waiting task was cancelled.
        public static let cancelled = Code("cancelled")
        /// A file could not be written on the server; the detail has its last words.
        public static let uploadFailed = Code("uploadFailed")
        /// A command wrote more than its caller allowed.
        public static let outputLimit = Code("outputLimit")
    }

    /// How far a connection had come.
    public enum Phase: String, Sendable {
        /// Name lookup and TCP.
        case connect
        /// Banner, key exchange and host key.
        case handshake
        /// Proving who the user is.
        case authentication
        /// Commands and their bytes.
        case channel
    }

    /// What went wrong.
    public let code: Code
    /// When, if a connection was involved.
    public let phase: Phase?
    /// Facts: an address, a path, fingerprints, methods. One line, printable.
    public let detail: String
    /// The key the server showed, where the error is about it, or about the user and the key was accepted.
    public let offeredHostKey: HostKey?
    /// libssh2's own number, where it gave one.
    public let libssh2Code: Int32?
    /// The jump host that it is about, where the trouble is with the way and not with the server itself.
    public let jumpHost: Address?

    /// Makes an error; `detail` is one printable line.
    public init(
        _ code: Code, phase: Phase? = nil, detail: String = "", offeredHostKey: HostKey? = nil, libssh2Code: Int32? = nil,
        jumpHost: Address? = nil
    ) {
        self.code = code
        self.phase = phase
        self.detail = detail
        self.offeredHostKey = offeredHostKey
        self.libssh2Code = libssh2Code
        self.jumpHost = jumpHost
    }

    /// The same, as the trouble of a jump host on the way; the one nearest to this side stays named.
    func onTheWay(through host: Address) -> SSHError {
        SSHError(
            code, phase: phase, detail: "jump host \(host): \(detail)", offeredHostKey: offeredHostKey, libssh2Code: libssh2Code,
            jumpHost: jumpHost ?? host)
    }
}

extension SSHError: CustomStringConvertible {
    /// The code, the phase and the facts, for logs.
    public var description: String {
        let place = phase.map { " (\($0.rawValue))" } ?? ""
        return detail.isEmpty ? "\(code)\(place)" : "\(code)\(place): \(detail)"
    }
}

/// What a peer wrote, fit for one line of a log: printable ASCII, at most `limit` characters.
func printable(_ bytes: some Sequence<UInt8>, limit: Int = 200) -> String {
    String(decoding: bytes.prefix(limit).map { (0x20..<0x7f).contains($0) ? $0 : UInt8(ascii: "?") }, as: UTF8.self)
}
