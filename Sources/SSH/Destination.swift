/// A host that OpenSSH's client configuration describes, as ``Connection/open(to:)`` takes it.
public struct Destination: Sendable {
    /// Where it listens.
    public let address: Address
    /// The user over there.
    public let user: String
    /// What known_hosts says, and what to do where it says nothing.
    public let hostKey: HostKeyPolicy
    /// Keys of the named files, then those of the agent; each once.
    public let identities: [Identity]
    /// Named files that are there and cannot be used, each with the reason.
    public let unusedKeyFiles: [SSHError]
    /// The defaults with the configuration's ConnectTimeout.
    public let deadlines: Deadlines
    /// The last hop of the way there; the same object for all hosts behind it.
    public let jumpHost: JumpHost?
    /// Where it all comes from.
    public let configuration: ClientConfiguration
}

extension Connection {
    /// Connects as OpenSSH's client would, as far as that is supported; throws what the other `open` throws.
    public static func open(to destination: Destination) async throws(SSHError) -> Connection {
        try await open(
            to: destination.address, user: destination.user, hostKey: destination.hostKey, identities: destination.identities,
            deadlines: destination.deadlines, through: destination.jumpHost)
    }
}
