internal import Wire

/// The streams of all sessions. Whatever blocks does so in a child, and what waits here is bounded.
public final class StreamTable {
    private let kernel: Kernel
    private let executor: Executor
    private let settings: Settings
    private let users: UserDatabase
    private var streams: [FileStream] = []

    /// Streams at once, of all sessions together.
    static let countLimit = 8
    /// Reads of one stream in one round, so that none goes short.
    private static let readsInRound = 4
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
        streams.contains { $0.session.number == session && $0.backlogCount > FileStream.backlogLimit }
    }

    // MARK: Requests

    /// Opens a stream that was checked and is on record.
    ///
    /// - Parameter isLimited: Whether a file is read with the rights of `nobody` in the groups of those who read logs.
    func open(_ open: OpenStream, session: Session, isLimited: Bool) throws(Refusal) {
        let isPut = open.kind == "put"
        if streams.count >= Self.countLimit { throw Refusal(.busy, "8 files are being carried on this device; wait for one of them.") }
        if executor.stuck.contains(where: { $0.name == Self.name(of: open) }) || executor.stuck.count >= Executor.stuckCountLimit {
            throw Refusal(.stuck, "An earlier transfer of it hangs in the kernel; it is tried again once that returns.")
        }
        var limits = ChildLimits(ownNetwork: kernel.isRoot, cpuSeconds: Self.cpuLimit)
        limits.identity = isLimited && kernel.mayChangeUser ? try reader() : nil
        limits.hasInput = isPut
        limits.sandbox = kernel.sandbox
        if executor.requiresSandbox { limits.required = Sandbox.required }
        limits.hidden = settings.state
        if isPut { limits.writable = [Text(settings.root + FilePath.parts(open.target.bytes).directory)] }
        let transfer = FileTransfer(kernel: kernel, root: settings.root, stream: open)
        do throws(Errno) {
            let child = try kernel.fork(limits) {
                transfer.run { (transfer) throws(Errno) in isPut ? try transfer.put() : try transfer.get() }
            }
            executor.streamChildren.append(child.pid)
            streams.append(FileStream(open, session: session, child: child, now: kernel.monotonic))
        } catch {
            throw Self.refusal(error)
        }
    }

    private func reader() throws(Refusal) -> UserIdentity {
        if let identity = users.identity("nobody", groups: ["adm", "systemd-journal"]) { return identity }
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
        guard stream.sink != nil else { return }
        stream.backlog += data.bytes
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
        (stream.sink, stream.source, stream.backlog, stream.backlogStart) = (nil, nil, [], 0)
        // A child that is writing sees the end of its input and keeps what is whole of it; one that reads is of no more use.
        if !stream.isPut { kernel.kill(stream.pid) }
    }

    // MARK: One round of the loop

    /// Adds the pipes that something can be done with.
    public func prepare(_ polls: inout PollSet) {
        for stream in streams {
            stream.sinkPlace = stream.backlogCount > 0 ? stream.sink.map { polls.add($0, .writable) } : nil
            let wantsOutput = stream.report == nil || stream.isPut || stream.credit > 0
            stream.sourcePlace = wantsOutput && stream.session.hasRoom ? stream.source.map { polls.add($0, .readable) } : nil
        }
    }

    /// Microseconds until something is due though nothing happens; nil where nothing is.
    public func timeout(at now: UInt64) -> UInt64? {
        var soonest: UInt64?
        for stream in streams {
            let due = stream.endedBecause.map { $0.at + Executor.grace } ?? stream.activeAt + Settings.idleTimeLimit
            soonest = min(soonest ?? .max, due > now ? due - now : 0)
        }
        return soonest
    }

    /// Carries what can be carried, and ends what has ended.
    public func turn(_ polls: PollSet) {
        for stream in streams {
            if let place = stream.sinkPlace, !polls.events(at: place).isEmpty { write(stream) }
            if let place = stream.sourcePlace, !polls.events(at: place).isEmpty { read(stream) }
            (stream.sinkPlace, stream.sourcePlace) = (nil, nil)
        }
        let now = kernel.monotonic
        for stream in streams { advance(stream, now) }
    }

    private func write(_ stream: FileStream) {
        while let sink = stream.sink, stream.backlogCount > 0 {
            do throws(Errno) {
                let count = try kernel.write(sink, stream.backlog[stream.backlogStart...])
                stream.backlogStart += count
                stream.count += UInt64(count)
                stream.taken += UInt64(count)
                stream.activeAt = kernel.monotonic
            } catch {
                if error == .again { break }
                // The child is gone or going, and says why.
                (stream.sink, stream.backlog, stream.backlogStart) = (nil, [], 0)
                return
            }
        }
        if stream.backlogCount == 0 || stream.backlogStart > FileStream.backlogLimit {
            stream.backlog.removeFirst(stream.backlogStart)
            stream.backlogStart = 0
        }
        if stream.taken >= FileStream.window / 4 {
            stream.granted += stream.taken
            stream.session.send(.control(StreamControl(request: stream.open.request, kind: .credit, value: stream.taken)))
            stream.taken = 0
        }
        if stream.isInputEnded, stream.backlogCount == 0 { stream.sink = nil }
    }

    private func read(_ stream: FileStream) {
        for _ in 0..<Self.readsInRound {
            guard let source = stream.source, stream.session.hasRoom else { return }
            let isHead = stream.report == nil
            let room = isHead ? FileReport.byteCount - stream.head.count : Int(min(stream.credit, UInt64(RollcallProtocol.chunkSizeLimit)))
            // One that writes has only its end to tell.
            if room == 0, !stream.isPut { return }
            let bytes: [UInt8]
            do throws(Errno) { bytes = try kernel.read(source, limit: max(room, 1)) } catch {
                if error != .again { stream.source = nil }
                return
            }
            if bytes.isEmpty {
                stream.source = nil
                return
            }
            stream.activeAt = kernel.monotonic
            if isHead { begin(stream, bytes) } else if !stream.isPut { send(stream, bytes) }
        }
    }

    private func begin(_ stream: FileStream, _ bytes: [UInt8]) {
        stream.head += bytes
        guard let report = FileReport(stream.head[...]) else { return }
        stream.report = report
        stream.granted = stream.isPut ? FileStream.window : 0
        stream.session.send(
            .streamOpened(
                StreamOpened(
                    request: stream.open.request, size: report.size, offset: report.offset, time: report.time,
                    digest: stream.isPut && report.offset > 0 ? report.digest : [], credit: stream.granted)))
    }

    private func send(_ stream: FileStream, _ bytes: [UInt8]) {
        stream.credit -= UInt64(bytes.count)
        stream.count += UInt64(bytes.count)
        stream.session.send(.data(StreamData(request: stream.open.request, bytes: bytes)))
    }

    // MARK: Ends

    private func advance(_ stream: FileStream, _ now: UInt64) {
        if let ended = stream.endedBecause, now >= ended.at + Executor.grace {
            kernel.kill(stream.pid)
            if now >= ended.at + 2 * Executor.grace { return abandon(stream) }
        }
        if stream.endedBecause == nil, now >= stream.activeAt + Settings.idleTimeLimit {
            end(stream, Refusal(.idle, "Nothing of this file was carried for 10 minutes, so it was given up."))
        }
        // Everything that the child has said is read before its end is told.
        guard stream.source == nil, kernel.hasExited(stream.pid) else { return }
        kernel.killGroup(stream.pid)
        _ = kernel.reap(stream.pid)
        finish(stream, stream.finalReport(kernel))
    }

    /// Gives up a child that outlived SIGKILL.
    private func abandon(_ stream: FileStream) {
        executor.stuck.append(StuckChild(pid: stream.pid, name: Self.name(of: stream.open)))
        finish(stream, nil)
    }

    private func finish(_ stream: FileStream, _ report: FileReport?) {
        streams.removeAll { $0 === stream }
        executor.streamChildren.removeAll { $0 == stream.pid }
        let end: StreamEnd
        if let refusal = stream.endedBecause?.refusal {
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
        case .symlink: Refusal(.file, "The path goes through a symbolic link, and none is followed; name the file itself.")
        case .isDirectory, .invalid: Refusal(.file, "It is no regular file, and only those are carried.")
        case .exists: Refusal(.file, "A file is there already; it is replaced only where that is asked for.")
        case .again: Refusal(.busy, "The same file is being written at this moment.")
        case .badMessage: Refusal(.file, "What arrived is not what was announced, so it was thrown away; try again.")
        case .noSpace, .quota: Refusal(.storage, "The device has no room for it; what had been written was taken away.")
        default: Refusal(.file, "The device's file system fails with errno " + .decimal(UInt64(problem.rawValue.magnitude)) + ".")
        }
    }
}
