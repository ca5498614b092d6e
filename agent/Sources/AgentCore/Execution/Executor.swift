public import Catalogue
public import Wire

/// Runs probes: programs and readers as limited children, several at once, none of which can hold up the agent.
public final class Executor {
    let kernel: Kernel
    let root: [UInt8]
    private let users: UserDatabase
    /// Whether this process is the subreaper of its descendants, so that strays come to it and whatever exits is its own.
    private let adoptsStrays: Bool
    private var sandbox: Sandbox
    var jobs: [Job] = []
    var stuck: [StuckChild] = []
    /// Children of streams, which no hunt for strays ends.
    var streamChildren: [Int32] = []
    /// The shells that have not ended: what belongs to one is no stray.
    var shells: [FileStream] = []
    private var huntSince: UInt64?
    private var places: [(job: Job, output: Int?, error: Int?)] = []
    private var turn = 0

    /// Children that run at once; further requests wait in order.
    public static let childCountLimit = 8
    /// Children that may be stuck before no probe is started any more.
    public static let stuckCountLimit = 64
    /// Microseconds a child has to go after SIGKILL, and its pipes after its end, before the agent gives it up.
    public static let grace: UInt64 = 1_000_000
    /// Microseconds after which strays that outlive SIGKILL are left to the next hunt.
    private static let huntLimit: UInt64 = 5_000_000
    /// What readers for the agent's own sake read in.
    private static var ownFolder: Text { "/sys" }
    /// Microseconds between looks at something that no event tells of.
    private static let patrol: UInt64 = 20_000

    /// Makes an executor.
    ///
    /// - Parameters:
    ///   - root: Prefix of the paths that readers look at.
    ///   - state: The agent's own directory, which no child reads.
    ///   - requiresSandbox: Whether nothing runs where the kernel cannot limit it.
    ///   - adoptsStrays: Whether to become the subreaper and end every stray descendant; false where others in this process have
    ///     children too.
    public init(kernel: Kernel, root: [UInt8], state: [UInt8], requiresSandbox: Bool, adoptsStrays: Bool) {
        self.kernel = kernel
        self.root = root
        sandbox = Sandbox(offered: kernel.sandbox, isRequired: requiresSandbox, state: state)
        users = UserDatabase(kernel: kernel, root: root)
        var isSubreaper = false
        if adoptsStrays, (try? kernel.becomeSubreaper()) != nil { isSubreaper = true }
        self.adoptsStrays = isSubreaper
    }

    /// Whether nothing runs where the kernel cannot limit it; what is under way goes on.
    var requiresSandbox: Bool {
        get { sandbox.isRequired }
        set { sandbox.isRequired = newValue }
    }

    /// What outlived SIGKILL, oldest first: probes by id, mounts by `mount` and path.
    public var stuckNames: [Text] { stuck.map { $0.name } }

    /// Whether nothing runs, waits or is being drained.
    public var isIdle: Bool { jobs.isEmpty }

    // MARK: Requests

    /// Takes a probe whose parameters were checked.
    ///
    /// - Parameter isOwn: Whether it is a reader for the agent's own sake, of nothing but what this program names: then it may read beneath
    ///   /sys and nothing else, and as it can make no socket gets no network of its own, which costs several times what it does.
    public func submit(_ definition: ProbeDefinition, values: [Text], answering: Answering, isOwn: Bool = false) throws(Refusal) {
        if stuck.contains(where: { $0.name == definition.id }) || stuck.count >= Self.stuckCountLimit {
            throw Refusal(.stuck, definition.id + " hangs in the kernel since an earlier request; it is asked again once it returns.")
        }
        var limits = ChildLimits(
            identity: try identity(for: definition), ownNetwork: kernel.isRoot && !definition.mayUseNetwork && !isOwn,
            cpuSeconds: definition.timeLimit / 1_000 + 2)
        try sandbox.apply(to: &limits, definition)
        if isOwn { limits.readable = root + Self.ownFolder.bytes }
        jobs.append(
            Job(definition: definition, arguments: definition.commandLine(values) ?? [], limits: limits, answering: answering))
    }

    private func identity(for definition: ProbeDefinition) throws(Refusal) -> UserIdentity? {
        let root: Text = "root"
        guard kernel.isRoot else {
            if definition.user != root { return nil }
            throw Refusal(.needsRoot, definition.id + " runs as root, and this agent does not; start it as root.")
        }
        guard definition.user != root, kernel.mayChangeUser else { return nil }
        guard let identity = users.identity(definition.user, groups: definition.groups) else {
            throw Refusal(.unknownUser, definition.id + " runs as the user " + definition.user + ", whom this device does not have.")
        }
        return identity
    }

