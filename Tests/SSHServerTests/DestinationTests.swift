import Foundation
import Testing

@testable import SSH

extension ServerTests {
    @Suite("Hosts as OpenSSH's client configuration describes them, with real sshds")
    struct DestinationTests {
        /// A configuration file about `servers`, called `s0` and so on, each reached with its own key.
        private func configure(_ servers: [Server], _ first: String, in folder: String) throws -> String {
            let known = servers.flatMap { server in server.hostKeys.map { "[127.0.0.1]:\(server.port) \($0.openSSH)" } }
            try Scratch.write(known.joined(separator: "\n"), to: "\(folder)/known_hosts")
            var text = first
            for (number, server) in servers.enumerated() {
                try Scratch.write(server.userKey.openSSHPrivateKey(comment: ""), to: "\(folder)/key\(number)")
                text += "\nHost s\(number)\n HostName 127.0.0.1\n Port \(server.port)\n IdentityFile \(folder)/key\(number)\n"
            }
            text += "Host *\n UserKnownHostsFile \(folder)/known_hosts\n GlobalKnownHostsFile none\n StrictHostKeyChecking yes\n"
            text += " IdentitiesOnly yes\n IdentityFile \(folder)/absent\n"
            try Scratch.write(text, to: "\(folder)/config")
            return "\(folder)/config"
        }

        @Test("a command runs through the ProxyJump of a configuration file, as it does with ssh")
        func jump() async throws {
            try await Server.with { gate in
                try await Server.with { inner in
                    try await Server.with { target in
                        let jumps = "Host s2\n ProxyJump s1\nHost s1\n ProxyJump s0\nHost also\n HostName 127.0.0.1\n ProxyJump s0,s1\n"
                        let file = try configure([gate, inner, target], jumps, in: target.folder)
                        let destinations = Destinations(configurations: ClientConfigurations(file: file))
                        let destination = try await destinations.destination(of: "s2")
                        #expect(destination.address == target.address && destination.jumpHost?.address == inner.address)
                        #expect(destination.identities.count == 1 && destination.unusedKeyFiles.isEmpty)
                        let connection = try await Connection.open(to: destination)
                        let result = try await connection.run("echo $SSH_CONNECTION")
                        #expect(String(decoding: result.standardOutput, as: UTF8.self).contains(" \(target.port)"))
                        #expect(try Scratch.run("/usr/bin/ssh", ["-F", file, "s2", "echo $SSH_CONNECTION"]).contains(" \(target.port)"))
                        // The same way, spelled out by another alias.
                        #expect(try await destinations.destination(of: "also").jumpHost === destination.jumpHost)
                        #expect(try await destinations.destination(of: "s2", user: "other", port: 9).jumpHost === destination.jumpHost)
                        #expect(try await destinations.destination(of: "s0").jumpHost == nil)
                        await connection.close()
                        await destinations.close()
                    }
                }
            }
        }

        @Test("what the configuration says about host keys is done: yes, ask, accept-new, and no, which accepts no changed key")
        func strictness() async throws {
            try await Server.with { server in
                let folder = server.folder
                func open(_ strictness: String, _ whenAsked: UnknownHostKey = .refuse) async throws(SSHError) {
                    let options =
                        "Host s0\n StrictHostKeyChecking \(strictness)\n UserKnownHostsFile \(folder)/fresh\n HashKnownHosts yes\n"
                    let file: String
                    do { file = try configure([server], options, in: folder) } catch { preconditionFailure("\(error)") }
                    let destinations = Destinations(configurations: ClientConfigurations(file: file), whenAsked: whenAsked)
                    await (try Connection.open(to: try await destinations.destination(of: "s0"))).close()
                }
                func code(_ strictness: String) async throws -> SSHError.Code? {
                    await #expect(throws: SSHError.self) { try await open(strictness) }?.code
                }
                #expect(try await code("yes") == .hostKeyUnknown)
                #expect(try await code("ask") == .hostKeyUnknown)
                try await open("ask", .decide { $0.key == server.hostKeys[0] })
                #expect(!FileManager.default.fileExists(atPath: "\(folder)/fresh"))
                try await open("accept-new")
                #expect(try Scratch.text("\(folder)/fresh").hasPrefix("|1|"))
                try await open("yes")
                try Scratch.write("[127.0.0.1]:\(server.port) \(Ed25519Key.generate().publicKey.openSSH)\n", to: "\(folder)/fresh")
                #expect(try await code("accept-new") == .hostKeyChanged)
                #expect(try await code("no") == .hostKeyChanged)
                Scratch.remove("\(folder)/fresh")
                try await open("no")
            }
        }

        @Test("an agent's keys follow those of files; with IdentitiesOnly only those that a file is named for")
        func identities() async throws {
            let folder = try Scratch.folder()
            defer { Scratch.remove(folder) }
            let (file, named, other) = (Ed25519Key.generate(), Ed25519Key.generate(), Ed25519Key.generate())
            try Scratch.write(file.openSSHPrivateKey(comment: ""), to: "\(folder)/file")
            try Scratch.write(named.openSSHPublicKey(comment: "c"), to: "\(folder)/named.pub")
            try Scratch.write("not a key", to: "\(folder)/broken")
            let common = " IdentityFile \(folder)/named\n IdentityFile \(folder)/broken\n IdentityFile \(folder)/file\n"
            try Scratch.write("Host only\n IdentitiesOnly yes\n\(common)Host all\n\(common)", to: "\(folder)/config")
            let agent = [other, named, file].map { Identity.agent(socketPath: "/agent", publicKeyBlob: $0.publicKey.blob) }
            let destinations = Destinations(configurations: ClientConfigurations(file: "\(folder)/config"), agentIdentities: agent)
            let only = try await destinations.destination(of: "only")
            #expect(only.identities.map(\.publicKeyBlob) == [file, named].map(\.publicKey.blob))
            #expect(only.unusedKeyFiles.map(\.code) == [.keyFile])
            let all = try await destinations.destination(of: "all")
            #expect(all.identities.map(\.publicKeyBlob) == [file, other, named].map(\.publicKey.blob))
        }

        @Test("jump hosts that lead in a circle, or through a ProxyCommand, are refused in one sentence")
        func circles() async throws {
            let folder = try Scratch.folder()
            defer { Scratch.remove(folder) }
            var text = "Host a\n ProxyJump b\nHost b\n ProxyJump c\nHost c\n ProxyJump A\nHost d\n ProxyJump e\nHost e\n ProxyCommand x\n"
            text += "Host x\n ProxyJump y,a\n"
            for number in 0..<12 { text += "Host h\(number)\n ProxyJump h\(number + 1)\n" }
            try Scratch.write(text, to: "\(folder)/config")
            let destinations = Destinations(configurations: ClientConfigurations(file: "\(folder)/config"))
            for (name, words) in [("a", "a to b to c to a, in a circle"), ("d", "ProxyCommand x"), ("h0", "more than 8 deep")] {
                let error = try await #require(throws: SSHError.self) { _ = try await destinations.destination(of: name) }
                #expect(error.code == .unsupportedConfiguration)
                #expect(error.detail.contains(words))
            }
            // What is said about the way to a second hop does not hold, as with ssh -J.
            #expect(try await destinations.destination(of: "x").jumpHost?.address.host == "a")
        }
    }
}
