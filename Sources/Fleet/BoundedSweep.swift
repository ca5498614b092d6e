/// Visits many targets at once, never more than a limit, and stops early when too many go wrong.
public struct BoundedSweep: Sendable {
    /// Visits under way at once.
    public var concurrency: Int
    /// Visits that may go wrong before no further one is started; nil: no limit.
    public var errorLimit: Int?
    /// Whether the first target is visited alone, and the rest only if that went well.
    public var startsWithCanary: Bool

    /// Makes a plan of its parts.
    ///
    /// - Parameter concurrency: At least 1.
    public init(concurrency: Int, errorLimit: Int? = nil, startsWithCanary: Bool = false) {
        self.concurrency = max(1, concurrency)
        self.errorLimit = errorLimit
        self.startsWithCanary = startsWithCanary
    }

    /// What became of one target.
    public enum Visit<Result: Sendable>: Sendable {
        /// It was visited.
        case visited(Result)
        /// No visit was started, because of the error limit or the canary.
        case skipped
        /// No visit was started, because the sweep was cancelled.
        case cancelled
    }

    /// Visits every target once.
    ///
    /// - Parameters:
    ///   - targets: In the order in which visits are started.
    ///   - visit: One visit. It returns what it found, and whether that counts as an error for the limit.
    ///   - ended: Called with each target as its visit ends, or as it is passed over: exactly once for every target, never two at a time.
    public func run<Target: Sendable, Result: Sendable>(
        _ targets: [Target], visit: @escaping @Sendable (Target) async -> (result: Result, isError: Bool),
        ended: (Target, Visit<Result>) async -> Void
    ) async {
        var waiting = targets[...]
        var errors = 0
        await withTaskGroup(of: (Target, Result, Bool).self) { group in
            var running = 0
            func start() {
                guard let target = waiting.popFirst() else { return }
                running += 1
                group.addTask {
                    let outcome = await visit(target)
                    return (target, outcome.result, outcome.isError)
                }
            }
            start()
            if !startsWithCanary { for _ in 1..<max(concurrency, 2) where running < concurrency { start() } }
            var isFirst = true
            while running > 0, let (target, result, isError) = await group.next() {
                running -= 1
                if isError { errors += 1 }
                await ended(target, .visited(result))
                let isStopped = errorLimit.map { errors >= $0 } ?? false || (startsWithCanary && isFirst && isError) || Task.isCancelled
                isFirst = false
                if isStopped { break }
                while running < concurrency, !waiting.isEmpty { start() }
            }
            // What is under way when the sweep stops still ends, and is told.
            while running > 0, let (target, result, _) = await group.next() {
                running -= 1
                await ended(target, .visited(result))
            }
        }
        for target in waiting { await ended(target, Task.isCancelled ? .cancelled : .skipped) }
    }
}
