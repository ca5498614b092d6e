import Synchronization
import Testing

@testable import SSH

extension ServerTests {
    /// What a person knows, on every server that can ask for it.
    @Suite("Passwords and questions")
    struct PasswordTests {
        static let servers: [ServerKind] = [.openSSHWithPassword, .dropbear, .asyncSSH, .paramiko]
        static let askingServers: [ServerKind] = [.openSSHWithPassword, .asyncSSH, .paramiko]
        /// sshd asks questions by way of PAM only.
        static let sshd = ["UsePAM yes", "PasswordAuthentication yes", "KbdInteractiveAuthentication yes"]

        private func settings(_ kind: ServerKind, _ more: String...) -> [String] {
            kind == .openSSHWithPassword ? Self.sshd + more : []
        }

        private func refusal(_ server: Server, as user: String? = nil, _ identities: [Identity]) async throws -> SSHError {
            try await #require(throws: SSHError.self) { _ = try await server.connect(as: user, identities: identities) }
        }

        @Test("the right password lets in", arguments: servers)
        func password(kind: ServerKind) async throws {
            try await Server.with(kind, settings: settings(kind)) { server in
                let connection = try await server.connect(identities: [.password(Secret(ServerKind.password))])
                #expect(try await connection.run("echo in").standardOutput == Array("in\n".utf8))
                await connection.close()
            }
        }

        @Test("a wrong password is refused, named by its method, and found nowhere in the error", arguments: servers)
        func wrongPassword(kind: ServerKind) async throws {
            try await Server.with(kind, settings: settings(kind)) { server in
                let identity = Identity.password(Secret("not horse"))
                let error = try await refusal(server, [identity])
                #expect(error.code == .authenticationRefused)
                #expect(error.detail.contains("tried password; the server accepts publickey"))
                #expect(!"\(error) \(identity)".contains("horse"))
                let empty = try await refusal(server, [.password(Secret(""))])
                #expect(empty.code == .authenticationRefused)
            }
        }

        @Test("nobody is asked for a password that the server has no use for", arguments: [ServerKind.hardened, .asyncSSH])
        func uselessPassword(kind: ServerKind) async throws {
            try await Server.with(kind) { server in
                let error = try await refusal(
                    server, as: kind == .asyncSSH ? "locked" : nil,
                    [
                        .password {
                            Issue.record("asked")
                            return nil
                        }
                    ])
                #expect(error.code == .authenticationRefused)
                #expect(error.detail.contains("tried password not tried (the server accepts publickey)"))
            }
        }

        @Test("a password comes after keys that were refused, and is asked for once")
        func afterKeys() async throws {
            try await Server.with(.asyncSSH) { server in
                let askedCount = Atomic(0)
                let connection = try await server.connect(identities: [
                    .ed25519(.generate()),
                    .password {
                        askedCount.add(1, ordering: .relaxed)
                        return Secret(ServerKind.password)
                    },
                ])
                #expect(askedCount.load(ordering: .relaxed) == 1)
                await connection.close()
            }
        }

        @Test("a password that is to be changed is refused in one sentence")
        func expired() async throws {
            try await Server.with(.asyncSSH) { server in
                let error = try await refusal(server, as: "expired", [.password(Secret("old")), .password(Secret("old"))])
                #expect(error.code == .authenticationRefused)
                #expect(error.detail == "user expired: the server wants the password changed first, which cannot be done here")
            }
        }

