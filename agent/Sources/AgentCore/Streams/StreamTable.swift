internal import LedgerCore
internal import Wire

/// The streams of all sessions. Whatever blocks does so in a child, and what waits here is bounded.
public final class StreamTable {
    let kernel: Kernel
    let executor: Executor
    private let settings: Settings
    let users: UserDatabase
    private var streams: [FileStream] = []

    /// Streams at once, of all sessions together.
    static let countLimit = 16
    /// Reads of one stream in one round, so that none goes short.
    private static let readsInRound = 4
    /// Signals that a controller may send to what has a shell's terminal: those that end, stop and continue.
    private static let signals: UInt64 = 0x14_820e
    /// Microseconds between looks at something that no event tells of, and between two ends of a shell's input.
    private static let (patrol, endInterval): (UInt64, UInt64) = (20_000, 1_000_000)
    /// Seconds of CPU time that one child may take.
    private static let cpuLimit: UInt64 = 3_600

    init(kernel: Kernel, executor: Executor, settings: Settings) {
        self.kernel = kernel
        self.executor = executor
        self.settings = settings
        users = UserDatabase(kernel: kernel, root: settings.root)
    }

    /// Whether there is none.
    public var isIdle: Bool { streams.isEmpty }

    /// Whether bytes of a session wait for a child, so that no more are to be read from it.
    func isHoldingUp(session: UInt64) -> Bool {
        streams.contains { $0.isPut && $0.session.number == session && $0.backlogCount > 0 }
    }

    // MARK: Requests

    func checkRoom() throws(Refusal) {
        if streams.count >= Self.countLimit { throw Refusal(.busy, "16 streams are open on this device; wait for one of them.") }
    }

    func add(_ stream: FileStream) {
        if !stream.isConnection { executor.streamChildren.append(stream.pid) }
        streams.append(stream)
        if !stream.isTwoWay { kernel.keepFreed(true) }
    }

    /// Opens a connection that was checked and is on record.
    func connect(_ open: OpenStream, _ target: TunnelTarget, session: Session) throws(Refusal) {
        try checkRoom()
        do throws(Errno) {
            let connection = try kernel.connect(target.address, port: target.port)
            add(
                FileStream(
                    open, session: session, pid: 0, sink: connection, source: connection, status: nil, kernel, beside: streams.count))
        } catch {
            throw Self.refusal(ofConnection: error)
        }
    }

    private static func refusal(ofConnection problem: Errno) -> Refusal {
        Refusal(.tunnel, "The device has no connection to it (errno " + .decimal(UInt64(problem.rawValue.magnitude)) + ").")
    }

    /// Opens a stream that was checked and is on record.
    ///
    /// - Parameter isLimited: Whether a file is read with the rights of `nobody` in the groups of those who read logs.
    func open(_ open: OpenStream, session: Session, isLimited: Bool) throws(Refusal) {
        let isPut = open.kind == "put"
        try checkRoom()
        if executor.stuck.contains(where: { $0.name == Self.name(of: open) }) || executor.stuck.count >= Executor.stuckCountLimit {
            throw Refusal(.stuck, "An earlier transfer of it hangs in the kernel; it is tried again once that returns.")
        }
        var limits = ChildLimits(ownNetwork: kernel.isRoot, cpuSeconds: Self.cpuLimit)
        limits.identity = isLimited && kernel.mayChangeUser ? try reader() : nil
        limits.hasInput = isPut
        limits.keepsPriority = true
        limits.sandbox = kernel.sandbox
        if executor.requiresSandbox { limits.required = Sandbox.required }
        limits.hidden = settings.state
        if isPut { limits.writable = [Text(settings.root + FilePath.parts(open.target.bytes).directory)] }
        let transfer = FileTransfer(kernel: kernel, root: settings.root, stream: open)
        do throws(Errno) {
            let child = try kernel.fork(limits) {
                transfer.run { (transfer) throws(Errno) in isPut ? try transfer.put() : try transfer.get() }
            }
            add(
                FileStream(
                    open, session: session, pid: child.pid, sink: child.input, source: child.output, status: child.status, kernel))
        } catch {
            throw Self.refusal(error)
        }
    }

    private func reader() throws(Refusal) -> UserIdentity {
        if let identity = users.identity("nobody", groups: Settings.logReaders) { return identity }
        throw Refusal(.unknownUser, "Files are read as the user nobody, whom this device does not have.")
    }

    private static func name(of open: OpenStream) -> Text { open.kind + " " + open.target }

    private func find(_ request: UInt64, session: UInt64) -> FileStream? {
        streams.first { $0.session.number == session && $0.open.request == request }
    }

