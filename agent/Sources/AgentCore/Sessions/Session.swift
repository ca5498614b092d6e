internal import Catalogue
internal import LedgerCore
public import Wire

/// One controller's session, as a machine of messages: bytes in, bytes out. It never touches the connection itself.
public final class Session {
    /// Where a session stands.
    enum State: Equatable {
        /// The relay has not said who sshd let in.
        case awaitingDoor
        /// The controller has not said who it is.
        case awaitingOpen
        case open
        /// Nothing more is read; what is still to be written goes out.
        case ended
    }

    let device: Device
    /// Number of the session in this process.
    public let number: UInt64
    let isStandalone: Bool
    var state: State {
        didSet { if state != oldValue { stateSince = device.kernel.monotonic } }
    }
    var door = Door(operatorName: "", role: "", key: "", connection: "")
    var role = Role.observe
    var session: Text = ""
    var call: Text = ""
    var person: [UInt8] = []
    var live: [UInt64] = [] {
        didSet {
            activeAt = device.kernel.monotonic
            busyTime.update(isBusy: !live.isEmpty, now: activeAt)
        }
    }
    var busyTime = BusyTime()
    var requestCount: UInt64 = 0
    /// How often the roster had been replaced when it was last asked about who is at the door.
    private var rosterChangeCount: UInt64 = 0
    var loggedRefusalCount = 0
    /// End of the owner's consent that was written down last.
    var notedConsent: UInt64?
    var push: PushInProgress?
    /// The push whose further pieces are passed over, because it was refused.
    var refusedPush: UInt64?
    var hasLoggedOtherSize = false
    var streams: [AnswerStream] = []
    private var stateSince: UInt64
    private var activeAt: UInt64
    private var input = FrameReader()
    private var outbound = Outbound()

    /// Refusals that one session writes to the ledger at most; what is asked in vain must not wear out the device's flash.
    private static let loggedRefusalLimit = 64

    /// Begins a session, which says hello at once.
    ///
    /// - Parameter door: Who is there, where this process knows; nil where a relay will say it.
    public init(device: Device, door: Door?) {
        self.device = device
        number = device.nextSessionNumber()
        isStandalone = door != nil
        state = .awaitingDoor
        stateSince = device.kernel.monotonic
        activeAt = stateSince
        send(.hello(device.hello(isStandalone: isStandalone)))
        if let door { enter(door) }
    }

    // MARK: The connection's side

    /// Whether nothing more will be read.
    public var isEnded: Bool { state == .ended }
    /// Whether the connection can be closed: ended, and everything is written.
    public var isFinished: Bool { isEnded && outbound.isEmpty }
    /// Whether more bytes may be given to ``receive(_:)``; false while the controller does not drain its answers.
    public var wantsInput: Bool { !isEnded && outbound.hasRoom && !device.streams.isHoldingUp(session: number) }
    /// Whether answers may be added.
    public var hasRoom: Bool { outbound.hasRoom }
    /// Whether bytes of streams may be added: answers go before them.
    var hasRoomForStreams: Bool { outbound.byteCount < Outbound.streamWater }
    /// What is to be written to the controller next; more may follow.
    public var pendingOutput: ArraySlice<UInt8> { outbound.pending }
    /// Takes note that the first `count` bytes of ``pendingOutput`` were written.
    public func wrote(_ count: Int) {
        if count > 0 { activeAt = device.kernel.monotonic }
        outbound.remove(count)
    }

    /// Takes the next bytes from the controller.
    public func receive(_ bytes: [UInt8]) {
        activeAt = device.kernel.monotonic
        input.append(bytes)
        resume()
    }

    /// Takes the next bytes from the controller, at most `limit`; at their end the controller is gone.
    ///
    /// - Returns: Whether more may be there already, which the session has room for.
    func receive(from connection: Descriptor, limit: Int) throws(Errno) -> Bool {
        var count = 0
        try input.append { (buffer) throws(Errno) in count = try device.kernel.read(connection, behind: &buffer, limit: limit) }
        if count == 0 { lost() }
        activeAt = device.kernel.monotonic
        resume()
        return count == limit && wantsInput
    }

    /// Takes the next bytes from whoever is at the door, at most `limit`, and the streams that a relay hands over with them.
    ///
    /// - Returns: The streams, where some came, and whether the socket has ended: that is no end of the session where streams came.
    func receive(
        atDoor socket: Descriptor, limit: Int
    ) throws(Errno) -> (streams: (input: Descriptor, output: Descriptor)?, isAtEnd: Bool) {
        var result: (count: Int, streams: (input: Descriptor, output: Descriptor)?) = (0, nil)
        try input.append { (buffer) throws(Errno) in
            result = try device.kernel.receive(socket, behind: &buffer, limit: limit)
        }
        if result.count > 0 {
            activeAt = device.kernel.monotonic
            resume()
        }
        return (result.streams, result.count == 0)
    }

    /// Goes on with what was received, as far as there is room for answers.
    public func resume() {
        do throws(WireError) {
            while wantsInput, let message = try nextMessage() { receive(message) }
        } catch {
            send(Refusal(.malformed, "The agent cannot read this: " + Text(error.code.meaning) + ".").message(0))
            end(detail: "malformed")
        }
    }

    /// The controller is gone: whatever it asked for is ended.
    public func lost() {
        outbound.removeAll()
        end(detail: "lost")
    }

