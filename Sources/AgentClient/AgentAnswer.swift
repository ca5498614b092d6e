public import Wire

/// What came back for one request.
public struct AgentAnswer: Sendable {
    /// How a request can end for the controller.
    public enum Outcome: Sendable {
        /// The agent ran it; `done` says how it went.
        case done(Done)
        /// The agent refused it.
        case refused(Refused)
        /// The session ended, or time ran out, before the answer did.
        case missing(AgentClientError)
    }

    /// What was asked.
    public let request: Run
    /// How it ended.
    public let outcome: Outcome
    /// Standard output, or a reader's rows: bytes of a device, not to be trusted.
    public let output: [UInt8]
    /// Standard error: bytes of a device, not to be trusted.
    public let error: [UInt8]
    /// SHA-256 over the hashes of both, as this side computed it.
    public let digest: [UInt8]
    /// Whether the agent says the same digest; false where it says another.
    public let digestAgrees: Bool
}
