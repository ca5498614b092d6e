import NIOCore
import NIOPosix
import Synchronization

/// An event loop as the place where tasks run: what connections use, and what a sweep may run its visits on.
///
/// A task that waits for a packet comes back on the global pool and hops to its actor's loop from there, two threads woken for each packet.
/// With the loop as the executor it prefers, task and packet stay on one thread. Connections see to that while something is waited for
/// inside them; a caller with thousands of visits starts its own tasks there too, and no visit wakes another thread:
///
///     group.addTask(executorPreference: executor) {
///         let connection = try await Connection.open(to: address, user: user, hostKey: pins, identities: keys, on: executor)
///     }
public final class LoopExecutor: TaskExecutor {
    /// The loop behind it.
    public let loop: any EventLoop
    private static let shared = MultiThreadedEventLoopGroup.singleton.makeIterator().map { LoopExecutor($0) }
    private static let turn = Atomic<Int>(0)

    /// Makes an executor of a loop, which must outlive what runs on it.
    public init(_ loop: any EventLoop) {
        self.loop = loop
    }

    /// One of those of NIO's shared loops, in turn.
    public static func next() -> LoopExecutor {
        shared[turn.wrappingAdd(1, ordering: .relaxed).oldValue % shared.count]
    }

    /// Runs a task's next piece on the loop, in its turn.
    public func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        loop.execute {
            job.runSynchronously(isolatedTo: self.loop.executor.asUnownedSerialExecutor(), taskExecutor: self.asUnownedTaskExecutor())
        }
    }

    /// Runs `body` with what it waits for coming back on the loop.
    func run<Value, Failure: Error>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await withTaskExecutorPreference(self, isolation: isolation, operation: body)
    }
}
