import Foundation
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import SSH

extension ServerTests {
    @Suite("Channels and connections over their life, on a real sshd")
    struct LifeTests {
        @Test("two channels of one connection work at the same time")
        func twoChannels() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0) }
                async let first = connection.run("cat", input: bytes)
                async let second = connection.run("cat; exit 3", input: bytes.reversed())
                #expect(try await first.standardOutput == bytes)
                #expect(try await second.standardOutput == bytes.reversed())
                #expect(try await second.exit == .exited(3))
                await connection.close()
            }
        }

        @Test("many commands started at once each get their own answer")
        func manyCommands() async throws {
            try await Server.with(settings: ["MaxSessions 20"]) { server in
                let connection = try await server.connect()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for number in 0..<10 {
                        group.addTask {
                            let result = try await connection.run("echo \(number)")
                            #expect(result.standardOutput == Array("\(number)\n".utf8))
                        }
                    }
                    try await group.waitForAll()
                }
                await connection.close()
            }
        }

        @Test("a read past its deadline says so and loses nothing")
        func readDeadline() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let channel = try await connection.exec("cat")
                let error = await #expect(throws: SSHError.self) { _ = try await channel.read(within: .milliseconds(50)) }
                #expect(error?.code == .timedOut)
                try await channel.write([1, 2, 3])
                #expect(try await channel.read() == .standardOutput([1, 2, 3]))
                await channel.close()
                await connection.close()
            }
        }

        @Test("a cancelled read ends at once and poisons its channel, and no other")
        func cancelledRead() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let channel = try await connection.exec("cat")
                let reading = Task { () async -> SSHError.Code? in
                    do throws(SSHError) {
                        _ = try await channel.read()
                        return nil
                    } catch {
                        return error.code
                    }
                }
                reading.cancel()
                #expect(await reading.value == .cancelled)
                let after = await #expect(throws: SSHError.self) { try await channel.write([1]) }
                #expect(after?.code == .cancelled)
                await channel.close()
                await channel.close()
                #expect(try await connection.run("echo still").standardOutput == Array("still\n".utf8))
                await connection.close()
            }
        }

        @Test("closing a connection ends the reads that wait on it")
        func closeEndsReads() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let channel = try await connection.exec("cat")
                let reading = Task { try await channel.read() }
                await connection.close()
                await connection.close()
                await #expect(throws: SSHError.self) { _ = try await reading.value }
                let error = await #expect(throws: SSHError.self) { _ = try await connection.exec("true") }
                #expect(error?.code == .closed)
            }
        }

        @Test("a command killed with its sshd is a vanished peer, after its output was read")
        func vanished() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let channel = try await connection.exec("echo last; read go; kill -KILL $PPID; sleep 1")
                #expect(try await channel.read() == .standardOutput(Array("last\n".utf8)))
                try await channel.write(Array("go\n".utf8))
                let error = await #expect(throws: SSHError.self) { while try await channel.read() != nil {} }
                #expect(error?.code == .peerVanished)
                await connection.close()
            }
        }

        @Test("more output than allowed is refused, and the connection goes on")
        func outputLimit() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let error = await #expect(throws: SSHError.self) { _ = try await connection.run("yes", outputLimit: 100_000) }
                #expect(error?.code == .outputLimit)
                #expect(try await connection.run("true").exit == .exited(0))
                await connection.close()
            }
        }

        @Test("nothing of fifty connections is left: no session, no channel, no descriptor")
        func leaks() async throws {
            try await Server.with(settings: ["MaxStartups 100"]) { server in
                func visit() async throws {
                    let connection = try await server.connect()
                    #expect(try await connection.run("true").exit == .exited(0))
                    let dropped = try await connection.exec("cat")
                    _ = dropped
                    await connection.close()
                    _ = try? await server.connect(identities: [.ed25519(.generate())])
                }
                let held = try await server.connect()
                #expect(try Scratch.descriptors(to: server.port) == 1)
                await held.close()
                for _ in 0..<5 {
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for _ in 0..<5 { group.addTask { try await visit() } }
                        try await group.waitForAll()
                    }
                }
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
                #expect(try Scratch.descriptors(to: server.port) == 0)
            }
        }

        @Test(
            "a stream that comes one byte at a time, libssh2 having been told once or three times that there is none, is the same stream",
            arguments: [ServerKind.openSSH, .dropbear], [0, 3])
        func onePieceAtATime(_ kind: ServerKind, _ pauses: Int) async throws {
            try await Server.with(kind) { server in
                let connection = try await Connection.open(
                    to: server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity],
                    deadlines: Deadlines(), on: nil, delivery: SessionBuffers.Delivery(limit: 1, pauses: pauses))
                let bytes = [UInt8](repeating: 7, count: 5000)
                let result = try await connection.run("cat; echo done >&2; exit 3", input: bytes)
                #expect(result.standardOutput == bytes)
                #expect(result.standardError == Array("done\n".utf8))
                #expect(result.exit == .exited(3))
                await connection.close()
            }
        }

        @Test("of a name's addresses the one that answers is taken, IPv6 or IPv4")
        func addresses() async throws {
            try await Server.with { server in
                // The server listens on IPv4 only, and the name stands for ::1 as well where the machine has it.
                let connection = try await Connection.open(
                    to: Address(host: "localhost", port: server.port), user: server.user, hostKey: .pinned(server.hostKeys),
                    identities: [server.identity])
                #expect(try await connection.run("echo $SSH_CONNECTION").standardOutput.starts(with: Array("127.0.0.1 ".utf8)))
                await connection.close()
                try await BrokenLink.with(to: server.port, on: "::1", bytes: .max, then: .hangUp) { port in
                    let connection = try await Connection.open(
                        to: Address(host: "::1", port: port), user: server.user, hostKey: .pinned(server.hostKeys),
                        identities: [server.identity])
                    #expect(try await connection.run("true").exit == .exited(0))
                    await connection.close()
                }
            }
        }

        @Test("a server that floods the connection with what nobody asked for is cut off before it fills the memory")
        func flood() async throws {
            try await Server.with(.paramiko) { server in
                let connection = try await server.connect()
                let before = try Scratch.residentKiB()
                let error = await #expect(throws: SSHError.self) { _ = try await connection.run("flood") }
                #expect(
                    error?.code == .protocolViolation && error?.detail.contains("more than is kept") == true, "\(error?.description ?? "")")
                // Other tests take their share meanwhile.
                #expect(try Scratch.residentKiB() - before < 200 * 1024)
                await connection.close()
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }

        @Test("a server that turns one away for its many logins is tried again, if that is wanted")
        func turnedAway() async throws {
            try await Server.with(settings: ["MaxStartups 1"]) { server in
                let address = try SocketAddress(ipAddress: server.address.host, port: server.port)
                let other = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton).connect(to: address).get()
                func open(attempts: Int) async throws(SSHError) {
                    let connection = try await Connection.open(
                        to: server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity],
                        attempts: attempts)
                    await connection.close()
                }
                // The one who is let in has said nothing yet when sshd has counted him.
                var error: SSHError?
                for _ in 0..<50 where error == nil {
                    do throws(SSHError) { try await open(attempts: 1) } catch let refusal { error = refusal }
                }
                #expect(error?.code == .resetBeforeBanner, "\(error?.description ?? "")")
                async let opened: Void = open(attempts: 20)
                try await Task.sleep(for: .milliseconds(300))
                try await other.close()
                try await opened
            }
        }
    }
}
