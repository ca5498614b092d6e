public import AgentClient
public import Diagnosis
internal import Fleet
internal import Probes
internal import SSH
public import Store
public import Wire

/// One session with one device, on record from before the first byte is sent until both ledger heads are exchanged.
///
/// Every question is in the store, in a transaction that is on the disk, before the device hears of it, and every answer before anybody
/// acts on it.
public actor DeviceSession {
    /// One question: a probe and its parameters.
    public struct Question: Sendable, Equatable {
        /// Id of the probe.
        public var probe: String
        /// Its parameters.
        public var parameters: [Parameter]

        /// Makes a question.
        public init(probe: String, parameters: [Parameter] = []) {
            self.probe = probe
            self.parameters = parameters
        }
    }

    /// How both ledgers stood to each other when the session ended.
    public struct Parting: Sendable {
        /// What the desk makes of the device's head, and the device of the desk's.
        public let judgement: HeadJudgement
        /// Wall time in which the agent had at least one question under way, by its own clock.
        public let agentBusyTime: Duration
    }

    let desk: Desk
    let agent: AgentSession
    private let connection: DeviceConnection?
    private let firstBatch: OpeningBatch
    private var hasEnded = false

    /// The device.
    public nonisolated let device: Device
    /// Id of the session, on both sides' ledgers.
    public nonisolated let id: String
    /// What the agent said first.
    public nonisolated let hello: Hello
    /// The role in force, and the name sshd vouches for.
    public nonisolated let opened: Opened
    /// What the desk makes of the device's ledger head at the opening, and the device of ours.
    public nonisolated let greeting: HeadJudgement

    private init(
        desk: Desk, device: Device, id: String, agent: AgentSession, connection: DeviceConnection?, batch: OpeningBatch, hello: Hello,
        opened: Opened, greeting: HeadJudgement
    ) {
        self.desk = desk
        self.device = device
        self.id = id
        self.agent = agent
        self.connection = connection
        self.firstBatch = batch
        self.hello = hello
        self.opened = opened
        self.greeting = greeting
    }

    /// Where the agent is found.
    public enum Way: Sendable {
        /// Over SSH, as the inventory says.
        case ssh
        /// The same, compressed: less on the link for more work and memory on both ends.
        case compressedSSH
        /// As a child of this process: the agent's binary, and its arguments.
        case child(path: String, arguments: [String])
    }

    /// Opens a session and sends the first questions with it.
    ///
    /// - Parameters:
    ///   - call: Id of the call it belongs to, or nil.
    ///   - reason: Why, for the device's owner to read.
    ///   - questions: Asked at once, at most 64; collect the answers with ``firstAnswers()``. It is called while the device is being
    ///     connected to.
    /// - Throws: `StoreError`, `SSHError` or `AgentClientError`; the failure is on record, unless the store itself failed.
    public static func open(
        _ device: Device, desk: Desk, way: Way = .ssh, call: String? = nil, reason: String,
        questions: @Sendable () async throws -> [Question] = { [] }
    ) async throws -> DeviceSession {
        let id = try desk.database.recordSessionOpened(
            device: device.id, call: call, operator: desk.operatorName, reason: reason)
        do {
            // The handshake needs nothing of the questions, and they nothing of the handshake.
            async let connecting = connect(device, desk: desk, way: way)
            let asked: [Question]
            do {
                asked = try await questions()
            } catch {
                if let connection = try? await connecting { await connection.close() }
                throw error
            }
            let connection = try await connecting
            do {
                // A device that cannot be reached is asked nothing, and the record does not say that it was.
                let batch = try prepare(id, desk: desk, call: call, reason: reason, questions: asked)
                let agent = try await connection.session(batch)
                let (hello, opened) = await (agent.hello, agent.opened)
                let greeting = try desk.database.recordHello(session: id, hello: hello, opened: opened)
                return DeviceSession(
                    desk: desk, device: device, id: id, agent: agent, connection: connection.ssh, batch: batch, hello: hello,
                    opened: opened,
                    greeting: greeting)
            } catch {
                await connection.close()
                throw error
            }
        } catch let error as StoreError {
            throw error
        } catch {
            let failure = SessionFailure(error)
            try desk.database.recordSessionFailed(session: id, code: failure.code, sentence: failure.sentence)
            throw error
        }
    }

    private static func prepare(
        _ id: String, desk: Desk, call: String?, reason: String, questions: [Question]
    ) throws -> OpeningBatch {
        func batch(_ offer: WitnessOffer) -> OpeningBatch {
            let open = Open(
                controllerVersion: Text(Desk.version), session: Text(id), call: Text(call ?? ""), operatorName: Text(desk.operatorName),
                reason: Text(reason).sentence(limit: RollcallProtocol.sentenceSizeLimit), witness: offer)
            return OpeningBatch(open: open, probes: questions.map { ($0.probe, $0.parameters) })
        }
        if !questions.isEmpty { try desk.database.recordRequests(session: id, batch(WitnessOffer()).requests) }
        return batch(try desk.database.offerHead(session: id))
    }

    /// What carries sessions: an SSH connection, or the program that will be the child.
    private enum Carrier: Sendable {
        case ssh(DeviceConnection)
        case child(path: String, arguments: [String])

        var ssh: DeviceConnection? { if case .ssh(let connection) = self { connection } else { nil } }

        func session(_ batch: OpeningBatch) async throws -> AgentSession {
            switch self {
            case .ssh(let connection): return try await connection.session(batch)
            case .child(let path, let arguments):
                let child = try await ChildAgent.start(path: path, arguments: arguments)
                return try await AgentSession.open(over: child, batch: batch, batchIsSent: false)
            }
        }

        func close() async { await ssh?.close() }
    }

    private static func connect(_ device: Device, desk: Desk, way: Way) async throws -> Carrier {
        switch way {
        case .child(let path, let arguments): return .child(path: path, arguments: arguments)
        case .ssh:
            return .ssh(try await DeviceConnection.open(to: try await desk.door(of: device)))
        case .compressedSSH:
            var door = try await desk.door(of: device)
            door.isCompressed = true
            return .ssh(try await DeviceConnection.open(to: door))
        }
    }

    /// The answers to the questions the session was opened with, in their order, on record.
    public func firstAnswers() async throws -> [Answer] {
        let limits = try await limits(of: firstBatch.requests.map(\.probe.string))
        return try record(await agent.answers(to: firstBatch, limits: limits))
    }

    /// Asks further questions, all at once.
    ///
    /// - Returns: The answers, in the questions' order, on record.
    public func ask(_ questions: [Question]) async throws -> [Answer] {
        let numbered = await agent.numbered(questions.map { ($0.probe, $0.parameters) })
        try desk.database.recordRequests(session: id, numbered)
        return try record(await agent.run(numbered, limits: try await limits(of: questions.map(\.probe))))
    }

    /// Pushes something signed.
    ///
    /// - Parameters:
    ///   - bytes: Its encoding.
    ///   - digest: SHA-256 of its header.
    /// - Returns: The agent's answer.
    public func push(_ kind: PushKind, _ bytes: [UInt8], version: UInt64, digest: [UInt8]) async throws -> AgentAnswer {
        try desk.database.recordOffered(kind, session: id, version: version, digest: digest)
        let answer = await agent.push(kind: kind.rawValue, bytes: bytes)
        switch answer.outcome {
        case .done:
            try desk.database.recordPushed(
                kind, device: device.id, version: version, digest: digest, session: id, operator: desk.operatorName)
        case .refused(let refused):
            try desk.database.recordPushRefused(
                kind, session: id, request: answer.request.request, rule: displayed(refused.rule.string, limit: 64))
        case .missing: break
        }
        return answer
    }

    /// Pushes a signed agent, which the device tries when the session is over.
    ///
    /// - Parameter digest: SHA-256 of its header.
    /// - Returns: The agent's answer.
    public func push(agent bytes: [UInt8], version: String, digest: [UInt8]) async throws -> AgentAnswer {
        try desk.database.recordAgentOffered(session: id, version: version, digest: digest)
        let answer = await agent.push(kind: "agent", bytes: bytes)
        if case .refused(let refused) = answer.outcome {
            try desk.database.recordAgentRefused(
                session: id, request: answer.request.request, rule: displayed(refused.rule.string, limit: 64))
        }
        return answer
    }

    /// Reads entries of the device's ledger.
    public func ledgerEntries(
        from first: UInt64, count: UInt64
    ) async -> (entries: [[UInt8]], isWhole: Bool, answer: AgentAnswer) {
        await agent.entries(first: first, count: count)
    }

    /// Asks for what the device measured, as ``AgentSession/telemetry(after:ring:sizeLimit:)`` does.
    func telemetry(
        after: UInt64 = 0, ring: [UInt8] = [], sizeLimit: UInt64
    ) async -> (head: TelemetryHead?, blocks: [(sequence: UInt64, encoded: [UInt8])], answer: AgentAnswer) {
        await agent.telemetry(after: after, ring: ring, sizeLimit: sizeLimit)
    }

    /// What probes may take and give; a probe that the library does not know, a minute and a MiB.
    private func limits(of probes: [String]) async throws -> AgentSession.Limits {
        let library = try await desk.library()
        let manifests = probes.map { try? library.manifest($0) }
        let times = manifests.map { $0?.timeLimit ?? 60_000 }
        let size = manifests.map { $0?.outputLimit ?? 1 << 20 }.max() ?? 0
        return AgentSession.Limits(
            longest: .milliseconds(Int64(clamping: times.max() ?? 0)), together: .milliseconds(Int64(clamping: times.reduce(0, +))),
            answerSize: Int(clamping: size))
    }

    private func record(_ answers: [AgentAnswer]) throws -> [Answer] {
        var ends: [(request: UInt64, end: RequestEnd)] = []
        for answer in answers {
            switch answer.outcome {
            case .done(let done): ends.append((answer.request.request, .done(done, digest: answer.digest)))
            case .refused(let refused): ends.append((answer.request.request, .refused(refused)))
            case .missing: break
            }
        }
        if !ends.isEmpty { try desk.database.recordAnswers(session: id, ends) }
        return answers.map { Answer($0) }
    }

    /// Works in a session and ends it, whatever happens in between.
    ///
    /// - Parameter body: What is done in it. If it throws, the session is ended all the same, and its error is thrown.
    /// - Returns: What `body` returned, and how the ledgers stood at the end; nil where the device took no part in the ending, which is
    ///   then on record.
    public static func with<Result>(
        _ device: Device, desk: Desk, way: Way = .ssh, call: String? = nil, reason: String,
        questions: @Sendable () async throws -> [Question] = { [] }, _ body: (DeviceSession) async throws -> Result
    ) async throws -> (result: Result, parting: Parting?) {
        let session = try await open(device, desk: desk, way: way, call: call, reason: reason, questions: questions)
        let result: Result
        do {
            result = try await body(session)
        } catch {
            _ = try? await session.end()
            throw error
        }
        do {
            return (result, try await session.end())
        } catch let error as StoreError {
            throw error
        } catch {
            return (result, nil)
        }
    }

    /// Ends the session: both heads are exchanged with the whole session in them, and the connection is closed.
    ///
    /// - Throws: `AgentClientError` where the device did not take part in the ending; that is on record too.
    @discardableResult
    public func end() async throws -> Parting {
        if hasEnded { return Parting(judgement: greeting, agentBusyTime: .zero) }
        hasEnded = true
        do {
            let closed = try await agent.close(witness: try desk.database.offerHead(session: id))
            // The disk needs nothing of the connection any more.
            async let closing: Void? = connection?.close()
            let judgement = try desk.database.recordSessionClosed(session: id, closed)
            await closing
            return Parting(judgement: judgement, agentBusyTime: .microseconds(Int64(clamping: closed.busyTime)))
        } catch {
            await agent.abandon()
            await connection?.close()
            if !(error is StoreError) {
                let failure = SessionFailure(error)
                try desk.database.recordSessionFailed(session: id, code: failure.code, sentence: failure.sentence)
            }
            throw error
        }
    }
}

extension Answer {
    /// The answer as a diagnosis reads it.
    init(_ answer: AgentAnswer) {
        let ending: Ending =
            switch answer.outcome {
            case .done(let done):
                answer.digestAgrees ? .done(done) : .none(reason: "what arrived is not what the agent says it sent")
            case .refused(let refused): .refused(refused)
            case .missing(let error): .none(reason: SessionFailure(error).fragment)
            }
        self.init(
            probe: answer.request.probe.string, parameters: answer.request.parameters, ending: ending, output: answer.output,
            errorOutput: answer.error)
    }
}
