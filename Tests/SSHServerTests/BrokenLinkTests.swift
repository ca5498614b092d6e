import Foundation
import Synchronization
import Testing

@testable import SSH

extension ServerTests {
    @Suite("Links that break, in front of a real sshd")
    struct BrokenLinkTests {
        /// One visit over a link that lets `count` of the server's bytes through; `nil` if it went well.
        private func visit(
            _ server: Server, bytes count: Int, then failure: BrokenLink.Failure, deadlines: Deadlines = Deadlines()
        ) async throws -> SSHError? {
            try await BrokenLink.with(to: server.port, bytes: count, then: failure) { port in
                do throws(SSHError) {
                    let connection = try await Connection.open(
                        to: Address(host: "127.0.0.1", port: port), user: server.user, hostKey: .pinned(server.hostKeys),
                        identities: [server.identity], deadlines: deadlines)
                    await connection.close()
                    return nil
                } catch {
                    return error
                }
            }
        }

        /// How many bytes a server says until a user is logged in: found by halving.
        private func greetingLength(_ server: Server) async throws -> Int {
            var (fails, succeeds) = (0, 16_384)
            while succeeds - fails > 1 {
                let middle = (fails + succeeds) / 2
                if try await visit(server, bytes: middle, then: .hangUp) == nil { succeeds = middle } else { fails = middle }
            }
            return succeeds
        }

        @Test("a link that breaks after any byte of the way to a login is an error that says so, and leaves nothing")
        func everyByte() async throws {
            try await Server.with(settings: ["MaxStartups 1000"]) { server in
                let length = try await greetingLength(server)
                #expect(length > 1000)
                try await withThrowingTaskGroup(of: Void.self) { group in
                    for lane in 0..<8 {
                        group.addTask {
                            for count in stride(from: lane, to: length, by: 8) {
                                let failure: BrokenLink.Failure = count % 16 < 8 ? .hangUp : .reset
                                let error = try await visit(server, bytes: count, then: failure)
                                // The kernel drops what it has not handed over yet when a reset comes, and a hang-up is one too where
                                // something had come that was not read.
                                let wanted: Set<SSHError.Code> = count == 0 ? [.resetBeforeBanner] : [.peerVanished, .resetBeforeBanner]
                                #expect(error.map { wanted.contains($0.code) } == true, "\(count) bytes: \(String(describing: error))")
                            }
                        }
                    }
                    try await group.waitForAll()
                }
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }

        @Test("a link that goes silent is a time-out that names the phase")
        func stalls() async throws {
            try await Server.with { server in
                let length = try await greetingLength(server)
                var phases: [SSHError.Phase] = []
                for count in [0, 20, 500, length / 2, length - 60, length - 1] {
                    let error = try await visit(
                        server, bytes: count, then: .stall,
                        deadlines: Deadlines(handshake: .milliseconds(1500), authentication: .milliseconds(1500)))
                    #expect(error?.code == .timedOut, "after \(count) bytes: \(String(describing: error))")
                    if let phase = error?.phase { phases.append(phase) }
                }
                #expect(phases.first == .handshake)
                #expect(phases.last == .authentication)
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }

        @Test("keys are exchanged anew while data flows both ways, and no byte is lost")
        func rekey() async throws {
            try await Server.with(settings: ["RekeyLimit 256K"]) { server in
                let connection = try await server.connect()
                let bytes = (0..<4_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 >> 3) }
                async let first = connection.run("cat", input: bytes, outputLimit: bytes.count)
                async let second = connection.run("cat; echo done >&2", input: bytes.reversed(), outputLimit: bytes.count + 5)
                #expect(try await first.standardOutput == bytes)
                #expect(try await second.standardOutput == bytes.reversed())
                #expect(try await second.standardError == Array("done\n".utf8))
                await connection.close()
            }
        }

        @Test("a connection given up at any moment of its making is gone")
        func cancelledAnywhere() async throws {
            try await Server.with(settings: ["MaxStartups 1000"]) { server in
                for delay in stride(from: 0, to: 60, by: 2) {
                    let attempt = Task { () async throws(SSHError) -> CommandResult in
                        let connection = try await server.connect()
                        do throws(SSHError) {
                            let result = try await connection.run("true")
                            await connection.close()
                            return result
                        } catch {
                            await connection.close()
                            throw error
                        }
                    }
                    try await Task.sleep(for: .milliseconds(delay))
                    attempt.cancel()
                    do {
                        _ = try await attempt.value
                    } catch let error as SSHError {
                        #expect(error.code == .cancelled, "after \(delay) ms: \(error)")
                    }
                }
                #expect(await Scratch.objectsLeft() == Scratch.ObjectsLeft())
            }
        }
    }
}
