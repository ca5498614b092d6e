internal import CLinux
public import Wire

/// What a child is limited by, beside what every child is.
public struct ChildLimits: Sendable {
    /// User and groups it changes to; nil where it stays what the agent is.
    public var identity: UserIdentity?
    /// Whether it gets an empty network namespace of its own.
    public var ownNetwork: Bool
    /// CPU time in seconds after which the kernel ends it.
    public var cpuSeconds: UInt64
    /// Address space in bytes: generous, it stops only a runaway.
    public var memoryBytes: UInt64 = 4 << 30
    /// Descriptors it may have open.
    public var descriptors: UInt64 = 1_024
    /// What of Landlock and seccomp is put on it.
    public var sandbox: Done.Measures = []
    /// Measures without which it ends before it does anything.
    public var required: Done.Measures = []
    /// Whether it may open sockets that lead off the device.
    public var mayUseNetwork = false
    /// Whether it may open Unix sockets.
    public var mayUseLocalSockets = false
    /// Absolute paths at and beneath which it may write, as far as its user may.
    public var writable: [Text] = []
    /// Whether its standard input is a pipe; /dev/null otherwise.
    public var hasInput = false
    /// Whether it keeps the agent's CPU priority.
    public var keepsPriority = false
    /// A directory that it may neither read nor write, whatever else it may; empty for none.
    public var hidden: [UInt8] = []
    /// The only directory that it may read in, and writes nowhere then; empty for none at all, nil where it may read.
    public var readable: [UInt8]?
}

/// A child that was started: its number and the reading ends of its pipes.
public struct StartedChild {
    /// Process id; also that of its session and process group.
    public let pid: Int32
    /// Standard input, where it has one.
    public let input: Descriptor?
    /// Standard output.
    public let output: Descriptor
    /// Standard error.
    public let error: Descriptor
    /// Where the child says which measures are in force and whether execve failed.
    public let status: Descriptor
}

/// How a process ended.
public struct ProcessEnding: Equatable, Sendable {
    /// Whether a signal ended it.
    public let wasSignalled: Bool
    /// Exit status, or the signal's number.
    public let code: UInt64
    /// CPU time of it and of the children it waited for, microseconds.
    public let cpuTime: UInt64
}

extension Kernel {
    private struct Pipes {
        let input: (read: Descriptor, write: Descriptor)?
        let output: (read: Descriptor, write: Descriptor)
        let error: (read: Descriptor, write: Descriptor)
        let status: (read: Descriptor, write: Descriptor)
    }

    private func pipes(_ limits: ChildLimits) throws(Errno) -> Pipes {
        let pipes = Pipes(input: limits.hasInput ? try pipe() : nil, output: try pipe(), error: try pipe(), status: try pipe())
        for end in [pipes.output.read, pipes.error.read, pipes.status.read] { try setNonblocking(end) }
        if let input = pipes.input { try setNonblocking(input.write) }
        return pipes
    }

    private func started(_ pid: Int32, _ pipes: Pipes) -> StartedChild {
        StartedChild(
            pid: pid, input: pipes.input?.write, output: pipes.output.read, error: pipes.error.read, status: pipes.status.read)
    }

    private func withPlan(_ limits: ChildLimits, _ pipes: Pipes, _ body: (UnsafePointer<rc_plan>) -> Int32) -> Int32 {
        let groups = limits.identity?.groups ?? []
        var paths = (limits.readable ?? limits.hidden) + [0]
        for path in limits.writable { paths += path.bytes + [0] }
        return groups.withUnsafeBufferPointer { list in
            var plan = rc_plan()
            plan.output = pipes.output.write.number
            plan.error = pipes.error.write.number
            plan.status = pipes.status.write.number
            plan.keeps_priority = limits.keepsPriority ? 1 : 0
            plan.input = pipes.input?.read.number ?? 0
            if let identity = limits.identity {
                plan.changes_user = 1
                plan.uid = identity.user
                plan.gid = identity.group
                plan.group_count = UInt32(list.count)
                plan.groups = list.baseAddress
            }
            plan.own_network = limits.ownNetwork ? 1 : 0
            plan.cpu_seconds = limits.cpuSeconds
            plan.memory_bytes = limits.memoryBytes
            plan.descriptors = limits.descriptors
            plan.sandbox = UInt32(truncatingIfNeeded: limits.sandbox.rawValue)
            plan.required = UInt32(truncatingIfNeeded: limits.required.rawValue)
            plan.network = limits.mayUseNetwork ? 1 : 0
            plan.local_sockets = limits.mayUseLocalSockets ? 1 : 0
            plan.reads_only = limits.readable == nil ? 0 : 1
            plan.writable_count = UInt32(limits.writable.count)
            return paths.withUnsafeBufferPointer {
                plan.paths = $0.baseAddress
                return body(&plan)
            }
        }
    }

    /// Which of ``Done/Measures/landlock`` and ``Done/Measures/systemCalls`` this kernel has.
    public var sandbox: Done.Measures {
        var found = Done.Measures(rawValue: UInt64(rc_sandbox_measures()))
        if fault?(.landlock) != nil { found.remove(.landlock) }
        if fault?(.seccomp) != nil { found.remove(.systemCalls) }
        return found
    }

    /// Keeps processes of the same user out of this one's memory.
    public func forbidTracing() { rc_forbid_tracing() }