    /// Takes bytes from the controller; those of a stream that has ended are passed over.
    func take(_ data: StreamData, session: UInt64) {
        guard let stream = find(data.request, session: session), stream.endedBecause == nil else { return }
        guard UInt64(data.bytes.count) <= stream.granted, !stream.isInputEnded else {
            return end(stream, Refusal(.stream, "More came for this stream than it had credit for."))
        }
        stream.granted -= UInt64(data.bytes.count)
        stream.activeAt = kernel.monotonic
        if stream.isTwoWay {
            stream.hashes.taken.update(data.bytes)
            stream.count += UInt64(data.bytes.count)
        }
        guard stream.sink != nil else { return }
        if stream.backlogCount == 0 {
            (stream.backlog, stream.backlogStart) = (data.bytes, 0)
        } else {
            stream.backlog += data.bytes
        }
        write(stream)
    }

    /// Takes what the controller says of a stream.
    func take(_ control: StreamControl, session: UInt64) {
        guard let stream = find(control.request, session: session), stream.endedBecause == nil else { return }
        stream.activeAt = kernel.monotonic
        if control.kind == .credit { stream.credit = min(stream.credit + control.value, RollcallProtocol.streamSizeLimit) }
        if control.kind == .end {
            stream.isInputEnded = true
            write(stream)
        }
        guard stream.isShell, let terminal = stream.source else { return }
        if control.kind == .resize { kernel.resize(terminal, columns: control.value, rows: control.other) }
        if control.kind == .signal, Self.signals >> control.value & 1 == 1 { kernel.signal(terminal, control.value, session: stream.pid) }
    }

    /// Ends a stream; false where there is none.
    func cancel(session: UInt64, request: UInt64) -> Bool {
        guard let stream = find(request, session: session) else { return false }
        end(stream, nil)
        return true
    }

    /// Ends the streams of a session that is gone.
    func abandon(session: UInt64) {
        for stream in streams where stream.session.number == session { end(stream, nil) }
    }

    /// Ends all streams; for the agent's own end.
    public func endAll() {
        for stream in streams { end(stream, nil) }
    }

    private func end(_ stream: FileStream, _ refusal: Refusal?) {
        guard stream.endedBecause == nil else { return }
        stream.endedBecause = (refusal, kernel.monotonic)
        // Without its terminal a shell is told to hang up.
        stream.killAt = kernel.monotonic + Executor.grace
        (stream.sink, stream.source, stream.backlog, stream.backlogStart) = (nil, nil, [], 0)
        // A child that is writing sees the end of its input and keeps what is whole of it; one that reads is of no more use.
        if !stream.isPut, !stream.isTwoWay { kernel.kill(stream.pid) }
    }

    // MARK: One round of the loop

    /// Adds the pipes that something can be done with.
    public func prepare(_ polls: inout PollSet) {
        for stream in streams {
            let isConnecting = stream.isConnection && stream.report == nil
            stream.sinkPlace = stream.backlogCount > 0 || isConnecting ? stream.sink.map { polls.add($0, .writable) } : nil
            let wantsOutput =
                stream.isTwoWay ? !isConnecting && stream.credit > 0 : stream.report == nil || stream.isPut || stream.credit > 0
            stream.sourcePlace = wantsOutput && stream.session.hasRoomForStreams ? stream.source.map { polls.add($0, .readable) } : nil
        }
    }

    /// Microseconds until something is due though nothing happens; nil where nothing is.
    public func timeout(at now: UInt64) -> UInt64? {
        var soonest: UInt64?
        for stream in streams {
            // A look at what goes both ways is more often than it can be idle for too long.
            let usual = stream.isTwoWay ? stream.reviewAt : stream.activeAt + Settings.idleTimeLimit
            var due = stream.endedBecause.map { $0.at + Executor.grace } ?? usual
            if stream.exitedAt != nil || stream.killAt.map({ now >= $0 }) == true { due = now + Self.patrol }
            if let typedAt = stream.typedEndAt { due = min(due, typedAt + Self.endInterval) }
            soonest = min(soonest ?? .max, due > now ? due - now : 0)
        }
        return soonest
    }

    /// Carries what can be carried, and ends what has ended.
    public func turn(_ polls: PollSet) {
        for stream in streams {
            if let place = stream.sinkPlace, !polls.events(at: place).isEmpty {
                if stream.isConnection, stream.report == nil { connected(stream) } else { write(stream) }
            }
            if let place = stream.sourcePlace, !polls.events(at: place).isEmpty { read(stream) }
            (stream.sinkPlace, stream.sourcePlace) = (nil, nil)
        }
        let now = kernel.monotonic
        for stream in streams { advance(stream, now) }
    }

    private func connected(_ stream: FileStream) {
        if let sink = stream.sink, let problem = kernel.problem(of: sink) { return end(stream, Self.refusal(ofConnection: problem)) }
        begin(stream, FileReport())
        write(stream)
    }

