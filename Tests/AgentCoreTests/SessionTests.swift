import AgentCore
import Catalogue
import LedgerCore
import Testing
import Wire

@Suite("A session")
struct SessionTests {
    let echo = Catalogues.program("echo", ["/bin/echo", "hello"])
    let change = Catalogues.program("change", ["/bin/echo", "changed"], impact: .change)

    @Test("the agent says hello at once")
    func hello() throws {
        let talk = try Conversation([echo])
        guard case .hello(let hello)? = try talk.hear() else { throw Errno.invalid }
        #expect(hello.protocolVersion == RollcallProtocol.version)
        #expect(hello.device == DeviceIdentity.deviceID(machineID: Array("0123456789abcdef0123456789abcdef".utf8)))
        #expect(hello.device.bytes.count == 32)
        #expect(hello.isStandalone)
        #expect(hello.catalogueVersion == 1)
        let note = try #require(SignedNote(hello.checkpoint))
        #expect(Checkpoint(body: note.text)?.size == 1)
    }

    @Test("a probe answers with chunks and done, and both sides can compare its digest")
    func probe() throws {
        let talk = try Conversation([echo])
        try talk.open()
        let (output, end) = try talk.run("echo", request: 7)
        let done = try #require(end.done)
        #expect(output == Array("hello\n".utf8))
        #expect(done.ending == .exited)
        #expect(done.request == 7)
        #expect(done.code == 0)
        #expect(done.sentByteCount == 6)
        #expect(done.digest == SHA256.answerDigest(output: SHA256.hash(output), error: SHA256.hash([])))
        #expect(done.measures.isSuperset(of: [.isolatedProcess, .noNewPrivileges, .resourceLimits]))
        let log = try talk.log()
        #expect(log.map { $0.kind } == [.logCreated, .sessionOpened, .probeRequested, .probeAnswered])
        #expect(log[3].digest == done.digest)
        #expect(log[3].detail == "exited 0")
        #expect(log[2].request == 7)
        #expect(log[1].person == log[3].person && log[1].person.count == 32)
    }

    @Test("another protocol version is refused by a sentence that names both")
    func otherVersion() throws {
        let talk = try Conversation([echo])
        _ = try talk.hear()
        talk.say(.open(Open(protocolVersion: 9, controllerVersion: "x", session: "s", call: "", operatorName: "", reason: "")))
        guard case .refused(let refused)? = try talk.hear() else { throw Errno.invalid }
        #expect(refused.rule == "protocol")
        #expect(refused.sentence.string.contains("version 1 ") && refused.sentence.string.contains("controller 9"))
        #expect(talk.session.isFinished)
    }

    @Test("a request before open is refused")
    func order() throws {
        let talk = try Conversation([echo])
        _ = try talk.hear()
        talk.say(.run(Run(request: 3, probe: "echo")))
        #expect(try talk.refusal() == "order")
    }

    @Test("an unknown message is refused by number and the session goes on")
    func unknownMessage() throws {
        let talk = try Conversation([echo])
        try talk.open()
        var fields = FieldWriter()
        fields.unsigned(0, 77)
        talk.session.receive(Frame.encode(fields.bytes))
        #expect(try talk.refusal() == "unknown-message")
        #expect(try talk.run("echo").end.done?.code == 0)
    }

    @Test("a frame that is not in the encoding ends the session", arguments: [[0xFF], [0xA1, 0x00], [], [0xA1, 0x18, 0x00, 0x00]])
    func malformed(_ frame: [UInt8]) throws {
        let talk = try Conversation([echo])
        try talk.open()
        talk.session.receive(Frame.encode(frame))
        #expect(try talk.refusal() == "malformed")
        #expect(talk.session.isFinished)
        #expect(try talk.log().last?.detail == "malformed")
    }

    @Test("a frame cut anywhere waits for its rest")
    func cutFrames() throws {
        let talk = try Conversation([echo])
        _ = try talk.hear()
        let frame = Message.open(
            Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")
        ).frame
        for byte in frame.dropLast() {
            talk.session.receive([byte])
            #expect(try talk.hear() == nil)
        }
        talk.session.receive([frame[frame.count - 1]])
        guard case .opened? = try talk.hear() else { throw Errno.invalid }
    }

    @Test(
        "each role may what the table says",
        arguments: [
            ("observe", "echo", nil), ("observe", "change", "rights"), ("repair", "change", nil), ("shell", "change", nil),
        ] as [(Text, Text, Text?)])
    func rights(_ role: Text, _ probe: Text, _ rule: Text?) throws {
        let talk = try Conversation([echo, change], role: role)
        try talk.open()
        #expect(try talk.run(probe).end.rule == rule)
    }

    @Test("an unknown role opens nothing")
    func unknownRole() throws {
        let talk = try Conversation([echo], role: "root")
        _ = try talk.hear()
        #expect(try talk.refusal() == "role")
        #expect(talk.session.isFinished)
    }

