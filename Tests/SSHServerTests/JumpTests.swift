import Foundation
import Testing

@testable import SSH

extension ServerTests {
    @Suite("Through jump hosts")
    struct JumpTests {
        private func jump(_ server: Server, through next: JumpHost? = nil) -> JumpHost {
            JumpHost(
                address: server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity], through: next)
        }

        private func open(_ server: Server, through jumpHost: JumpHost, at address: Address? = nil) async throws(SSHError) -> Connection {
            try await Connection.open(
                to: address ?? server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity],
                through: jumpHost)
        }

        @Test("a command runs on a server behind two others, and both streams and a megabyte come back whole")
        func hops() async throws {
            try await Server.with { first in
                try await Server.with { second in
                    try await Server.with { target in
                        let far = jump(second, through: jump(first))
                        let connection = try await open(target, through: far)
                        let bytes = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
                        let result = try await connection.run("cat; echo done >&2; exit 7", input: bytes)
                        #expect(result.standardOutput == bytes)
                        #expect(result.standardError == Array("done\n".utf8))
                        #expect(result.exit == .exited(7))
                        await connection.close()
                        await far.close()
                    }
                }
            }
        }

        @Test("many targets at once share one jump host")
        func shared() async throws {
            try await Server.with { server in
                try await Server.with(settings: ["MaxStartups 100"]) { target in
                    let jumpHost = jump(server)
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        for number in 0..<40 {
                            group.addTask {
                                let connection = try await open(target, through: jumpHost)
                                let result = try await connection.run("echo \(number)")
                                #expect(result.standardOutput == Array("\(number)\n".utf8))
                                await connection.close()
                            }
                        }
                        try await group.waitForAll()
                    }
                    await jumpHost.close()
                }
            }
        }

        @Test("a target that refuses is the target's trouble; a jump host that refuses is the way's")
        func trouble() async throws {
            try await Server.with { server in
                let jumpHost = jump(server)
                let nowhere = Address(host: "127.0.0.1", port: try Scratch.freePort())
                let error = await #expect(throws: SSHError.self) { _ = try await open(server, through: jumpHost, at: nowhere) }
                #expect(error?.code == .notReachedFromJumpHost)
                #expect(error?.jumpHost == nil)
                let absent = JumpHost(
                    address: nowhere, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity])
                let other = await #expect(throws: SSHError.self) { _ = try await open(server, through: absent) }
                #expect(other?.code == .refused)
                #expect(other?.jumpHost == nowhere)
                await jumpHost.close()
            }
            try await Server.with(settings: ["AllowTcpForwarding no"]) { server in
                let error = await #expect(throws: SSHError.self) { _ = try await open(server, through: jump(server)) }
                #expect(error?.code == .channelRefused)
                #expect(error?.jumpHost == server.address)
            }
        }

        @Test(
            "a jump host that breaks under a session is named; one that goes silent is found out",
            arguments: [BrokenLink.Failure.hangUp, .stall])
        func breaks(_ failure: BrokenLink.Failure) async throws {
            try await Server.with { server in
                try await Server.with { target in
                    // Enough for the login at the jump host, a tunnel and a login behind it.
                    try await BrokenLink.with(to: server.port, bytes: 40_000, then: failure) { port in
                        let jumpHost = JumpHost(
                            address: Address(host: "127.0.0.1", port: port), user: server.user, hostKey: .pinned(server.hostKeys),
                            identities: [server.identity])
                        let connection = try await open(target, through: jumpHost)
                        let error = await #expect(throws: SSHError.self) { _ = try await connection.run("head -c 200000 /dev/zero") }
                        #expect(error?.code == .peerVanished && error?.jumpHost?.port == port, "\(error?.description ?? "")")
                        await connection.close()
                        await jumpHost.close()
                    }
                }
            }
        }

        @Test("a connection that lies unused is closed; one that is asked for life and answers is not")
        func watched() async throws {
            try await Server.with { server in
                let idle = try await server.connect(deadlines: Deadlines(idle: .milliseconds(100)))
                let channel = try await idle.exec("sleep 5")
                let error = await #expect(throws: SSHError.self) { _ = try await channel.read() }
                #expect(error?.code == .timedOut)
                await idle.close()
                let asked = try await server.connect(deadlines: Deadlines(keepalive: .seconds(2)))
                #expect(try await asked.run("sleep 9; echo here").standardOutput == Array("here\n".utf8))
                await asked.close()
            }
        }
    }
}
