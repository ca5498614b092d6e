import AgentClient
import Testing
import Wire

@Suite("A session with an agent")
struct AgentSessionTests {
    private let limits = AgentSession.Limits(longest: .seconds(1), together: .seconds(2))
    private let batch = OpeningBatch(open: opening, probes: [("storage.space", []), ("load", [])])

    private func open(_ agent: ScriptedAgent) async throws -> AgentSession {
        try await AgentSession.open(over: agent, batch: batch, batchIsSent: false)
    }

    private func code(_ agent: ScriptedAgent) async -> AgentClientError? {
        do throws(AgentClientError) {
            _ = try await AgentSession.open(over: agent, batch: batch, batchIsSent: false)
            return nil
        } catch {
            return error
        }
    }

    @Test("answers may come interleaved, in any order and in pieces of one byte")
    func interleaved() async throws {
        let answers =
            Message.chunk(Chunk(request: 2, stream: .output, bytes: [1])).frame
            + Message.chunk(Chunk(request: 1, stream: .output, bytes: [7, 8])).frame
            + Message.chunk(Chunk(request: 2, stream: .error, bytes: [3])).frame
            + Message.chunk(Chunk(request: 2, stream: .output, bytes: [2])).frame
            + Message.done(Done(request: 2, ending: .exited)).frame
            + Message.refused(Refused(request: 1, rule: "unknown-probe", sentence: "No.")).frame
        let agent = ScriptedAgent((greeting() + answers).map { [$0] })
        let session = try await open(agent)
        let got = await session.answers(to: batch, limits: limits)
        #expect(got.map(\.request.probe) == ["storage.space", "load"])
        #expect(got[1].output == [1, 2])
        #expect(got[1].error == [3])
        guard case .refused(let refused) = got[0].outcome else { throw CheckFailure() }
        #expect(refused.rule == "unknown-probe")
        guard case .done = got[1].outcome else { throw CheckFailure() }
    }

    private struct CheckFailure: Error {}

    @Test("everything that is asked first goes out in one piece: the opening, then the requests numbered from 1")
    func oneWrite() async throws {
        let agent = ScriptedAgent([greeting()])
        _ = try await open(agent)
        let messages = try await agent.messages
        #expect(messages.count == 3)
        #expect(messages[0] == .open(opening))
        #expect(messages[1] == .run(Run(request: 1, probe: "storage.space")))
        #expect(messages[2] == .run(Run(request: 2, probe: "load")))
    }

    @Test("an exec request's command carries the same frames")
    func command() throws {
        let command = try #require(batch.command)
        let prefix = RollcallProtocol.batchPrefix.string
        try #require(command.hasPrefix(prefix))
        #expect(Base64.decode(Array(command.utf8.dropFirst(prefix.utf8.count))) == batch.frames)
    }

    @Test("an agent of another protocol version is named with both versions")
    func otherVersion() async throws {
        let agent = ScriptedAgent([greeting(version: 9)])
        let error = await code(agent)
        #expect(error?.code == .protocolVersion)
        #expect(error?.detail == "the agent speaks version 9, this controller 1")
        #expect(await agent.isClosed)
    }

    @Test("a program that is not an agent is told from an agent that refuses")
    func notAnAgent() async throws {
        let shell = await code(ScriptedAgent([Array("bash: rollcall: command not found\n".utf8)]))
        #expect(shell?.code == .notAnAgent)
        let empty = await code(ScriptedAgent([], lastWords: "This account is not available."))
        #expect(empty?.code == .endedEarly)
        #expect(empty?.detail == "This account is not available.")
        let down = await code(
            ScriptedAgent([Message.refused(Refused(request: 0, rule: "agent-down", sentence: "It is not running.")).frame]))
        #expect(down?.code == .refused)
        #expect(down?.rule == "agent-down")
        let other = await code(ScriptedAgent([greeting(session: "x")]))
        #expect(other?.code == .notAnAgent)
    }

    @Test("what the session's end cut off is missing, never empty")
    func cutOff() async throws {
        let half = greeting() + Message.chunk(Chunk(request: 1, stream: .output, bytes: [1])).frame
        let agent = ScriptedAgent([half])
        let session = try await open(agent)
        let got = await session.answers(to: batch, limits: limits)
        #expect(got.count == 2)
        for answer in got {
            guard case .missing(let error) = answer.outcome else { throw CheckFailure() }
            #expect(error.code == .endedEarly)
        }
        #expect(got[0].output == [1])
    }

