import Glibc
import NIOCore

/// A TCP connection as a transport.
final class SocketTransport: Transport {
    private static let lingerLimit = TimeAmount.seconds(2)

    private let channel: any NIOCore.Channel

    /// Takes over `channel`, whose reads must be off so that no byte is lost.
    init(channel: any NIOCore.Channel) {
        self.channel = channel
    }

    var loop: any EventLoop { channel.eventLoop }
    var isWritable: Bool { channel.isWritable }
    var closeFuture: EventLoopFuture<Void> { channel.closeFuture }

    /// Gives what arrives to `driver` from now on.
    func attach(_ driver: Driver) {
        do {
            try channel.pipeline.syncOperations.addHandler(SocketHandler(driver: driver))
        } catch {
            driver.transportEnded("the server closed the connection")
        }
    }

    func write(_ bytes: ByteBuffer) { channel.writeAndFlush(bytes, promise: nil) }

    func read() { channel.read() }

    func close(lastWords: ByteBuffer?) {
        let channel = channel
        guard let lastWords, channel.isActive else {
            channel.close(promise: nil)
            return
        }
        channel.writeAndFlush(lastWords).whenComplete { _ in channel.close(promise: nil) }
        let late = loop.scheduleTask(in: Self.lingerLimit) { channel.close(promise: nil) }
        channel.closeFuture.whenComplete { _ in late.cancel() }
    }
}

/// The network's end of a `Driver`.
///
/// It holds the driver weakly: a connection that is dropped without being closed takes its descriptor along.
private final class SocketHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private weak var driver: Driver?
    /// Bytes that came in this round of reads.
    private var count = 0
    /// Beyond this the kernel has acknowledged by itself, with every second segment.
    private static let bulkInBytes = 64 * 1024

    init(driver: Driver) {
        self.driver = driver
    }

    func handlerAdded(context: ChannelHandlerContext) {
        if context.channel.isActive {
            acknowledgeAtOnce(context)
            context.read()
        } else {
            driver?.transportEnded("the server closed the connection")
        }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data)
        count += bytes.readableBytes
        driver?.received(bytes)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if count < Self.bulkInBytes { acknowledgeAtOnce(context) }
        count = 0
        if driver?.inputCompleted() == true { context.read() }
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { driver?.wakeAll() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        driver?.transportEnded("the server closed the connection")
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        let reason = (error as? IOError).map { String(cString: strerror($0.errnoCode)) } ?? "\(error)"
        driver?.transportEnded(reason)
        context.close(promise: nil)
    }

    /// The kernel falls back to delayed acknowledgements by itself (tcp(7)), at 40 ms a step of the handshake, so it is told again
    /// after each read; straight to the kernel, since NIO's way there costs more than the call itself.
    private func acknowledgeAtOnce(_ context: ChannelHandlerContext) {
        try? context.channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: NIOBSDSocket.Handle.self) { descriptor in
            var isOn: Int32 = 1
            setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_QUICKACK, &isOn, socklen_t(MemoryLayout<Int32>.size))
        }
    }
}
