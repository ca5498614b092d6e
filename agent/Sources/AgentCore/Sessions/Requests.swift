internal import Catalogue
internal import LedgerCore
internal import Wire

/// Requests within a session.
extension Session {
    /// Checks what holds for every request, whatever it asks.
    func admit(_ request: UInt64, _ action: Action) throws(Refusal) {
        if live.contains(request) {
            throw Refusal(.duplicateRequest, "The request " + .decimal(request) + " is still running; use a number that is free.")
        }
        if live.count >= RollcallProtocol.requestsInFlightLimit {
            throw Refusal(.busy, "64 requests are unanswered in this session; wait for one of them.")
        }
        try allow(action)
    }

    /// Role, roster and owner all have to.
    func allow(_ action: Action) throws(Refusal) {
        try action.check(role)
        try checkRoster()
        guard let end = try device.owner.check(action), end != notedConsent else { return }
        notedConsent = end
        let kernel = device.kernel
        try record(entry(.ownerConsented, detail: "until " + UTC.text(kernel.realtime + end - kernel.monotonic)), mustBeDurable: false)
    }

    private func isAdmitted(_ request: UInt64, _ what: Text, _ action: Action) -> Bool {
        do throws(Refusal) {
            try admit(request, action)
            return true
        } catch {
            refuse(request, what, error)
            return false
        }
    }

    func retire(_ request: UInt64) { live.removeAll { $0 == request } }

    // MARK: Probes

    func begin(_ run: Run) {
        requestCount &+= 1
        do throws(Refusal) {
            try admitAndSubmit(run)
        } catch {
            refuse(run.request, run.probe, error)
        }
    }

    private func admitAndSubmit(_ run: Run) throws(Refusal) {
        // The number first: a refusal must not be taken for the answer of the request that is running under it.
        try admit(run.request, .probe(.observe))
        guard let catalogue = device.catalogue.current else {
            throw Refusal(.noCatalogue, "The device has no catalogue in force; push one that its reviewers signed.")
        }
        let (definition, values) = try checked(run, catalogue)
        let action = Action.probe(definition.impact)
        try allow(action)
        if action.isChange, catalogue.header.expiresAt <= device.decidingTime {
            throw Refusal(CatalogueError(.expired, "The catalogue has expired, so nothing may be changed; push one signed anew."))
        }
        var requested = entry(.probeRequested, subject: run.probe, request: run.request)
        requested.digest = LedgerEntry.parametersDigest(run.parameters)
        try record(requested, mustBeDurable: action.isChange)
        live.append(run.request)
        do throws(Refusal) {
            try device.executor.submit(definition, values: values, answering: answering(run))
        } catch {
            retire(run.request)
            throw error
        }
    }

    private func checked(_ run: Run, _ catalogue: VerifiedCatalogue) throws(Refusal) -> (ProbeDefinition, [Text]) {
        do throws(CatalogueError) {
            let definition = try catalogue.probe(run.probe)
            return (definition, try definition.check(run.parameters))
        } catch {
            throw Refusal(error)
        }
    }

    /// Writes an entry; where it must be durable and cannot be, what it announces is refused.
    func record(_ entry: LedgerEntry, mustBeDurable: Bool) throws(Refusal) {
        do throws(Errno) {
            try device.ledger.append(entry)
            if mustBeDurable { try device.ledger.sync() }
        } catch {
            guard mustBeDurable else { return }
            throw Refusal(.ledger, "The device cannot write its own ledger, so nothing may be changed; free some space on its disk.")
        }
    }

    private func answering(_ run: Run) -> Answering {
        Answering(
            session: number, request: run.request, hasRoom: { self.hasRoom }, deliver: { self.deliver($0) },
            finish: { self.finish(run.probe, $0) })
    }

    private func deliver(_ chunk: Chunk) {
        if !isEnded { send(.chunk(chunk)) }
    }

    private func finish(_ probe: Text, _ done: Done) {
        retire(done.request)
        var answered = entry(.probeAnswered, subject: probe, detail: done.endingText, request: done.request)
        answered.digest = done.digest
        answered.count = done.sentByteCount
        _ = try? device.ledger.append(answered)
        // The session's own last entry is on the disk already; this one is to follow it.
        if isEnded { try? device.ledger.sync() } else { send(.done(done)) }
    }

    func cancel(_ request: UInt64) {
        if device.executor.cancel(session: number, request: request) || device.streams.cancel(session: number, request: request) { return }
        guard streams.contains(where: { $0.request == request }) else { return }
        streams.removeAll { $0.request == request }
        retire(request)
        send(.done(Done(request: request, ending: .cancelled)))
    }

    // MARK: Ledger entries

    func begin(_ entries: Entries) {
        requestCount &+= 1
        guard isAdmitted(entries.request, "entries", .entries) else { return }
        live.append(entries.request)
        streams.append(.entries(EntryStream(entries, ledger: device.ledger)))
    }

    func begin(_ request: TelemetryRequest) {
        requestCount &+= 1
        guard isAdmitted(request.request, "telemetry", .telemetry) else { return }
        guard let recorder = device.telemetry else {
            let sentence: Text = "This agent keeps no telemetry: it is not the device's daemon, or its owner has turned it off."
            return refuse(request.request, "telemetry", Refusal(.noTelemetry, sentence))
        }
        live.append(request.request)
        streams.append(.telemetry(TelemetryStream(request, recorder)))
    }

    /// Whether there are answers that wait only for room.
    public var hasStreams: Bool { !streams.isEmpty }

