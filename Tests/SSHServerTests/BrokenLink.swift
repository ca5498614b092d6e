import Glibc
import NIOCore
import NIOPosix

/// A relay on loopback to a real server, which lets so many of the server's bytes through and then fails.
enum BrokenLink {
    enum Failure: Sendable {
        case hangUp, reset, stall
    }

    /// Runs `body` with the relay's port.
    static func with<Value>(
        to port: Int, on host: String = "127.0.0.1", bytes limit: Int, then failure: Failure, _ body: (Int) async throws -> Value
    ) async throws -> Value {
        let group = MultiThreadedEventLoopGroup.singleton
        let relay = try await ServerBootstrap(group: group)
            .childChannelOption(.autoRead, value: false)
            .childChannelInitializer { client in
                // Both sides on one loop, so that neither waits for the other's.
                ClientBootstrap(group: client.eventLoop)
                    .channelOption(.allowRemoteHalfClosure, value: false)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { server in
                        try server.pipeline.syncOperations.addHandler(Pipe(to: client, limit: limit, failure: failure))
                        try client.pipeline.syncOperations.addHandler(Pipe(to: server, limit: .max, failure: failure))
                        client.setOption(.autoRead, value: true).whenFailure { _ in client.close(promise: nil) }
                    }
            }
            .bind(host: host, port: 0).get()
        guard let port = relay.localAddress?.port else { throw Scratch.Failure(description: "the relay has no port") }
        do {
            let value = try await body(port)
            try await relay.close()
            return value
        } catch {
            try? await relay.close()
            throw error
        }
    }

    /// One direction.
    private final class Pipe: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let far: any Channel
        private var left: Int
        private let failure: Failure

        init(to far: any Channel, limit: Int, failure: Failure) {
            self.far = far
            left = limit
            self.failure = failure
        }

        func handlerAdded(context: ChannelHandlerContext) {
            if left == 0 { fail(context) }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            var bytes = unwrapInboundIn(data)
            guard left > 0 else { return }
            if let piece = bytes.readSlice(length: min(left, bytes.readableBytes)) { far.writeAndFlush(piece, promise: nil) }
            left -= min(left, bytes.readerIndex)
            if left == 0 { fail(context) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            far.close(promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }

        private func fail(_ context: ChannelHandlerContext) {
            guard failure != .stall else { return }
            let (far, near) = (far, context.channel)
            // With no time to linger, close(2) sends a reset.
            let lingering = failure == .reset ? (far as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)) : nil
            (lingering ?? far.eventLoop.makeSucceededVoidFuture()).whenComplete { _ in
                far.close(promise: nil)
                near.close(promise: nil)
            }
        }
    }
}
