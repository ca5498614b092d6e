import SSH
import Testing

extension ServerTests {
    @Suite("Commands on a real sshd")
    struct CommandTests {
        @Test("output, errors and exit status come back apart")
        func streams() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let result = try await connection.run("echo out; echo err >&2; exit 7")
                #expect(result.standardOutput == Array("out\n".utf8))
                #expect(result.standardError == Array("err\n".utf8))
                #expect(result.exit == .exited(7))
                await connection.close()
            }
        }

        @Test("a stream that is compressed comes back whole; a server that does not compress goes on without", arguments: ["yes", "no"])
        func compression(_ offered: String) async throws {
            try await Server.with(settings: ["Compression \(offered)"]) { server in
                let connection = try await Connection.open(
                    to: server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity],
                    isCompressed: true)
                #expect(connection.algorithms.compression == (offered == "yes" ? "zlib@openssh.com" : "none"))
                let result = try await connection.run(
                    "seq 200000; head -c 300000 /dev/urandom | base64 -w 0; seq 1000 >&2", outputLimit: 4 << 20)
                #expect(result.standardOutput.starts(with: Array("1\n2\n3\n".utf8)) && result.standardOutput.count == 1_288_895 + 400_000)
                #expect(result.standardError.count == 3_893)
                await connection.close()
                let plain = try await Connection.open(
                    to: server.address, user: server.user, hostKey: .pinned(server.hostKeys), identities: [server.identity])
                #expect(plain.algorithms.compression == "none")
                await plain.close()
            }
        }

        @Test("a command that a signal ends is told by the signal's name")
        func signal() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                #expect(try await connection.run("kill -TERM $$").exit == .signalled("TERM"))
                await connection.close()
            }
        }

        @Test("a read that waits does not stop a write on the same channel")
        func bidirectional() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let channel = try await connection.exec("cat")
                for round in 0..<20 {
                    async let answer = channel.read()
                    try await channel.write(Array("round \(round)\n".utf8))
                    #expect(try await answer == .standardOutput(Array("round \(round)\n".utf8)))
                }
                try await channel.sendEOF()
                #expect(try await channel.read() == nil)
                #expect(try await channel.exitStatus() == .exited(0))
                await channel.close()
                await connection.close()
            }
        }
    }
}
