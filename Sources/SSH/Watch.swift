import NIOCore

/// Looks after an open connection: asks a silent server whether it is there, and closes what lies unused.
///
/// One timer for both; there is none where neither is wanted.
final class Watch {
    /// Questions without an answer after which the server is gone.
    private static let questionLimit = 3
    /// libssh2 asks no more often.
    private static let shortestKeepalive = TimeAmount.seconds(2)

    private let keepalive: TimeAmount?
    private let idle: TimeAmount?
    private var lastInput = NIODeadline.now()
    private var lastUse = NIODeadline.now()
    private var unanswered = 0
    private var timer: RepeatedTask?

    init(deadlines: Deadlines) {
        keepalive = deadlines.keepalive.map { max(TimeAmount($0), Self.shortestKeepalive) }
        idle = deadlines.idle.map { TimeAmount($0) }
    }

    /// Bytes came; whatever they are, the server is there.
    func noteInput() {
        lastInput = .now()
        unanswered = 0
    }

    /// Somebody did something with the connection.
    func noteUse() { lastUse = .now() }

    /// - Parameters:
    ///   - ask: Sends the question.
    ///   - end: Ends the connection, for that reason.
    func start(on loop: any EventLoop, ask: @escaping () -> Void, end: @escaping (SSHError) -> Void) {
        guard let period = [keepalive, idle].compactMap({ $0 }).min() else { return }
        let work = NIOLoopBound((self, ask, end), eventLoop: loop)
        // Often enough that no deadline is missed by more than a fifth.
        let step = TimeAmount.nanoseconds(max(period.nanoseconds / 5, 1_000_000))
        timer = loop.scheduleRepeatedTask(initialDelay: step, delay: step) { _ in
            let (watch, ask, end) = work.value
            if let error = watch.look(ask: ask) { end(error) }
        }
    }

    func stop() {
        timer?.cancel()
        timer = nil
    }

    private func look(ask: () -> Void) -> SSHError? {
        let now = NIODeadline.now()
        if let idle, now - lastUse >= idle {
            return SSHError(.timedOut, phase: .channel, detail: "unused for \(idle.nanoseconds / 1_000_000_000) s")
        }
        guard let keepalive, now - lastInput >= .nanoseconds(keepalive.nanoseconds * Int64(unanswered + 1)) else { return nil }
        guard unanswered < Self.questionLimit else {
            return SSHError(.peerVanished, phase: .channel, detail: "\(unanswered) keepalive questions without an answer")
        }
        unanswered += 1
        ask()
        return nil
    }
}
