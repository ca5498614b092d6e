public import Wire

/// The agent's one loop: sessions on their connections, the probes they asked for, and signals. Nothing in it blocks.
public final class AgentLoop {
    private let device: Device
    private let kernel: Kernel
    private let signals: Descriptor
    private let listener: Descriptor?
    private let notifier: Notifier?
    private var connections: [Connection] = []
    private var isStopping = false
    /// Whether a signal asked this process to end.
    private(set) var isAskedToEnd = false

    /// A session and what carries it.
    private final class Connection {
        let session: Session
        var input: Descriptor
        var output: Descriptor
        /// Whether `input` is the socket at which somebody knocked.
        var isAtDoor: Bool
        /// What is read once that socket has ended.
        var handedOver: Descriptor?
        /// The socket of the relay that handed the session over: it ends with the relay, and the session with it.
        var relay: Descriptor?
        var inputPlace: Int?
        var outputPlace: Int?
        var relayPlace: Int?

        init(session: Session, input: Descriptor, output: Descriptor, isAtDoor: Bool = false) {
            self.session = session
            self.input = input
            self.output = output
            self.isAtDoor = isAtDoor
        }
    }

    private static let readSize = 16_384

    /// Makes a loop that serves those who knock at `listener`; without one it serves ``run(standalone:)``.
    init(device: Device, listener: Descriptor?, notifier: Notifier? = nil) throws(Errno) {
        self.device = device
        self.listener = listener
        self.notifier = notifier
        kernel = device.kernel
        signals = try kernel.signalDescriptor()
    }

    /// Serves until it is asked to end.
    public func run() {
        while !isStopping || !isQuiet { turn() }
        try? device.ledger.sync()
    }

    /// Serves one controller over standard input and output, until it goes.
    ///
    /// - Parameter batch: Frames that came before what standard input holds.
    public func run(standalone door: Door, first batch: [UInt8] = []) {
        let (input, output) = (Descriptor(0, isOwned: false), Descriptor(1, isOwned: false))
        for end in [input, output] { try? kernel.setNonblocking(end) }
        let session = Session(device: device, door: door)
        session.receive(batch)
        connections.append(Connection(session: session, input: input, output: output))
        while !isQuiet { turn() }
        try? device.ledger.sync()
    }

    /// Nobody is connected, and whatever ran for them has ended or was given up.
    private var isQuiet: Bool { connections.isEmpty && device.executor.isIdle && device.streams.isIdle }

    // MARK: One round

    private func turn() {
        var polls = PollSet()
        let signalPlace = polls.add(signals, .readable)
        let listenPlace = isStopping ? nil : listener.map { polls.add($0, .readable) }
        for connection in connections {
            let session = connection.session
            connection.inputPlace = session.wantsInput ? polls.add(connection.input, .readable) : nil
            connection.outputPlace = session.pendingOutput.isEmpty ? nil : polls.add(connection.output, .writable)
            connection.relayPlace = connection.relay.map { polls.add($0, []) }
            // A controller that is gone is noticed even while nothing is read from it.
            if connection.inputPlace == nil, connection.outputPlace == nil { connection.inputPlace = polls.add(connection.input, []) }
        }
        device.executor.prepare(&polls)
        device.streams.prepare(&polls)
        if !isStopping { device.telemetry?.prepare(&polls) }
        polls.wait(timeout: timeout())
        notifier?.keepAlive()
        if !polls.events(at: signalPlace).isEmpty { obey(kernel.takeSignals(signals)) }
        for connection in connections { serve(connection, polls) }
        device.executor.turn(polls)
        if !isStopping { device.telemetry?.turn(polls) }
        device.streams.turn(polls)
        for connection in connections {
            connection.session.pumpStreams()
            // What takes bytes does so at once as a rule; where it does not, it is waited for.
            write(connection)
            // What it had received and had no room to answer, in this round or before.
            connection.session.resume()
            connection.session.obeyRoster()
            connection.session.expire(at: kernel.monotonic)
        }
        let hadConnections = !connections.isEmpty
        connections.removeAll { $0.session.isFinished }
        if hadConnections, connections.isEmpty { kernel.forgetSeldomCalled() }
        let isStaged = device.upgrade.isDue { number in connections.contains { $0.session.number == number } }
        if isStaged, !isStopping { stop() }
        if let listenPlace, !isStopping, !polls.events(at: listenPlace).isEmpty { accept() }
    }

