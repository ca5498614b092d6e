internal import NIOCore
internal import NIOPosix

/// Waits for connections on a port of this machine's loopback, which nobody else reaches.
public final class LocalListener: Sendable {
    /// One connection, read and written by one task each.
    public struct Client: Sendable {
        fileprivate let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>

        /// Works with the connection, which is closed afterwards.
        public func use(_ body: @Sendable (LocalListener.Input, LocalListener.Output) async throws -> Void) async throws {
            try await channel.executeThenClose { input, output in
                try await body(Input(stream: input), Output(writer: output))
            }
        }
    }

    /// What the client sends.
    public struct Input: Sendable {
        fileprivate let stream: NIOAsyncChannelInboundStream<ByteBuffer>

        /// Gives every piece to `body`, until the client has no more.
        public func forEach(_ body: @Sendable ([UInt8]) async throws -> Void) async throws {
            for try await piece in stream { try await body(Array(piece.readableBytesView)) }
        }
    }

    /// What is sent to the client.
    public struct Output: Sendable {
        fileprivate let writer: NIOAsyncChannelOutboundWriter<ByteBuffer>

        /// Sends bytes; returns once they are little enough behind.
        public func write(_ bytes: [UInt8]) async throws { try await writer.write(ByteBuffer(bytes: bytes)) }

        /// Says that there is no more.
        public func finish() { writer.finish() }
    }

    private let server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>

    private init(server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>) { self.server = server }

    /// The port.
    public var port: Int { server.channel.localAddress?.port ?? 0 }

    /// Listens on 127.0.0.1.
    ///
    /// - Parameter port: 0 for one that is free.
    /// - Throws: What the system says, such as that the port is taken.
    public static func open(port: Int) async throws -> LocalListener {
        let server = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(
                        wrappingChannelSynchronously: channel, configuration: .init(isOutboundHalfClosureEnabled: true))
                }
            }
        return LocalListener(server: server)
    }

    /// Gives every client to `body`, each in a task of its own, until it is closed and they have ended.
    ///
    /// - Parameter closed: Called once no more clients come; it ends those that are there.
    public func serve(
        _ body: @escaping @Sendable (Client) async -> Void, closed: @escaping @Sendable () async -> Void
    ) async throws {
        try await server.executeThenClose { clients in
            await withTaskGroup(of: Void.self) { group in
                do {
                    for try await client in clients { group.addTask { await body(Client(channel: client)) } }
                } catch {}
                await closed()
            }
        }
    }

    /// Takes no more clients.
    public func close() { server.channel.close(promise: nil) }
}
