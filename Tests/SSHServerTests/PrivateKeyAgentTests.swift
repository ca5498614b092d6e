import Foundation
import Glibc
import Testing

@testable import SSH

extension ServerTests {
    @Suite("An agent for an encrypted key file")
    struct PrivateKeyAgentTests {
        /// Runs `body` with a server that lets the key in an encrypted file in.
        private func with(kind: String = "ed25519", _ body: (Server, String) async throws -> Void) async throws {
            try await Server.with { server in
                let path = "\(server.folder)/key"
                try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", kind, "-N", "open sesame", "-C", "", "-f", path])
                try Scratch.append(try Scratch.text("\(path).pub"), to: "\(server.folder)/authorized_keys")
                try await body(server, path)
            }
        }

        private func failure(_ path: String, _ passphrase: String = "open sesame", searchPath: String? = nil) async throws -> SSHError {
            try await #require(throws: SSHError.self) {
                let agent = try await PrivateKeyAgent.open(
                    keyFile: path, passphrase: Secret(passphrase), lifetime: .seconds(60), searchPath: searchPath)
                await agent.close()
            }
        }

        @Test("the key lets in, and nothing is left once the agent is closed", arguments: ["ed25519", "ecdsa"])
        func opened(kind: String) async throws {
            try await with(kind: kind) { server, path in
                let agent = try await PrivateKeyAgent.open(keyFile: path, passphrase: Secret("open sesame"))
                let socket = try #require(agent.socketPath)
                let process = try #require(try agentProcess(socket))
                let connection = try await server.connect(identities: agent.identities)
                #expect(try await connection.run("true").exit == .exited(0))
                await connection.close()
                await agent.close()
                await agent.close()
                #expect(kill(process, 0) != 0)
                #expect(!FileManager.default.fileExists(atPath: folder(of: socket)))
            }
        }

        @Test("the folder is for this user only, and the passphrase is in no argument and no environment")
        func secrecy() async throws {
            try await with { _, path in
                let agent = try await PrivateKeyAgent.open(keyFile: path, passphrase: Secret("open sesame"))
                let socket = try #require(agent.socketPath)
                let attributes = try FileManager.default.attributesOfItem(atPath: folder(of: socket))
                #expect(attributes[.posixPermissions] as? Int == 0o700)
                #expect(try FileManager.default.contentsOfDirectory(atPath: folder(of: socket)) == ["socket"])
                let process = try #require(try agentProcess(socket))
                for name in ["cmdline", "environ"] {
                    let bytes = FileManager.default.contents(atPath: "/proc/\(process)/\(name)") ?? Data()
                    #expect(!String(decoding: bytes, as: UTF8.self).contains("sesame"))
                }
                await agent.close()
            }
        }

        @Test("nobody but this process holds the leash, so that the agent ends with it")
        func leash() async throws {
            try await with { _, path in
                let agent = try await PrivateKeyAgent.open(keyFile: path, passphrase: Secret("open sesame"))
                let socket = try #require(agent.socketPath)
                let process = try #require(try agentProcess(socket))
                let shell = try #require(try parent(of: process))
                let pipe = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(shell)/fd/3")
                // Started now, as anything else might be.
                let other = Child("cat", [])
                _ = try other.start()
                #expect(writers(of: pipe) == [getpid()])
                await other.stop()
                await agent.close()
            }
        }

        @Test("an agent that nobody holds any more ends")
        func dropped() async throws {
            try await with { _, path in
                var agent: PrivateKeyAgent? = try await PrivateKeyAgent.open(keyFile: path, passphrase: Secret("open sesame"))
                let socket = try #require(agent?.socketPath)
                let process = try #require(try agentProcess(socket))
                agent = nil
                let deadline = ContinuousClock.now + .seconds(20)
                while FileManager.default.fileExists(atPath: folder(of: socket)), .now < deadline { await Task.yield() }
                #expect(!FileManager.default.fileExists(atPath: folder(of: socket)))
                #expect(kill(process, 0) != 0)
            }
        }

        @Test("a key is forgotten when its time is up")
        func lifetime() async throws {
            try await with { _, path in
                let agent = try await PrivateKeyAgent.open(keyFile: path, passphrase: Secret("open sesame"), lifetime: .zero)
                let socket = try #require(agent.socketPath)
                let deadline = ContinuousClock.now + .seconds(20)
                while try await !agentIdentities(socketPath: socket).isEmpty, .now < deadline {}
                #expect(try await agentIdentities(socketPath: socket).isEmpty)
                await agent.close()
            }
        }

