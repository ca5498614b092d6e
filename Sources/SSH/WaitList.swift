import NIOCore

/// Tasks waiting on one event loop, first come first served, each with a deadline and a way to be cancelled.
///
/// Everything here belongs on the loop. There is one timer for the whole list, set for the earliest deadline. A task says what it waits for:
/// that is tried as it takes its place, so that no signal is lost on the way there, and again at each signal, on the loop; the task wakes
/// only when it is done.
final class WaitList {
    enum Wake {
        case signalled, timedOut, cancelled
    }

    private struct Waiter {
        let id: UInt64
        let deadline: NIODeadline
        let isDone: () -> Bool
        let continuation: UnsafeContinuation<Wake, Never>
    }

    let executor: LoopExecutor
    private var waiters: [Waiter] = []
    private var nextID: UInt64 = 0
    private var timer: (deadline: NIODeadline, scheduled: Scheduled<Void>)?
    private var isSignalling = false
    private var isSignalledAgain = false

    init(on executor: LoopExecutor) {
        self.executor = executor
    }

    private var loop: any EventLoop { executor.loop }

    var isEmpty: Bool { waiters.isEmpty }

    /// Suspends until `isDone` says yes, past `deadline`, or cancelled; the caller's actor must be on the loop.
    ///
    /// - Parameter isDone: Asked on the loop at once and at each signal; never again once it has said yes.
    func wait(
        until deadline: NIODeadline, for isDone: @escaping () -> Bool, isolation: isolated (any Actor)? = #isolation
    ) async -> Wake {
        loop.preconditionInEventLoop()
        let id = nextID
        nextID += 1
        let bound = NIOLoopBound(self, eventLoop: loop)
        return await withTaskCancellationHandler(
            operation: {
                await withUnsafeContinuation(isolation: isolation) { continuation in
                    if isDone() { return continuation.resume(returning: .signalled) }
                    waiters.append(Waiter(id: id, deadline: deadline, isDone: isDone, continuation: continuation))
                    setTimer(for: deadline)
                }
            },
            onCancel: { bound.eventLoop.execute { bound.value.cancel(id) } },
            isolation: isolation)
    }

    /// Wakes everybody whose wish is fulfilled, in the order they came, and looks once more for as long as looking causes signals.
    func signalAll() {
        isSignalledAgain = true
        guard !isSignalling else { return }
        isSignalling = true
        while isSignalledAgain {
            isSignalledAgain = false
            signalOnce()
        }
        isSignalling = false
    }

    private func signalOnce() {
        var isAnyWoken = false
        // Nobody joins or leaves in between: that takes a task, and tasks run on this loop later.
        var remaining: [Waiter] = []
        for waiter in waiters {
            if waiter.isDone() {
                waiter.continuation.resume(returning: .signalled)
                isAnyWoken = true
            } else {
                remaining.append(waiter)
            }
        }
        if isAnyWoken { waiters = remaining }
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

    init(on executor: LoopExecutor) {
        queue = WaitList(on: executor)
    }

    /// Whether somebody holds it.
    var isTaken: Bool { isHeld }

    /// Returns `.signalled` once the caller holds the gate, which it must `leave()`.
    func enter(until deadline: NIODeadline, isolation: isolated (any Actor)? = #isolation) async -> WaitList.Wake {
        if tryEnter() { return .signalled }
        return await queue.executor.run(isolation: isolation) {
            _ = isolation
            return await queue.wait(until: deadline, for: { self.tryEnter() }, isolation: isolation)
        }
    }

    private func tryEnter() -> Bool {
        guard !isHeld else { return false }
        isHeld = true
        return true
    }

    func leave() {
        isHeld = false
        queue.signalAll()
        if queue.isEmpty { queue.stopTimer() }
    }
}
