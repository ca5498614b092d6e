internal import Catalogue
internal import LedgerCore
internal import Wire

/// Streams within a session.
extension Session {
    func begin(_ open: OpenStream) {
        requestCount &+= 1
        do throws(Refusal) { try admitAndOpen(open) } catch { refuse(open.request, subject(of: open), error) }
    }

    private func subject(of open: OpenStream) -> Text { open.kind + " " + open.target }

    private func admitAndOpen(_ open: OpenStream) throws(Refusal) {
        let (get, put): (Text, Text) = ("get", "put")
        if open.kind == "tunnel" { return try admitAndConnect(open) }
        if open.kind == "shell" { return try admitAndStartShell(open) }
        let isPut = open.kind == put
        guard isPut || open.kind == get else { throw Refusal(.stream, "This agent has no streams of that kind.") }
        try admit(open.request, isPut ? .put : .get)
        try FilePath.check(open.target.bytes, device.settings)
        if isPut {
            if isStandalone { throw Refusal(.rights, "An agent that serves alone writes no files; use the device's daemon.") }
            if open.digest.isEmpty { throw Refusal(.stream, "A file to be written comes with the digest of the whole.") }
            try FilePath.check(open.target.bytes, beneath: device.configuration.writable, "write-path")
        } else {
            try device.owner.checkReading(open.target.bytes)
            if role != .shell { try FilePath.check(open.target.bytes, beneath: device.configuration.readable, "read-path") }
        }
        var opened = entry(.streamOpened, subject: subject(of: open), request: open.request)
        if isPut { (opened.digest, opened.count) = (open.digest, open.size) }
        try begin(opened) { () throws(Refusal) in try device.streams.open(open, session: self, isLimited: role != .shell) }
    }

    private func admitAndConnect(_ open: OpenStream) throws(Refusal) {
        try admit(open.request, .tunnel)
        guard device.configuration.tunnels.contains(open.target.bytes), let target = TunnelTarget(open.target.bytes) else {
            throw Refusal(.path, "The device's agent.conf does not list this (tunnel ADDRESS:PORT).")
        }
        let opened = entry(.streamOpened, subject: subject(of: open), request: open.request)
        try begin(opened) { () throws(Refusal) in try device.streams.connect(open, target, session: self) }
    }

    private func admitAndStartShell(_ open: OpenStream) throws(Refusal) {
        try admit(open.request, .shell)
        if isStandalone { throw Refusal(.rights, "An agent that serves alone opens no shell; use the device's daemon.") }
        guard StreamTable.isTerminalType(open.target.bytes) else {
            throw Refusal(.shell, "A shell wants the type of its terminal: at most 32 letters, digits and + - . _, such as xterm.")
        }
        let opened = entry(.streamOpened, subject: subject(of: open), request: open.request)
        try begin(opened) { () throws(Refusal) in
            try device.streams.startShell(open, user: device.configuration.shellUser, session: self)
        }
    }

    /// Checks that a stream which goes on is still allowed: what the owner or a roster ends is to end at once.
    func review(_ open: OpenStream) throws(Refusal) { try allow(open.kind == "shell" ? .shell : .tunnel) }

    /// Opens what is on record now.
    private func begin(_ opened: LedgerEntry, _ work: () throws(Refusal) -> Void) throws(Refusal) {
        try record(opened, mustBeDurable: true)
        let request = opened.request ?? 0
        live.append(request)
        do throws(Refusal) { try work() } catch {
            retire(request)
            throw error
        }
    }

    /// Tells the end of a stream and writes it down.
    func finish(_ open: OpenStream, _ end: StreamEnd) {
        retire(open.request)
        var closed = entry(.streamClosed, subject: subject(of: open), request: open.request)
        let done: Done
        switch end {
        case .done(let digest, let count):
            closed.digest = digest
            done = Done(request: open.request, ending: .exited, sentByteCount: count, digest: digest)
        case .shell(let ending, let refusal, let digest, let count):
            closed.digest = digest
            let how = ending.map { $0.wasSignalled ? Done.Ending.signalled : .exited } ?? .cancelled
            done = Done(
                request: open.request, ending: how, code: ending?.code ?? 0, sentByteCount: count, digest: digest,
                note: refusal?.sentence ?? "")
        case .cancelled(let count):
            done = Done(request: open.request, ending: .cancelled, sentByteCount: count)
        case .refused(let refusal):
            if isEnded { return }
            return refuse(open.request, subject(of: open), refusal, mustBeLogged: true)
        }
        (closed.detail, closed.count) = (done.endingText, done.sentByteCount)
        if case .shell(_, let refusal?, _, _) = end { closed.detail = refusal.rule }
        _ = try? device.ledger.append(closed)
        // What was written is to be on record for good when the controller hears of it, and a session's own last entry is there already.
        try? device.ledger.sync()
        if !isEnded { send(.done(done)) }
    }
}
