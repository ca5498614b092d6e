import Foundation
import Testing

@Suite("Operators and the roster", .timeLimit(.minutes(3)))
struct OperatorTests {
    private let device = Workplace.device

    /// Lets alice, whose key this desk logs in with, into the list.
    private func addAlice(_ place: Workplace) async throws {
        try await place.must("operator", "add", "alice", "--key", place.folder + "/alice.pub", "--role", "repair")
    }

    private func sign(_ place: Workplace) async throws {
        for name in ["anna", "bruno"] { try await place.must("operator", "sign", "--key", place.reviewer(name)) }
    }

    private func drift(_ place: Workplace) async throws -> [Drift] {
        try JSONDecoder().decode([Drift].self, from: Data(try await place.must("device", "list", "--drift", "--json").utf8))
    }

    private struct Drift: Decodable {
        let device: String
        let rosterVersion: UInt64?
        let standing: String
        let stillLetsIn: [Leftover]

        struct Leftover: Decodable, Equatable {
            let name: String
            let why: String
        }
    }

    @Test("added, packed, signed, pushed; revoked: the device is named until it has the next roster, and so are those without any")
    func life() async throws {
        try await Workplace.with { place in
            try await addAlice(place)
            try await Template.key("bob", in: place.folder)
            try await place.must(
                "operator", "add", "bob", "--key", place.folder + "/bob.pub", "--role", "observe", "--until", "2099-01-31T18:00:00Z")
            try await place.must("device", "add", "kiosk-0")
            #expect(try await drift(place).map(\.standing) == ["unknown", "none"])
            try await place.must("device", "remove", "kiosk-0", "--yes")
            #expect(try await place.must("operator", "pack").contains("2 operators as roster 1"))
            let shown = try await place.must("operator", "sign", "--key", place.reviewer("anna"))
            #expect(shown.contains("bob  observe, until 2099-01-31T18:00:00Z") && shown.contains("ssh-ed25519 SHA256:"))
            try await place.must("operator", "sign", "--key", place.reviewer("bruno"))
            #expect(try await place.must("operator", "push", device).contains("\(device) accepted roster 1."))
            let keys = try Scratch.text(place.state + "/authorized_keys")
            #expect(keys.contains("--operator bob --role observe\",expiry-time=\"20990131180000Z\" ssh-ed25519 "))
            #expect(try await drift(place).isEmpty)

            let revoked = try await place.must("operator", "revoke", "bob", "--reason", "left")
            #expect(revoked.contains("--drift"))
            let found = try #require(try await drift(place).first)
            #expect(found.standing == "newest" && found.stillLetsIn == [Drift.Leftover(name: "bob", why: "revoked")])
            try await place.must("operator", "pack")
            try await sign(place)
            #expect(try await drift(place).first?.standing == "behind")
            #expect(try await place.must("device", "list", "--drift").contains("bob (revoked)"))
            let swept = try await place.rollcall("sweep", device)
            #expect(swept.output.contains("1 of them lets in whom the newest roster does not, or may: rollcall device list --drift"))
            try await place.must("operator", "push", "*")
            #expect(try !Scratch.text(place.state + "/authorized_keys").contains("bob"))
            #expect(try await drift(place).isEmpty)
            #expect(try await place.must("device", "list", "--drift").contains("Every device has the newest roster"))
            #expect(try await !place.rollcall("sweep", device).output.contains("--drift"))
            let kinds = try await place.newEntries().map(\.kind)
            for kind in ["operator.added", "operator.revoked", "roster.packed", "roster.offered", "roster.installed"] {
                #expect(kinds.contains(kind), "\(kind)")
            }
            #expect(try await place.must("operator", "list").contains("revoked 2"))
            // Both sides' records still agree.
            #expect(try await place.rollcall("audit", "verify", "--device", device).exit == 0)
        }
    }

    @Test("an expiry that was brought forward is drift until the next roster; one that came by itself is none")
    func expiry() async throws {
        try await Workplace.with { place in
            try await addAlice(place)
            try await Template.key("bob", in: place.folder)
            try await place.must("operator", "add", "bob", "--key", place.folder + "/bob.pub", "--role", "observe")
            try await place.must("operator", "pack")
            try await sign(place)
            try await place.must("operator", "push", device)
            try await place.must("operator", "expire", "bob", "2020-01-31")
            #expect(try await drift(place).first?.stillLetsIn == [Drift.Leftover(name: "bob", why: "expired")])
            try await place.must("operator", "expire", "bob", "never")
            #expect(try await drift(place).isEmpty)
        }
    }

