import NIOCore
import NIOPosix

/// One ssh-agent, over its Unix socket (draft-ietf-sshm-ssh-agent): a connection for each question, which never blocks the loop.
struct KeyAgent: Sendable {
    private static let requestIdentities: UInt8 = 11
    private static let identitiesAnswer: UInt8 = 12
    private static let signRequest: UInt8 = 13
    private static let signResponse: UInt8 = 14
    private static let identityLimit = 1024

    let socketPath: String
    let loop: any EventLoop

    /// The keys the agent holds, in its order.
    func identities(until deadline: NIODeadline) async throws(SSHError) -> [(blob: [UInt8], comment: String)] {
        let answer = try await ask([Self.requestIdentities], until: deadline)
        guard let identities = Self.parseIdentities(answer) else { throw failure("its list of keys is malformed") }
        return identities
    }

    /// The signature of `message` by the key `blob`, without the algorithm's name.
    func sign(_ message: [UInt8], with blob: [UInt8], until deadline: NIODeadline) async throws(SSHError) -> [UInt8] {
        var request = PacketWriter()
        request.append(byte: Self.signRequest)
        request.append(string: blob)
        request.append(string: message)
        request.append(uint32: 0)
        let answer = try await ask(request.bytes, until: deadline)
        let key = HostKey(blob: blob)
        guard let signature = Self.parseSignature(answer, algorithm: key?.algorithm ?? "") else {
            throw failure("it would not sign with \(key?.fingerprint ?? "that key")")
        }
        return signature
    }

    static func parseIdentities(_ answer: [UInt8]) -> [(blob: [UInt8], comment: String)]? {
        var reader = PacketReader(answer)
        guard reader.byte() == identitiesAnswer, let count = reader.uint32(), count <= identityLimit else { return nil }
        var identities: [(blob: [UInt8], comment: String)] = []
        for _ in 0..<count {
            guard let blob = reader.string(), let comment = reader.string() else { return nil }
            identities.append((blob, printable(comment)))
        }
        return identities
    }

    static func parseSignature(_ answer: [UInt8], algorithm: String) -> [UInt8]? {
        var reader = PacketReader(answer)
        guard reader.byte() == signResponse, let signature = reader.string() else { return nil }
        var inner = PacketReader(signature)
        guard inner.text() == algorithm, let bytes = inner.string(), inner.isAtEnd else { return nil }
        return bytes
    }

    private func failure(_ words: String) -> SSHError {
        SSHError(.agentUnavailable, phase: .authentication, detail: "\(socketPath): \(words)")
    }

    private func ask(_ request: [UInt8], until deadline: NIODeadline) async throws(SSHError) -> [UInt8] {
        var framed = PacketWriter()
        framed.append(string: request)
        do {
            return try await exchange(framed.bytes, until: deadline)
        } catch is CancellationError {
            throw SSHError(.cancelled, phase: .authentication)
        } catch let error as SSHError {
            throw error
        } catch {
            throw failure(printable("\(error)".utf8))
        }
    }

    private func exchange(_ request: [UInt8], until deadline: NIODeadline) async throws -> [UInt8] {
        let answer = loop.makePromise(of: [UInt8].self)
        let late = loop.scheduleTask(deadline: deadline) {
            answer.fail(
                SSHError(.agentUnavailable, phase: .authentication, detail: "\(socketPath): no answer in time; it may wait for a person"))
        }
        let connecting = ClientBootstrap(group: loop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(AgentAnswerHandler(answer: answer))
                }
            }
            .connect(unixDomainSocketPath: socketPath)
        connecting.whenComplete { result in
            switch result {
            case .failure(let error): answer.fail(error)
            case .success(let channel):
                channel.writeAndFlush(ByteBuffer(bytes: request), promise: nil)
                answer.futureResult.whenComplete { _ in channel.close(promise: nil) }
            }
        }
        answer.futureResult.whenComplete { _ in late.cancel() }
        return try await withTaskCancellationHandler {
            try await answer.futureResult.get()
        } onCancel: {
            answer.fail(CancellationError())
        }
    }
}

/// Gathers one answer of an ssh-agent: a length and that many bytes, 256 KiB at most.
final class AgentAnswerHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let lengthLimit = 256 * 1024
    private var gathered = ByteBuffer()
    private let answer: EventLoopPromise<[UInt8]>

    init(answer: EventLoopPromise<[UInt8]>) {
        self.answer = answer
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        gathered.writeBuffer(&bytes)
        guard let length = gathered.getInteger(at: gathered.readerIndex, as: UInt32.self) else { return }
        guard length <= Self.lengthLimit else {
            answer.fail(SSHError(.agentUnavailable, phase: .authentication, detail: "its answer is larger than 256 KiB"))
            return
        }
        guard let body = gathered.getBytes(at: gathered.readerIndex + 4, length: Int(length)) else { return }
        answer.succeed(body)
    }

    func channelInactive(context: ChannelHandlerContext) {
        answer.fail(SSHError(.agentUnavailable, phase: .authentication, detail: "the ssh-agent hung up without an answer"))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        answer.fail(error)
        context.close(promise: nil)
    }
}

/// The keys that an ssh-agent holds, in its order: public key blob and comment.
///
/// - Throws: `.agentUnavailable`, also after 5 s without an answer.
public func agentIdentities(socketPath: String) async throws(SSHError) -> [(blob: [UInt8], comment: String)] {
    let loop = MultiThreadedEventLoopGroup.singleton.next()
    return try await KeyAgent(socketPath: socketPath, loop: loop).identities(until: .after(.seconds(5)))
}
