public import Wire

/// Where the pieces and the end of one answer go, and who is waiting for it.
public struct Answering {
    /// Number of the session.
    public let session: UInt64
    /// Number of the request within it.
    public let request: UInt64
    /// Whether the controller drains what it was sent; while it does not, pipes are left full.
    public let hasRoom: () -> Bool
    /// Takes a piece.
    public let deliver: (Chunk) -> Void
    /// Takes the end, which comes once.
    public let finish: (Done) -> Void

    /// Makes a destination of its parts.
    public init(
        session: UInt64, request: UInt64, hasRoom: @escaping () -> Bool, deliver: @escaping (Chunk) -> Void,
        finish: @escaping (Done) -> Void
    ) {
        self.session = session
        self.request = request
        self.hasRoom = hasRoom
        self.deliver = deliver
        self.finish = finish
    }
}