    @Test("a device that cannot be reached does not keep the next from getting the roster; each is told of, and the exit code is its")
    func several() async throws {
        try await Workplace.with { place in
            try await addAlice(place)
            try await place.must("operator", "pack")
            try await sign(place)
            let closed = try Door.freePort()
            try await place.must("device", "add", "kiosk-0", "--host", "127.0.0.1", "--port", "\(closed)")
            let said = try await place.rollcall("operator", "push", "kiosk-*")
            #expect(said.exit != 0 && said.output.contains("\(device) accepted roster 1."), "\(said.error)")
            #expect(said.error.contains("rollcall: kiosk-0: ") && said.error.contains("1 of 2 devices did not take the roster."))
            struct Pushed: Decodable {
                let device: String
                let version: UInt64?
                let error: String?
            }
            try await place.must("operator", "pack")
            try await sign(place)
            let again = try await place.rollcall("operator", "push", "*", "--json")
            let pushed = try JSONDecoder().decode([Pushed].self, from: Data(again.output.utf8))
            #expect(again.exit == said.exit && pushed.map(\.device) == ["kiosk-0", device] && pushed.map(\.version) == [nil, 2])
            #expect(pushed[0].error?.isEmpty == false && pushed[1].error == nil)
            #expect(try await drift(place).map(\.standing) == ["unknown"])
            #expect(try await place.must("operator", "revoke", "alice", "--json").contains("\"standing\" : \"revoked"))
        }
    }

