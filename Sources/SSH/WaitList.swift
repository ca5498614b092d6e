import NIOCore

/// Tasks waiting on one event loop, first come first served, each with a deadline and a way to be cancelled.
///
/// Everything here belongs on the loop. There is one timer for the whole list, set for the earliest deadline.
final class WaitList {
    enum Wake {
        case signalled, timedOut, cancelled
    }

    private struct Waiter {
        let id: UInt64
        let deadline: NIODeadline
        let continuation: CheckedContinuation<Wake, Never>
    }

    private let loop: any EventLoop
    private var waiters: [Waiter] = []
    private var nextID: UInt64 = 0
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?

    init(loop: any EventLoop) {
        self.loop = loop
    }

    var isEmpty: Bool { waiters.isEmpty }

    /// Suspends until signalled, past `deadline`, or cancelled; the caller's actor must be on the loop.
    func wait(until deadline: NIODeadline, isolation: isolated (any Actor)? = #isolation) async -> Wake {
        loop.preconditionInEventLoop()
        let id = nextID
        nextID += 1
        let bound = NIOLoopBound(self, eventLoop: loop)
        return await withTaskCancellationHandler {
            // A closure runs on the caller's actor only if it captures the parameter that names it.
            _ = isolation
            return await withCheckedContinuation { continuation in
                waiters.append(Waiter(id: id, deadline: deadline, continuation: continuation))
                setTimer(for: deadline)
            }
        } onCancel: {
            bound.eventLoop.execute { bound.value.cancel(id) }
        }
    }

    func signalAll() {
        let woken = waiters
        waiters = []
        for waiter in woken { waiter.continuation.resume(returning: .signalled) }
    }

    /// Wakes the one that waits longest; false if there is none.
    func signalFirst() -> Bool {
        guard !waiters.isEmpty else { return false }
        waiters.removeFirst().continuation.resume(returning: .signalled)
        return true
    }

    /// Takes the timer back, so that it does not keep the list alive.
    func stopTimer() {
        timer?.scheduled.cancel()
        timer = nil
    }

    private func cancel(_ id: UInt64) {
        guard let index = waiters.firstIndex(where: { $0.id == id }) else { return }
        waiters.remove(at: index).continuation.resume(returning: .cancelled)
    }

    private func setTimer(for deadline: NIODeadline) {
        if deadline == .distantFuture { return }
        if let timer, timer.deadline <= deadline { return }
        timer?.scheduled.cancel()
        let bound = NIOLoopBound(self, eventLoop: loop)
        timer = (deadline, loop.scheduleTask(deadline: deadline) { bound.value.expire() })
    }

    private func expire() {
        timer = nil
        let now = NIODeadline.now()
        let late = waiters.filter { $0.deadline <= now }
        waiters.removeAll { $0.deadline <= now }
        for waiter in late { waiter.continuation.resume(returning: .timedOut) }
        if let next = waiters.map(\.deadline).min() { setTimer(for: next) }
    }
}

/// Lets one task at a time through, in the order they came.
///
/// libssh2 keeps a half-done call's state in its object, and an actor is re-entrant at every `await`: whoever calls a function that
/// may have to be called again holds the object's gate until it is done.
final class Gate {
    private var isHeld = false
    private let queue: WaitList

    init(loop: any EventLoop) {
        queue = WaitList(loop: loop)
    }

    /// Returns `.signalled` once the caller holds the gate, which it must `leave()`.
    func enter(until deadline: NIODeadline, isolation: isolated (any Actor)? = #isolation) async -> WaitList.Wake {
        guard isHeld else {
            isHeld = true
            return .signalled
        }
        return await queue.wait(until: deadline)
    }

    func leave() {
        if !queue.signalFirst() {
            isHeld = false
            queue.stopTimer()
        }
    }
}
