/// A two-way stream of bytes to an agent: an SSH channel, or a socket to a child process.
public protocol ByteStream: Sendable {
    /// Sends bytes, in order; returns when the stream has taken them.
    func write(_ bytes: [UInt8]) async throws(AgentClientError)

    /// The next bytes, or nil at the end of the stream.
    ///
    /// - Parameter limit: How long to wait for the first of them.
    /// - Throws: `.timedOut`, `.transport`.
    func read(within limit: Duration) async throws(AgentClientError) -> [UInt8]?

    /// What the far side wrote to its standard error so far, cut at a few KiB: not yet escaped.
    func complaint() async -> String

    /// Ends the stream and frees it; may be called again.
    func close() async
}