    @Test("an agent that falls silent is given up, and the rest of the session with it")
    func silence() async throws {
        let agent = ScriptedAgent([greeting()], staysSilent: true)
        let session = try await open(agent)
        let got = await session.answers(to: batch, limits: limits)
        guard case .missing(let error) = got[0].outcome else { throw CheckFailure() }
        #expect(error.code == .timedOut)
        await #expect(throws: AgentClientError.self) { try await session.close(witness: WitnessOffer()) }
        #expect(await agent.isClosed)
    }

    @Test("an agent that keeps talking without ever ending an answer is given up all the same")
    func chatter() async throws {
        let crumb = Message.chunk(Chunk(request: 1, stream: .output, bytes: [1])).frame
        let agent = ScriptedAgent([greeting()], endless: crumb)
        let patience = AgentSession.Patience(handshake: .milliseconds(100), answer: .milliseconds(50))
        let session = try await AgentSession.open(over: agent, batch: batch, batchIsSent: false, patience: patience)
        let short = AgentSession.Limits(longest: .milliseconds(50), together: .milliseconds(50))
        guard case .missing(let error) = await session.answers(to: batch, limits: short)[0].outcome else { throw CheckFailure() }
        #expect(error.code == .timedOut)
    }

    @Test("a door that only ever sends pieces of a first message is given up")
    func drip() async throws {
        let agent = ScriptedAgent([[0, 0, 255, 0]], endless: [0])
        let patience = AgentSession.Patience(handshake: .milliseconds(50), answer: .milliseconds(50))
        await #expect(throws: AgentClientError.self) {
            try await AgentSession.open(over: agent, batch: batch, batchIsSent: false, patience: patience)
        }
    }

    @Test("an answer to what was not asked ends the session")
    func unasked() async throws {
        let agent = ScriptedAgent([greeting() + Message.done(Done(request: 77, ending: .exited)).frame])
        let session = try await open(agent)
        guard case .missing(let error) = await session.answers(to: batch, limits: limits)[0].outcome else { throw CheckFailure() }
        #expect(error.code == .notAnAgent)
    }

    @Test("an answer beyond the limit ends the session instead of filling memory")
    func flood() async throws {
        let piece = Message.chunk(
            Chunk(request: 1, stream: .output, bytes: Array(repeating: 0, count: RollcallProtocol.chunkSizeLimit))
        ).frame
        let pieces = AgentSession.answerSizeLimit / RollcallProtocol.chunkSizeLimit + 1
        let agent = ScriptedAgent([greeting()] + Array(repeating: piece, count: pieces))
        let session = try await open(agent)
        guard case .missing(let error) = await session.answers(to: batch, limits: limits)[0].outcome else { throw CheckFailure() }
        #expect(error.code == .tooMuchOutput)
    }

    @Test("a digest that is not that of the bytes received is seen")
    func digest() async throws {
        let wrong = [UInt8](repeating: 9, count: 32)
        let answers =
            Message.done(Done(request: 1, ending: .exited, digest: wrong)).frame + Message.done(Done(request: 2, ending: .exited)).frame
        let session = try await open(ScriptedAgent([greeting() + answers]))
        let got = await session.answers(to: batch, limits: limits)
        #expect(!got[0].digestAgrees)
        #expect(got[1].digestAgrees)
    }

    @Test("more probes than may be in flight go out in turns")
    func manyProbes() async throws {
        let script = (0..<100).map { Message.done(Done(request: UInt64($0 + 1), ending: .exited)).frame }
        let agent = ScriptedAgent([greeting()] + script)
        let session = try await AgentSession.open(
            over: agent, batch: OpeningBatch(open: opening, probes: []), batchIsSent: false)
        let requests = await session.numbered((0..<100).map { ("p\($0)", []) })
        #expect(requests.count > RollcallProtocol.requestsInFlightLimit)
        let got = await session.run(requests, limits: limits)
        #expect(got.map(\.request) == requests)
        #expect(got.allSatisfy { if case .done = $0.outcome { true } else { false } })
    }

    @Test("a push goes out in ordered pieces that make the whole")
    func push() async throws {
        let agent = ScriptedAgent([greeting() + Message.done(Done(request: 1, ending: .exited)).frame])
        let session = try await AgentSession.open(over: agent, batch: OpeningBatch(open: opening, probes: []), batchIsSent: false)
        let whole = (0..<40_000).map { UInt8(truncatingIfNeeded: $0) }
        guard case .done = await session.push(kind: "catalogue", bytes: whole).outcome else { throw CheckFailure() }
        var received: [UInt8] = []
        for case .push(let piece) in try await agent.messages {
            #expect(piece.offset == UInt64(received.count))
            #expect(piece.size == 40_000)
            received += piece.bytes
        }
        #expect(received == whole)
    }
}
