import Foundation
import SSH
import Testing

@Suite("The way to a device, as OpenSSH's configuration says it", .timeLimit(.minutes(10)))
struct WayTests {
    /// A configuration in which `kiosk.lan` is the door, and its key is known where it should be.
    private func configure(_ place: Workplace, _ more: String = "", known key: HostKey? = nil) throws -> String {
        let keys = [key, HostKey(openSSH: try Scratch.text("\(place.door.folder)/host.pub"))].compactMap { $0 }
        try Scratch.write("[127.0.0.1]:\(place.door.port) \(keys[0].openSSH)\n", to: place.folder + "/known_hosts")
        let text = """
            \(more)
            Host kiosk.lan
              HostName 127.0.0.1
              Port \(place.door.port)
            Host gate.lan
              HostName 127.0.0.1
              Port \(place.door.port)
              User \(place.door.user)
              IdentityFile \(place.folder)/gate
              IdentitiesOnly yes
            Host *
              UserKnownHostsFile \(place.folder)/known_hosts
              GlobalKnownHostsFile none

            """
        try Scratch.write(text, to: place.folder + "/ssh_config")
        return place.folder + "/ssh_config"
    }

    private func enrolment(_ place: Workplace, _ name: String, _ more: String...) async throws -> [String] {
        let key = try await Program.must(Program.agent, ["key", "--state", place.state], in: place.folder)
        return ["device", "enroll", name, "--no-install", "--ledger-key", key.trimmingCharacters(in: .newlines), "--yes"] + more
    }

    private func add(_ place: Workplace, _ name: String, _ more: String...) async throws {
        try await place.succeed(["device", "add", name, "--user", place.door.user] + more)
    }

    @Test("an alias is reached where the configuration says, its key by known_hosts, through two jump hosts or none")
    func alias() async throws {
        try await Workplace.with { place in
            try await Template.key("gate", in: place.folder)
            try place.door.admitTunnels(publicKey: try Template.publicKey(place.folder + "/gate"))
            let ways = ["", "Match host kiosk.lan\n ProxyJump gate.lan\n", "Match host kiosk.lan\n ProxyJump gate.lan,gate.lan\n"]
            for (number, way) in ways.enumerated() {
                let environment = ["ROLLCALL_SSH_CONFIG": try configure(place, way)]
                try await add(place, "kiosk.lan")
                #expect(!(try await place.must("device", "show", "kiosk.lan", "--json").contains("\"port\"")))
                try await place.succeed(try await enrolment(place, "kiosk.lan"), environment: environment)
                let outcome = try await place.rollcall("run", "kiosk.lan", "odd.well", environment: environment)
                #expect(outcome.exit == 0, "way \(number): \(outcome.error)")
                try await place.must("device", "remove", "kiosk.lan", "--yes")
            }
        }
    }

    @Test("what the inventory says goes before the configuration")
    func order() async throws {
        try await Workplace.with { place in
            let environment = ["ROLLCALL_SSH_CONFIG": try configure(place, "Host kiosk.lan\n  User nobody\n  Port 1\n")]
            try await add(place, "shop-1", "--host", "kiosk.lan", "--port", "\(place.door.port)")
            try await place.succeed(try await enrolment(place, "shop-1"), environment: environment)
        }
    }

    @Test("a key that known_hosts contradicts is not pinned, nor one that nothing is known of, whatever is accepted in silence")
    func knownHosts() async throws {
        try await Workplace.with { place in
            let other = Ed25519Key.generate().publicKey
            let changed = ["ROLLCALL_SSH_CONFIG": try configure(place, known: other)]
            try await add(place, "kiosk.lan")
            let enrolment = try await enrolment(place, "kiosk.lan")
            try await place.expectFailure(
                enrolment, exit: 69, kind: "host-key-changed", says: other.fingerprint, place.door.fingerprint, environment: changed)
            let silent = ["ROLLCALL_SSH_CONFIG": try configure(place, "Host *\n  StrictHostKeyChecking accept-new\n")]
            try Scratch.write("", to: place.folder + "/known_hosts")
            try await place.expectFailure(
                enrolment, exit: 71, kind: "host-key-unknown", says: place.door.fingerprint, environment: silent)
            #expect(try Scratch.text(place.folder + "/known_hosts").isEmpty)
        }
    }

