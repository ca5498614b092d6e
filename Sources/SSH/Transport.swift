import NIOCore

/// What carries a session's bytes: a TCP connection, or a channel of another session. It belongs to one event loop.
protocol Transport: AnyObject {
    var loop: any EventLoop { get }
    /// Whether little enough is on its way to send more.
    var isWritable: Bool { get }
    /// Resolves once nothing of it is left.
    var closeFuture: EventLoopFuture<Void> { get }

    /// Gives what arrives to `driver` from now on.
    func attach(_ driver: Driver)
    /// Sends `bytes` after all that was given before.
    func write(_ bytes: ByteBuffer)
    /// Lets the driver be given the next bytes; called again for the ones after them.
    func read()
    /// Closes once `lastWords` are sent, or at once where there are none; a peer that takes nothing holds it up for two seconds at most.
    func close(lastWords: ByteBuffer?)
}
