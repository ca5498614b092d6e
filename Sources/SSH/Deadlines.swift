import NIOCore

/// How long each part of a connection's life may take, each on its own.
public struct Deadlines: Sendable {
    /// Name lookup and TCP.
    public var connect: Duration
    /// From the first byte to the host key, the key exchange included.
    public var handshake: Duration
    /// All identities together, an agent's signature included.
    public var authentication: Duration
    /// One operation without progress: opening a channel, one read, one piece of a write, waiting for an exit status.
    public var operation: Duration

    /// The defaults suit a cellular link.
    public init(
        connect: Duration = .seconds(10), handshake: Duration = .seconds(15), authentication: Duration = .seconds(15),
        operation: Duration = .seconds(60)
    ) {
        self.connect = connect
        self.handshake = handshake
        self.authentication = authentication
        self.operation = operation
    }
}

extension NIODeadline {
    /// `duration` from now.
    static func after(_ duration: Duration) -> NIODeadline {
        .now() + TimeAmount(duration)
    }
}