        @Test("who gives up is not asked again, and the attempt is cancelled")
        func givenUp() async throws {
            try await Server.with(.asyncSSH) { server in
                #expect(try await refusal(server, [.password { nil }, server.identity]).code == .cancelled)
                let error = try await refusal(server, [.keyboardInteractive { _ in nil }, server.identity])
                #expect(error.code == .cancelled)
                #expect(error.detail == "keyboard-interactive: given up when asked")
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }

        @Test("an answer longer than anybody types is not sent")
        func longAnswer() async throws {
            try await Server.with(.asyncSSH) { server in
                let long = Secret(String(repeating: "x", count: 1025))
                for identity in [Identity.password(long), .keyboardInteractive { _ in [long] }] {
                    let error = try await refusal(server, [identity])
                    #expect(error.code == .authenticationRefused)
                    #expect(error.detail.hasSuffix("more than 1024 bytes, which are not sent"))
                }
            }
        }

        @Test("a server that lets anybody in does so without asking for the password")
        func open() async throws {
            try await Server.with(.asyncSSH) { server in
                let connection = try await server.connect(as: "open", identities: [.password { nil }])
                await connection.close()
            }
        }

        @Test("the right answer lets in", arguments: askingServers)
        func question(kind: ServerKind) async throws {
            try await Server.with(kind, settings: settings(kind)) { server in
                let connection = try await server.connect(identities: [.keyboardInteractive { answers($0) }])
                #expect(try await connection.run("echo in").standardOutput == Array("in\n".utf8))
                await connection.close()
            }
        }

        @Test("wrong answers are refused, named by their method, and found nowhere in the error", arguments: askingServers)
        func wrongAnswer(kind: ServerKind) async throws {
            try await Server.with(kind, settings: settings(kind)) { server in
                let error = try await refusal(server, [.keyboardInteractive { $0.prompts.map { _ in Secret("not horse") } }])
                #expect(error.code == .authenticationRefused)
                #expect(error.detail.contains("tried keyboard-interactive; the server accepts publickey"))
                #expect(!error.detail.contains("horse"))
            }
        }

        @Test("what a server asks is shown as printable text, round by round")
        func rounds() async throws {
            try await Server.with(.asyncSSH) { server in
                let seen = Mutex<[KeyboardChallenge]>([])
                let connection = try await server.connect(identities: [
                    .keyboardInteractive { challenge in
                        seen.withLock { $0.append(challenge) }
                        return answers(challenge)
                    }
                ])
                await connection.close()
                let challenges = seen.withLock { $0 }
                #expect(challenges.map(\.name) == ["Two ?[2Jsteps", ""])
                #expect(challenges.first?.instruction == "First the password,?then the code.")
                #expect(challenges.map { $0.prompts.map(\.text) } == [["Password: "], ["Code: ", "Place: "]])
                #expect(challenges.map { $0.prompts.map(\.isEchoed) } == [[false], [true, true]])
            }
        }

        @Test("a round that takes longer than the deadline costs nothing of it")
        func slowAnswer() async throws {
            try await Server.with(.asyncSSH) { server in
                let connection = try await server.connect(
                    identities: [
                        .keyboardInteractive { challenge in
                            try? await Task.sleep(for: .milliseconds(1500))
                            return answers(challenge)
                        }
                    ], deadlines: Deadlines(authentication: .seconds(1)))
                await connection.close()
            }
        }

        @Test("a server that asks on and on is left")
        func curious() async throws {
            try await Server.with(.asyncSSH) { server in
                let error = try await refusal(
                    server, as: "curious", [.keyboardInteractive { $0.prompts.map { _ in Secret("x") } }])
                #expect(error.code == .protocolViolation)
                #expect(error.detail == "more than 16 rounds of questions")
            }
        }

        @Test("a challenge that claims more than its packet holds reads nothing beyond it")
        func hostile() async throws {
            try await Server.with(.asyncSSH) { server in
                for user in ["hostile", "greedy"] {
                    let error = try await refusal(
                        server, as: user,
                        [
                            .keyboardInteractive { _ in
                                Issue.record("asked")
                                return nil
                            }
                        ])
                    #expect(error.code == .protocolViolation)
                }
            }
        }

        @Test("a task cancelled while somebody is asked ends at once, and sends no answer")
        func cancelled() async throws {
            try await Server.with(.asyncSSH) { server in
                let (asked, continuation) = AsyncStream<Void>.makeStream()
                let attempt = Task {
                    try await server.connect(identities: [
                        .keyboardInteractive { challenge in
                            continuation.finish()
                            try? await Task.sleep(for: .seconds(60))
                            return answers(challenge)
                        }
                    ])
                }
                for await _ in asked {}
                attempt.cancel()
                let error = await #expect(throws: SSHError.self) { _ = try await attempt.value }
                #expect(error?.code == .cancelled)
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }

        @Test("a key that is only the first step is followed by the second", arguments: ["keyboard-interactive", "password"])
        func twoSteps(second: String) async throws {
            let settings = Self.sshd + ["AuthenticationMethods publickey,\(second)"]
            try await Server.with(.openSSHWithPassword, settings: settings) { server in
                let proof = second == "password" ? Identity.password(Secret(ServerKind.password)) : .keyboardInteractive { answers($0) }
                let connection = try await server.connect(identities: [.ed25519(.generate()), server.identity, proof])
                #expect(try await connection.run("true").exit == .exited(0))
                await connection.close()
                let error = try await refusal(server, [server.identity])
                #expect(error.detail.hasSuffix("\(server.userKey.publicKey.fingerprint); the server accepts \(second)"))
                #expect(try await refusal(server, [proof]).detail.contains("the server accepts publickey"))
            }
        }

        @Test("two keys in a row are two steps, in whichever order they are given")
        func twoKeys() async throws {
            let settings = ["AuthenticationMethods publickey,publickey"]
            try await Server.with(settings: settings) { server in
                let other = Ed25519Key.generate()
                try Scratch.append(other.openSSHPublicKey(comment: ""), to: "\(server.folder)/authorized_keys")
                for identities in [[server.identity, .ed25519(other)], [.ed25519(other), server.identity]] {
                    let connection = try await server.connect(identities: identities)
                    await connection.close()
                }
                #expect(try await refusal(server, [server.identity]).code == .authenticationRefused)
            }
        }

        @Test("Paramiko's two steps are taken too")
        func paramikoSteps() async throws {
            try await Server.with(.paramiko) { server in
                let connection = try await server.connect(
                    as: "both", identities: [server.identity, .keyboardInteractive { answers($0) }])
                await connection.close()
            }
        }
    }
}

/// The answers to what the servers ask, by the prompts' words.
private func answers(_ challenge: KeyboardChallenge) -> [Secret] {
    let known = ["Password: ": ServerKind.password, "Code: ": "271828"]
    return challenge.prompts.map { Secret(known[$0.text] ?? "") }
}
