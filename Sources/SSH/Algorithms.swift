/// What is offered to servers, most wanted first, out of what libssh2 1.10 can do; nothing that rests on SHA-1.
enum AlgorithmPreference {
    static let keyExchange = [
        "curve25519-sha256", "curve25519-sha256@libssh.org", "ecdh-sha2-nistp256", "ecdh-sha2-nistp384", "ecdh-sha2-nistp521",
        "diffie-hellman-group16-sha512", "diffie-hellman-group14-sha256", "diffie-hellman-group-exchange-sha256",
    ]
    static let hostKey = ["ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"]
    static let cipher = ["aes128-ctr", "aes256-ctr", "aes192-ctr"]
    static let mac = ["hmac-sha2-256", "hmac-sha2-512"]

    /// Host key algorithms with those of the pinned keys first, so that a server with several keys shows the pinned one.
    static func hostKeys(pinned: [HostKey]) -> [String] {
        var order: [String] = []
        for name in pinned.map(\.algorithm) + hostKey where hostKey.contains(name) && !order.contains(name) {
            order.append(name)
        }
        return order
    }
}

/// What a server's SSH_MSG_KEXINIT offers (RFC 4253 section 7.1).
struct AlgorithmOffer: Sendable, Equatable {
    let keyExchange: [String]
    let hostKey: [String]
    let cipherToServer: [String]
    let cipherToClient: [String]
    let macToServer: [String]
    let macToClient: [String]

    /// Reads a packet's payload, message number included; `nil` if it is not a whole KEXINIT.
    init?(payload: some Collection<UInt8>) {
        var reader = PacketReader(payload)
        guard reader.byte() == 20, reader.bytes(16) != nil, let keyExchange = reader.nameList(), let hostKey = reader.nameList(),
            let cipherToServer = reader.nameList(), let cipherToClient = reader.nameList(), let macToServer = reader.nameList(),
            let macToClient = reader.nameList()
        else { return nil }
        self.keyExchange = keyExchange
        self.hostKey = hostKey
        self.cipherToServer = cipherToServer
        self.cipherToClient = cipherToClient
        self.macToServer = macToServer
        self.macToClient = macToClient
    }

    /// The kinds without an algorithm in common, with what the server offered; `nil` if there is one of each kind.
    var mismatch: String? {
        let kinds = [
            ("key exchange", keyExchange, AlgorithmPreference.keyExchange), ("host key", hostKey, AlgorithmPreference.hostKey),
            ("cipher", cipherToServer, AlgorithmPreference.cipher), ("cipher", cipherToClient, AlgorithmPreference.cipher),
            ("MAC", macToServer, AlgorithmPreference.mac), ("MAC", macToClient, AlgorithmPreference.mac),
        ]
        var lines: [String] = []
        for (kind, offered, wanted) in kinds where Set(offered).isDisjoint(with: wanted) {
            let line = "no common \(kind); the server offers \(printable(offered.joined(separator: ", ").utf8, limit: 400))"
            if !lines.contains(line) { lines.append(line) }
        }
        return lines.isEmpty ? nil : lines.joined(separator: "; ")
    }
}

/// The algorithms a connection agreed on.
public struct NegotiatedAlgorithms: Sendable, Hashable {
    /// E.g. `curve25519-sha256`.
    public let keyExchange: String
    /// E.g. `ssh-ed25519`.
    public let hostKey: String
    /// The cipher towards the server.
    public let cipher: String
    /// The MAC towards the server.
    public let mac: String
    /// The compression from the server; `none` for none.
    public let compression: String
}
