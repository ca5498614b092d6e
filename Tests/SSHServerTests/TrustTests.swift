import NIOCore
import NIOPosix
import SSH
import Testing

extension ServerTests {
    @Suite("Who may talk to whom, on a real sshd")
    struct TrustTests {
        @Test("the pinned key is the one that is shown, whichever of the server's keys it is")
        func pinned() async throws {
            try await Server.with { server in
                #expect(server.hostKeys.count == 2)
                for key in server.hostKeys {
                    let connection = try await server.connect(hostKey: .pinned([key]))
                    #expect(connection.hostKey == key)
                    #expect(connection.algorithms.keyExchange.hasPrefix("curve25519-sha256"))
                    #expect(connection.algorithms.hostKey == key.algorithm)
                    #expect(connection.serverVersion.hasPrefix("SSH-2.0-OpenSSH"))
                    await connection.close()
                }
            }
        }

        @Test("a changed host key is refused with both fingerprints")
        func changed() async throws {
            try await Server.with { server in
                let other = Ed25519Key.generate().publicKey
                let error = try await #require(throws: SSHError.self) { _ = try await server.connect(hostKey: .pinned([other])) }
                #expect(error.code == .hostKeyChanged)
                #expect(error.detail.contains(other.fingerprint))
                #expect(error.detail.contains(server.hostKeys[0].fingerprint))
                #expect(error.offeredHostKey == server.hostKeys[0])
            }
        }

        @Test("without a pinned key the one asked decides", arguments: [true, false])
        func decided(isAccepted: Bool) async throws {
            try await Server.with { server in
                let policy = HostKeyPolicy.decide { $0 == server.hostKeys[0] && isAccepted }
                do throws(SSHError) {
                    let connection = try await server.connect(hostKey: policy)
                    #expect(isAccepted)
                    await connection.close()
                } catch {
                    #expect(!isAccepted && error.code == .hostKeyUnknown)
                }
                let error = try await #require(throws: SSHError.self) { _ = try await server.connect(hostKey: .pinned([])) }
                #expect(error.code == .hostKeyUnknown)
            }
        }

        @Test("an expected fingerprint is accepted, and another key is a changed one; a revoked key is refused whatever vouches for it")
        func fingerprint() async throws {
            try await Server.with { server in
                let key = server.hostKeys[0]
                await (try server.connect(hostKey: .fingerprint(key.fingerprint))).close()
                func error(_ policy: HostKeyPolicy) async throws -> SSHError {
                    try await #require(throws: SSHError.self) { _ = try await server.connect(hostKey: policy) }
                }
                let other = Ed25519Key.generate().publicKey.fingerprint
                let changed = try await error(.fingerprint(other))
                #expect(changed.code == .hostKeyChanged && changed.detail.contains(other) && changed.detail.contains(key.fingerprint))
                try Scratch.write("@revoked * \(key.openSSH)\n", to: "\(server.folder)/known_hosts")
                let hosts = try KnownHosts(files: ["\(server.folder)/known_hosts"])
                for policy in [
                    HostKeyPolicy.pinned([key], notRevokedBy: hosts), .fingerprint(key.fingerprint, notRevokedBy: hosts),
                    .knownHosts(hosts),
                ] {
                    #expect(try await error(policy).code == .hostKeyRevoked)
                }
                try Scratch.write("@revoked kiosk-alias \(key.openSSH)\n", to: "\(server.folder)/known_hosts")
                let aliased = try KnownHosts(files: ["\(server.folder)/known_hosts"])
                let policy = HostKeyPolicy.pinned([key], notRevokedBy: aliased, alias: "kiosk-alias")
                #expect(try await error(policy).code == .hostKeyRevoked)
            }
        }

        @Test("an ssh-agent that waits for a person is the agent's trouble and not the server's")
        func slowAgent() async throws {
            try await Server.with { server in
                // It takes the question and says nothing.
                let agent = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                    .bind(unixDomainSocketPath: "\(server.folder)/slow").get()
                let identity = Identity.agent(socketPath: "\(server.folder)/slow", publicKeyBlob: server.userKey.publicKey.blob)
                let error = try await #require(throws: SSHError.self) {
                    _ = try await server.connect(identities: [identity], deadlines: Deadlines(authentication: .milliseconds(500)))
                }
                #expect(error.code == .agentUnavailable && error.detail.contains("no answer in time"), "\(error)")
                try await agent.close()
            }
        }

