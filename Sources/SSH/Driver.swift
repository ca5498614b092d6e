internal import CSSH2
import NIOCore

/// Drives one libssh2 session over one transport: gives libssh2 what has come, sends what it wants sent, and repeats calls
/// that wanted more input once there is some.
///
/// Not an actor: connection and channels are, on the same event loop, and share this object there.
final class Driver {
    /// Unread input beyond which the network is not read any further.
    private static let inboundLimit = 256 * 1024
    /// What a peer that takes nothing may still send, and have answered, before it is not listened to either.
    private static let deafLimit = 4 << 20

    let executor: LoopExecutor
    let session: Session
    /// Held while opening a channel and starting its command: their replies do not say which call they are for.
    let requests: Gate
    private let transport: any Transport
    private let waiting: WaitList
    private(set) var greeting = ServerGreeting()
    private var isGreeting = true
    private var isReadPaused = false
    /// Bytes that came since the network took no more.
    private var deafCount = 0
    private var watch: Watch?
    /// Set once the server's side has ended; what came before is still read.
    private var hangUp: String?
    /// The jump host whose end that was, where it was not the server's.
    private var brokenJumpHost: Address?
    /// Why nothing more can be done here.
    private(set) var end: SSHError?
    /// A channel through which libssh2 can be made to take input in while nobody waits for any.
    weak var idleChannel: SessionChannel?

    init?(transport: any Transport, on executor: LoopExecutor) {
        guard let session = Session() else { return nil }
        self.session = session
        self.transport = transport
        self.executor = executor
        requests = Gate(on: executor)
        waiting = WaitList(on: executor)
    }

    deinit {
        watch?.stop()
        transport.close(lastWords: nil)
    }

    var loop: any EventLoop { executor.loop }

    /// Whether little enough is on its way to the network to send more.
    var isWritable: Bool { transport.isWritable }

    /// Resolves once the connection is gone.
    var closeFuture: EventLoopFuture<Void> { transport.closeFuture }

    /// Calls `step` until it is done, each time that input has come.
    ///
    /// The calls are made on the loop as the input arrives; the task wakes when they are through.
    ///
    /// - Throws: `.timedOut`, `.cancelled`, the reason for the connection's end, or what libssh2 said.
    func complete<Value>(
        _ phase: SSHError.Phase, until deadline: NIODeadline, isolation: isolated (any Actor)? = #isolation,
        _ step: @escaping () -> Step<Value>
    ) async throws(SSHError) -> Value {
        if Task.isCancelled { throw SSHError(.cancelled, phase: phase) }
        // What needs no input needs no change of executor either.
        if let outcome = attempt(phase, step) { return try outcome.get() }
        return try await executor.run(isolation: isolation) { () async throws(SSHError) -> Value in
            _ = isolation
            return try await finish(phase, until: deadline, isolation: isolation, step)
        }
    }

    private func finish<Value>(
        _ phase: SSHError.Phase, until deadline: NIODeadline, isolation: isolated (any Actor)?, _ step: @escaping () -> Step<Value>
    ) async throws(SSHError) -> Value {
        var outcome: Result<Value, SSHError>?
        let wake = await waiting.wait(until: deadline) { [self] in
            outcome = attempt(phase, step)
            return outcome != nil
        }
        try check(wake, phase: phase)
        guard let outcome else { preconditionFailure("a task is woken once its call is through") }
        return try outcome.get()
    }

    /// Calls `step` once; true if that was all it took.
    func tryNow(_ step: () -> Step<Void>) -> Bool {
        guard case .success = attempt(.channel, step) else { return false }
        return true
    }

    /// Calls `step` as long as it takes input in; `nil` if it wants more than there is.
    private func attempt<Value>(_ phase: SSHError.Phase, _ step: () -> Step<Value>) -> Result<Value, SSHError>? {
        while true {
            if let end { return .failure(end) }
            let before = session.buffers.consumedCount
            session.buffers.beginCall()
            let outcome = step()
            let hasProgressed = session.buffers.consumedCount != before
            settle(hasProgressed: hasProgressed)
            switch outcome {
            case .done(let value):
                watch?.noteUse()
                return .success(value)
            case .failed(let failure): return .failure(fail(failure, phase: phase))
            case .refused(let error): return .failure(error)
            case .wantsInput: break
            }
            if (hasProgressed && session.buffers.hasInput) || session.buffers.isPausing { continue }
            return hangUp != nil && !session.buffers.hasInput ? .failure(endOfInput(phase)) : nil
        }
    }

    /// Turns a wake-up into the error it stands for, if any.
    func check(_ wake: WaitList.Wake, phase: SSHError.Phase) throws(SSHError) {
        switch wake {
        case .signalled: return
        case .cancelled: throw SSHError(.cancelled, phase: phase)
        case .timedOut:
            if phase == .handshake, let (code, detail) = greeting.failure(hungUp: false) {
                throw SSHError(code, phase: phase, detail: detail)
            }
            throw SSHError(.timedOut, phase: phase, detail: "no answer within the deadline")
        }
    }

    /// Lets everybody who waits look again; for a state that changed without input.
    func wakeAll() {
        waiting.signalAll()
        resumeReading()
    }

