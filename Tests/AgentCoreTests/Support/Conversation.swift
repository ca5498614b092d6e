import AgentCore
import Catalogue
import LedgerCore
import Testing
import Wire

/// A session in memory: what the controller says goes in, what the agent says comes out. Probes run as real children.
final class Conversation {
    let scratch: Scratch
    let kernel: Kernel
    let device: Device
    let session: Session
    private var reader = FrameReader()

    /// Opens a device with `probes` in force and a session of `role` in it.
    init(
        _ probes: [ProbeDefinition] = [], role: Text = "repair", scratch: Scratch? = nil, kernel: Kernel = Kernel(),
        expiresAt: UInt64 = Catalogues.now + Catalogues.year, isStandalone: Bool = true
    ) throws {
        let scratch = try scratch ?? Scratch()
        let reviewer = try Reviewer(1)
        if !scratch.exists("etc/rollcall/trust") {
            try scratch.write("etc/rollcall/trust", "threshold 1\n" + reviewer.line)
            let signedAt = min(Catalogues.now, expiresAt) - Catalogues.second
            let catalogue = Catalogues.signed(probes, by: [reviewer], signedAt: signedAt, expiresAt: expiresAt)
            if !probes.isEmpty { try scratch.write("var/lib/rollcall/catalogue", catalogue.encoded) }
        }
        self.scratch = scratch
        self.kernel = kernel
        device = try Device(kernel: kernel, settings: scratch.settings, adoptsStrays: false)
        session = Self.session(of: device, "alice", role, isStandalone)
    }

    /// Another session of the same device.
    init(sharing other: Conversation, role: Text = "repair", isStandalone: Bool = true) throws {
        (scratch, kernel, device) = (other.scratch, other.kernel, other.device)
        session = Self.session(of: device, "bob", role, isStandalone)
    }

    private static func session(of device: Device, _ name: Text, _ role: Text, _ isStandalone: Bool) -> Session {
        let door = Door(operatorName: name, role: role, key: "", connection: "")
        let session = Session(device: device, door: isStandalone ? door : nil)
        if !isStandalone { session.receive(Message.door(door).frame) }
        return session
    }

    func say(_ message: Message) { session.receive(message.frame) }

    /// Says `open` and checks that it is answered.
    @discardableResult
    func open(_ witness: WitnessOffer = WitnessOffer()) throws -> Opened {
        say(
            .open(
                Open(
                    controllerVersion: "test", session: "s-1", call: "c-1", operatorName: "Alice", reason: "screen frozen", witness: witness
                )))
        guard case .hello? = try hear(), case .opened(let opened)? = try hear() else {
            throw Refusal(.malformed, "open was not answered by hello and opened")
        }
        return opened
    }

    /// The next message of the agent, or nil where it has said nothing more.
    func hear() throws -> Message? {
        reader.append(Array(session.pendingOutput))
        session.wrote(session.pendingOutput.count)
        return try reader.next().map { bytes throws(WireError) in try Message(decoding: bytes) }
    }

    /// The agent's next message about a request's end, turning the executor until it comes; chunks are gathered.
    func answer() throws -> (output: [UInt8], end: Message) {
        var output: [UInt8] = []
        while true {
            while let message = try hear() {
                guard case .chunk(let chunk) = message else { return (output, message) }
                output += chunk.bytes
            }
            try #require(!device.executor.isIdle || !device.streams.isIdle || session.hasStreams, "nothing is running that could answer")
            turn()
        }
    }

    func turn() {
        var polls = PollSet()
        device.executor.prepare(&polls)
        device.streams.prepare(&polls)
        polls.wait(timeout: session.hasStreams ? 0 : min(device.executor.timeout(at: kernel.monotonic) ?? 10_000, 10_000))
        device.executor.turn(polls)
        device.streams.turn(polls)
        session.pumpStreams()
        session.resume()
    }

    /// Runs a probe to its end.
    func run(_ probe: Text, _ parameters: [Parameter] = [], request: UInt64 = 1) throws -> (output: [UInt8], end: Message) {
        say(.run(Run(request: request, probe: probe, parameters: parameters)))
        return try answer()
    }

    /// The rule of the next refusal.
    func refusal() throws -> Text? {
        guard case .refused(let refused)? = try hear() else { return nil }
        return refused.rule
    }

    /// The device's log.
    func log() throws -> [LedgerEntry] { try device.ledger.entries().entries.map { try LedgerEntry(decoding: $0) } }
}

extension Message {
    /// The rule, where this is a refusal.
    var rule: Text? {
        if case .refused(let refused) = self { return refused.rule }
        return nil
    }

    /// The end, where this is one.
    var done: Done? {
        if case .done(let done) = self { return done }
        return nil
    }
}