    /// Stops a request; it still ends with `done`. False where it is not running.
    public func cancel(session: UInt64, request: UInt64) -> Bool {
        for job in jobs where job.answering.session == session && job.answering.request == request {
            kill(job, .cancelled)
            return true
        }
        return false
    }

    /// Ends everything of a session that is gone; nobody waits for the answers.
    public func abandon(session: UInt64) {
        for job in jobs where job.answering.session == session { kill(job, .cancelled) }
    }

    /// Ends everything; for the agent's own end.
    public func endAll() {
        for job in jobs { kill(job, .cancelled) }
    }

    func kill(_ job: Job, _ reason: Done.Ending) {
        switch job.phase {
        case .queued:
            job.killedBecause = reason
            finish(job)
        case .running:
            job.killedBecause = reason
            job.phase = .killed(at: kernel.monotonic)
            if let pid = job.child?.pid {
                kernel.killGroup(pid)
                kernel.kill(pid)
            }
        case .killed, .draining: break
        }
    }

    func finish(_ job: Job) {
        jobs.removeAll { $0 === job }
        job.answering.finish(job.done(at: kernel.monotonic))
    }

    /// Whether strays are being ended.
    var isHunting: Bool { huntSince != nil }

    /// Ends what a child that has exited may have left behind.
    func beginHunt() {
        if adoptsStrays { huntSince = huntSince ?? kernel.monotonic }
    }

    /// A child exited: reaps what came to this process from a shell that is open, which nothing else waits for.
    public func reapOrphans() {
        guard adoptsStrays, !shells.isEmpty, huntSince == nil else { return }
        for pid in kernel.children() where !isKnown(pid) && kernel.hasExited(pid) { _ = kernel.reap(pid) }
    }

    // MARK: One round of the loop

    /// Adds the pipes that can be read now, each round beginning with another job so that none goes short.
    public func prepare(_ polls: inout PollSet) {
        places.removeAll(keepingCapacity: true)
        turn &+= 1
        for offset in jobs.indices {
            let job = jobs[(offset + turn % jobs.count) % jobs.count]
            // Beyond the limit bytes are only counted, so a controller that does not drain cannot stop that.
            guard job.meter.isFull || job.survey != nil || job.answering.hasRoom() else { continue }
            let output = job.output.map { polls.add($0, .readable) }
            let error = job.error.map { polls.add($0, .readable) }
            if output != nil || error != nil { places.append((job, output, error)) }
        }
    }

    /// Microseconds until something is due though nothing happens; nil where nothing is.
    public func timeout(at now: UInt64) -> UInt64? {
        var soonest: UInt64? = huntSince == nil ? nil : Self.patrol
        for job in jobs {
            var due: UInt64
            switch job.phase {
            case .queued: continue
            case .running:
                due = job.deadline
                if let look = job.survey?.nextLook(after: now) { due = min(due, look) }
            case .killed(let at): due = min(at + Self.grace, now + Self.patrol)
            case .draining(let since): due = job.answering.hasRoom() ? since + Self.grace : now + Self.grace
            }
            soonest = min(soonest ?? .max, due > now ? due - now : 0)
        }
        return soonest
    }

    /// Reads what came, reaps what ended, ends what is late, and starts what waits.
    public func turn(_ polls: PollSet) {
        for place in places {
            if let at = place.output, !polls.events(at: at).isEmpty { pump(place.job, .output) }
            if let at = place.error, !polls.events(at: at).isEmpty { pump(place.job, .error) }
        }
        places.removeAll(keepingCapacity: true)
        reap()
        let now = kernel.monotonic
        // Strays first: a job whose pipes are closed already waits for nothing else, and nothing else would wake the loop for it.
        hunt(now)
        for job in jobs { advance(job, now) }
        for job in jobs where job.phase == .queued && jobs.count(where: { $0.isRunning }) < Self.childCountLimit { start(job) }
    }

    private func pump(_ job: Job, _ stream: Chunk.Stream) {
        guard let pipe = stream == .output ? job.output : job.error else { return }
        let bytes: [UInt8]
        do throws(Errno) {
            bytes = try kernel.read(pipe, limit: RollcallProtocol.chunkSizeLimit)
        } catch {
            if error != .again { close(job, stream) }
            return
        }
        if bytes.isEmpty { return close(job, stream) }
        if stream == .output, job.survey != nil {
            for row in job.survey?.take(bytes, at: kernel.monotonic) ?? [] { send(row: row, job) }
            return
        }
        job.send(bytes, stream)
        if job.meter.isFlood, job.phase == .running {
            job.note = "it was ended because it wrote more than 16 times its limit"
            kill(job, .signalled)
        }
    }

