/// The numbers of the protocol between controller and agent; docs/PROTOCOL.md is their specification.
public enum RollcallProtocol {
    /// The version both sides say in their first message. Sides of different versions part with a refusal.
    public static let version: UInt64 = 1
    /// Requests that may be unanswered at once in one session.
    public static let requestsInFlightLimit = 64
    /// Output bytes in one chunk at most.
    public static let chunkSizeLimit = 16_384
    /// Longest identifier (probe, session, call, device, operator) in bytes.
    public static let identifierSizeLimit = 128
    /// Longest sentence or reason in bytes.
    public static let sentenceSizeLimit = 1_024
    /// Stuck things that a hello names at most, so that it fits one frame.
    public static let stuckCountLimit = 32
    /// Largest size or index of a ledger, and largest count of entries: two of them never overflow when added.
    public static let ledgerSizeLimit = UInt64(Int64.max)
    /// Longest value of one parameter in bytes.
    public static let parameterSizeLimit = 1_024
    /// Parameters of one request at most.
    public static let parameterCountLimit = 16
    /// Longest checkpoint (a signed note with its cosignatures) in bytes.
    public static let checkpointSizeLimit = 4_096
    /// Hashes in a consistency proof at most: two per level of a tree of 2^63 leaves.
    public static let proofCountLimit = 126
    /// Largest thing that can be pushed, in bytes.
    public static let pushSizeLimit = 1 << 20
    /// Longest path or `host:port` of a stream, in bytes.
    public static let targetSizeLimit = 1_024
    /// Largest file, offset and credit of a stream, in bytes: some of them never overflow when added.
    public static let streamSizeLimit: UInt64 = 1 << 53
    /// Longest ledger entry in bytes.
    public static let entrySizeLimit = 16_384
    /// What precedes the base64 of a first batch of frames in the command of an SSH exec request.
    public static let batchPrefix: Text = "rollcall-batch-1:"
    /// Longest first batch, in bytes of frames: Linux caps one environment string at 128 KiB, base64 takes a third more.
    public static let batchSizeLimit = 65_536
}
