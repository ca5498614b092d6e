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
        try record(opened, mustBeDurable: true)
        live.append(open.request)
        do throws(Refusal) {
            try device.streams.open(open, session: self, isLimited: role != .shell)
        } catch {
            retire(open.request)
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
        case .cancelled(let count):
            done = Done(request: open.request, ending: .cancelled, sentByteCount: count)
        case .refused(let refusal):
            if isEnded { return }
            return refuse(open.request, subject(of: open), refusal, mustBeLogged: true)
        }
        (closed.detail, closed.count) = (done.endingText, done.sentByteCount)
        _ = try? device.ledger.append(closed)
        // What was written is to be on record for good when the controller hears of it, and a session's own last entry is there already.
        try? device.ledger.sync()
        if !isEnded { send(.done(done)) }
    }
}