    /// Adds one piece of every stream, as far as there is room.
    public func pumpStreams() {
        for index in streams.indices.reversed() where hasRoom {
            guard let piece = streams[index].next(device) else {
                let done = streams[index].done
                streams.remove(at: index)
                retire(done.request)
                send(.done(done))
                continue
            }
            var rest = piece[...]
            while !rest.isEmpty {
                let part = Array(rest.prefix(RollcallProtocol.chunkSizeLimit))
                rest = rest.dropFirst(part.count)
                send(.chunk(Chunk(request: streams[index].request, stream: .output, bytes: part)))
            }
        }
    }

    // MARK: Push

    func take(_ piece: Push) {
        // What was on its way when its push was refused was answered by that refusal.
        if piece.offset != 0, piece.request == refusedPush { return }
        refusedPush = nil
        do throws(Refusal) {
            try takeOrThrow(piece)
        } catch {
            if push?.request == piece.request { push = nil }
            refusedPush = piece.request
            refuse(piece.request, piece.kind, error)
        }
    }

    private func takeOrThrow(_ piece: Push) throws(Refusal) {
        if piece.offset == 0 {
            requestCount &+= 1
            if push != nil { throw Refusal(.push, "Another push is still on its way in this session.") }
            push = try started(piece)
        }
        guard var current = push, current.request == piece.request, try current.take(piece) else {
            throw Refusal(.push, "The pieces of a push come in order and add up to its size.")
        }
        push = current
        guard current.isWhole else { return }
        push = nil
        if let agent = current.agent { try stage(agent, request: current.request) } else { try install(current) }
    }

    private func started(_ piece: Push) throws(Refusal) -> PushInProgress {
        let isAgent = piece.kind == DocumentKind.agent.name
        try admit(piece.request, isAgent ? .pushAgent : .push)
        guard isAgent || piece.kind == DocumentKind.catalogue.name || piece.kind == DocumentKind.roster.name else {
            throw Refusal(.push, "This agent takes only a catalogue, a roster or an agent.")
        }
        var started = PushInProgress(request: piece.request, kind: piece.kind, size: piece.size)
        if isAgent { started.agent = try device.upgrade.begin(piece.bytes, size: piece.size) }
        return started
    }

    /// Announces a new agent, and has it tried when this session is over.
    private func stage(_ agent: IncomingAgent, request: UInt64) throws(Refusal) {
        try agent.check()
        var tried = entry(.agentTried, subject: agent.header.version, request: request)
        tried.digest = agent.digest
        try record(tried, mustBeDurable: true)
        try agent.stage()
        device.upgrade.waits(for: number)
        send(.done(Done(request: request, ending: .exited, note: "it is tried when this session is over")))
    }

    private func install(_ whole: PushInProgress) throws(Refusal) {
        let isRoster = whole.kind == DocumentKind.roster.name
        var announcement = entry(isRoster ? .rosterInstalled : .catalogueInstalled, request: whole.request)
        let now = device.kernel.realtime
        let version: UInt64
        if isRoster {
            (version, announcement.digest, announcement.detail) = try device.roster.stage(whole.bytes, now: now)
        } else {
            (version, announcement.digest) = try device.catalogue.stage(whole.bytes, now: now)
        }
        announcement.subject = .decimal(version)
        do throws(Refusal) {
            try record(announcement, mustBeDurable: true)
        } catch {
            if isRoster { device.roster.discard() } else { device.catalogue.discard() }
            throw error
        }
        do throws(Refusal) {
            let isConfirmed = isRoster ? try device.roster.commit() : try device.catalogue.commit()
            let note: Text = isConfirmed ? "" : "it is in force, but the disk did not confirm it: a power cut may bring the old one back"
            send(.done(Done(request: whole.request, ending: .exited, note: note)))
        } catch {
            // The entry that announced it is on the disk already and must not stand alone.
            refuse(whole.request, whole.kind, error, mustBeLogged: true)
            try? device.ledger.sync()
        }
    }
}

/// A push of which some pieces have come.
struct PushInProgress {
    let request: UInt64
    let kind: Text
    let size: UInt64
    /// What has come of a catalogue or a roster, which are small; an agent goes to the disk.
    private(set) var bytes: [UInt8] = []
    /// The agent that comes, where it is one; it has its first piece already.
    var agent: IncomingAgent?
    private var count: UInt64 = 0

    init(request: UInt64, kind: Text, size: UInt64) {
        self.request = request
        self.kind = kind
        self.size = size
    }

    var isWhole: Bool { count == size }

    /// Takes the next piece; false where it is not the next.
    mutating func take(_ piece: Push) throws(Refusal) -> Bool {
        guard piece.size == size, piece.offset == count, !piece.bytes.isEmpty else { return false }
        guard UInt64(piece.bytes.count) <= size - piece.offset else { return false }
        count += UInt64(piece.bytes.count)
        if let agent {
            if piece.offset > 0 { try agent.take(piece.bytes) }
        } else {
            bytes += piece.bytes
        }
        return true
    }
}

extension Done {
    /// How it ended, in words for the ledger.
    var endingText: Text {
        switch ending {
        case .exited: "exited " + .decimal(code)
        case .signalled: "signal " + .decimal(code)
        case .timedOut: "timed out"
        case .abandoned: "abandoned"
        case .notStarted: "not started, errno " + .decimal(code)
        case .cancelled: "cancelled"
        default: "ended"
        }
    }
}
