internal import AgentCore
internal import Wire

/// What was looked at and what did not hold.
final class Findings {
    private let kernel: Kernel
    /// What is looked at now: a vector file, or a part of the agent.
    private var subject: Text = ""
    private var checkCount: UInt64 = 0
    private var mismatchesBefore: UInt64 = 0
    private(set) var mismatchCount: UInt64 = 0

    init(kernel: Kernel) { self.kernel = kernel }

    /// Writes a line to standard output.
    func say(_ line: Text) { try? kernel.writeAll(Descriptor(1, isOwned: false), (line + "\n").bytes) }

    /// Goes through one subject, and closes with a line about it. A subject in which nothing was looked at is a mismatch too.
    func about(_ subject: Text, _ body: () -> Void) {
        self.subject = subject
        (checkCount, mismatchesBefore) = (0, mismatchCount)
        body()
        check(checkCount > 0, "nothing was checked")
        let wrong = mismatchCount - mismatchesBefore
        say(subject + ": " + .decimal(checkCount) + " checks, " + .decimal(wrong) + " mismatches")
    }

    /// Counts a check, and says what did not hold.
    func check(_ holds: Bool, _ what: Text) {
        checkCount += 1
        if holds { return }
        mismatchCount += 1
        say(subject + ": " + what)
    }
}
