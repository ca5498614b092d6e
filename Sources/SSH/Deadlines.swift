import NIOCore

/// How long each part of a connection's life may take, each on its own.
public struct Deadlines: Sendable {
    /// Name lookup and TCP.
    public var connect: Duration
    /// From the first byte to the host key, the key exchange included.
    public var handshake: Duration
    /// All identities together, an agent's signature included.
    public var authentication: Duration
    /// How long a connection may lie unused, neither called nor sending output, before it is closed; no end if `nil`.
    public var idle: Duration?
    /// How long a silent server is left alone before it is asked whether it is there; not asked if `nil`. Asked first when the user is
    /// proven, since libssh2 cannot be interrupted before. Three questions without an answer end the connection; at least two
    /// seconds.
    public var keepalive: Duration?
    /// One operation without progress: opening a channel, one read, one piece of a write, waiting for an exit status.
    public var operation: Duration

    /// The defaults suit a cellular link.
    public init(
        connect: Duration = .seconds(10), handshake: Duration = .seconds(15), authentication: Duration = .seconds(15),
        operation: Duration = .seconds(60), idle: Duration? = nil, keepalive: Duration? = nil
    ) {
        self.connect = connect
        self.handshake = handshake
        self.authentication = authentication
        self.operation = operation
        self.idle = idle
        self.keepalive = keepalive
    }
}

extension NIODeadline {
    /// `duration` from now.
    static func after(_ duration: Duration) -> NIODeadline {
        .now() + TimeAmount(duration)
    }
}