        @Test("a wrong user key is refused with what was tried and what the server accepts")
        func wrongUserKey() async throws {
            try await Server.with { server in
                let stranger = Ed25519Key.generate()
                let error = try await #require(throws: SSHError.self) { _ = try await server.connect(identities: [.ed25519(stranger)]) }
                #expect(error.code == .authenticationRefused)
                #expect(error.phase == .authentication)
                #expect(error.detail.contains(stranger.publicKey.fingerprint))
                #expect(error.detail.contains("accepts publickey"))
            }
        }

        @Test("the second identity is tried when the first is refused")
        func secondIdentity() async throws {
            try await Server.with { server in
                let connection = try await server.connect(identities: [.ed25519(.generate()), server.identity])
                #expect(try await connection.run("true").exit == .exited(0))
                await connection.close()
            }
        }

        @Test("keys beyond what the server allows are a refusal, not a lost connection")
        func tooManyKeys() async throws {
            try await Server.with(settings: ["MaxAuthTries 2"]) { server in
                let strangers = (0..<4).map { _ in Identity.ed25519(.generate()) }
                let error = try await #require(throws: SSHError.self) { _ = try await server.connect(identities: strangers) }
                #expect(error.code == .authenticationRefused)
                #expect(error.detail.contains("Too many authentication failures"))
            }
        }

        @Test("a server that hangs up when asked for its methods is quoted")
        func oneFailureTooMany() async throws {
            try await Server.with(settings: ["MaxAuthTries 2"]) { server in
                let error = try await #require(throws: SSHError.self) {
                    _ = try await server.connect(identities: [.ed25519(.generate())])
                }
                #expect(error.code == .authenticationRefused)
                #expect(error.detail.contains("the server hung up: Too many authentication failures"))
            }
        }

        @Test("an ssh-agent lists its keys and signs with them", arguments: ["ed25519", "ecdsa"])
        func agent(kind: String) async throws {
            try await Server.with { server in
                try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", kind, "-N", "", "-C", "held", "-f", "\(server.folder)/key"])
                try Scratch.append(try Scratch.text("\(server.folder)/key.pub"), to: "\(server.folder)/authorized_keys")
                try await Agent.with(folder: server.folder, keys: ["\(server.folder)/key"]) { socket in
                    let held = try await agentIdentities(socketPath: socket)
                    #expect(held.map(\.comment) == ["held"])
                    let identities = held.map { Identity.agent(socketPath: socket, publicKeyBlob: $0.blob) }
                    let connection = try await server.connect(identities: identities)
                    #expect(try await connection.run("true").exit == .exited(0))
                    await connection.close()
                }
                let gone = try await #require(throws: SSHError.self) {
                    _ = try await agentIdentities(socketPath: "\(server.folder)/agent")
                }
                #expect(gone.code == .agentUnavailable)
            }
        }

        @Test("an RSA key in the agent is refused by name before anything is connected")
        func rsa() async throws {
            let folder = try Scratch.folder()
            defer { Scratch.remove(folder) }
            try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f", "\(folder)/key"])
            let key = try #require(HostKey(openSSH: try Scratch.text("\(folder)/key.pub")))
            let error = try await #require(throws: SSHError.self) {
                _ = try await Connection.open(
                    to: Address(host: "192.0.2.1"), user: "x", hostKey: .pinned([]),
                    identities: [.agent(socketPath: "/nonexistent", publicKeyBlob: key.blob)])
            }
            #expect(error.code == .unsupportedKey)
            #expect(error.detail.contains("SHA-1"))
        }

        @Test("an agent that will not sign does not keep the next identity from its turn")
        func silentAgent() async throws {
            try await Server.with { server in
                let dead = Identity.agent(socketPath: "\(server.folder)/none", publicKeyBlob: server.userKey.publicKey.blob)
                let error = try await #require(throws: SSHError.self) { _ = try await server.connect(identities: [dead]) }
                #expect(error.code == .agentUnavailable)
                let connection = try await server.connect(identities: [dead, server.identity])
                await connection.close()
            }
        }
    }
}
