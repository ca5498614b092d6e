public import Wire

/// Files through the agent, each a stream under credit.
extension AgentSession {
    /// How a stream ended for the controller.
    public enum StreamOutcome: Sendable {
        /// The agent ended it; `done` says how.
        case done(Done)
        /// The agent refused it, at the start or on the way.
        case refused(Refused)
    }

    /// Bytes the agent may send ahead: more than an SSH channel's window, so that the window is what limits the rate.
    static let streamWindow: UInt64 = 8 << 20
    /// Bytes of a file that are made ready to be sent at a time.
    private static let pieceSize = 16 * RollcallProtocol.chunkSizeLimit
    /// Silence after which a stream is given up: a device may take its time to hash what is there already, or to write out its cache.
    private static let silenceLimit: Duration = .seconds(300)

    /// A number for the next stream.
    public func streamNumber() -> UInt64 {
        defer { nextRequest += 1 }
        return nextRequest
    }

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - open: Its credit is set here.
    ///   - begin: Takes what the agent says of the file, before the first byte.
    ///   - take: Takes the next bytes: those of a device, not to be trusted.
    /// - Throws: What ended the session, or the error of a closure: then the agent has ended the stream.
    public func get(
        _ open: OpenStream, begin: @Sendable (StreamOpened) throws -> Void, take: @Sendable ([UInt8]) throws -> Void
    ) async throws -> StreamOutcome {
        var open = open
        open.credit = Self.streamWindow
        try await stream.write(Message.stream(open).frame)
        var failure: (any Error)?
        var (granted, isOpen, consumed): (UInt64, Bool, UInt64) = (open.credit, false, 0)
        while true {
            switch try await message(of: open.request) {
            case .streamOpened(let opened) where !isOpen:
                isOpen = true
                do { try begin(opened) } catch { failure = try await giveUp(open.request, error) }
            case .data(let data) where isOpen:
                guard UInt64(data.bytes.count) <= granted else {
                    throw broken(AgentClientError(.tooMuchOutput, detail: open.target.string))
                }
                granted -= UInt64(data.bytes.count)
                consumed += UInt64(data.bytes.count)
                if failure == nil {
                    do { try take(data.bytes) } catch { failure = try await giveUp(open.request, error) }
                }
                if failure == nil, consumed >= Self.streamWindow / 8 {
                    try await stream.write(Message.control(StreamControl(request: open.request, kind: .credit, value: consumed)).frame)
                    granted += consumed
                    consumed = 0
                }
            case .done(let done):
                if let failure { throw failure }
                return .done(done)
            case .refused(let refused):
                if let failure { throw failure }
                return .refused(refused)
            default: throw broken(AgentClientError(.notAnAgent, detail: "a message came that belongs elsewhere"))
            }
        }
    }

    /// Writes a file.
    ///
    /// - Parameters:
    ///   - open: With the size and digest of the whole.
    ///   - begin: Takes where the agent goes on; false where it should not, because the device has other bytes up to there.
    ///   - next: The next bytes, at most as many as it is given; none at the end.
    /// - Returns: nil where `begin` said no: then nothing was sent.
    /// - Throws: What ended the session, or the error of a closure: then the agent has ended the stream.
    public func put(
        _ open: OpenStream, begin: @Sendable (StreamOpened) throws -> Bool, next: @escaping @Sendable (Int) throws -> [UInt8]
    ) async throws -> StreamOutcome? {
        try await stream.write(Message.stream(open).frame)
        let credit = Credit()
        var sending: Task<Void, any Error>?
        defer { sending?.cancel() }
        var failure: (any Error)?
        var isDeclined = false
        while true {
            let message: Message
            do { message = try await self.message(of: open.request) } catch {
                await credit.close()
                throw error
            }
            switch message {
            case .streamOpened(let opened) where sending == nil && !isDeclined && failure == nil:
                do {
                    isDeclined = !(try begin(opened))
                    if isDeclined { _ = try await giveUp(open.request, CancellationError()) }
                } catch { failure = try await giveUp(open.request, error) }
                guard !isDeclined, failure == nil else { continue }
                await credit.add(opened.credit)
                sending = sender(open.request, credit, next)
            case .control(let control):
                if control.kind == .credit { await credit.add(control.value) }
            case .done, .refused:
                await credit.close()
                let sent = await sending?.result
                // What ended on the device says why; an error of this side's own comes first.
                if case .failure(let error)? = sent, !(error is Credit.Closed), !(error is AgentClientError) { failure = error }
                if let failure { throw failure }
                if isDeclined { return nil }
                if case .done(let done) = message { return .done(done) }
                if case .refused(let refused) = message { return .refused(refused) }
            default: throw broken(AgentClientError(.notAnAgent, detail: "a message came that belongs elsewhere"))
            }
        }
    }