    private func timeout() -> UInt64? {
        for connection in connections where connection.session.hasStreams && connection.session.hasRoom { return 0 }
        let now = kernel.monotonic
        var soonest = device.executor.timeout(at: now)
        if let dueAt = device.upgrade.staged?.dueAt, !isStopping { soonest = min(soonest ?? .max, dueAt - min(dueAt, now)) }
        if !isStopping, let due = device.telemetry?.timeout(at: now) { soonest = min(soonest ?? .max, due) }
        if let dueAt = notifier?.dueAt { soonest = min(soonest ?? .max, dueAt - min(dueAt, now)) }
        if let due = device.streams.timeout(at: now) { soonest = min(soonest ?? .max, due) }
        for connection in connections {
            guard let due = connection.session.dueAt else { continue }
            soonest = min(soonest ?? .max, due - min(due, now))
        }
        return soonest
    }

    private func serve(_ connection: Connection, _ polls: PollSet) {
        let session = connection.session
        if let place = connection.relayPlace, !polls.events(at: place).isEmpty { session.lost() }
        if let place = connection.outputPlace {
            let events = polls.events(at: place)
            if events.contains(.writable) { write(connection) } else if !events.isEmpty { session.lost() }
        }
        guard let place = connection.inputPlace else { return }
        let events = polls.events(at: place)
        if events.isEmpty { return }
        guard session.wantsInput else {
            if !events.isDisjoint(with: .gone) { session.lost() }
            return
        }
        do throws(Errno) {
            if connection.isAtDoor { return try receiveAtDoor(connection) }
            // What waits already is read without asking again whether it does, up to a pipe's worth: others wait too.
            for _ in 0..<4 where try !session.receive(from: connection.input, limit: Self.readSize) { return }
        } catch {
            if error != .again { session.lost() }
        }
    }

    /// Reads what comes from the socket at the door: whatever a relay has to say, and then what it hands over.
    private func receiveAtDoor(_ connection: Connection) throws(Errno) {
        let (streams, isAtEnd) = try connection.session.receive(atDoor: connection.input, limit: Self.readSize)
        if let streams { (connection.handedOver, connection.output) = (streams.input, streams.output) }
        if !isAtEnd { return }
        guard let input = connection.handedOver else { return connection.session.lost() }
        (connection.relay, connection.input, connection.handedOver, connection.isAtDoor) = (connection.input, input, nil, false)
    }

    private func write(_ connection: Connection) {
        do throws(Errno) {
            while !connection.session.pendingOutput.isEmpty {
                connection.session.wrote(try kernel.writeAtOnce(connection.output, connection.session.pendingOutput))
            }
        } catch {
            if error != .again { connection.session.lost() }
        }
    }

    private func obey(_ arrived: Signals) {
        if arrived.contains(anyOf: .child) { device.executor.reapOrphans() }
        if arrived.contains(anyOf: listener == nil ? [.end, .hangUp] : .end) {
            isAskedToEnd = true
            notifier?.stopping()
            return stop()
        }
        guard arrived.contains(anyOf: .hangUp) else { return }
        do throws(Refusal) {
            try device.reload()
            kernel.tell("agent.conf was read anew and is in force.")
        } catch {
            kernel.tell(error.sentence + " What was in force before stays in force.")
        }
    }

    private func stop() {
        isStopping = true
        for connection in connections { connection.session.stop() }
        device.executor.endAll()
        device.telemetry?.stop()
        device.streams.endAll()
        try? device.ledger.sync()
    }

    // MARK: The door

    private func accept() {
        guard let listener, let (connection, user) = try? kernel.accept(listener) else { return }
        if let refusal = refusal(of: user) {
            // One small frame fits any socket's buffer; who does not take it misses only the reason.
            _ = try? kernel.write(connection, refusal.message(0).frame[...])
            return
        }
        let session = Session(device: device, door: nil)
        connections.append(Connection(session: session, input: connection, output: connection, isAtDoor: true))
    }

    private func refusal(of user: UInt32) -> Refusal? {
        let users = UserDatabase(kernel: kernel, root: device.settings.root)
        guard user == 0 || user == kernel.effectiveUser || user == users.user(Settings.doorUser) else {
            return Refusal(.peer, "Only root and the user rollcall may talk to the agent.")
        }
        let limit = device.configuration.sessionCountLimit
        if connections.count >= limit {
            return Refusal(.busy, .decimal(UInt64(limit)) + " sessions are open on this device; try again in a moment.")
        }
        return nil
    }
}

extension Signals {
    /// Whether one of `others` is among them.
    func contains(anyOf others: Signals) -> Bool { !isDisjoint(with: others) }
}
