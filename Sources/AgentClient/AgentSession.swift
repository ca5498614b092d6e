internal import LedgerCore
public import Wire

/// One session with one agent, from hello to closed.
///
/// It is driven by one caller at a time; each call writes what it has to say and reads until it is answered.
public actor AgentSession {
    /// How long the agent may take in different moments. None of it is renewed by bytes that come in between.
    public struct Patience: Sendable {
        /// Until the session is open, and until it is closed.
        public var handshake: Duration
        /// Beyond the probes' own time limits, while answers are awaited.
        public var answer: Duration

        /// Makes a patience of its parts.
        public init(handshake: Duration = .seconds(15), answer: Duration = .seconds(15)) {
            self.handshake = handshake
            self.answer = answer
        }
    }

    /// Bytes of one answer that are kept at most, whatever the agent's own limit.
    public static let answerSizeLimit = 8 << 20

    let stream: any ByteStream
    private let patience: Patience
    private var reader = FrameReader()
    var nextRequest: UInt64 = 1
    private var pending: [UInt64: Collector] = [:]
    var isBroken = false

    /// What the agent said first.
    public private(set) var hello: Hello
    /// What it answered to the opening.
    public private(set) var opened: Opened

    private struct Collector {
        var request: Run
        var output: [UInt8] = []
        var error: [UInt8] = []
    }

    private init(stream: any ByteStream, patience: Patience, hello: Hello, opened: Opened) {
        self.stream = stream
        self.patience = patience
        self.hello = hello
        self.opened = opened
    }

    /// Opens a session.
    ///
    /// - Parameters:
    ///   - stream: Closed by the session when it ends, and when opening fails.
    ///   - batch: What is said first. Its requests are already on their way when this returns; collect them with ``answers(to:limits:)``.
    ///   - batchIsSent: Whether the stream carried the batch already, in an exec request's command.
    public static func open(
        over stream: any ByteStream, batch: OpeningBatch, batchIsSent: Bool, patience: Patience = Patience()
    ) async throws(AgentClientError) -> AgentSession {
        let blank = Hello(agentVersion: "", device: "", boot: "", architecture: "", clock: 0, isStandalone: false, isRoot: false)
        let session = AgentSession(
            stream: stream, patience: patience, hello: blank, opened: Opened(session: "", role: "", operatorName: ""))
        do throws(AgentClientError) {
            try await session.start(batch, batchIsSent: batchIsSent)
        } catch {
            let complaint = await stream.complaint()
            await stream.close()
            throw error.adding(complaint: complaint)
        }
        return session
    }

    private func start(_ batch: OpeningBatch, batchIsSent: Bool) async throws(AgentClientError) {
        for request in batch.requests { pending[request.request] = Collector(request: request) }
        nextRequest = UInt64(batch.requests.count) + 1
        if !batchIsSent { try await stream.write(batch.frames) }
        let deadline = ContinuousClock.now + patience.handshake
        switch try await message(before: deadline) {
        case .hello(let hello): self.hello = hello
        case .refused(let refused): throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
        default: throw AgentClientError(.notAnAgent, detail: "the first message is not a hello")
        }
        guard hello.protocolVersion == RollcallProtocol.version else {
            throw AgentClientError(
                .protocolVersion,
                detail: "the agent speaks version \(hello.protocolVersion), this controller \(RollcallProtocol.version)")
        }
        switch try await message(before: deadline) {
        case .opened(let opened): self.opened = opened
        case .refused(let refused): throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
        default: throw AgentClientError(.notAnAgent, detail: "the second message does not open the session")
        }
        guard opened.session == batch.open.session else {
            throw AgentClientError(.notAnAgent, detail: "the agent opened another session than it was asked to")
        }
    }

    func message(before deadline: ContinuousClock.Instant) async throws(AgentClientError) -> Message {
        while true {
            do throws(WireError) {
                if let bytes = try reader.next() { return try Message(decoding: bytes) }
            } catch {
                isBroken = true
                throw AgentClientError(.notAnAgent, detail: String(describing: error.code.meaning))
            }
            let left = deadline - ContinuousClock.now
            guard left > .zero else { throw AgentClientError(.timedOut) }
            guard let bytes = try await stream.read(within: left) else {
                isBroken = true
                throw AgentClientError(.endedEarly)
            }
            reader.append(bytes)
        }
    }

    /// Gives probes their request numbers, in order, without asking yet: so that the questions can be written down before they are sent.
    public func numbered(_ probes: [(id: String, parameters: [Parameter])]) -> [Run] {
        probes.map { probe in number(Run(request: 0, probe: Text(probe.id), parameters: probe.parameters)) }
    }

    /// Asks the agent to run probes, up to 64 in one write, and waits for every answer.
    ///
    /// - Parameters:
    ///   - requests: As ``numbered(_:)`` gave them, in the order in which the answers are wanted.
    ///   - limits: What the probes may take and give.
    /// - Returns: One answer for each request, in order. What the session's end cut off is `.missing`.
    public func run(_ requests: [Run], limits: Limits) async -> [AgentAnswer] {
        var answers: [AgentAnswer] = []
        var rest = requests[...]
        while !rest.isEmpty {
            let batch = Array(rest.prefix(RollcallProtocol.requestsInFlightLimit))
            rest = rest.dropFirst(batch.count)
            let frames = batch.reduce(into: [UInt8]()) { $0 += Message.run($1).frame }
            answers += await exchange(frames, requests: batch, limits: limits)
        }
        return answers
    }

    /// Waits for the answers to the requests of the opening batch, in its order.
    public func answers(to batch: OpeningBatch, limits: Limits) async -> [AgentAnswer] {
        await exchange([], requests: batch.requests, limits: limits)
    }

    /// Pushes something signed, such as a catalogue, and waits for the agent's judgement.
    ///
    /// - Parameter kind: `catalogue`, `roster` or `agent`.
    public func push(kind: String, bytes: [UInt8]) async -> AgentAnswer {
        let request = number(Run(request: 0, probe: Text("push " + kind)))
        var frames: [UInt8] = []
        for offset in stride(from: 0, to: bytes.count, by: RollcallProtocol.chunkSizeLimit) {
            let piece = Array(bytes[offset..<min(offset + RollcallProtocol.chunkSizeLimit, bytes.count)])
            let push = Push(
                request: request.request, kind: Text(kind), size: UInt64(bytes.count), offset: UInt64(offset), bytes: piece)
            frames += Message.push(push).frame
        }
        return await exchange(frames, requests: [request], limits: .transfer)[0]
    }

    /// Reads entries of the agent's ledger, as they are encoded there.
    ///
    /// - Returns: The entries in order, and the answer they came in. `isWhole` says that everything in it could be read: the answer is
    ///   done, as long as the agent says, and a sequence of entries to its end.
    public func entries(first: UInt64, count: UInt64) async -> (entries: [[UInt8]], isWhole: Bool, answer: AgentAnswer) {
        let request = number(Run(request: 0, probe: "entries"))
        let frame = Message.entries(Entries(request: request.request, first: first, count: count)).frame
        let answer = await exchange(frame, requests: [request], limits: .transfer)[0]
        var entries: [[UInt8]] = []
        var reader = CBORReader(answer.output)
        while !reader.isAtEnd, let entry = try? reader.byteString(limit: RollcallProtocol.entrySizeLimit) { entries.append(entry) }
        var isWhole = reader.isAtEnd && answer.digestAgrees
        if case .done(let done) = answer.outcome {
            isWhole = isWhole && done.ending == .exited && done.cutByteCount == 0
        } else {
            isWhole = false
        }
        return (entries, isWhole, answer)
    }

    /// Asks for what the device measured.
    ///
    /// - Parameters:
    ///   - after: Number of a block after which those wanted begin; of another ring than `ring` it counts nothing.
    ///   - sizeLimit: Bytes of blocks after which the answer ends; 0 asks for one tick, taken now.
    /// - Returns: The head of the answer, the encoded blocks in order, and the answer they came in. The head is nil where the answer is not
    ///   what it should be, whole.
    public func telemetry(
        after: UInt64 = 0, ring: [UInt8] = [], sizeLimit: UInt64
    ) async -> (head: TelemetryHead?, blocks: [(sequence: UInt64, encoded: [UInt8])], answer: AgentAnswer) {
        let request = number(Run(request: 0, probe: "telemetry"))
        let message = TelemetryRequest(request: request.request, after: after, ring: ring, sizeLimit: sizeLimit)
        let answer = await exchange(Message.telemetry(message).frame, requests: [request], limits: .transfer)[0]
        guard case .done(let done) = answer.outcome, done.ending == .exited, answer.digestAgrees else { return (nil, [], answer) }
        var reader = CBORReader(answer.output)
        var blocks: [(sequence: UInt64, encoded: [UInt8])] = []
        do throws(WireError) {
            let head = try TelemetryHead(&reader)
            while !reader.isAtEnd {
                guard try reader.array(limit: 2) == 2 else { throw WireError(.malformed) }
                blocks.append((try reader.unsigned(limit: UInt64(Int64.max)), try reader.byteString()))
            }
            return (head, blocks, answer)
        } catch {
            return (nil, [], answer)
        }
    }

    private func number(_ run: Run) -> Run {
        var run = run
        run.request = nextRequest
        nextRequest += 1
        pending[run.request] = Collector(request: run)
        return run
    }

    /// What the answers to a number of requests may take and be.
    public struct Limits: Sendable {
        /// The longest time limit among the probes: silence for longer, and ``Patience/answer`` more, ends the session.
        public var longest: Duration
        /// All their time limits together: whatever comes in between, the session ends after that and ``Patience/answer``.
        public var together: Duration
        /// Bytes of one answer that are taken at most.
        public var answerSize: Int

        /// Makes limits of their parts.
        public init(longest: Duration, together: Duration, answerSize: Int = AgentSession.answerSizeLimit) {
            self.longest = longest
            self.together = together
            self.answerSize = min(answerSize, AgentSession.answerSizeLimit)
        }

        /// For pushing and for reading ledger entries.
        public static let transfer = Limits(longest: .seconds(30), together: .seconds(300))
    }

    /// Writes `frames` while it reads until each of `requests` has ended.
    private func exchange(_ frames: [UInt8], requests: [Run], limits: Limits) async -> [AgentAnswer] {
        var ended: [UInt64: AgentAnswer] = [:]
        let stream = self.stream
        let writing = Task { () -> AgentClientError? in
            if frames.isEmpty { return nil }
            do throws(AgentClientError) {
                try await stream.write(frames)
                return nil
            } catch {
                return error
            }
        }
        var failure: AgentClientError?
        let end = ContinuousClock.now + limits.together + patience.answer
        while failure == nil, requests.contains(where: { ended[$0.request] == nil }) {
            if isBroken {
                failure = AgentClientError(.endedEarly)
                break
            }
            do throws(AgentClientError) {
                let deadline = min(end, ContinuousClock.now + limits.longest + patience.answer)
                if let answer = try collect(try await message(before: deadline), sizeLimit: limits.answerSize) {
                    ended[answer.request.request] = answer
                }
            } catch {
                failure = error
                isBroken = true
            }
        }
        // With every answer in hand, or none to come, nothing is worth being written any more.
        writing.cancel()
        let writeFailure = await writing.value
        return requests.map { request in
            if let answer = ended[request.request] { return answer }
            let collected = pending.removeValue(forKey: request.request) ?? Collector(request: request)
            return answer(collected, .missing(failure ?? writeFailure ?? AgentClientError(.endedEarly)))
        }
    }

    /// Takes one message of an answer; returns the answer when that was its end.
    private func collect(_ message: Message, sizeLimit: Int) throws(AgentClientError) -> AgentAnswer? {
        switch message {
        case .chunk(let chunk):
            guard var collector = pending.removeValue(forKey: chunk.request) else { throw Self.unasked() }
            guard collector.output.count + collector.error.count + chunk.bytes.count <= sizeLimit else {
                throw AgentClientError(.tooMuchOutput, detail: collector.request.probe.string)
            }
            if chunk.stream == .error { collector.error += chunk.bytes } else { collector.output += chunk.bytes }
            pending[chunk.request] = collector
            return nil
        case .done(let done):
            guard let collector = pending.removeValue(forKey: done.request) else { throw Self.unasked() }
            return answer(collector, .done(done))
        case .refused(let refused):
            if refused.request == 0 {
                throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
            }
            guard let collector = pending.removeValue(forKey: refused.request) else { throw Self.unasked() }
            return answer(collector, .refused(refused))
        default:
            throw AgentClientError(.notAnAgent, detail: "a message came that belongs elsewhere")
        }
    }

    private static func unasked() -> AgentClientError {
        AgentClientError(.notAnAgent, detail: "an answer came to a question that was not asked")
    }

    private func answer(_ collector: Collector, _ outcome: AgentAnswer.Outcome) -> AgentAnswer {
        let digest = SHA256.answerDigest(output: SHA256.hash(collector.output), error: SHA256.hash(collector.error))
        var agrees = true
        if case .done(let done) = outcome, !done.digest.isEmpty { agrees = done.digest == digest }
        return AgentAnswer(
            request: collector.request, outcome: outcome, output: collector.output, error: collector.error, digest: digest,
            digestAgrees: agrees)
    }

    /// Ends the session and frees the stream.
    ///
    /// - Parameter witness: The controller's ledger head with this session in it.
    /// - Returns: The agent's ledger head with the session in it, and what it makes of ours.
    /// - Throws: What kept the agent from answering; the stream is closed all the same.
    public func close(witness: WitnessOffer) async throws(AgentClientError) -> Closed {
        defer { isBroken = true }
        do throws(AgentClientError) {
            if isBroken { throw AgentClientError(.endedEarly) }
            try await stream.write(Message.close(Close(witness: witness)).frame)
            let deadline = ContinuousClock.now + patience.handshake
            while true {
                switch try await message(before: deadline) {
                case .closed(let closed):
                    await stream.close()
                    return closed
                case .chunk, .done, .refused: continue
                default: throw AgentClientError(.notAnAgent, detail: "a message came that belongs elsewhere")
                }
            }
        } catch {
            await stream.close()
            throw error
        }
    }

    /// Takes note that nothing more can come of the session.
    func markBroken() { isBroken = true }

    /// Drops the session without a word; the agent sees the stream end and writes the session down as lost.
    public func abandon() async {
        isBroken = true
        await stream.close()
    }
}

extension AgentClientError {
    /// The error with what the far side said on its standard error, where the error itself says little.
    func adding(complaint: String) -> AgentClientError {
        guard !complaint.isEmpty, code == .endedEarly || code == .notAnAgent else { return self }
        return AgentClientError(code, rule: rule, detail: detail.isEmpty ? complaint : detail + "; " + complaint, underlying: underlying)
    }
}
