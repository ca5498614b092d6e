/// A host that OpenSSH's client configuration describes, as ``Connection/open(to:)`` takes it.
public struct Destination: Sendable {
    /// Where it listens.
    public var address: Address
    /// The user over there.
    public var user: String
    /// What known_hosts says, and what to do where it says nothing.
    public var hostKey: HostKeyPolicy
    /// Keys of the named files, then those of the agent; each once.
    public var identities: [Identity]
    /// Named files that are there and cannot be used, each with the reason.
    public var unusedKeyFiles: [SSHError]
    /// The defaults with the configuration's ConnectTimeout.
    public var deadlines: Deadlines
    /// The last hop of the way there; the same object for all hosts behind it.
    public var jumpHost: JumpHost?
    /// Where it all comes from.
    public let configuration: ClientConfiguration
}

extension Connection {
    /// Connects as OpenSSH's client would, as far as that is supported; throws what the other `open` throws.
    ///
    /// - Parameters:
    ///   - executor: Where to run, if there is no jump host; on one of NIO's shared loops if `nil`.
    ///   - attempts: How often it is tried where the server hangs up before its banner.
    public static func open(
        to destination: Destination, on executor: LoopExecutor? = nil, attempts: Int = 1
    ) async throws(SSHError) -> Connection {
        try await open(
            to: destination.address, user: destination.user, hostKey: destination.hostKey, identities: destination.identities,
            deadlines: destination.deadlines, through: destination.jumpHost, on: executor,
            attempts: attempts)
    }
}