    @Test("a roster that would lock out everyone, or who pushes it, is refused; the latter not with --force")
    func lockOut() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["operator", "pack"], exit: 96, kind: "lock-out", says: "lets nobody in", "operator add")
            try await Template.key("bob", in: place.folder)
            try await place.must("operator", "add", "bob", "--key", place.folder + "/bob.pub", "--role", "observe")
            try await place.expectFailure(["operator", "pack"], exit: 96, kind: "lock-out", says: "push the next one")
            try await place.must("operator", "revoke", "bob")
            try await place.must("operator", "add", "bob", "--key", place.folder + "/bob.pub", "--role", "repair")
            try await place.must("operator", "pack")
            try await sign(place)
            try await place.expectFailure(["operator", "push", device], exit: 96, kind: "lock-out", says: "lock you out", "--force")
            #expect(!FileManager.default.fileExists(atPath: place.state + "/roster"))
            try await place.must("operator", "push", device, "--force")
            // This test's door is not the device's own: sshd still lets alice in, and the agent does not.
            try await place.expectFailure(["run", device, "odd.nothing"], exit: 79, kind: "refused-revoked", says: "operator add")
        }
    }

    @Test("what the device's reviewers did not sign, or a version that does not grow, is refused in a sentence")
    func refused() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(["operator", "push", device], exit: 66, kind: "no-roster", says: "operator pack")
            try await addAlice(place)
            try await place.must("operator", "pack", "--version", "5")
            try await place.must("operator", "sign", "--key", place.reviewer("anna"))
            try await place.must("operator", "sign", "--key", place.reviewer("mallory"))
            try await place.expectFailure(
                ["operator", "push", device], exit: 81, kind: "refused-roster-unsigned", says: "rollcall operator sign")
            try await place.must("operator", "sign", "--key", place.reviewer("bruno"))
            try await place.must("operator", "push", device)
            try await place.expectFailure(
                ["operator", "push", device], exit: 83, kind: "refused-roster-rolled-back", says: "not above 5", "--version")
            try await place.expectFailure(
                ["operator", "pack", "--version", "5"], exit: 65, kind: "roster-version", says: "versions only grow")
            try await place.must("operator", "pack", "--version", "2000000")
            try await sign(place)
            try await place.expectFailure(
                ["operator", "push", device], exit: 85, kind: "refused-roster-version-leap", says: "more than a million")
            // A changed file is found before anything is sent.
            let file = place.data + "/roster/roster.cbor"
            var bytes = try Data(contentsOf: URL(fileURLWithPath: file))
            let role = try #require(bytes.firstRange(of: Data("alice".utf8)))
            bytes[role.upperBound] = 3
            try bytes.write(to: URL(fileURLWithPath: file))
            try await place.expectFailure(["operator", "push", device], exit: 84, kind: "catalogue-tampered", says: "not whole")
        }
    }

    @Test("names, keys, roles and dates that cannot be are refused, and nothing is added")
    func input() async throws {
        try await Workplace.with { place in
            let key = place.folder + "/alice.pub"
            func add(_ name: String, _ file: String, _ more: String...) -> [String] {
                ["operator", "add", name, "--key", file, "--role", "repair"] + more
            }
            for name in ["a b", ".a", "a\u{1b}[2Jb", "a\"b", String(repeating: "a", count: 65)] {
                try await place.expectFailure(add(name, key), exit: 64, kind: "usage", says: "letters, digits")
            }
            try await place.expectFailure(
                ["operator", "add", "x", "--key", key, "--role", "root"], exit: 64, kind: "usage", says: "observe, repair or shell")
            try await place.expectFailure(add("x", key, "--until", "tomorrow"), exit: 64, kind: "usage", says: "2027-01-31")
            try await place.expectFailure(add("x", key, "--until", "2027-02-31"), exit: 64, kind: "usage", says: "2027-01-31")
            try await place.expectFailure(add("x", place.folder + "/alice"), exit: 65, kind: "public-key", says: ".pub")
            try await place.expectFailure(add("x", place.folder + "/none"), exit: 66, kind: "unreadable", says: "none")
            try Scratch.write("ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQ== x\n", to: place.folder + "/rsa.pub")
            try await place.expectFailure(add("x", place.folder + "/rsa.pub"), exit: 65, kind: "public-key", says: "ssh-ed25519")
            #expect(try await place.must("operator", "list").contains("No operator"))
            try await addAlice(place)
            try await place.expectFailure(add("alice", place.reviewer("anna") + ".pub"), exit: 65, kind: "duplicate", says: "already")
            try await place.expectFailure(add("eve", key), exit: 65, kind: "duplicate", says: "alice's already")
            try await place.expectFailure(["operator", "revoke", "nobody"], exit: 66, kind: "not-found", says: "operator list")
            try await place.expectFailure(["operator", "push"], exit: 64, kind: "usage", says: "wildcards")
        }
    }

    @Test("sshd takes the keys file that a roster makes: who is in it gets the relay, who expired or is not in it nothing")
    func sshdTakesIt() async throws {
        try await Workplace.with { place in
            try await addAlice(place)
            for name in ["bob", "carl", "eve"] { try await Template.key(name, in: place.folder) }
            try await place.must("operator", "add", "bob", "--key", place.folder + "/bob.pub", "--role", "observe", "--until", "2099-01-31")
            try await place.must(
                "operator", "add", "carl", "--key", place.folder + "/carl.pub", "--role", "observe", "--until", "2099-01-31")
            try await place.must("operator", "pack")
            try await sign(place)
            try await place.must("operator", "push", device)
            var text = try Scratch.text(place.state + "/authorized_keys")
            // Carl's time has come; and what would be started there is made a word that can be seen.
            let carl = try #require(text.range(of: "--operator carl --role observe\",expiry-time=\"2099"))
            text.replaceSubrange(carl, with: "--operator carl --role observe\",expiry-time=\"2020")
            try Scratch.write(text.replacingOccurrences(of: "/usr/bin/rollcall-agent", with: "/bin/echo"), to: place.folder + "/keys")
            let port = try Door.freePort()
            let settings = [
                "ListenAddress 127.0.0.1:\(port)", "HostKey \(place.door.folder)/host", "AuthorizedKeysFile \(place.folder)/keys",
                "PidFile none", "UsePAM no", "StrictModes no", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            ]
            try Scratch.write(settings.joined(separator: "\n") + "\n", to: place.folder + "/sshd_config")
            for (name, said) in [
                ("alice", "serve --operator alice --role repair\n"), ("bob", "serve --operator bob --role observe\n"), ("carl", ""),
                ("eve", ""),
            ] {
                // An sshd of one connection, over the client's own pipe: nothing listens.
                let proxy = "/usr/sbin/sshd -i -f \(place.folder)/sshd_config"
                let outcome = try await Program.run(
                    "/usr/bin/ssh",
                    [
                        "-F", "none", "-i", place.folder + "/" + name, "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o",
                        "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                        "ProxyCommand=\(proxy)", "\(place.door.user)@device", "anything",
                    ], in: place.folder, environment: place.environment)
                #expect(outcome.output == said, "\(name): \(outcome.error)")
                #expect(said.isEmpty == outcome.error.contains("Permission denied"), "\(name): \(outcome.error)")
            }
        }
    }
}