    @Test("a jump host that cannot be used is named, and the devices behind it are not called down")
    func jumpHost() async throws {
        try await Workplace.with { place in
            let closed = try Door.freePort()
            let more = "Host kiosk.lan\n  ProxyJump 127.0.0.1:\(closed)\n"
            try await add(place, "kiosk.lan")
            try await place.succeed(
                try await enrolment(place, "kiosk.lan"), environment: ["ROLLCALL_SSH_CONFIG": try configure(place)])
            let environment = ["ROLLCALL_SSH_CONFIG": try configure(place, more)]
            try await place.expectFailure(
                ["diagnose", "kiosk.lan"], exit: 68, kind: "jump-host", says: "kiosk.lan", "127.0.0.1:\(closed)", environment: environment)
            let sweep = try await place.rollcall("sweep", "kiosk.lan", "--json", environment: environment)
            #expect(sweep.exit == 3 && sweep.output.contains("\"path-down\" : 1"), "\(sweep.output)\(sweep.error)")
            // The jump host is there, and knows nothing of the device.
            try await Template.key("gate", in: place.folder)
            try place.door.admitTunnels(publicKey: try Template.publicKey(place.folder + "/gate"))
            try await place.must("device", "remove", "kiosk.lan", "--yes")
            try await add(place, "kiosk.lan", "--port", "\(closed)")
            try await place.expectFailure(
                ["diagnose", "kiosk.lan"], exit: 68, kind: "not-reached-from-jump-host", says: "kiosk.lan",
                environment: ["ROLLCALL_SSH_CONFIG": try configure(place, "Match host kiosk.lan\n ProxyJump gate.lan\n")])
        }
    }

    @Test("what the configuration asks for and cannot be done is refused in one sentence, and so is a configuration that cannot be read")
    func configuration() async throws {
        try await Workplace.with { place in
            try await add(place, "kiosk.lan")
            let environment = ["ROLLCALL_SSH_CONFIG": try configure(place, "Host kiosk.lan\n  ProxyCommand nc %h %p\n")]
            try await place.expectFailure(
                ["diagnose", "kiosk.lan"], exit: 65, kind: "ssh-configuration", says: "ProxyCommand", environment: environment)
            try Scratch.write("NoSuchKeyword yes\n", to: place.folder + "/ssh_config")
            try await place.expectFailure(
                ["diagnose", "kiosk.lan"], exit: 65, kind: "ssh-configuration", says: "ssh -G", environment: environment)
            try await place.expectFailure(
                ["diagnose", "kiosk.lan", "--ssh-config", place.folder + "/none"], exit: 66, kind: "ssh-config", says: "/none")
        }
    }

    @Test("without a named key those of the configuration are tried")
    func identityFile() async throws {
        try await Workplace.with { place in
            let more = "Host kiosk.lan\n  IdentityFile \(place.folder)/alice\n  IdentitiesOnly yes\n"
            let environment = ["ROLLCALL_SSH_CONFIG": try configure(place, more), "ROLLCALL_IDENTITY": ""]
            try await add(place, "kiosk.lan")
            try await place.succeed(try await enrolment(place, "kiosk.lan"), environment: environment)
            let none = ["ROLLCALL_SSH_CONFIG": try configure(place, "Host *\n  IdentityFile none\n"), "ROLLCALL_IDENTITY": ""]
            try await place.expectFailure(["diagnose", "kiosk.lan"], exit: 66, kind: "key-file", says: "ssh-add", environment: none)
        }
    }

    @Test("an encrypted key waits for its passphrase: asked for on a terminal, and not shown there; elsewhere a sentence says what to do")
    func passphrase() async throws {
        try await Workplace.with { place in
            let key = place.folder + "/alice"
            try await Program.must("/usr/bin/ssh-keygen", ["-q", "-p", "-P", "", "-N", "open sesame", "-f", key], in: place.folder)
            try await place.expectFailure(["run", Workplace.device, "odd.well"], exit: 66, kind: "key-file", says: "passphrase", "ssh-add")
            let good = try await place.type(["open sesamx\u{7f}e"], at: "Passphrase of", to: ["run", Workplace.device, "odd.well"])
            #expect(good.exit == 0 && !good.output.contains("sesam"), "\(good.output)")
            let bad = try await place.type(["open says me"], at: "Passphrase of", to: ["run", Workplace.device, "odd.well"])
            #expect(bad.exit == 66 && bad.output.contains("passphrase not accepted"), "\(bad.output)")
            let none = try await place.type(["\u{3}"], at: "Passphrase of", to: ["run", Workplace.device, "odd.well"])
            #expect(none.exit == 66 && none.output.contains("ssh-add"), "\(none.output)")
        }
    }
}

extension Workplace {
    /// Runs the controller, which must succeed.
    fileprivate func succeed(_ arguments: [String], environment: [String: String] = [:]) async throws {
        let outcome = try await rollcall(arguments, environment: environment)
        guard outcome.exit == 0 else { throw Scratch.Failure(description: "\(arguments.joined(separator: " ")): \(outcome.error)") }
    }

    /// Runs the controller on a terminal, where somebody types a line each time it asks so.
    ///
    /// - Returns: Its exit code, and all that the terminal showed.
    fileprivate func type(_ lines: [String], at question: String, to arguments: [String]) async throws -> Outcome {
        let script = Program.repository + "/Tests/RollcallCLITests/Support/typist.py"
        let typed = lines.map { Data($0.utf8).base64EncodedString() }.joined(separator: ",")
        return try await Program.run(
            "/usr/bin/python3", [script, question, typed, Program.rollcall] + arguments, in: folder, environment: environment)
    }
}
