import NIOCore

/// A server through which others are reached (`ssh -J`), shared by all who go through it.
///
/// Its connections are made when first wanted and carry many tunnels each. libssh2 opens one tunnel at a time on a connection, a round trip
/// each and as long as a dead target takes; so there may be several connections, and one that got stuck on a dead target carries what it
/// has to its end while another takes its place. Starts are one at a time, well within what a server's MaxStartups lets in, and one that is
/// turned away before the banner is tried again: a busy jump host must not make healthy devices look dead.
public actor JumpHost {
    /// What a jump host is asked to bear.
    public struct Limits: Sendable {
        /// Connections that take new tunnels at once.
        public var connections: Int
        /// Tunnels on one connection at once.
        public var tunnels: Int
        /// How often a start is tried that ends before the banner.
        public var attempts: Int

        /// The defaults are modest for an sshd as it is installed: MaxStartups 10:30:100.
        public init(connections: Int = 4, tunnels: Int = 64, attempts: Int = 5) {
            self.connections = max(1, connections)
            self.tunnels = max(1, tunnels)
            self.attempts = max(1, attempts)
        }
    }

    private final class Member {
        let connection: Connection
        var tunnelCount = 0
        var isOpening = false

        init(_ connection: Connection) { self.connection = connection }
    }

    /// Where it listens.
    public nonisolated let address: Address
    private let user: String
    private let hostKey: HostKeyPolicy
    private let identities: [Identity]
    private let deadlines: Deadlines
    private let next: JumpHost?
    private let limits: Limits
    nonisolated let loopExecutor: LoopExecutor
    private let executor: any SerialExecutor
    private let starting: Gate
    private let vacancies: WaitList
    private var members: [Member] = []
    private var isClosed = false
    private var lastFailure: (time: NIODeadline, error: SSHError)?

    /// The event loop of everything that goes through here.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// Describes a jump host; nothing is connected yet.
    ///
    /// - Parameters:
    ///   - next: The jump host that leads to this one, for a way of several hops.
    ///   - executor: Where to run, if there is no `next`; on one of NIO's shared loops if `nil`.
    public init(
        address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines = Deadlines(),
        limits: Limits = Limits(), through next: JumpHost? = nil, on executor: LoopExecutor? = nil
    ) {
        self.address = address
        self.user = user
        self.hostKey = hostKey
        self.identities = identities
        self.deadlines = deadlines
        self.limits = limits
        self.next = next
        loopExecutor = next?.loopExecutor ?? executor ?? LoopExecutor.next()
        self.executor = loopExecutor.loop.executor
        starting = Gate(on: loopExecutor)
        vacancies = WaitList(on: loopExecutor)
    }

    /// Opens a tunnel to `address`; waiting for a turn does not count against `limit`.
    func tunnel(to address: Address, within limit: Duration) async throws(SSHError) -> NIOLoopBound<TunnelTransport> {
        let member = try await vacancy()
        member.isOpening = true
        member.tunnelCount += 1
        do throws(SSHError) {
            let tunnel = try await member.connection.openTunnel(to: address, from: self.address, within: limit)
            tunnel.value.closeFuture.whenComplete { [bound = NIOLoopBound(member, eventLoop: loopExecutor.loop)] _ in
                bound.value.tunnelCount -= 1
                Task { await self.vacate() }
            }
            member.isOpening = false
            vacancies.signalAll()
            return tunnel
        } catch {
            member.tunnelCount -= 1
            // After a deadline libssh2 is still waiting, so that no further tunnel opens on that connection: it is let go.
            if error.code == .timedOut || error.code == .cancelled { members.removeAll { $0 === member } }
            member.isOpening = false
            vacancies.signalAll()
            let isTheTarget = [.notReachedFromJumpHost, .timedOut, .cancelled].contains(error.code)
            throw isTheTarget ? error : error.onTheWay(through: self.address)
        }
    }

    /// Closes the connections; tunnels that are still open end with them, and no other is opened.
    public func close() async {
        isClosed = true
        vacancies.signalAll()
        let connections = members.map(\.connection)
        members = []
        for connection in connections { await connection.close() }
    }

    private func vacate() { vacancies.signalAll() }

    /// The connection with the fewest tunnels of those that can open another at once.
    private var vacant: Member? {
        members.filter { !$0.isOpening && $0.tunnelCount < limits.tunnels }.min { $0.tunnelCount < $1.tunnelCount }
    }

    private var mayStart: Bool { members.count < limits.connections }

    /// A connection that can open a tunnel at once.
    private func vacancy() async throws(SSHError) -> Member {
        while true {
            if isClosed { throw SSHError(.closed, phase: .connect, detail: "the jump host was closed here", jumpHost: address) }
            if Task.isCancelled { throw SSHError(.cancelled, phase: .connect, jumpHost: address) }
            await dropEnded()
            if let vacant { return vacant }
            if mayStart, let member = try await start() { return member }
            let wake = await vacancies.wait(until: .distantFuture, for: { self.isClosed || self.vacant != nil || self.mayStart })
            if wake == .cancelled { throw SSHError(.cancelled, phase: .connect, jumpHost: address) }
        }
    }

    private func dropEnded() async {
        for member in members where !(await member.connection.isOpen) { members.removeAll { $0 === member } }
    }

    /// Makes another connection, unless one has become vacant while another start was waited for.
    private func start() async throws(SSHError) -> Member? {
        let gate = starting
        let asked = NIODeadline.now()
        guard await gate.enter(until: .distantFuture) == .signalled else {
            throw SSHError(.cancelled, phase: .connect, jumpHost: address)
        }
        defer { gate.leave() }
        // What failed while this one waited for its turn would only fail again.
        if let lastFailure, lastFailure.time > asked, members.isEmpty { throw lastFailure.error }
        guard !isClosed, vacant == nil, mayStart else { return nil }
        do throws(SSHError) {
            let member = Member(try await connect())
            members.append(member)
            // More than the one who asked can use it.
            vacancies.signalAll()
            return member
        } catch {
            let failure = error.onTheWay(through: address)
            if error.code != .cancelled { lastFailure = (.now(), failure) }
            throw failure
        }
    }

    /// One that falls silent is found out within eight seconds, before the deadline of those who wait for a tunnel would blame their devices.
    private func connect() async throws(SSHError) -> Connection {
        var deadlines = deadlines
        deadlines.keepalive = deadlines.keepalive ?? .seconds(2)
        return try await Connection.open(
            to: address, user: user, hostKey: hostKey, identities: identities, deadlines: deadlines, through: next, on: loopExecutor,
            attempts: limits.attempts)
    }
}
