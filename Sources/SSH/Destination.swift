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
    /// What OpenSSH's known_hosts files say; `nil` if the policy is another.
    public var knownHosts: KnownHosts? {
        if case .knownHosts(let hosts, _, _) = hostKey { hosts } else { nil }
    }
    /// Named files that are there and cannot be used, each with the reason.
    public var unusedKeyFiles: [SSHError]
    /// The defaults with the configuration's ConnectTimeout.
    public var deadlines: Deadlines
    /// Whether the stream is compressed once the user is proven: less on a slow link for more work and memory on both ends.
    public var isCompressed = false
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
        do throws(SSHError) {
            return try await open(
                to: destination.address, user: destination.user, hostKey: destination.hostKey, identities: destination.identities,
                deadlines: destination.deadlines, isCompressed: destination.isCompressed, through: destination.jumpHost, on: executor,
                attempts: attempts)
        } catch {
            // Most often the key that would have done is among those that could not be used.
            guard error.code == .authenticationRefused, error.jumpHost == nil, !destination.unusedKeyFiles.isEmpty else { throw error }
            let facts = destination.unusedKeyFiles.map(\.detail).joined(separator: "; ")
            throw SSHError(
                error.code, phase: error.phase, detail: "\(error.detail); not used: \(facts)", offeredHostKey: error.offeredHostKey,
                libssh2Code: error.libssh2Code)
        }
    }
}
