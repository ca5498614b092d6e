import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

/// Rosters for tests.
enum Rosters {
    static func key(_ number: UInt8) throws -> [UInt8] { try Reviewer(number).blob }

    static func one(_ name: Text, _ role: Role = .repair, until: UInt64 = 0, keys: UInt8...) throws -> RosterOperator {
        RosterOperator(name: name, role: role, expiresAt: until, keys: try keys.map(key))
    }

    static func signed(
        _ operators: [RosterOperator], desks: Text = "", version: UInt64 = 1, by reviewers: [Reviewer], signedAt: UInt64 = Catalogues.now,
        expiresAt: UInt64 = Catalogues.now + Catalogues.year, kind: DocumentKind = .roster
    ) -> SignedDocument {
        let part = Roster(operators: operators, desks: desks).encoded
        let header = DocumentHeader(
            kind: kind, name: "test", version: version, signedAt: signedAt, expiresAt: expiresAt, partDigest: SHA256.hash(part),
            deskDigest: kind == .roster ? [] : SHA256.hash([]))
        return SignedDocument(header: header.encoded, part: part, signatures: reviewers.map { $0.sign(header.encoded, as: kind) })
    }
}

@Suite("The roster")
struct RosterTests {
    let reviewer: Reviewer
    let echo = Catalogues.program("echo", ["/bin/echo", "hello"])
    private static let keysFile = "etc/rollcall/authorized_keys"
    private static let stateFile = "var/lib/rollcall/roster"

    init() throws { reviewer = try Reviewer(1) }

    /// A conversation whose operator is alice, on a device whose keys file enrolment wrote.
    private func talk(kernel: Kernel = Kernel()) throws -> Conversation {
        let scratch = try Scratch()
        try scratch.write(Self.keysFile, "restrict,command=\"enrolment\" ssh-ed25519 AAAA\n")
        let talk = try Conversation([echo], scratch: scratch, kernel: kernel)
        try talk.open()
        return talk
    }

    private func push(_ document: SignedDocument, to talk: Conversation, request: UInt64 = 9) throws -> Message? {
        let bytes = document.encoded
        var offset = 0
        while offset < bytes.count {
            let piece = Array(bytes[offset..<min(offset + 300, bytes.count)])
            talk.say(.push(Push(request: request, kind: "roster", size: UInt64(bytes.count), offset: UInt64(offset), bytes: piece)))
            offset += piece.count
            if let answer = try talk.hear() { return answer }
        }
        return nil
    }

    private func hello(_ talk: Conversation) throws -> Hello {
        guard case .hello(let hello)? = try Conversation(sharing: talk).hear() else { throw Errno.invalid }
        return hello
    }

