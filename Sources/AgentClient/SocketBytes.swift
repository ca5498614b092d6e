internal import NIOCore

/// Bytes of a NIO channel, read on demand: nothing is read from the socket until somebody asks, so the kernel's buffer is the bound.
final class SocketBytes: ChannelInboundHandler, @unchecked Sendable {
    // Unchecked: every property is touched only on the channel's event loop.
    typealias InboundIn = ByteBuffer

    private var received: [UInt8] = []
    private var hasEnded = false
    private var failure: (any Error)?
    private var waiter: EventLoopPromise<[UInt8]?>?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        received += Array(unwrapInboundIn(data).readableBytesView)
        deliver()
    }

    func channelInactive(context: ChannelHandlerContext) {
        hasEnded = true
        deliver()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = error
        context.close(promise: nil)
    }

    private func deliver() {
        guard let waiter else { return }
        if !received.isEmpty {
            self.waiter = nil
            let bytes = received
            received = []
            waiter.succeed(bytes)
        } else if hasEnded {
            self.waiter = nil
            if let failure { waiter.fail(failure) } else { waiter.succeed(nil) }
        }
    }

    /// The next bytes, or nil at the end; fails with `AgentClientError.timedOut` after `limit`.
    func next(on channel: any Channel, within limit: TimeAmount) -> EventLoopFuture<[UInt8]?> {
        let promise = channel.eventLoop.makePromise(of: [UInt8]?.self)
        channel.eventLoop.execute {
            precondition(self.waiter == nil, "one reader at a time")
            self.waiter = promise
            self.deliver()
            guard self.waiter != nil else { return }
            let timer = channel.eventLoop.scheduleTask(in: limit) {
                self.waiter = nil
                promise.fail(AgentClientError(.timedOut))
            }
            promise.futureResult.whenComplete { _ in timer.cancel() }
            channel.read()
        }
        return promise.futureResult
    }
}
