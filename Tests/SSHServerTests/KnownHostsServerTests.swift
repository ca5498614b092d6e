import Foundation
import SSH
import Testing

extension ServerTests {
    @Suite("known_hosts and a real sshd")
    struct KnownHostsServerTests {
        /// Writes `lines`, in which `NAME` stands for the server's name in known_hosts, and reads them as known_hosts.
        private func hosts(_ server: Server, _ lines: [String]) throws -> KnownHosts {
            let text = lines.map { $0.replacingOccurrences(of: "NAME", with: "[127.0.0.1]:\(server.port)") + "\n" }.joined()
            try Scratch.write(text, to: "\(server.folder)/known_hosts")
            return try KnownHosts(files: ["\(server.folder)/known_hosts", "\(server.folder)/absent"])
        }

        private func error(_ server: Server, _ policy: HostKeyPolicy) async throws -> SSHError {
            try await #require(throws: SSHError.self) { _ = try await server.connect(hostKey: policy) }
        }

        /// Whether `ssh` itself, with the same file and `yes`, connects.
        private func sshConnects(_ server: Server) throws -> Bool {
            try Scratch.write(server.userKey.openSSHPrivateKey(comment: ""), to: "\(server.folder)/user_key")
            let said = try? Scratch.run(
                "/usr/bin/ssh",
                [
                    "-F", "none", "-i", "\(server.folder)/user_key", "-o", "StrictHostKeyChecking=yes", "-o", "GlobalKnownHostsFile=none",
                    "-o", "UserKnownHostsFile=\(server.folder)/known_hosts", "-p", "\(server.port)", "127.0.0.1", "echo it is in",
                ])
            return said?.contains("it is in") == true
        }

        @Test("a known key is accepted, plain, hashed, by a pattern or without its port, as ssh does; its algorithm is asked for first")
        func known() async throws {
            try await Server.with { server in
                for key in server.hostKeys {
                    for name in ["NAME", "[127.0.0.*]:*", "127.0.0.1"] {
                        let connection = try await server.connect(hostKey: .knownHosts(try hosts(server, ["\(name) \(key.openSSH)"])))
                        #expect(connection.hostKey == key)
                        await connection.close()
                        // ssh does not ask for the algorithm of a key that it knows only without the port.
                        if name != "127.0.0.1" || key == server.hostKeys[0] { #expect(try sshConnects(server), "\(name)") }
                    }
                }
                _ = try hosts(server, ["NAME \(server.hostKeys[1].openSSH)"])
                try Scratch.run("/usr/bin/ssh-keygen", ["-H", "-f", "\(server.folder)/known_hosts"])
                #expect(try Scratch.text("\(server.folder)/known_hosts").hasPrefix("|1|"))
                let hashed = try KnownHosts(files: ["\(server.folder)/known_hosts"])
                let connection = try await server.connect(hostKey: .knownHosts(hashed))
                #expect(connection.hostKey == server.hostKeys[1])
                await connection.close()
            }
        }

        @Test("an unknown key is refused, or recorded once and then the only one, or asked about")
        func unknown() async throws {
            try await Server.with { server in
                let hosts = try hosts(server, ["other \(server.hostKeys[0].openSSH)"])
                let refused = try await error(server, .knownHosts(hosts))
                #expect(refused.code == .hostKeyUnknown)
                #expect(refused.detail.contains(server.hostKeys[0].fingerprint))
                #expect(try !sshConnects(server))
                let no = UnknownHostKey.decide { unknown in
                    #expect(unknown.address == server.address && unknown.judgement == .unknown)
                    return false
                }
                #expect(try await error(server, .knownHosts(hosts, whenUnknown: no)).code == .hostKeyUnknown)
                let asked = try await server.connect(hostKey: .knownHosts(hosts, whenUnknown: .decide { $0.key == server.hostKeys[0] }))
                await asked.close()
                for _ in 0..<2 {
                    let record = UnknownHostKey.record(file: "\(server.folder)/known_hosts", isHashed: true)
                    let connection = try await server.connect(hostKey: .knownHosts(hosts, whenUnknown: record))
                    await connection.close()
                }
                #expect(try Scratch.text("\(server.folder)/known_hosts").split(separator: "\n").count == 2)
                #expect(try sshConnects(server))
            }
        }

        @Test("a changed key is refused with both fingerprints and the place, whatever is done with unknown ones")
        func changed() async throws {
            try await Server.with { server in
                let other = Ed25519Key.generate().publicKey
                let hosts = try hosts(server, ["", "NAME \(other.openSSH)"])
                let error = try await error(server, .knownHosts(hosts, whenUnknown: .decide { _ in true }))
                #expect(error.code == .hostKeyChanged)
                #expect(error.offeredHostKey == server.hostKeys[0])
                for fact in [other.fingerprint, server.hostKeys[0].fingerprint, "\(server.folder)/known_hosts:2"] {
                    #expect(error.detail.contains(fact))
                }
                #expect(try !sshConnects(server))
            }
        }

        @Test("a revoked key is refused by a code of its own, also where it is known")
        func revoked() async throws {
            try await Server.with { server in
                let key = server.hostKeys[0]
                let hosts = try hosts(
                    server, ["NAME \(key.openSSH)", "@revoked * \(key.openSSH)", "@revoked * \(server.hostKeys[1].openSSH)"])
                let error = try await error(server, .knownHosts(hosts, whenUnknown: .decide { _ in true }))
                #expect(error.code == .hostKeyRevoked)
                #expect(error.detail.contains(key.fingerprint))
                #expect(error.detail.contains("\(server.folder)/known_hosts:2"))
                #expect(try !sshConnects(server))
            }
        }

        @Test("where only a certificate authority is known, the refusal says that certificates are not supported")
        func authority() async throws {
            try await Server.with { server in
                let hosts = try hosts(server, ["@cert-authority NAME \(server.hostKeys[0].openSSH)"])
                let error = try await error(server, .knownHosts(hosts, whenUnknown: .record(file: "\(server.folder)/known_hosts")))
                #expect(error.code == .hostKeyUnknown)
                #expect(error.detail.contains("@cert-authority"))
                #expect(error.detail.contains("\(server.folder)/known_hosts:1"))
            }
        }
    }
}
