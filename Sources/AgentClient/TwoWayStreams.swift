internal import LedgerCore
public import Wire

/// Connections and shells through one session, several at once, each a stream under credit.
///
/// ``run()`` reads for all of them; while it does, nothing else may use the session.
public actor TwoWayStreams {
    /// How one of them ended, with what this side makes of its bytes.
    public struct Ending: Sendable {
        /// What the agent says.
        public let outcome: AgentSession.StreamOutcome
        /// SHA-256 over the hash of what came from the device and the hash of as many bytes of what went there as the agent says it had.
        public let digest: [UInt8]
    }

    private struct Connection {
        let events: AsyncStream<Event>.Continuation
        let credit: Credit
        var granted: UInt64
        var given = SHA256()
        var givenCount: UInt64 = 0
        /// What the agent is known to have, and what was sent beyond that: at most a window.
        var taken = SHA256()
        var takenCount: UInt64 = 0
        var underWay: [UInt8] = []

        mutating func settle(_ count: Int) {
            let settled = Array(underWay.prefix(count))
            taken.update(settled)
            takenCount += UInt64(settled.count)
            underWay.removeFirst(settled.count)
        }
    }

    /// What comes on a connection.
    public enum Event: Sendable {
        /// The device is connected, or the shell is started.
        case opened
        /// Bytes of the far side, not to be trusted.
        case bytes([UInt8])
        /// The far side has no more to send.
        case endOfBytes
        /// It is over.
        case ended(Ending)
        /// The session is over.
        case lost
    }

    /// Bytes that the device may send ahead on one connection.
    private static let window: UInt64 = 1 << 20
    /// How often it is looked whether all is over, while nothing comes.
    private static let patrol: Duration = .milliseconds(250)

    private let session: AgentSession
    private var connections: [UInt64: Connection] = [:]
    private var isStopping = false

    /// Makes streams of a session that is open.
    public init(session: AgentSession) { self.session = session }

    /// Reads what comes, until ``stop()`` and the end of every connection.
    public func run() async throws(AgentClientError) {
        do throws(AgentClientError) {
            while !isStopping || !connections.isEmpty {
                do throws(AgentClientError) {
                    try await take(try await session.message(before: ContinuousClock.now + Self.patrol))
                } catch {
                    guard error.code == .timedOut else { throw error }
                }
            }
        } catch {
            isStopping = true
            await session.markBroken()
            for connection in connections.values {
                connection.events.yield(.lost)
                connection.events.finish()
                await connection.credit.close()
            }
            connections = [:]
            throw error
        }
    }

    /// Ends all of them.
    public func stop() async {
        isStopping = true
        for request in connections.keys { try? await session.stream.write(Message.cancel(Cancel(request: request)).frame) }
    }

    private func take(_ message: Message) async throws(AgentClientError) {
        switch message {
        case .streamOpened(let opened):
            let connection = try connection(opened.request)
            await connection.credit.add(opened.credit)
            connection.events.yield(.opened)
        case .data(let data):
            var connection = try connection(data.request)
            guard UInt64(data.bytes.count) <= connection.granted else {
                throw AgentClientError(.tooMuchOutput, detail: "a stream")
            }
            connection.granted -= UInt64(data.bytes.count)
            connection.given.update(data.bytes)
            connection.givenCount += UInt64(data.bytes.count)
            connections[data.request] = connection
            connection.events.yield(.bytes(data.bytes))
        case .control(let control):
            var connection = try connection(control.request)
            if control.kind == .credit {
                // Credit comes for what the agent has passed on.
                connection.settle(Int(clamping: control.value))
                connections[control.request] = connection
                await connection.credit.add(control.value)
            }
            if control.kind == .end { connection.events.yield(.endOfBytes) }
        case .done(let done): try await end(done.request, .done(done))
        case .refused(let refused):
            if refused.request == 0 {
                throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
            }
            try await end(refused.request, .refused(refused))
        default: throw AgentClientError(.notAnAgent, detail: "a message came that belongs elsewhere")
        }
    }

    private func connection(_ request: UInt64) throws(AgentClientError) -> Connection {
        guard let connection = connections[request] else {
            throw AgentClientError(.notAnAgent, detail: "an answer came to a question that was not asked")
        }
        return connection
    }

    private func end(_ request: UInt64, _ outcome: AgentSession.StreamOutcome) async throws(AgentClientError) {
        var connection = try connection(request)
        connections[request] = nil
        if case .done(let done) = outcome {
            let count = done.sentByteCount - min(done.sentByteCount, connection.givenCount)
            connection.settle(Int(clamping: count - min(count, connection.takenCount)))
        }
        await connection.credit.close()
        let (given, taken) = (connection.given, connection.taken)
        let digest = SHA256.answerDigest(output: given.finish(), error: taken.finish())
        connection.events.yield(.ended(Ending(outcome: outcome, digest: digest)))
        connection.events.finish()
    }

    /// Asks for one.
    ///
    /// - Parameter open: Its number is from ``AgentSession/streamNumber()``; its credit is set here.
    /// - Returns: What comes on it; nil where the session is ending.
    public func open(_ open: OpenStream) async throws(AgentClientError) -> AsyncStream<Event>? {
        if isStopping { return nil }
        let (events, continuation) = AsyncStream<Event>.makeStream()
        connections[open.request] = Connection(events: continuation, credit: Credit(), granted: Self.window)
        var open = open
        open.credit = Self.window
        try await session.stream.write(Message.stream(open).frame)
        return events
    }

    /// Takes note that bytes which came were passed on, so that as many more may come.
    public func passedOn(_ request: UInt64, _ count: Int) async {
        guard var connection = connections[request] else { return }
        connection.granted += UInt64(count)
        connections[request] = connection
        let credit = StreamControl(request: request, kind: .credit, value: UInt64(count))
        try? await session.stream.write(Message.control(credit).frame)
    }

    /// Sends bytes as the credit for them comes; passes over those of a connection that has ended.
    public func send(_ request: UInt64, _ bytes: [UInt8]) async throws(AgentClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard let credit = connections[request]?.credit, let room = try? await credit.take(RollcallProtocol.chunkSizeLimit) else {
                return
            }
            let piece = Array(rest.prefix(room))
            await credit.add(UInt64(room - piece.count))
            rest = rest.dropFirst(piece.count)
            connections[request]?.underWay += piece
            try await session.stream.write(Message.data(StreamData(request: request, bytes: piece)).frame)
        }
    }

    /// Says that nothing more will be sent.
    public func sendEnd(_ request: UInt64) async throws(AgentClientError) {
        guard connections[request] != nil else { return }
        try await session.stream.write(Message.control(StreamControl(request: request, kind: .end)).frame)
    }

    /// Says something else of it, such as a window's size.
    public func control(_ request: UInt64, _ kind: StreamControl.Kind, _ value: UInt64, _ other: UInt64 = 0) async {
        guard connections[request] != nil else { return }
        try? await session.stream.write(Message.control(StreamControl(request: request, kind: kind, value: value, other: other)).frame)
    }

    /// Drops the session without a word, for one that does not answer any more.
    public func abandon() async { await session.abandon() }

    /// Gives one up; its end still comes.
    public func cancel(_ request: UInt64) async {
        guard connections[request] != nil else { return }
        try? await session.stream.write(Message.cancel(Cancel(request: request)).frame)
    }
}
