import Glibc
import NIOCore
import NIOPosix
import Testing

@testable import SSH

@Suite("Servers that misbehave")
struct FaultTests {
    private static let version = Array("SSH-2.0-Fault_1\r\n".utf8)

    /// Connects to a server on loopback that says `words` at once and then hangs up, resets, or stays.
    private func failure(
        words: [UInt8], then ending: FaultServer.Ending, deadlines: Deadlines = Deadlines(handshake: .seconds(10))
    ) async throws -> SSHError {
        let server = try await FaultServer.start(words: words, ending: ending)
        defer { server.close(promise: nil) }
        let port = try #require(server.localAddress?.port)
        return try await #require(throws: SSHError.self) {
            _ = try await Connection.open(
                to: Address(host: "127.0.0.1", port: port), user: "x", hostKey: .decide { _ in true },
                identities: [.ed25519(.generate())], deadlines: deadlines)
        }
    }

    @Test("a server that accepts and stays silent hits the handshake's deadline")
    func silent() async throws {
        let error = try await failure(words: [], then: .stay, deadlines: Deadlines(handshake: .milliseconds(200)))
        #expect(error.code == .timedOut)
        #expect(error.phase == .handshake)
    }

    @Test("a server that stops in mid-handshake hits the handshake's deadline")
    func stalled() async throws {
        let words = Self.version + ServerGreetingTests.keyExchangeInit().prefix(50)
        let error = try await failure(words: words, then: .stay, deadlines: Deadlines(handshake: .milliseconds(200)))
        #expect(error.code == .timedOut)
    }

    @Test("a server of another protocol is not SSH, whether it hangs up or waits", arguments: [FaultServer.Ending.hangUp, .stay])
    func otherProtocol(ending: FaultServer.Ending) async throws {
        let error = try await failure(
            words: Array("220 mail.example ESMTP\r\n".utf8), then: ending, deadlines: Deadlines(handshake: .milliseconds(500)))
        #expect(error.code == .notSSH)
        #expect(error.detail.contains("220 mail.example"))
    }

    @Test("garbage instead of a banner is not SSH")
    func garbage() async throws {
        let error = try await failure(words: [0x16, 3, 1, 0, 5, 0, 0xff, 0xfe], then: .stay)
        #expect(error.code == .notSSH)
    }

    @Test("a server that hangs up without a word was reset before its banner", arguments: [FaultServer.Ending.hangUp, .reset])
    func noBanner(ending: FaultServer.Ending) async throws {
        #expect(try await failure(words: [], then: ending).code == .resetBeforeBanner)
    }

    @Test("a server that hangs up anywhere in its key exchange offer has vanished", arguments: [FaultServer.Ending.hangUp, .reset])
    func vanishes(ending: FaultServer.Ending) async throws {
        let offer = ServerGreetingTests.keyExchangeInit()
        for count in [0, 4, 30, offer.count] {
            let error = try await failure(words: Self.version + offer.prefix(count), then: ending)
            #expect(error.code == .peerVanished, "after \(count) bytes: \(error)")
        }
    }

    @Test("no algorithm in common is told by the server's own offer", arguments: [FaultServer.Ending.hangUp, .stay])
    func noCommonAlgorithm(ending: FaultServer.Ending) async throws {
        let offer = ServerGreetingTests.keyExchangeInit(ciphers: "aes256-gcm@openssh.com")
        let error = try await failure(words: Self.version + offer, then: ending)
        #expect(error.code == .noCommonAlgorithm)
        #expect(error.detail.contains("aes256-gcm@openssh.com"))
    }

    @Test("a packet longer than the protocol allows ends the handshake")
    func hugePacket() async throws {
        let error = try await failure(words: Self.version + [0xff, 0xff, 0xff, 0xf0, 4, 20], then: .stay)
        #expect(error.code == .protocolViolation)
        #expect(error.libssh2Code != nil)
    }

    @Test("lines before the banner are passed over, up to a limit; garbage without an end is not SSH")
    func wordsBeforeBanner() async throws {
        let notices = Array((1...20).flatMap { Array("notice \($0)\r\n".utf8) })
        let offer = ServerGreetingTests.keyExchangeInit(ciphers: "aes256-gcm@openssh.com")
        #expect(try await failure(words: notices + Self.version + offer, then: .hangUp).code == .noCommonAlgorithm)
        for garbage in [[UInt8](repeating: 0xff, count: 300_000), Array(String(repeating: "line\n", count: 60_000).utf8)] {
            let error = try await failure(words: garbage, then: .stay, deadlines: Deadlines(handshake: .seconds(5)))
            #expect(error.code == .notSSH, "\(error)")
            #expect(error.detail.utf8.count < 1000)
        }
    }

    @Test(
        "packets whose lengths lie end the handshake", arguments: [0, 1, 4, 5, 35_001, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as [UInt32])
    func lyingLengths(length: UInt32) async throws {
        var packet = (0..<4).map { UInt8(truncatingIfNeeded: length >> (24 - 8 * $0)) } + [255, 20]
        packet += [UInt8](repeating: 0xff, count: 64)
        let error = try await failure(words: Self.version + packet, then: .hangUp)
        #expect([.protocolViolation, .peerVanished, .notSSH].contains(error.code), "\(error)")
    }

    @Test("a port nobody listens on is refused, a name nobody has is not found")
    func noServer() async throws {
        let server = try await FaultServer.start(words: [], ending: .stay)
        let port = try #require(server.localAddress?.port)
        try await server.close()
        func code(_ host: String) async -> SSHError.Code? {
            do throws(SSHError) {
                let connection = try await Connection.open(
                    to: Address(host: host, port: port), user: "x", hostKey: .pinned([]), identities: [])
                await connection.close()
                return nil
            } catch {
                return error.code
            }
        }
        #expect(await code("127.0.0.1") == .refused)
        #expect(await code("no-such-host.invalid") == .nameNotFound)
    }

    @Test("a cancelled connection attempt ends at once")
    func cancelled() async throws {
        let server = try await FaultServer.start(words: [], ending: .stay)
        defer { server.close(promise: nil) }
        let port = try #require(server.localAddress?.port)
        let attempt = Task { () async throws(SSHError) -> Connection in
            try await Connection.open(
                to: Address(host: "127.0.0.1", port: port), user: "x", hostKey: .pinned([]), identities: [.ed25519(.generate())])
        }
        attempt.cancel()
        let error = await #expect(throws: SSHError.self) { _ = try await attempt.value }
        #expect(error?.code == .cancelled)
    }
}

/// A TCP server on loopback that says something to each client and then ends it in one of three ways.
enum FaultServer {
    enum Ending: Sendable {
        case stay, hangUp, reset
    }

    static func start(words: [UInt8], ending: Ending) async throws -> any NIOCore.Channel {
        try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FaultHandler(words: words, ending: ending))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }
}

private final class FaultHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    private let words: [UInt8]
    private let ending: FaultServer.Ending

    init(words: [UInt8], ending: FaultServer.Ending) {
        self.words = words
        self.ending = ending
    }

    /// Waits for the client's first bytes, so that a hang-up is one and not a refused connection.
    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard ending != .stay else { return }
        if ending == .reset {
            // With no time to linger, close(2) sends a reset.
            (context.channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).whenFailure {
                Issue.record($0)
            }
        }
        context.close(promise: nil)
    }

    func channelActive(context: ChannelHandlerContext) {
        guard !words.isEmpty else { return }
        context.writeAndFlush(NIOAny(ByteBuffer(bytes: words)), promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }
}
