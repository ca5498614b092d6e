import NIOCore

/// How a command ended.
public enum ExitStatus: Sendable, Hashable {
    /// With this status, 0 to 255 from a shell.
    case exited(Int)
    /// By a signal, named without `SIG`.
    case signalled(String)
}

/// One command on a connection: its input, its output, its end.
///
/// Writing and reading at the same time is what it is for. After a cancelled operation, or a deadline that passed in anything but `read`,
/// every further one throws the same error; closing remains.
public actor Channel {
    /// Bytes from the command.
    public enum Output: Sendable, Hashable {
        /// From its standard output, in order.
        case standardOutput([UInt8])
        /// From its standard error, in order; its place among the standard output is not known.
        case standardError([UInt8])
    }

    /// Bytes of one read; more where much comes at once, so that the way from the loop to a reader on another thread costs little for each.
    private static let readLimits = (usual: 32 * 1024, bulk: 256 * 1024)
    private var readLimitInBytes = Channel.readLimits.usual

    private let bound: NIOLoopBound<Driver>
    private let boundHandle: NIOLoopBound<SessionChannel>
    private let executor: any SerialExecutor
    private let deadlines: Deadlines
    private let reading: NIOLoopBound<Gate>
    private let writing: NIOLoopBound<Gate>
    private var failure: SSHError?
    private var closing: Task<Void, Never>?

    /// The connection's event loop.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var driver: Driver { bound.value }
    private var handle: SessionChannel { boundHandle.value }

    init(driver: NIOLoopBound<Driver>, handle: NIOLoopBound<SessionChannel>, deadlines: Deadlines, on loopExecutor: LoopExecutor) {
        let loop = driver.eventLoop
        bound = driver
        boundHandle = handle
        executor = loop.executor
        self.deadlines = deadlines
        reading = NIOLoopBound(Gate(on: loopExecutor), eventLoop: loop)
        writing = NIOLoopBound(Gate(on: loopExecutor), eventLoop: loop)
    }

    /// Writes to the command's standard input; returns once libssh2 has taken it all and little is left to be sent.
    ///
    /// - Throws: `.timedOut` if the server's window stays shut for the operation's deadline.
    public func write(_ bytes: [UInt8]) async throws(SSHError) {
        try await holding(writing.value) { () async throws(SSHError) in
            var offset = 0
            while offset < bytes.count {
                let count = try await step { [driver, handle] () -> Step<Int> in
                    guard driver.isWritable else { return .wantsInput }
                    return bytes.withUnsafeBytes { handle.write(UnsafeRawBufferPointer(rebasing: $0[offset...])) }
                }
                if count == 0 { try await waitForRoom() }
                offset += count
            }
        }
    }

    /// Waits until the server makes room, for as long as one that is near needs; then as much more is sent.
    private func waitForRoom() async throws(SSHError) {
        do throws(SSHError) {
            try await step(until: .after(WriteAhead.patience)) { [handle] () -> Step<Void> in
                handle.isFarAhead ? .wantsInput : .done(())
            }
        } catch {
            guard error.code == .timedOut else { throw error }
            handle.goFurtherAhead()
        }
    }

    /// The next bytes, 256 KiB at most; `nil` once both streams have ended and all has been read.
    ///
    /// - Parameter within: How long to wait; the operation's deadline if `nil`. When it has passed nothing is lost, and reading goes on.
    public func read(within: Duration? = nil) async throws(SSHError) -> Output? {
        try await read(until: .after(within ?? deadlines.operation))
    }

    func read(until deadline: NIODeadline) async throws(SSHError) -> Output? {
        let gate = reading.value
        try driver.check(await gate.enter(until: deadline), phase: .channel)
        defer { gate.leave() }
        do {
            return try await step(until: deadline) { [self] in nextOutput() }
        } catch {
            if error.code != .timedOut { poison(error) }
            throw error
        }
    }

    /// Tells the command that its input ends here.
    public func sendEOF() async throws(SSHError) {
        try await holding(writing.value) { () async throws(SSHError) in
            try await step { [handle] in handle.sendEndOfFile() }
        }
    }

    /// How the command ended; to be asked once `read` has returned `nil`.
    public func exitStatus() async throws(SSHError) -> ExitStatus {
        try await holding(reading.value) { () async throws(SSHError) in
            try await step { [handle] in handle.awaitExitStatus() }
        }
    }

    /// Closes the channel and gives its memory back, also when the task is cancelled. May be called again.
    public func close() async {
        if closing == nil, isReleasedAtOnce() { return }
        let task = closing ?? Task { await self.release() }
        closing = task
        await task.value
    }

    /// Closes a channel whose command has ended, where nothing is left to wait for.
    private func isReleasedAtOnce() -> Bool {
        guard failure == nil || failure?.code == .closed, !writing.value.isTaken, !reading.value.isTaken, driver.end == nil else {
            return false
        }
        poison(SSHError(.closed, phase: .channel, detail: "the channel was closed here"))
        return driver.tryNow { [handle] in handle.free() }
    }

    private func release() async {
        poison(SSHError(.closed, phase: .channel, detail: "the channel was closed here"))
        driver.wakeAll()
        let gate = writing.value
        let deadline = NIODeadline.after(min(deadlines.operation, .seconds(5)))
        guard await gate.enter(until: deadline) == .signalled else { return }
        defer { gate.leave() }
        // A peer that does not answer keeps the memory until the connection is closed.
        try? await driver.complete(.channel, until: deadline) { [handle] in handle.free() }
    }

    private func nextOutput() -> Step<Output?> {
        for stream: Int32 in [0, 1] {
            switch handle.read(stream: stream, limit: readLimitInBytes) {
            case .done(let bytes) where !bytes.isEmpty:
                // A bulk read that brings little was one too many.
                let isBulk = bytes.count >= Self.readLimits.usual
                readLimitInBytes = isBulk ? Self.readLimits.bulk : Self.readLimits.usual
                return .done(stream == 0 ? .standardOutput(bytes) : .standardError(bytes))
            case .done, .wantsInput: continue
            case .failed(let failure): return .failed(failure)
            case .refused(let error): return .refused(error)
            }
        }
        return handle.isAtEnd ? .done(nil) : .wantsInput
    }

    /// One call at a time of those that share a gate; what fails is not tried again.
    private func holding<Value>(_ gate: Gate, _ body: () async throws(SSHError) -> Value) async throws(SSHError) -> Value {
        do {
            try driver.check(await gate.enter(until: .after(deadlines.operation)), phase: .channel)
        } catch {
            throw error
        }
        defer { gate.leave() }
        do {
            return try await body()
        } catch {
            poison(error)
            throw error
        }
    }

    private func step<Value>(until deadline: NIODeadline? = nil, _ call: @escaping () -> Step<Value>) async throws(SSHError) -> Value {
        try await driver.complete(.channel, until: deadline ?? .after(deadlines.operation)) { [self] in
            if let failure { return .refused(failure) }
            return call()
        }
    }

    private func poison(_ error: SSHError) {
        failure = failure ?? error
    }
}
