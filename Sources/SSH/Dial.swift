import Glibc
import NIOCore
import NIOPosix

/// Makes TCP connections, and says why one could not be made.
enum Dial {
    /// Connects with Nagle's algorithm off and reading off.
    static func connect(to address: Address, on loop: any EventLoop, within limit: Duration) async throws(SSHError) -> any NIOCore.Channel {
        guard (1...65_535).contains(address.port) else {
            throw SSHError(.noRoute, phase: .connect, detail: "\(address): a port is between 1 and 65535")
        }
        let bootstrap = ClientBootstrap(group: loop)
            .connectTimeout(TimeAmount(limit))
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .channelOption(.autoRead, value: false)
            .channelOption(.recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 1_024, initial: 4_096, maximum: 256 * 1024))
            .channelOption(.writeBufferWaterMark, value: .init(low: 64 * 1024, high: 256 * 1024))
        do {
            if let numeric = try? SocketAddress(ipAddress: address.host, port: address.port) {
                return try await value(of: bootstrap.connect(to: numeric), on: loop)
            }
            return try await value(of: bootstrap.connect(host: address.host, port: address.port), on: loop)
        } catch {
            throw classify(error, address: address)
        }
    }

    /// The connection, unless the task is cancelled first; one that comes too late is closed.
    static func value(
        of future: EventLoopFuture<any NIOCore.Channel>, on loop: any EventLoop
    ) async throws -> any NIOCore.Channel {
        let promise = loop.makePromise(of: (any NIOCore.Channel).self)
        let isWanted = NIOLoopBoundBox.makeBoxSendingValue(true, eventLoop: loop)
        future.whenComplete { result in
            if !isWanted.value, case .success(let channel) = result { channel.close(promise: nil) }
            if isWanted.value { promise.completeWith(result) }
            isWanted.value = false
        }
        return try await withTaskCancellationHandler {
            try await promise.futureResult.get()
        } onCancel: {
            loop.execute {
                guard isWanted.value else { return }
                isWanted.value = false
                promise.fail(CancellationError())
            }
        }
    }

    private static func classify(_ error: any Error, address: Address) -> SSHError {
        func made(_ code: SSHError.Code, _ detail: String) -> SSHError {
            SSHError(code, phase: .connect, detail: "\(address): \(detail)")
        }
        switch error {
        case is CancellationError: return made(.cancelled, "given up")
        case let error as IOError: return classify(error, made)
        case ChannelError.connectTimeout: return made(.timedOut, "no answer to TCP")
        case let error as NIOConnectionError:
            // With several addresses, one that answered at all says most.
            let causes = error.connectionErrors.compactMap { $0.error as? IOError }
            if let cause = causes.first(where: { $0.errnoCode == ECONNREFUSED }) ?? causes.first { return classify(cause, made) }
            if !error.connectionErrors.isEmpty { return made(.timedOut, "no answer to TCP") }
            return made(.nameNotFound, printable("\(error.dnsAError ?? error.dnsAAAAError ?? error)".utf8))
        default: return made(.localFailure, printable("\(error)".utf8))
        }
    }

    private static func classify(_ error: IOError, _ made: (SSHError.Code, String) -> SSHError) -> SSHError {
        let words = String(cString: strerror(error.errnoCode))
        switch error.errnoCode {
        case ECONNREFUSED: return made(.refused, words)
        case ETIMEDOUT: return made(.timedOut, words)
        case ECONNRESET: return made(.resetBeforeBanner, words)
        case ENETUNREACH, EHOSTUNREACH, ENETDOWN, EHOSTDOWN, EINVAL, EACCES, EPERM, ENETRESET: return made(.noRoute, words)
        default: return made(.localFailure, words)
        }
    }
}
