internal import Catalogue
internal import Wire

/// How a job's children come to life.
extension Executor {
    func start(_ job: Job) {
        let now = kernel.monotonic
        job.startedAt = now
        job.deadline = now + job.definition.timeLimit * 1_000
        do throws(Errno) {
            switch job.definition.source {
            case .run: adopt(try kernel.spawn(job.arguments, job.limits), job)
            case .files(let patterns):
                adopt(try forkReader(job) { (reader, emit) throws(Errno) in try reader.read(patterns, emit: emit) }, job)
            case .stat(let patterns):
                adopt(try forkReader(job) { (reader, emit) throws(Errno) in try reader.look(patterns, emit: emit) }, job)
            case .clock:
                // Neither call waits, and the child may not ask the clock.
                let row = try kernel.clockRow().encoded
                adopt(try forkReader(job) { (_, emit) throws(Errno) in try emit(row) }, job)
            case .resolve(let names):
                // Answers are waited for one after the other, and have three quarters of the time together.
                let count = UInt64(max(1, names.count * 2 * NamesReader.serverCountLimit))
                let reader = NamesReader(kernel: kernel, root: root, patience: job.definition.timeLimit * 750 / count)
                adopt(try forkReader(job) { (_, emit) throws(Errno) in try reader.read(names, emit: emit) }, job)
            case .connect(let targets):
                // All are waited for at once, for three quarters of the time.
                let reader = ConnectionsReader(kernel: kernel, root: root, patience: job.definition.timeLimit * 750)
                adopt(try forkReader(job) { (_, emit) throws(Errno) in try reader.read(targets, emit: emit) }, job)
            case .statfs:
                job.survey = try MountSurvey(kernel: kernel, root: root)
                try continueSurvey(job)
            }
        } catch {
            fail(job, error)
        }
    }

    private func adopt(_ child: StartedChild, _ job: Job) {
        job.child = child
        job.output = child.output
        job.error = child.error
        job.status = StatusPipe(child.status)
        job.phase = .running
    }

    private func fail(_ job: Job, _ problem: Errno) {
        job.killedBecause = .notStarted
        job.ending = ProcessEnding(wasSignalled: false, code: UInt64(problem.rawValue.magnitude), cpuTime: 0)
        finish(job)
    }

    private func forkReader(
        _ job: Job, _ read: @escaping (inout FilesReader, ([UInt8]) throws(Errno) -> Void) throws(Errno) -> Void
    ) throws(Errno) -> StartedChild {
        let (kernel, root, limit) = (kernel, root, job.definition.outputLimit)
        return try kernel.fork(job.limits) {
            let (output, status) = (Descriptor(1, isOwned: false), Descriptor(3, isOwned: false))
            do throws(Errno) {
                var reader = try FilesReader(kernel: kernel, root: root, limit: limit)
                try read(&reader) { (row) throws(Errno) in try kernel.writeAll(output, row) }
                try kernel.writeAll(status, StatusPipe.encode(cutByteCount: reader.cutByteCount))
                return 0
            } catch {
                return 1
            }
        }
    }

    // MARK: Mounts

    /// Starts a child at the mount whose turn it is. One that is known to hang is not asked, or each survey would leave a stuck child.
    private func continueSurvey(_ job: Job) throws(Errno) {
        guard let survey = job.survey else { return }
        let (kernel, root, hung) = (kernel, root, stuckNames)
        adopt(try kernel.fork(job.limits) { survey.ask(kernel, root: root, hung: hung) }, job)
        job.survey?.restart()
    }

    /// Gives up a mount that does not answer, and goes on with the next in another child.
    func passOver(_ job: Job) {
        guard let child = job.child else { return }
        if let mount = job.survey?.current {
            send(row: mount.row(status: .timedOut).encoded, job)
            stuck.append(StuckChild(pid: child.pid, name: StuckChild.name(of: mount)))
            if job.note.isEmpty { job.note = "did not answer:" }
            let name = Text(Array(mount.mount.prefix(200)))
            if isWellFormedUTF8(name.bytes[...]), job.note.bytes.count < 700 { job.note = job.note + " " + name }
        }
        kernel.kill(child.pid)
        job.survey?.skip()
        do throws(Errno) { try continueSurvey(job) } catch { fail(job, error) }
    }
}