    private func write(_ stream: FileStream) {
        // A controller may say that it has no more to send before it is known whether there is a connection.
        if stream.isConnection, stream.report == nil { return }
        while let sink = stream.sink, stream.backlogCount > 0 {
            do throws(Errno) {
                let count = try kernel.write(sink, stream.backlog[stream.backlogStart...])
                stream.backlogStart += count
                if stream.isPut { stream.count += UInt64(count) }
                stream.taken += UInt64(count)
                stream.activeAt = kernel.monotonic
            } catch {
                if error == .again { break }
                // The child is gone or going, and says why.
                (stream.sink, stream.backlog, stream.backlogStart) = (nil, [], 0)
                if stream.isConnection { end(stream, Self.refusal(ofConnection: error)) }
                return
            }
        }
        if stream.backlogCount == 0 || stream.backlogStart > FileStream.goneLimit {
            stream.backlog = Array(stream.backlog[stream.backlogStart...])
            stream.backlogStart = 0
        }
        if stream.taken > 0, stream.taken >= stream.window / 4 {
            stream.granted += stream.taken
            stream.session.send(.control(StreamControl(request: stream.open.request, kind: .credit, value: stream.taken)))
            stream.taken = 0
        }
        if stream.isInputEnded, stream.backlogCount == 0, let sink = stream.sink {
            if stream.isShell { return typeEnd(stream, sink) }
            if stream.isConnection { kernel.shutdownWrite(sink) }
            stream.sink = nil
        }
    }

    /// Types Control-D, which ends the input of whatever reads a line now.
    private func typeEnd(_ stream: FileStream, _ terminal: Descriptor) {
        stream.typedEndAt = kernel.monotonic
        _ = try? kernel.write(terminal, [4])
    }

    private func read(_ stream: FileStream) {
        for _ in 0..<Self.readsInRound {
            guard let source = stream.source, stream.session.hasRoomForStreams else { return }
            let isHead = stream.report == nil
            let room = isHead ? FileReport.byteCount - stream.head.count : Int(min(stream.credit, UInt64(RollcallProtocol.chunkSizeLimit)))
            // One that writes has only its end to tell.
            if room == 0, !stream.isPut { return }
            let bytes: [UInt8]
            do throws(Errno) { bytes = try kernel.read(source, limit: max(room, 1)) } catch {
                if error == .again { return }
                stream.source = nil
                if stream.isConnection { end(stream, Self.refusal(ofConnection: error)) }
                // Nobody has the terminal open any more.
                if stream.isShell { (stream.sink, stream.killAt) = (nil, kernel.monotonic + Executor.grace) }
                return
            }
            if bytes.isEmpty {
                stream.source = nil
                if stream.isConnection { stream.session.send(.control(StreamControl(request: stream.open.request, kind: .end))) }
                return
            }
            stream.activeAt = kernel.monotonic
            if isHead { begin(stream, bytes) } else if !stream.isPut { send(stream, bytes) }
        }
    }

    private func begin(_ stream: FileStream, _ bytes: [UInt8]) {
        stream.head += bytes
        if let report = FileReport(stream.head[...]) { begin(stream, report) }
    }

    func begin(_ stream: FileStream, _ report: FileReport) {
        stream.report = report
        stream.granted = stream.window
        stream.session.send(
            .streamOpened(
                StreamOpened(
                    request: stream.open.request, size: report.size, offset: report.offset, time: report.time,
                    digest: stream.isPut && report.offset > 0 ? report.digest : [], credit: stream.granted)))
    }

    private func send(_ stream: FileStream, _ bytes: [UInt8]) {
        if stream.isTwoWay { stream.hashes.given.update(bytes) }
        stream.credit -= UInt64(bytes.count)
        stream.count += UInt64(bytes.count)
        stream.session.send(.data(StreamData(request: stream.open.request, bytes: bytes)))
    }

    // MARK: Ends

    private func advance(_ stream: FileStream, _ now: UInt64) {
        if stream.isTwoWay, stream.endedBecause == nil, now >= stream.reviewAt { review(stream, now) }
        if stream.endedBecause == nil, now >= stream.activeAt + Settings.idleTimeLimit, !isBusy(stream, now) {
            end(stream, Refusal(.idle, "Nothing of it was carried for 10 minutes, so it was given up."))
        }
        if stream.isShell { return advanceShell(stream, now) }
        if stream.isConnection {
            var report = FileReport()
            report.digest = stream.twoWayDigest
            if stream.source == nil, stream.sink == nil { finish(stream, stream.endedBecause == nil ? report : nil) }
            return
        }
        if let ended = stream.endedBecause, now >= ended.at + Executor.grace {
            kernel.kill(stream.pid)
            if now >= ended.at + 2 * Executor.grace { return abandon(stream) }
        }
        // Everything that the child has said is read before its end is told.
        guard stream.source == nil, kernel.hasExited(stream.pid) else { return }
        kernel.killGroup(stream.pid)
        _ = kernel.reap(stream.pid)
        finish(stream, stream.finalReport(kernel))
    }