    @Test("a signed one comes into force: sshd's file of keys is written from it, hello says its version, the log says what changed")
    func installed() throws {
        let talk = try talk()
        #expect(try hello(talk).rosterVersion == 0)
        let roster = Rosters.signed(
            [
                try Rosters.one("alice", keys: 10, 11), try Rosters.one("bob", .observe, until: 1_900_000_000_000_000, keys: 12),
                try Rosters.one("eve.s-2", .shell, keys: 13),
            ], version: 7, by: [reviewer])
        #expect(try push(roster, to: talk)?.done?.ending == .exited)
        let keys = String(decoding: try talk.scratch.read(Self.keysFile), as: UTF8.self).split(separator: "\n").map(String.init)
        func line(_ name: String, _ role: String, _ options: String, _ key: UInt8) throws -> String {
            let blob = String(decoding: Base64.encode(try Rosters.key(key)), as: UTF8.self)
            return "restrict,command=\"/usr/bin/rollcall-agent serve --operator \(name) --role \(role)\"\(options) ssh-ed25519 \(blob)"
        }
        #expect(keys.first?.hasPrefix("# Written by rollcall-agent from roster 7;") == true)
        #expect(
            try Array(keys.dropFirst()) == [
                line("alice", "repair", "", 10), line("alice", "repair", "", 11),
                line("bob", "observe", ",expiry-time=\"20300317174640Z\"", 12), line("eve.s-2", "shell", "", 13),
            ])
        let mode = try FileManager.default.attributesOfItem(atPath: talk.scratch.path + "/" + Self.keysFile)[.posixPermissions] as? Int
        #expect(mode == 0o644)
        #expect(try hello(talk).rosterVersion == 7)
        let entry = try #require(try talk.log().first { $0.kind == .rosterInstalled })
        #expect(entry.subject == "7" && entry.digest == roster.digest && entry.detail == "3 added, 0 revoked, 0 kept" && entry.request == 9)
        let next = Rosters.signed([try Rosters.one("alice", keys: 10), try Rosters.one("carl", keys: 14)], version: 8, by: [reviewer])
        #expect(try push(next, to: talk)?.done?.ending == .exited)
        #expect(try talk.log().last { $0.kind == .rosterInstalled }?.detail == "1 added, 2 revoked, 1 kept")
        // It is still there after a start.
        let settings = talk.scratch.settings
        let state = StateDirectory(kernel: talk.kernel, path: settings.state)
        #expect(RosterStore(kernel: talk.kernel, state: state, trust: settings.trust, keys: settings.keys).version == 8)
    }

    enum Fault: String, CaseIterable {
        case unsigned, stranger, otherNamespace, catalogue, tampered, garbage, leap, rolledBack, expired, future, badName, nobody

        var rule: Text {
            switch self {
            case .unsigned, .stranger, .otherNamespace: "roster-unsigned"
            case .tampered: "roster-tampered"
            // Signed as a catalogue it has not one valid signature as a roster.
            case .catalogue: "roster-unsigned"
            case .garbage, .badName, .nobody: "roster-malformed"
            case .leap: "roster-version-leap"
            case .rolledBack: "roster-rolled-back"
            case .expired: "roster-expired"
            case .future: "roster-not-yet-valid"
            }
        }
    }

    private func document(_ fault: Fault) throws -> SignedDocument {
        let good = [try Rosters.one("alice", keys: 10)]
        let day = 86_400 * Catalogues.second
        switch fault {
        case .unsigned: return Rosters.signed(good, version: 6, by: [])
        case .stranger: return Rosters.signed(good, version: 6, by: [try Reviewer(2)])
        case .otherNamespace:
            var document = Rosters.signed(good, version: 6, by: [])
            document.signatures = [reviewer.sign(document.header, as: .catalogue)]
            return document
        case .catalogue: return Rosters.signed(good, version: 6, by: [reviewer], kind: .catalogue)
        case .tampered:
            var document = Rosters.signed(good, version: 6, by: [reviewer])
            document.part = Roster(operators: [try Rosters.one("alice", .shell, keys: 10)]).encoded
            return document
        case .garbage: return SignedDocument(header: [1], part: [2], signatures: [[3]])
        case .leap: return Rosters.signed(good, version: 2_000_000, by: [reviewer])
        case .rolledBack: return Rosters.signed(good, version: 5, by: [reviewer])
        case .expired: return Rosters.signed(good, version: 6, by: [reviewer], signedAt: 1, expiresAt: 2)
        case .future: return Rosters.signed(good, version: 6, by: [reviewer], signedAt: Catalogues.now + 2 * day)
        case .badName: return Rosters.signed([try Rosters.one("al\"ice", keys: 10)], version: 6, by: [reviewer])
        case .nobody: return Rosters.signed([], version: 6, by: [reviewer])
        }
    }

    @Test("what reviewers did not vouch for is refused by its rule, and the one in force and its keys stay", arguments: Fault.allCases)
    func refused(_ fault: Fault) throws {
        let talk = try talk()
        #expect(try push(Rosters.signed([try Rosters.one("alice", keys: 10)], version: 5, by: [reviewer]), to: talk)?.done != nil)
        let before = (try talk.scratch.read(Self.stateFile), try talk.scratch.read(Self.keysFile))
        #expect(try push(try document(fault), to: talk)?.rule == fault.rule)
        #expect(try talk.scratch.read(Self.stateFile) == before.0 && talk.scratch.read(Self.keysFile) == before.1)
        for name in [Self.stateFile, Self.keysFile] { #expect(!talk.scratch.exists(name + ".new")) }
        #expect(try talk.log().contains { $0.kind == .refused && $0.detail == fault.rule })
        #expect(try hello(talk).rosterVersion == 5)
    }

    @Test("a disk that fails at any call leaves a roster and keys that are whole", arguments: [SystemCall.open, .write, .sync, .rename])
    func fullDisk(_ call: SystemCall) throws {
        let kernel = Kernel()
        let talk = try talk(kernel: kernel)
        #expect(try push(Rosters.signed([try Rosters.one("alice", keys: 10)], by: [reviewer]), to: talk)?.done != nil)
        let (state, keys) = (try talk.scratch.read(Self.stateFile), try talk.scratch.read(Self.keysFile))
        let next = Rosters.signed([try Rosters.one("alice", keys: 10), try Rosters.one("bob", keys: 11)], version: 2, by: [reviewer])
        var wasWhole = false
        for place in 1...12 where !wasWhole {
            var count = 0
            kernel.fault = {
                if $0 == call { count += 1 }
                return $0 == call && count >= place ? .noSpace : nil
            }
            let answer = try push(next, to: talk)
            kernel.fault = nil
            let now = (state: try talk.scratch.read(Self.stateFile), keys: try talk.scratch.read(Self.keysFile))
            wasWhole = answer?.done != nil
            if wasWhole {
                #expect(now.state == next.encoded && talk.device.roster.version == 2)
            } else {
                #expect(["storage", "ledger", "trust-malformed", "owner", "configuration"].contains(try #require(answer?.rule)))
                // Keys come before the roster: what is said to be in force is never newer than the keys.
                #expect(now.state == state && talk.device.roster.version == 1)
                #expect(now.keys == keys || now.keys.count > keys.count)
            }
        }
        #expect(wasWhole, "the last place is beyond the last call")
    }

    @Test("a session of an operator whom the new roster does not let in, or in a lower role, is ended; others go on")
    func revoked() throws {
        let talk = try talk()
        let (alice, bob) = (try Rosters.one("alice", keys: 10), try Rosters.one("bob", keys: 11))
        for others in [[try Rosters.one("bob", .observe, keys: 11)], []] {
            let first = talk.device.roster.version + 1
            #expect(try push(Rosters.signed([alice, bob], version: first, by: [reviewer]), to: talk)?.done != nil)
            talk.session.obeyRoster()
            let session = try Conversation(sharing: talk)
            try session.open()
            session.session.obeyRoster()
            #expect(try session.hear() == nil && !session.session.isEnded)
            #expect(try push(Rosters.signed([alice] + others, version: first + 1, by: [reviewer]), to: talk)?.done != nil)
            session.session.obeyRoster()
            talk.session.obeyRoster()
            #expect(try session.refusal() == "revoked" && session.session.isEnded)
            #expect(try talk.log().last?.detail == "revoked")
            #expect(!talk.session.isEnded)
            #expect(try talk.run("echo", request: 1).end.done?.code == 0)
            let back = try Conversation(sharing: talk)
            back.say(.open(Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")))
            _ = try back.hear()
            #expect(try back.refusal() == "revoked" && back.session.isEnded)
        }
    }

    @Test("the key that sshd names must be the operator's, and an expiry holds for each request")
    func keysAndExpiry() throws {
        let kernel = Kernel()
        let talk = try talk(kernel: kernel)
        let until = Catalogues.now + 3_600 * Catalogues.second
        let bob = try Rosters.one("bob", until: until, keys: 11)
        #expect(try push(Rosters.signed([try Rosters.one("alice", keys: 10), bob], by: [reviewer]), to: talk)?.done != nil)
        func session(key: [UInt8]) throws -> (Session, Message?) {
            let line = "publickey ssh-ed25519 " + String(decoding: Base64.encode(key), as: UTF8.self)
            let session = Session(
                device: talk.device, door: Door(operatorName: "bob", role: "repair", key: Text(line), connection: ""))
            session.receive(Message.open(Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")).frame)
            return (session, try Self.last(session))
        }
        #expect(try session(key: Rosters.key(12)).1?.rule == "revoked")
        let (open, answer) = try session(key: Rosters.key(11))
        guard case .opened? = answer else { throw Errno.invalid }
        kernel.realtimeClock = { until - 1 }
        open.receive(Message.entries(Entries(request: 1, first: 0, count: 0)).frame)
        open.pumpStreams()
        #expect(try Self.last(open)?.done != nil)
        kernel.realtimeClock = { until }
        open.receive(Message.entries(Entries(request: 2, first: 0, count: 0)).frame)
        #expect(try Self.last(open)?.rule == "revoked")
    }

    private static func last(_ session: Session) throws -> Message? {
        var reader = FrameReader()
        reader.append(Array(session.pendingOutput))
        session.wrote(session.pendingOutput.count)
        var last: Message?
        while let bytes = try reader.next() { last = try Message(decoding: bytes) }
        return last
    }

    @Test("desks that a roster names are witnessed in place of those in the file; without any the file holds")
    func desks() throws {
        let talk = try talk()
        let named = NoteVerifier(name: "desk.example/roster", publicKey: [UInt8](repeating: 3, count: 32))
        let filed = NoteVerifier(name: "desk.example/file", publicKey: [UInt8](repeating: 4, count: 32))
        try talk.scratch.write("etc/rollcall/desks", filed.vkey + [10])
        let state = StateDirectory(kernel: talk.kernel, path: talk.scratch.settings.state)
        let witness = Witness(
            kernel: talk.kernel, state: state, desks: talk.scratch.settings.desks, roster: talk.device.roster, name: "d", key: nil)
        #expect(witness.verifiers() == [filed])
        let alice = try Rosters.one("alice", keys: 10)
        #expect(try push(Rosters.signed([alice], by: [reviewer]), to: talk)?.done != nil)
        #expect(witness.verifiers() == [filed])
        #expect(try push(Rosters.signed([alice], desks: Text(named.vkey + [10]), version: 2, by: [reviewer]), to: talk)?.done != nil)
        #expect(witness.verifiers() == [named])
    }

    @Test("the daemon ends a revoked operator's session at once, both builds", arguments: AgentBinary.all)
    func daemon(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.install([echo])
        let daemon = try AgentProcess(binary, ["run", "--root-dir", scratch.path])
        defer { withExtendedLifetime(daemon) {} }
        func relay(_ name: String) throws -> AgentProcess {
            let deadline = ContinuousClock.now + .seconds(20)
            while !scratch.exists("run/rollcall/agent.sock"), ContinuousClock.now < deadline { usleep(5_000) }
            let relay = try AgentProcess(
                binary, ["serve", "--operator", name, "--role", "repair", "--root-dir", scratch.path])
            try relay.open()
            return relay
        }
        let (alice, bob) = (try relay("alice"), try relay("bob"))
        #expect(try bob.run("echo").end.done?.code == 0)
        let roster = Rosters.signed([try Rosters.one("alice", keys: 10)], by: [reviewer]).encoded
        try alice.say(.push(Push(request: 1, kind: "roster", size: UInt64(roster.count), offset: 0, bytes: roster)))
        #expect(try alice.answer().end.done?.ending == .exited)
        #expect(try bob.hear()?.rule == "revoked")
        #expect(try bob.hear() == nil)
        #expect(try alice.run("echo", request: 2).end.done?.code == 0)
        #expect(throws: (any Error).self) { try relay("bob") }
        let keys = String(decoding: try scratch.read(Self.keysFile), as: UTF8.self)
        #expect(keys.contains("--operator alice") && !keys.contains("bob"))
    }

    @Test("an agent that keeps no keys file takes no roster")
    func noKeysFile() throws {
        let talk = try talk()
        var settings = talk.scratch.settings
        settings.keys = nil
        settings.state += Array("-other".utf8)
        let device = try Device(kernel: Kernel(), settings: settings, adoptsStrays: false)
        let session = Session(device: device, door: Door(operatorName: "alice", role: "repair", key: "", connection: ""))
        session.receive(Message.open(Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")).frame)
        let roster = Rosters.signed([try Rosters.one("alice", keys: 10)], by: [reviewer]).encoded
        session.receive(Message.push(Push(request: 1, kind: "roster", size: UInt64(roster.count), offset: 0, bytes: roster)).frame)
        #expect(try Self.last(session)?.rule == "push")
    }
}