    /// Starts a program without a shell.
    ///
    /// - Parameter arguments: The command line, the program's path first; no NUL in any of them.
    public func spawn(_ arguments: [Text], _ limits: ChildLimits) throws(Errno) -> StartedChild {
        try check(.fork)
        let pipes = try pipes(limits)
        var line: [UInt8] = []
        for argument in arguments { line += argument.bytes + [0] }
        let pid = withPlan(limits, pipes) { rc_spawn($0, line, UInt32(arguments.count)) }
        try success(pid)
        return started(pid, pipes)
    }

    /// Forks a limited child that runs `work`, and ends with the status it returns.
    public func fork(_ limits: ChildLimits, _ work: () -> Int32) throws(Errno) -> StartedChild {
        try check(.fork)
        let pipes = try pipes(limits)
        let pid = withPlan(limits, pipes) { rc_fork_limited($0) }
        try success(pid)
        // In the child every other descriptor is closed: an object released here must not close what `work` opens.
        if pid == 0 { withExtendedLifetime(pipes) { exit(work()) } }
        return started(pid, pipes)
    }

    /// Whether a child has exited and waits to be reaped.
    public func hasExited(_ pid: Int32) -> Bool {
        // A child that somebody else reaped has exited too: the answer is an errno then.
        if fault?(.hasExited) != nil { return false }
        return rc_has_exited(pid) != 0
    }

    /// Reaps a child that has exited; nil where it has not.
    public func reap(_ pid: Int32) -> ProcessEnding? {
        var raw = rc_ending()
        guard rc_reap(pid, &raw) == pid else { return nil }
        return ProcessEnding(wasSignalled: raw.signalled != 0, code: UInt64(raw.code), cpuTime: raw.cpu_us)
    }

    /// Becomes another program, as the same process and with the same environment.
    ///
    /// - Parameter arguments: The command line, each word ended by a NUL.
    /// - Throws: An errno where it cannot; it never returns otherwise.
    func become(_ path: [UInt8], _ arguments: [UInt8]) throws(Errno) {
        try success(rc_become(path + [0], arguments, Self.wordCount(arguments)))
    }

    /// Starts another agent beside this one, which knows that it is on trial and ends with this process.
    func startTrial(_ path: [UInt8], _ arguments: [UInt8]) throws(Errno) -> Int32 {
        try check(.fork)
        let pid = rc_start_trial(path + [0], arguments, Self.wordCount(arguments))
        try success(pid)
        return pid
    }

    private static func wordCount(_ arguments: [UInt8]) -> UInt32 {
        UInt32(clamping: arguments.count { $0 == 0 })
    }

    /// Whether this process was started by ``startTrial(_:_:)``.
    var isOnTrial: Bool { environment("ROLLCALL_TRIAL", limit: 8) != nil }

    /// Asks a process to end (SIGTERM).
    func terminate(_ pid: Int32) { _ = rc_terminate(pid) }

    /// Ends a process with SIGKILL.
    public func kill(_ pid: Int32) { _ = rc_kill(pid) }

    /// Ends a process group with SIGKILL.
    public func killGroup(_ pid: Int32) { _ = rc_kill_group(pid) }

    /// Makes orphaned descendants this process's children (PR_SET_CHILD_SUBREAPER).
    public func becomeSubreaper() throws(Errno) { try success(rc_become_subreaper()) }

    /// This process's children, strays that came to it included.
    public func children() -> [Int32] {
        let path: Text = "/proc/self/task/" + .decimal(UInt64(rc_process_id())) + "/children"
        if let list = try? content(of: path.bytes, limit: 65_536) {
            return list.split(separator: 32).compactMap { Decimal.signed32($0) }
        }
        return childrenByParent()
    }

    /// The same from /proc/*/stat, for kernels built without CONFIG_PROC_CHILDREN.
    private func childrenByParent() -> [Int32] {
        let root: Text = "/proc"
        guard let directory = try? open(root.bytes, [.read, .directory]), let names = try? names(in: directory, limit: 65_536) else {
            return []
        }
        let own = rc_process_id()
        var found: [Int32] = []
        for name in names {
            guard let pid = Decimal.signed32(name[...]), let relation = relation(of: pid), relation.parent == own else { continue }
            found.append(pid)
        }
        return found
    }

    /// What /proc/PID/stat (proc(5)) has after the name in parentheses: state, parent, group, session.
    private func facts(of pid: Int32) -> [ArraySlice<UInt8>] {
        let path: Text = "/proc/" + .decimal(UInt64(pid.magnitude)) + "/stat"
        guard let line = try? content(of: path.bytes, limit: 4_096), let end = line.lastIndex(of: 41) else { return [] }
        return line[(end + 1)...].split(separator: 32)
    }

    /// Whether a process sleeps in the kernel (states D and S): it would not go on if it had the processor.
    public func isHeld(_ pid: Int32) -> Bool {
        guard let state = facts(of: pid).first?.first else { return false }
        return state == 68 || state == 83
    }

    /// Parent and session of a process; nil when it is gone.
    public func relation(of pid: Int32) -> (parent: Int32, session: Int32)? {
        let fields = facts(of: pid)
        guard fields.count > 3, let parent = Decimal.signed32(fields[1]), let session = Decimal.signed32(fields[3]) else { return nil }
        return (parent, session)
    }
}