    /// Ends the session for everybody who uses it: tells the peer if it is still there, and frees libssh2's memory.
    ///
    /// The first reason stays.
    func shut(_ reason: SSHError) {
        guard end == nil else { return }
        end = reason
        if hangUp == nil, reason.libssh2Code == nil { session.disconnect() }
        transport.close(lastWords: session.buffers.takeOutbound())
        session.free()
        waiting.signalAll()
        waiting.stopTimer()
        watch?.stop()
        watch = nil
    }

    /// Whether the server's side has ended.
    var hasHungUp: Bool { hangUp != nil }

    /// Ends the session as ``shut(_:)`` does, but says nothing to the peer and waits for nothing.
    func abandon(_ reason: SSHError) {
        hangUp = hangUp ?? "dropped here"
        session.buffers.isAbandoned = true
        shut(reason)
    }

    /// From now on a silent server is asked whether it is there, and an unused connection is closed, as the deadlines say.
    func startWatch(_ deadlines: Deadlines) {
        guard end == nil, deadlines.keepalive != nil || deadlines.idle != nil else { return }
        let watch = Watch(deadlines: deadlines)
        self.watch = watch
        watch.start(
            on: loop,
            ask: { [weak self] in
                guard let self else { return }
                session.buffers.beginCall()
                session.sendKeepalive()
                settle(hasProgressed: false)
            }, end: { [weak self] in self?.shut($0) })
    }

    /// After every call of libssh2: sends what it wrote, lets others see what it took in, reads on.
    private func settle(hasProgressed: Bool) {
        if let bytes = session.buffers.takeOutbound() { transport.write(bytes) }
        if hasProgressed { waiting.signalAll() }
        resumeReading()
    }

    private var wantsMore: Bool { session.buffers.inboundCount < Self.inboundLimit && deafCount < Self.deafLimit }

    private func resumeReading() {
        if transport.isWritable { deafCount = 0 }
        guard isReadPaused, end == nil, wantsMore else { return }
        isReadPaused = false
        transport.read()
    }

    private func endOfInput(_ phase: SSHError.Phase) -> SSHError {
        if let brokenJumpHost {
            return SSHError(.peerVanished, phase: phase, detail: hangUp ?? "").onTheWay(through: brokenJumpHost)
        }
        if phase == .handshake, let (code, detail) = greeting.failure(hungUp: true) {
            return SSHError(code, phase: phase, detail: detail)
        }
        return SSHError(.peerVanished, phase: phase, detail: session.buffers.disconnect ?? hangUp ?? "")
    }

    /// The error for what libssh2 said; anything but a refusal ends the session.
    private func fail(_ failure: LibraryFailure, phase: SSHError.Phase) -> SSHError {
        func error(_ code: SSHError.Code, _ detail: String) -> SSHError {
            SSHError(code, phase: phase, detail: detail, libssh2Code: failure.code)
        }
        switch failure.code {
        case LIBSSH2_ERROR_CHANNEL_FAILURE, LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED: return error(.channelRefused, failure.message)
        case LIBSSH2_ERROR_CHANNEL_CLOSED, LIBSSH2_ERROR_CHANNEL_EOF_SENT: return error(.closed, failure.message)
        default: break
        }
        let reason: SSHError
        if phase == .handshake, let (code, detail) = greeting.failure(hungUp: hangUp != nil) {
            reason = error(code, detail)
        } else if let words = session.buffers.disconnect {
            reason = error(.peerVanished, words)
        } else if failure.code == LIBSSH2_ERROR_ALLOC {
            reason = error(.protocolViolation, "the server sent more than is kept for it")
        } else if failure.code == LIBSSH2_ERROR_TIMEOUT {
            reason = error(.timedOut, failure.message)
        } else {
            reason = error(.protocolViolation, failure.message)
        }
        shut(reason)
        return reason
    }
}

extension Driver {
    /// Takes bytes from the network; they are looked at in `inputCompleted`.
    func received(_ bytes: ByteBuffer) {
        guard end == nil else { return }
        watch?.noteInput()
        deafCount = transport.isWritable ? 0 : deafCount + bytes.readableBytes
        if isGreeting {
            greeting.consume(bytes.readableBytesView)
            isGreeting = greeting.offer == nil
            if greeting.isForeign, let (code, detail) = greeting.failure(hungUp: false) {
                return shut(SSHError(code, phase: .handshake, detail: detail))
            }
        }
        session.buffers.append(bytes)
    }

    /// Wakes whoever waits for what was received.
    ///
    /// - Returns: Whether the network is to be read again; otherwise that follows once libssh2 has taken in what is here.
    func inputCompleted() -> Bool {
        if waiting.isEmpty, end == nil, let idleChannel {
            session.buffers.beginCall()
            idleChannel.takeInput()
            settle(hasProgressed: false)
        } else {
            waiting.signalAll()
        }
        isReadPaused = !wantsMore
        return !isReadPaused && end == nil
    }

    /// - Parameter jumpHost: The jump host that broke, where it was not the server that ended.
    func transportEnded(_ reason: String, onTheWayThrough jumpHost: Address? = nil) {
        guard hangUp == nil else { return }
        hangUp = reason
        brokenJumpHost = jumpHost
        waiting.signalAll()
    }
}