    /// What the owner or a roster ends is to end soon, and not with its next request.
    private func review(_ stream: FileStream, _ now: UInt64) {
        stream.reviewAt = now + Settings.reviewInterval
        do throws(Refusal) { try stream.session.review(stream.open) } catch { end(stream, error) }
    }

    /// Whether a program runs in a shell: as with a probe, its silence is no idleness while the controller takes what it is sent.
    private func isBusy(_ stream: FileStream, _ now: UInt64) -> Bool {
        guard stream.isShell, stream.exitedAt == nil, stream.credit > 0, stream.session.hasRoomForStreams, let terminal = stream.source,
            kernel.isOccupied(terminal, by: stream.pid)
        else { return false }
        stream.activeAt = now
        return true
    }

    private func advanceShell(_ stream: FileStream, _ now: UInt64) {
        if let typedAt = stream.typedEndAt, now >= max(typedAt, stream.activeAt) + Self.endInterval, let terminal = stream.sink {
            typeEnd(stream, terminal)
        }
        if stream.exitedAt == nil, kernel.hasExited(stream.pid) {
            stream.exitedAt = now
            executor.shells.removeAll { $0 === stream }
            endAll(of: stream)
            executor.beginHunt()
        }
        guard let exitedAt = stream.exitedAt else {
            if let killAt = stream.killAt, now >= killAt {
                endAll(of: stream)
                if now >= killAt + Executor.grace { abandon(stream) }
            }
            return
        }
        // What it wrote is read to the end, where the controller takes it; what it left behind holds the terminal no longer than this.
        let isLate = now >= exitedAt + 2 * Executor.grace
        if isLate, stream.credit > 0, stream.session.hasRoomForStreams { stream.source = nil }
        guard stream.source == nil else { return }
        stream.sink = nil
        let isEmpty = stream.scope.map { $0.remove(kernel) } ?? !executor.isHunting
        if !isEmpty, !isLate { return endAll(of: stream) }
        stream.exit = kernel.reap(stream.pid)
        finish(stream, nil)
    }

    /// Ends a shell and what belongs to it with SIGKILL.
    private func endAll(of shell: FileStream) {
        shell.scope?.kill(kernel)
        kernel.killGroup(shell.pid)
        kernel.kill(shell.pid)
    }

    /// Gives up a child that outlived SIGKILL.
    private func abandon(_ stream: FileStream) {
        executor.stuck.append(StuckChild(pid: stream.pid, name: Self.name(of: stream.open)))
        finish(stream, nil)
    }

    private func finish(_ stream: FileStream, _ report: FileReport?) {
        streams.removeAll { $0 === stream }
        executor.streamChildren.removeAll { $0 == stream.pid }
        executor.shells.removeAll { $0 === stream }
        if streams.allSatisfy({ $0.isTwoWay }) { kernel.keepFreed(false) }
        let end: StreamEnd
        if stream.isShell {
            let ending = stream.endedBecause == nil ? stream.exit : nil
            end = .shell(ending, refusal: stream.endedBecause?.refusal, digest: stream.twoWayDigest, count: stream.count)
        } else if let refusal = stream.endedBecause?.refusal {
            end = .refused(refusal)
        } else if let report, report.problem == nil {
            end = .done(digest: report.digest, count: stream.count)
        } else if stream.endedBecause != nil || report?.problem == .cancelled {
            end = .cancelled(count: stream.count)
        } else {
            end = .refused(Self.refusal(report?.problem ?? .inputOutput))
        }
        stream.session.finish(stream.open, end)
    }

    /// Why a file cannot be carried, in words.
    private static func refusal(_ problem: Errno) -> Refusal {
        switch problem {
        case .noEntry: Refusal(.file, "There is no such file, or no such directory, on the device.")
        case .access, .notPermitted: Refusal(.file, "The device's permissions do not allow it in this role.")
        case .symlink, .notDirectory:
            Refusal(.file, "The path goes through a symbolic link, and none is followed, or through a file; name the file itself.")
        case .isDirectory, .invalid: Refusal(.file, "It is no regular file, and only those are carried.")
        case .exists: Refusal(.file, "A file is there already; it is replaced only where that is asked for.")
        case .again: Refusal(.busy, "The same file is being written at this moment.")
        case .badMessage: Refusal(.file, "What arrived is not what was announced, so it was thrown away; try again.")
        case .noSpace, .quota: Refusal(.storage, "The device has no room for it; what had been written was taken away.")
        default: Refusal(.file, "The device's file system fails with errno " + .decimal(UInt64(problem.rawValue.magnitude)) + ".")
        }
    }
}