    @Test("an unknown probe and a wrong parameter are refused by the catalogue's rules and written down")
    func refusals() throws {
        let limited = Catalogues.program(
            "limited", ["/bin/echo"], parameters: [ParameterDefinition(name: "n", type: .integer(minimum: 1, maximum: 9))])
        let talk = try Conversation([limited])
        try talk.open()
        #expect(try talk.run("other").end.rule == "unknown-probe")
        #expect(try talk.run("limited", [Parameter(name: "n", value: "-v")]).end.rule == "parameter")
        #expect(try talk.run("limited", [Parameter(name: "n", value: "10")]).end.rule == "parameter")
        #expect(try talk.run("limited").end.rule == "parameter")
        #expect(try talk.run("limited", [Parameter(name: "n", value: "9")]).output == Array("9\n".utf8))
        #expect(
            try talk.log().filter { $0.kind == .refused }.map { $0.detail } == ["unknown-probe", "parameter", "parameter", "parameter"])
    }

    @Test("without a catalogue nothing runs, and the rule says so")
    func noCatalogue() throws {
        let talk = try Conversation([])
        try talk.open()
        #expect(try talk.run("echo").end.rule == "no-catalogue")
    }

    @Test("an expired catalogue still observes and changes nothing")
    func expired() throws {
        let talk = try Conversation([echo, change], expiresAt: Catalogues.now - Catalogues.second)
        try talk.open()
        #expect(try talk.run("echo").end.done?.code == 0)
        #expect(try talk.run("change").end.rule == "catalogue-expired")
    }

    @Test("a clock that fell back does not bring an expired catalogue back to life")
    func clockFellBack() throws {
        let scratch = try Scratch()
        let expiresAt = Catalogues.now + Catalogues.year
        do {
            let kernel = Kernel()
            kernel.realtimeClock = { expiresAt + Catalogues.second }
            let talk = try Conversation([change], scratch: scratch, kernel: kernel, expiresAt: expiresAt)
            try talk.open()
            talk.session.lost()
        }
        let kernel = Kernel()
        kernel.realtimeClock = { 0 }
        let talk = try Conversation([change], scratch: scratch, kernel: kernel)
        try talk.open()
        #expect(try talk.run("change").end.rule == "catalogue-expired")
    }

    @Test("the number of a running request is refused, and the 65th request at once too")
    func inFlight() throws {
        let talk = try Conversation([Catalogues.program("sleep", ["/bin/sleep", "60"])])
        try talk.open()
        for request in 1...64 { talk.say(.run(Run(request: UInt64(request), probe: "sleep"))) }
        talk.say(.run(Run(request: 1, probe: "sleep")))
        #expect(try talk.refusal() == "duplicate-request")
        talk.say(.run(Run(request: 65, probe: "sleep")))
        #expect(try talk.refusal() == "busy")
        talk.session.lost()
        while !talk.device.executor.isIdle { talk.turn() }
        #expect(try talk.log().count(where: { $0.kind == .probeAnswered && $0.detail == "cancelled" }) == 64)
    }

    @Test("cancel ends one request with done")
    func cancel() throws {
        let talk = try Conversation([Catalogues.program("sleep", ["/bin/sleep", "60"])])
        try talk.open()
        talk.say(.run(Run(request: 5, probe: "sleep")))
        talk.turn()
        talk.say(.cancel(Cancel(request: 5)))
        #expect(try talk.answer().end.done?.ending == .cancelled)
    }

    @Test("close is answered with the device's head, which holds the whole session")
    func close() throws {
        let talk = try Conversation([echo])
        try talk.open()
        _ = try talk.run("echo")
        talk.say(.close(Close()))
        guard case .closed(let closed)? = try talk.hear() else { throw Errno.invalid }
        let entries = try talk.device.ledger.entries().entries
        var range = CompactRange()
        for entry in entries { range.append(leafHash: MerkleTree.leafHash(entry)) }
        let head = try #require(SignedNote(closed.checkpoint).flatMap { Checkpoint(body: $0.text) })
        #expect(head == Checkpoint(origin: talk.device.identity.origin, size: range.size, root: range.root))
        #expect(try LedgerEntry(decoding: entries[entries.count - 1]).kind == .sessionClosed)
        #expect(talk.session.isFinished)
    }

    @Test("a controller that goes away is written down as lost")
    func lost() throws {
        let talk = try Conversation([echo])
        try talk.open()
        talk.session.lost()
        #expect(try talk.log().last?.detail == "lost")
        #expect(talk.device.ledger.durableSize == talk.device.ledger.size)
    }

    @Test("entries come as byte strings, and the end says where they begin")
    func entries() throws {
        let talk = try Conversation([echo], role: "observe")
        try talk.open()
        _ = try talk.run("echo")
        talk.say(.entries(Entries(request: 9, first: 1, count: 2)))
        let (output, end) = try talk.answer()
        let done = try #require(end.done)
        #expect(done.code == 1 && done.cutByteCount == 0)
        var reader = CBORReader(output)
        let first = try LedgerEntry(decoding: try reader.byteString())
        let second = try LedgerEntry(decoding: try reader.byteString())
        try reader.end()
        #expect(first.kind == .sessionOpened && second.kind == .probeRequested)
    }

    @Test("a door message from the far side is refused")
    func door() throws {
        let talk = try Conversation([echo], role: "observe")
        try talk.open()
        talk.say(.door(Door(operatorName: "mallory", role: "shell", key: "", connection: "")))
        #expect(try talk.refusal() == "order")
        #expect(try talk.run("echo").end.done != nil)
    }
}

@Suite("How long a session was busy")
struct BusyTimeTests {
    @Test("closed tells the time in which a request ran, and nothing of the time between")
    func busy() throws {
        let talk = try Conversation([
            ProbeDefinition(id: "nap", impact: .observe, source: .run([.literal("/bin/sleep"), .literal("0.05")]), user: "root")
        ])
        try talk.open()
        _ = try talk.run("nap")
        _ = try talk.run("nap", request: 2)
        talk.say(.close(Close()))
        guard case .closed(let closed)? = try talk.hear() else {
            Issue.record("close was not answered")
            return
        }
        #expect(closed.busyTime >= 100_000)
        #expect(closed.busyTime < 5_000_000)
    }
}