    /// A row goes whole or not at all.
    func send(row: [UInt8], _ job: Job) {
        if UInt64(row.count) > job.meter.limit - min(job.meter.sentByteCount, job.meter.limit) {
            job.meter.cutByteCount += UInt64(row.count)
        } else {
            job.send(row, .output)
        }
    }

    private func close(_ job: Job, _ stream: Chunk.Stream) {
        if stream == .output { job.output = nil } else { job.error = nil }
    }

    // MARK: Ends

    private func advance(_ job: Job, _ now: UInt64) {
        switch job.phase {
        case .queued: break
        case .running:
            if now >= job.deadline { return kill(job, .timedOut) }
            guard isOverdue(job, now) else { return }
            // The answer may have come while this process was waiting for its own turn.
            pump(job, .output)
            if isOverdue(job, now) { passOver(job) }
        case .killed(let at):
            if now >= at + Self.grace { abandon(job) }
        case .draining(let since):
            let isEmpty = job.output == nil && job.error == nil
            let isLate = now >= since + Self.grace && (job.answering.hasRoom() || job.meter.isFull)
            if isEmpty && huntSince == nil || isLate { finish(job) }
        }
    }

    /// Whether the mount that is being asked has had its time: less where the kernel holds the child than where the child only waits for
    /// the processor, as it may on a loaded device.
    private func isOverdue(_ job: Job, _ now: UInt64) -> Bool {
        guard let survey = job.survey, let pid = job.child?.pid, survey.hasWaited(MountSurvey.patience, at: now) else { return false }
        return survey.hasWaited(MountSurvey.starvedPatience, at: now) || kernel.isHeld(pid)
    }

    /// Gives up a child that outlived SIGKILL.
    private func abandon(_ job: Job) {
        if let pid = job.child?.pid {
            let name = job.survey?.current.map { StuckChild.name(of: $0) } ?? job.definition.id
            stuck.append(StuckChild(pid: pid, name: name))
        }
        job.killedBecause = .abandoned
        job.note = "it hangs in the kernel and is not asked again until it returns"
        finish(job)
    }

    /// Reaps the children that have exited. A leader's group is ended before its number is given back to the kernel.
    private func reap() {
        for job in jobs where job.isRunning {
            guard let pid = job.child?.pid, kernel.hasExited(pid) else { continue }
            kernel.killGroup(pid)
            job.ending = kernel.reap(pid)
            job.cpuTime += job.ending?.cpuTime ?? 0
            job.status?.read(kernel)
            job.phase = .draining(since: kernel.monotonic)
            beginHunt()
        }
        stuck.removeAll { kernel.hasExited($0.pid) && kernel.reap($0.pid) != nil }
    }

    /// Ends what the children left behind, session leaders of their own included, until none is left or the limit has passed.
    private func hunt(_ now: UInt64) {
        guard let since = huntSince else { return }
        let isLast = now >= since + Self.huntLimit
        if endStrays(isLast) == 0 || isLast { huntSince = nil }
    }

    /// Ends the strays there are; what they leave behind comes to this process and is found the next time.
    ///
    /// None is reaped before the last has ended: till then it counts against the limit of its user's processes, so that what forks as fast
    /// as it is ended has ever less room for it.
    private func endStrays(_ isLast: Bool) -> Int {
        var alive = 0
        var ended: [Int32] = []
        for pid in kernel.children() where !isKnown(pid) {
            if kernel.hasExited(pid) {
                ended.append(pid)
                continue
            }
            // What still belongs to the session of a running probe is that probe's.
            if let session = kernel.relation(of: pid)?.session {
                if jobs.contains(where: { $0.isRunning && $0.child?.pid == session }) { continue }
                // By its session, or by its scope, which it cannot leave.
                if shells.contains(where: { $0.pid == session || $0.scope?.holds(pid, kernel) == true }) { continue }
            }
            kernel.kill(pid)
            alive += 1
        }
        if alive == 0 || isLast { for pid in ended { _ = kernel.reap(pid) } }
        return alive + ended.count
    }

    private func isKnown(_ pid: Int32) -> Bool {
        stuck.contains { $0.pid == pid } || streamChildren.contains(pid) || jobs.contains { $0.isRunning && $0.child?.pid == pid }
    }
}

/// A child that outlived SIGKILL and was given up.
struct StuckChild {
    let pid: Int32
    let name: Text

    /// How a mount that does not answer is named.
    static func name(of mount: MountEntry) -> Text {
        // Foreign bytes: what is not UTF-8 cannot go over the wire as text.
        let path = isWellFormedUTF8(mount.mount[...]) ? Text(Array(mount.mount.prefix(900))) : "(name is not UTF-8)"
        return "mount " + path
    }
}