        @Test("a wrong passphrase is one clear error", arguments: ["wrong", "", "open sesame\nopen sesame"])
        func wrongPassphrase(passphrase: String) async throws {
            try await with { _, path in
                let error = try await failure(path, passphrase)
                #expect(error.code == .keyFile)
                #expect(error.detail == "\(path): passphrase not accepted")
            }
        }

        @Test("a file that is missing, open to others, or no key is told as such")
        func files() async throws {
            try await with { server, path in
                let missing = try await failure("\(server.folder)/none")
                #expect(missing.code == .keyFile && missing.detail.hasSuffix("No such file or directory"))
                let noKey = try await failure("\(server.folder)/sshd_config")
                #expect(noKey.code == .keyFile)
                try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
                let exposed = try await failure(path)
                #expect(exposed.code == .keyFile && exposed.detail == "\(path): readable by others")
            }
        }

        @Test("a key that is not encrypted needs no passphrase; one of RSA is refused by name")
        func otherKeys() async throws {
            let folder = try Scratch.folder()
            defer { Scratch.remove(folder) }
            for kind in ["ecdsa", "rsa"] {
                try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", kind, "-N", "", "-f", "\(folder)/\(kind)"])
            }
            let agent = try await PrivateKeyAgent.open(keyFile: "\(folder)/ecdsa", passphrase: Secret(""))
            #expect(agent.identities.count == 1)
            await agent.close()
            let error = try await failure("\(folder)/rsa")
            #expect(error.code == .unsupportedKey && error.detail.contains("SHA-1"))
        }

        @Test("without OpenSSH's programs, or with an ssh-agent that ends at once, the error says what is missing")
        func noPrograms() async throws {
            let folder = try Scratch.folder()
            defer { Scratch.remove(folder) }
            let none = try await failure("/x", searchPath: "/nonexistent")
            #expect(none.code == .agentUnavailable && none.detail.contains("ssh-agent could not be started"))
            for (name, program) in [("sh", "sh"), ("rm", "rm"), ("ssh-agent", "false")] { symlink("/bin/\(program)", "\(folder)/\(name)") }
            let broken = try await failure("/x", searchPath: folder)
            #expect(broken.code == .agentUnavailable && broken.detail.contains("ssh-agent could not be started"))
            unlink("\(folder)/ssh-agent")
            symlink("/usr/bin/ssh-agent", "\(folder)/ssh-agent")
            let half = try await failure("/x", searchPath: folder)
            #expect(half.code == .agentUnavailable && half.detail.contains("ssh-add could not be run"))
        }
    }
}

extension PrivateKeyAgent {
    fileprivate var socketPath: String? {
        if case .agent(let path, _) = identities.first { path } else { nil }
    }
}

private func folder(of path: String) -> String {
    URL(fileURLWithPath: path).deletingLastPathComponent().path
}

/// The process whose arguments say that it is the agent on `socket`.
private func agentProcess(_ socket: String) throws -> pid_t? {
    let line = "ssh-agent\0-D\0-a\0\(socket)\0"
    return try FileManager.default.contentsOfDirectory(atPath: "/proc").compactMap { pid_t($0) }.first {
        FileManager.default.contents(atPath: "/proc/\($0)/cmdline") == Data(line.utf8)
    }
}

private func parent(of process: pid_t) throws -> pid_t? {
    let status = try Scratch.text("/proc/\(process)/status")
    let line = status.split(separator: "\n").first { $0.hasPrefix("PPid:") }
    return line?.split(separator: "\t").last.flatMap { pid_t($0) }
}

/// The processes that could write to `pipe`, named as in /proc/PID/fd.
private func writers(of pipe: String) -> Set<pid_t> {
    let files = FileManager.default
    let processes = (try? files.contentsOfDirectory(atPath: "/proc"))?.compactMap { pid_t($0) } ?? []
    return Set(
        processes.filter { process in
            let names = (try? files.contentsOfDirectory(atPath: "/proc/\(process)/fd")) ?? []
            return names.contains { name in
                guard (try? files.destinationOfSymbolicLink(atPath: "/proc/\(process)/fd/\(name)")) == pipe else { return false }
                let info = (try? Scratch.text("/proc/\(process)/fdinfo/\(name)")) ?? ""
                let flags = info.split(separator: "\n").first { $0.hasPrefix("flags:") }?.split(separator: "\t").last
                return flags.flatMap { Int($0, radix: 8) }.map { $0 & Int(O_ACCMODE) != O_RDONLY } ?? false
            }
        })
}