    /// The agent is going: the session is ended in good order.
    public func stop() {
        if state == .ended { return }
        send(Refusal(.stopping, "The agent is being stopped; connect again in a moment.").message(0))
        end(detail: "agent stopped")
    }

    /// When the session has been silent for too long, by the monotonic clock in microseconds; nil while something runs in it.
    public var dueAt: UInt64? {
        switch state {
        case .awaitingDoor, .awaitingOpen: stateSince + Settings.openingTimeLimit
        case .open: live.count > streams.count && outbound.isEmpty ? nil : activeAt + Settings.idleTimeLimit
        case .ended: outbound.isEmpty ? nil : stateSince + Settings.drainTimeLimit
        }
    }

    /// Checks that the roster still lets in who is at the door.
    func checkRoster() throws(Refusal) {
        rosterChangeCount = device.roster.changeCount
        try device.roster.check(door, role, now: device.decidingTime)
    }

    /// Ends the session where a roster that came into force does not let its operator in.
    public func obeyRoster() {
        guard state == .open, rosterChangeCount != device.roster.changeCount else { return }
        do throws(Refusal) { try checkRoster() } catch {
            send(error.message(0))
            end(detail: error.rule)
        }
    }

    /// Ends the session where it is due, so that who says nothing does not keep a place from others.
    public func expire(at now: UInt64) {
        guard let dueAt, now >= dueAt else { return }
        guard state == .open else { return lost() }
        let sentence: Text = "Nothing happened in this session for 10 minutes, so it was closed; connect again."
        send(Refusal(.idle, sentence).message(0))
        end(detail: "idle")
    }

    func send(_ message: Message) {
        outbound.append(message.frame)
    }

    // MARK: Messages

    /// The next message of a known type; the frame of a long one is gone before it is dealt with.
    private func nextMessage() throws(WireError) -> Message? {
        while let frame = try input.next() {
            do throws(WireError) {
                return try Message(decoding: frame)
            } catch {
                guard error.code == .unknownMessage else { throw error }
                let sentence: Text = "This agent does not know messages of type " + .decimal(error.detail) + "."
                refuse(0, "message " + .decimal(error.detail), Refusal(.unknownMessage, sentence))
                if !wantsInput { return nil }
            }
        }
        return nil
    }

    private func receive(_ message: Message) {
        switch (state, message) {
        case (.awaitingDoor, .door(let door)): enter(door)
        case (.awaitingOpen, .open(let open)): self.open(open)
        case (.open, .run(let run)): begin(run)
        case (.open, .entries(let entries)): begin(entries)
        case (.open, .telemetry(let request)): begin(request)
        case (.open, .push(let push)): take(push)
        case (.open, .cancel(let cancel)): self.cancel(cancel.request)
        case (.open, .close(let close)): self.close(close)
        case (.open, .stream(let stream)): begin(stream)
        case (.open, .data(let data)): device.streams.take(data, session: number)
        case (.open, .control(let control)): device.streams.take(control, session: number)
        default: refuseOrder(message)
        }
    }

    private func refuseOrder(_ message: Message) {
        let request: UInt64 =
            switch message {
            case .run(let run): run.request
            case .entries(let entries): entries.request
            case .telemetry(let request): request.request
            case .push(let push): push.request
            case .cancel(let cancel): cancel.request
            case .stream(let stream): stream.request
            default: 0
            }
        if state == .awaitingDoor {
            send(Refusal(.order, "The relay has not said who is at the door.").message(0))
            return end(detail: "order")
        }
        refuse(request, "message", Refusal(.order, "The message does not belong here; a session begins with open."))
    }

    private func enter(_ door: Door) {
        guard let role = Role(door.role), !door.operatorName.isEmpty else {
            send(Refusal(.role, "The key's command= names no operator, or a role other than observe, repair and shell.").message(0))
            state = .ended
            return
        }
        (self.door, self.role, state) = (door, role, .awaitingOpen)
    }

    // MARK: Ledger

    /// An entry of this session.
    func entry(_ kind: LedgerEntry.Kind, subject: Text = "", detail: Text = "", request: UInt64? = nil) -> LedgerEntry {
        LedgerEntry(
            kind: kind, time: device.kernel.realtime, session: session, call: call, person: person, subject: subject, detail: detail,
            request: request)
    }

    /// Refuses `request` and writes down that it did.
    func refuse(_ request: UInt64, _ what: Text, _ refusal: Refusal, mustBeLogged: Bool = false) {
        send(refusal.message(request))
        guard state == .open, loggedRefusalCount < Self.loggedRefusalLimit || mustBeLogged else { return }
        loggedRefusalCount += 1
        _ = try? device.ledger.append(entry(.refused, subject: what, detail: refusal.rule, request: request == 0 ? nil : request))
    }

    /// Ends the session and everything in it.
    func end(detail: Text) {
        guard state != .ended else { return }
        let wasOpen = state == .open
        state = .ended
        push = nil
        streams = []
        device.executor.abandon(session: number)
        device.streams.abandon(session: number)
        guard wasOpen else { return }
        var closed = entry(.sessionClosed, detail: detail)
        closed.count = requestCount
        _ = try? device.ledger.append(closed)
        try? device.ledger.sync()
    }
}

extension Text {
    init(_ text: StaticString) { self.init(stringLiteral: text) }
}
