import Foundation
import SSH
import Store
import Testing
import Wire

@testable import RollcallCLI

@Suite("On the way to a device", .timeLimit(.minutes(10)))
struct ReachTests {
    private let device = Workplace.device

    @Test("a device that is not in the inventory is named, whatever is asked of it")
    func unknownDevice() async throws {
        let commands = [
            ["diagnose", "nobody-7"], ["call", "nobody-7"], ["run", "nobody-7", "odd.nothing"], ["fix", "nobody-7", "odd.change", "--yes"],
            ["device", "show", "nobody-7"], ["probes", "push", "nobody-7"],
        ]
        try await Workplace.with { place in
            for command in commands {
                try await place.expectFailure(command, exit: 66, kind: "not-found", says: "nobody-7", "rollcall device list")
            }
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("an address where nothing listens is unreachable, and the attempt is on record")
    func unreachable() async throws {
        try await Workplace.with { place in
            let port = try Door.freePort()
            try await place.must("device", "add", "far-1", "--host", "127.0.0.1", "--port", "\(port)")
            try await place.expectFailure(["diagnose", "far-1"], exit: 68, kind: "refused", says: "far-1", "port \(port)")
            #expect(try await place.newEntries().filter { $0.kind == "session.failed" }.count == 2)
        }
    }

    @Test("a call on an unreachable device stays open, to be closed as such")
    func callOnUnreachable() async throws {
        try await Workplace.with { place in
            try await place.must("device", "add", "far-1", "--host", "127.0.0.1", "--port", "\(try Door.freePort())")
            let outcome = try await place.rollcall("call", "far-1", "--symptom", "dark")
            #expect(outcome.exit == 68)
            #expect(try await place.must("close", "unreachable").contains("closed: unreachable"))
        }
    }

    @Test("a key that the device does not know is refused by its sshd")
    func wrongKey() async throws {
        try await Workplace.with { place in
            try await Template.key("stranger", in: place.folder)
            try await place.expectFailure(
                ["diagnose", device, "--identity", place.folder + "/stranger"], exit: 67, kind: "authentication-refused",
                says: device, "--identity")
        }
    }

    @Test("a key file that is not there is named before anybody is called")
    func missingKey() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                ["diagnose", device, "--identity", place.folder + "/none"], exit: 66, kind: "key-file", says: place.folder + "/none")
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("a changed host key stops the session, and both fingerprints are said")
    func changedHostKey() async throws {
        try await Workplace.with { place in
            let other = Ed25519Key.generate().publicKey
            let database = try RollcallDatabase(path: place.store)
            try database.replaceHostKeys(
                device: try database.device(named: device).id, hostKeys: [other.openSSH], operator: "alice", reason: "a test")
            try await place.expectFailure(
                ["diagnose", device], exit: 69, kind: "host-key-changed", says: other.fingerprint, place.door.fingerprint,
                "rollcall device rekey \(device)")
        }
    }

    @Test(
        "other hardware in a device's place has its key confirmed, begins anew, and the old record stays; the same key is no other hardware"
    )
    func replaced() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                ["device", "replace", device, "--host-key", place.door.fingerprint], exit: 69, kind: "host-key-same",
                says: place.door.fingerprint)
            let database = try RollcallDatabase(path: place.store)
            let old = try database.device(named: device)
            try database.replaceHostKeys(
                device: old.id, hostKeys: [Ed25519Key.generate().publicKey.openSSH], operator: "alice", reason: "a test")
            try await place.expectFailure(
                ["device", "replace", device, "--host-key", Ed25519Key.generate().publicKey.fingerprint], exit: 69,
                kind: "host-key-changed",
                says: place.door.fingerprint)
            #expect(try database.device(named: device).id == old.id)
            try await place.must("device", "replace", device, "--host-key", place.door.fingerprint, "--reason", "board died")
            let new = try database.device(named: device)
            #expect(new.id != old.id && new.agent.enrolledAt == nil && new.labels == old.labels && new.address == old.address)
            #expect(try database.device(id: old.id).agent.verifierKey == old.agent.verifierKey)
            #expect(try await place.newEntries().map(\.kind).suffix(1) == ["device.replaced"])
            #expect(try await place.must("audit", "verify").contains("whole") == true)
        }
    }

    @Test(
        "what to do after a refused login depends on what was offered",
        arguments: [
            ("user pi: tried ssh-ed25519 SHA256:x; the server accepts publickey, password", "--identity"),
            ("user root: tried ssh-ed25519 SHA256:x; the server accepts publickey", "--root-identity"),
            ("user root: tried password; the server accepts publickey, password", "Check the password"),
            ("user pi: tried keyboard-interactive; the server accepts publickey", "Check the password"),
        ])
    func refusedLogin(_ detail: String, _ next: String) {
        let failure = CommandFailure(SSHError(.authenticationRefused, detail: detail), device: "kiosk-1", address: "192.0.2.7")
        #expect(failure.status == .authenticationRefused && failure.sentence.contains("tried "))
        #expect(failure.nextStep.contains(next) && failure.nextStep.contains("password") == (next == "Check the password"))
    }

    @Test("without a pinned host key nothing is trusted")
    func unknownHostKey() async throws {
        try await Workplace.with { place in
            try await place.must("device", "add", "new-1", "--host", "127.0.0.1", "--port", "\(place.door.port)", "--user", place.door.user)
            try await place.expectFailure(
                ["diagnose", "new-1"], exit: 71, kind: "host-key-unknown", says: place.door.fingerprint, "--host-key")
        }
    }

    @Test("a device that shows another key than its paperwork says is not enrolled")
    func wrongFingerprint() async throws {
        try await Workplace.with { place in
            try await place.must("device", "add", "new-1", "--host", "127.0.0.1", "--port", "\(place.door.port)", "--user", place.door.user)
            try await place.expectFailure(
                [
                    "device", "enroll", "new-1", "--no-install", "--ledger-key", "x", "--host-key",
                    Ed25519Key.generate().publicKey.fingerprint, "--yes",
                ],
                exit: 69, kind: "host-key-changed", says: place.door.fingerprint)
            #expect(try await place.must("device", "show", "new-1", "--json").contains("\"hostKeys\" : []"))
        }
    }

    @Test(
        "where no agent stands, what answers instead is said",
        arguments: [
            ("/bin/false", "nothing"), ("echo 'This account is not available.' >&2; exit 1", "This account is not available"),
            ("echo 'Welcome to BusyBox'; exit 0", "rollcall device enroll"), ("exit 127", "nothing"),
            ("head -c 100000 /dev/urandom", "rollcall-agent check"),
            (#"printf '\377\377\377\377'; cat > /dev/null"#, "rollcall-agent check"),
            (#"printf '\033]52;c;aGk=\007\033[2J' >&2; exit 1"#, "u{1B}]52"),
        ])
    func noAgent(_ command: String, _ words: String) async throws {
        try await Workplace.with(.script { _ in command + "\n" }) { place in
            try await place.expectFailure(["diagnose", device], exit: 72, kind: "no-agent", says: device, words)
        }
    }

    @Test("an agent of another version of the protocol is told from no agent")
    func otherVersion() async throws {
        try await Workplace.with(.script { try FakeAgent.script(saying: [FakeAgent.hello(version: 9)], in: $0) }) { place in
            try await place.expectFailure(
                ["diagnose", device], exit: 73, kind: "protocol-version", says: "version 9", "rollcall device enroll \(device)")
        }
    }

    @Test("an agent that refuses by another version is told too")
    func refusedVersion() async throws {
        let refused = Message.refused(Refused(request: 0, rule: "protocol", sentence: "The agent speaks protocol version 9."))
        try await Workplace.with(.script { try FakeAgent.script(saying: [FakeAgent.hello(), refused], in: $0) }) { place in
            try await place.expectFailure(["diagnose", device], exit: 73, kind: "refused-protocol", says: "version 9")
        }
    }

    @Test("an agent whose daemon is down is told from no agent")
    func daemonDown() async throws {
        let refused = Message.refused(Refused(request: 0, rule: "agent-down", sentence: "The agent's daemon does not run on this device."))
        try await Workplace.with(.script { try FakeAgent.script(saying: [refused], in: $0) }) { place in
            try await place.expectFailure(
                ["diagnose", device], exit: 72, kind: "refused-agent-down", says: "systemctl start rollcall-agent")
        }
    }

    @Test("an agent that is gone in the middle of a session leaves what came before on record")
    func goneInTheMiddle() async throws {
        let script = Workplace.Behind.script { folder in
            try FakeAgent.script(saying: [FakeAgent.hello(), FakeAgent.opened], in: folder).replacing(
                "exec cat > /dev/null", with: "exit 1")
        }
        try await Workplace.with(script) { place in
            try await place.expectFailure(["run", device, "odd.failing"], exit: 75, kind: "no-answer", says: "odd.failing")
            #expect(try await place.newEntries().filter { $0.kind == "probe.requested" && $0.subject == "odd.failing" }.count == 2)
        }
    }
}