    private func sender(
        _ request: UInt64, _ credit: Credit, _ next: @escaping @Sendable (Int) throws -> [UInt8]
    ) -> Task<Void, any Error> {
        let stream = self.stream
        return Task {
            do {
                while true {
                    let room = try await credit.take(Self.pieceSize)
                    let bytes = try next(room)
                    if bytes.isEmpty { break }
                    await credit.add(UInt64(room - bytes.count))
                    var frames: [UInt8] = []
                    frames.reserveCapacity(bytes.count + bytes.count / 256 + 128)
                    for start in Swift.stride(from: 0, to: bytes.count, by: RollcallProtocol.chunkSizeLimit) {
                        let piece = Array(bytes[start..<min(start + RollcallProtocol.chunkSizeLimit, bytes.count)])
                        frames += Message.data(StreamData(request: request, bytes: piece)).frame
                    }
                    try await stream.write(frames)
                }
                try await stream.write(Message.control(StreamControl(request: request, kind: .end)).frame)
            } catch let error as Credit.Closed {
                throw error
            } catch {
                try? await stream.write(Message.cancel(Cancel(request: request)).frame)
                throw error
            }
        }
    }

    /// Cancels a stream because of an error of this side's own.
    private func giveUp(_ request: UInt64, _ error: any Error) async throws -> any Error {
        try await stream.write(Message.cancel(Cancel(request: request)).frame)
        return error
    }

    /// The next message, which must be of this request.
    private func message(of request: UInt64) async throws(AgentClientError) -> Message {
        do throws(AgentClientError) {
            let message = try await message(before: ContinuousClock.now + Self.silenceLimit)
            let number: UInt64? =
                switch message {
                case .streamOpened(let opened): opened.request
                case .data(let data): data.request
                case .control(let control): control.request
                case .done(let done): done.request
                case .refused(let refused): refused.request
                default: nil
                }
            if case .refused(let refused) = message, refused.request == 0 {
                throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
            }
            guard number == request else { throw AgentClientError(.notAnAgent, detail: "an answer came to a question that was not asked") }
            return message
        } catch {
            throw broken(error)
        }
    }

    private func broken(_ error: AgentClientError) -> AgentClientError {
        isBroken = true
        return error
    }
}

/// Bytes that may be sent, waited for by one sender.
actor Credit {
    /// The stream has ended.
    struct Closed: Error {}

    private var available: UInt64 = 0
    private var isClosed = false
    private var waiter: CheckedContinuation<Void, Never>?

    func add(_ count: UInt64) {
        available += min(count, RollcallProtocol.streamSizeLimit - min(available, RollcallProtocol.streamSizeLimit))
        wake()
    }

    func close() {
        isClosed = true
        wake()
    }

    private func wake() {
        waiter?.resume()
        waiter = nil
    }

    /// Takes at most `limit` bytes of credit, at least one.
    func take(_ limit: Int) async throws -> Int {
        while available == 0, !isClosed { await withCheckedContinuation { waiter = $0 } }
        if isClosed { throw Closed() }
        let count = Int(min(available, UInt64(limit)))
        available -= UInt64(count)
        return count
    }
}
