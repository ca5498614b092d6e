import NIOCore
import NIOPosix

/// One authenticated SSH connection, on one event loop.
public actor Connection {
    /// Receive window of a channel: at most this much of a channel's output waits in memory unread.
    private static let windowInBytes: UInt32 = 2 << 20
    /// What fits one packet beside the rest of an exec request.
    private static let commandLimitInBytes = 32_000

    /// How many channels are opened for one command if the server closes them at once.
    private static let openingLimit = 3

    /// The key the server proved to hold.
    public nonisolated let hostKey: HostKey
    /// What both sides agreed on.
    public nonisolated let algorithms: NegotiatedAlgorithms
    /// The server's version line, e.g. `SSH-2.0-OpenSSH_9.2p1`; printable ASCII.
    public nonisolated let serverVersion: String
    /// How long TCP took, the name lookup included.
    public nonisolated let connectDuration: Duration
    /// How long banner and key exchange took.
    public nonisolated let handshakeDuration: Duration
    /// How long it took to prove the user.
    public nonisolated let authenticationDuration: Duration

    private let bound: NIOLoopBound<Driver>
    private let deadlines: Deadlines
    private let loopExecutor: LoopExecutor
    private let executor: any SerialExecutor

    /// The event loop that everything of this connection runs on.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var driver: Driver { bound.value }

    private init(facts: Established, connectDuration: Duration, deadlines: Deadlines) {
        bound = facts.driver
        loopExecutor = facts.executor
        executor = loopExecutor.loop.executor
        hostKey = facts.hostKey
        algorithms = facts.algorithms
        serverVersion = facts.serverVersion
        self.connectDuration = connectDuration
        handshakeDuration = facts.handshakeDuration
        authenticationDuration = facts.authenticationDuration
        self.deadlines = deadlines
    }

    /// Connects, checks the host key and authenticates; identities are tried in their order.
    ///
    /// - Parameters:
    ///   - isCompressed: Whether compression is asked for (zlib@openssh.com); a server without it goes on without.
    ///   - jumpHost: The server to go through; straight to the address if `nil`.
    ///   - executor: Where to run, if there is no jump host; on one of NIO's shared loops if `nil`.
    ///   - attempts: How often it is tried, a little later each time, where the server hangs up before its banner: so does an sshd with many
    ///     logins under way (MaxStartups), and a kernel whose queue of connections was full.
    /// - Throws: One code for each way this can fail, with the phase. Nothing is left open then.
    public static func open(
        to address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines = Deadlines(),
        isCompressed: Bool = false, through jumpHost: JumpHost? = nil, on executor: LoopExecutor? = nil, attempts: Int = 1
    ) async throws(SSHError) -> Connection {
        var attempt = 1
        while true {
            do throws(SSHError) {
                return try await open(
                    to: address, user: user, hostKey: hostKey, identities: identities, deadlines: deadlines,
                    isCompressed: isCompressed, through: jumpHost, on: executor, delivery: nil)
            } catch {
                guard error.code == .resetBeforeBanner, error.jumpHost == nil, attempt < attempts else { throw error }
                // Spread, so that those who were turned away together do not come back together.
                try? await Task.sleep(for: .milliseconds(100 * attempt * Int.random(in: 50...150) / 100))
                attempt += 1
            }
        }
    }

    /// - Parameter delivery: How the stream is cut to pieces, for tests.
    static func open(
        to address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines,
        isCompressed: Bool = false, through jumpHost: JumpHost? = nil, on executor: LoopExecutor?, delivery: SessionBuffers.Delivery?
    ) async throws(SSHError) -> Connection {
        try refuseUnsupported(identities)
        let executor = jumpHost?.loopExecutor ?? executor ?? .next()
        let establishment = Establishment(
            address: address, user: user, hostKey: hostKey, identities: identities, deadlines: deadlines,
            isCompressed: isCompressed, delivery: delivery, on: executor)
        return try await executor.run { () async throws(SSHError) -> Connection in
            let start = ContinuousClock.now
            let way: Establishment.Way =
                if let jumpHost {
                    .tunnel(try await jumpHost.tunnel(to: address, within: deadlines.connect))
                } else {
                    .socket(try await Dial.connect(to: address, on: executor.loop, within: deadlines.connect))
                }
            let connectDuration = ContinuousClock.now - start
            let facts = try await establishment.run(over: way)
            return Connection(facts: facts, connectDuration: connectDuration, deadlines: deadlines)
        }
    }

    /// Starts the event loops and sets the libraries up, which the first connection would wait for: a few milliseconds, once per process.
    public static func prepare() {
        _ = MultiThreadedEventLoopGroup.singleton.next()
        Session.prepare()
    }

    /// Says before anything is connected that none of the keys can be used.
    private static func refuseUnsupported(_ identities: [Identity]) throws(SSHError) {
        let reasons = identities.map(\.unsupportedReason)
        guard !identities.isEmpty, reasons.allSatisfy({ $0 != nil }) else { return }
        let facts = zip(identities, reasons).map { "\($0.label): \($1 ?? "")" }
        throw SSHError(.unsupportedKey, phase: .authentication, detail: facts.joined(separator: "; "))
    }

    /// Starts `command` through the user's shell, as sshd does, on a channel of its own.
    ///
    /// - Throws: `.channelRefused` if the server will not. A deadline or cancellation in the middle ends the whole connection, since
    ///   the late reply could be taken for that to another request.
    public func exec(_ command: String) async throws(SSHError) -> Channel {
        let bytes = Array(command.utf8)
        guard bytes.count <= Self.commandLimitInBytes else {
            throw SSHError(
                .channelRefused, phase: .channel, detail: "a command of \(bytes.count) bytes; at most \(Self.commandLimitInBytes) fit")
        }
        let (driver, deadline) = (driver, NIODeadline.after(deadlines.operation))
        try driver.check(await driver.requests.enter(until: deadline), phase: .channel)
        defer { driver.requests.leave() }
        do throws(SSHError) {
            return try await start(bytes, until: deadline)
        } catch {
            if error.code == .timedOut || error.code == .cancelled { driver.shut(error) }
            throw error
        }
    }

    private func start(_ command: [UInt8], until deadline: NIODeadline) async throws(SSHError) -> Channel {
        let handle = try await openChannel(until: deadline)
        let channel = Channel(driver: bound, handle: NIOLoopBound(handle, eventLoop: driver.loop), deadlines: deadlines, on: loopExecutor)
        do throws(SSHError) {
            try await driver.complete(.channel, until: deadline) { handle.execute(command) }
        } catch {
            if error.code == .channelRefused { await channel.close() }
            throw error
        }
        driver.idleChannel = handle
        return channel
    }

    /// A channel that the server has not closed again before anything was asked of it, as Dropbear 2022.83 does when another command ends
    /// just then.
    private func openChannel(until deadline: NIODeadline) async throws(SSHError) -> SessionChannel {
        for _ in 0..<Self.openingLimit {
            let handle = try await driver.complete(.channel, until: deadline) { [session = driver.session] in
                session.openChannel(windowInBytes: Self.windowInBytes)
            }
            if !handle.isAtEnd { return handle }
            try await driver.complete(.channel, until: deadline) { handle.free() }
        }
        let facts = "the server closed \(Self.openingLimit) channels as soon as they were open"
        throw SSHError(.channelRefused, phase: .channel, detail: facts)
    }

    /// Whether nothing has ended the connection yet, as far as is known here.
    var isOpen: Bool { driver.end == nil && !driver.hasHungUp }

    /// Opens a channel that the server connects to `address`, as the transport of another session.
    ///
    /// A deadline or cancellation in the middle leaves the server's late answer to come: the tunnels that are open go on, and no other
    /// can be opened here.
    ///
    /// - Throws: `.notReachedFromJumpHost` where the server could not connect, `.channelRefused` where it will not.
    func openTunnel(
        to address: Address, from jumpHost: Address, within limit: Duration
    ) async throws(SSHError) -> NIOLoopBound<TunnelTransport> {
        let (driver, deadline) = (driver, NIODeadline.after(limit))
        try driver.check(await driver.requests.enter(until: deadline), phase: .connect)
        do throws(SSHError) {
            let handle = try await driver.complete(.connect, until: deadline) { [session = driver.session] in
                session.openTunnel(host: address.host, port: address.port)
            }
            driver.requests.leave()
            driver.idleChannel = handle
            let channel = Channel(
                driver: bound, handle: NIOLoopBound(handle, eventLoop: driver.loop), deadlines: deadlines, on: loopExecutor)
            return NIOLoopBound(TunnelTransport(channel: channel, connection: self, at: jumpHost, on: loopExecutor), eventLoop: driver.loop)
        } catch {
            // Half-open in libssh2 until the answer comes: the gate stays shut.
            if error.code != .timedOut && error.code != .cancelled { driver.requests.leave() }
            guard error.code == .channelRefused, error.detail.contains("connect failed") else { throw error }
            let facts = "\(address): the jump host could not connect"
            throw SSHError(.notReachedFromJumpHost, phase: .connect, detail: facts, libssh2Code: error.libssh2Code)
        }
    }

    /// Ends the connection at once, without a word to the server.
    public func abort() async {
        driver.abandon(SSHError(.closed, phase: .channel, detail: "the connection was dropped here"))
        await gone()
    }

    /// Ends the connection and everything on it; waits until the descriptor is gone. May be called again.
    public func close() async {
        driver.shut(SSHError(.closed, phase: .channel, detail: "the connection was closed here"))
        await gone()
    }

    /// Not to be hurried by a cancelled task: what it waits for is at most two seconds away.
    private func gone() async {
        let future = driver.closeFuture
        await loopExecutor.run { try? await future.get() }
    }
}
