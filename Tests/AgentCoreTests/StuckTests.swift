import AgentCore
import Catalogue
import Testing
import Wire

@Suite("A child that the kernel holds")
struct StuckTests {
    @Test("outlives SIGKILL, is given up after its grace, named, and not asked again until it returns")
    func stuck() throws {
        let kernel = Kernel()
        // The child ends as usual; the agent is told that it does not.
        var isHeld = true
        kernel.fault = { $0 == .hasExited && isHeld ? .again : nil }
        let probe = Catalogues.program("probe", ["/bin/sleep", "60"], timeLimit: 50)
        let talk = try Conversation([probe, Catalogues.program("echo", ["/bin/echo", "still here"])], kernel: kernel)
        try talk.open()
        let (_, end) = try talk.run("probe")
        let done = try #require(end.done)
        #expect(done.ending == .abandoned)
        #expect(done.duration >= 1_050_000 && done.duration < 3_000_000)
        #expect(talk.device.executor.stuckNames == ["probe"])
        #expect(try talk.run("probe").end.rule == "stuck")
        isHeld = false
        #expect(try talk.run("echo").output == Array("still here\n".utf8))
        #expect(talk.device.executor.stuckNames.isEmpty)
        #expect(try talk.run("probe").end.done?.ending == .timedOut)
    }
}
