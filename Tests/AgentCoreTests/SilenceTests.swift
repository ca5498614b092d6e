import AgentCore
import Catalogue
import LedgerCore
import Testing
import Wire

/// The clock is the test's own, so nothing waits.
@Suite("A session in which nobody speaks")
struct SilenceTests {
    private final class Clock { var now: UInt64 = 1_000_000_000 }

    private let clock = Clock()

    private func conversation(_ probes: [ProbeDefinition] = []) throws -> Conversation {
        let kernel = Kernel()
        kernel.monotonicClock = { [clock] in clock.now }
        return try Conversation(probes, kernel: kernel)
    }

    /// Whether the session is done with once `microseconds` more have passed.
    private func ends(_ session: Session, after microseconds: UInt64) -> Bool {
        clock.now += microseconds
        session.expire(at: clock.now)
        return session.isEnded
    }

    @Test("a connection that does not say who is at the door is dropped after 30 s, its hello unread")
    func door() throws {
        let talk = try conversation()
        let session = Session(device: talk.device, door: nil)
        #expect(session.dueAt == clock.now + Settings.openingTimeLimit)
        #expect(!ends(session, after: Settings.openingTimeLimit - 1))
        #expect(ends(session, after: 1))
        #expect(session.isFinished)
    }

    @Test("a connection that opens no session is dropped after 30 s, though it sends a byte now and then")
    func opening() throws {
        let talk = try conversation()
        _ = try talk.hear()
        talk.session.receive([0])
        #expect(!ends(talk.session, after: Settings.openingTimeLimit - 1))
        talk.session.receive([0])
        #expect(ends(talk.session, after: 1))
        #expect(talk.session.isFinished)
        #expect(try talk.log().count == 1)
    }

    @Test("an open session ends after ten minutes of silence, told to the controller and in the log")
    func idle() throws {
        let talk = try conversation()
        try talk.open()
        #expect(!ends(talk.session, after: Settings.idleTimeLimit - 1))
        talk.say(.cancel(Cancel(request: 1)))
        #expect(!ends(talk.session, after: Settings.idleTimeLimit - 1))
        #expect(ends(talk.session, after: 1))
        #expect(try talk.refusal() == "idle")
        let last = try #require(try talk.log().last)
        #expect(last.kind == .sessionClosed && last.detail == "idle")
    }

    @Test("a probe that runs for long keeps its session, and the silence counts from its end")
    func running() throws {
        let talk = try conversation([Catalogues.program("sleep", ["/bin/sleep", "60"], timeLimit: 600_000)])
        try talk.open()
        talk.say(.run(Run(request: 1, probe: "sleep")))
        talk.turn()
        #expect(talk.session.dueAt == nil)
        #expect(!ends(talk.session, after: 2 * Settings.idleTimeLimit))
        talk.say(.cancel(Cancel(request: 1)))
        #expect(try talk.answer().end.done?.ending == .cancelled)
        #expect(!ends(talk.session, after: Settings.idleTimeLimit - 1))
        #expect(ends(talk.session, after: 1))
    }

    @Test("a controller that does not take the last words has a minute for them")
    func undrained() throws {
        let talk = try conversation()
        try talk.open()
        talk.say(.close(Close()))
        #expect(talk.session.isEnded && !talk.session.isFinished)
        _ = ends(talk.session, after: Settings.drainTimeLimit - 1)
        #expect(!talk.session.isFinished)
        _ = ends(talk.session, after: 1)
        #expect(talk.session.isFinished)
    }
}
