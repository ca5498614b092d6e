import AgentCore
import Catalogue
import Foundation
import Testing
import Wire

@Suite("systemd's watchdog")
struct WatchdogTests {
    /// Signs of life within some time.
    private func signs(_ socket: NotifySocket, within milliseconds: Int) -> Int {
        let end = ContinuousClock.now + .milliseconds(milliseconds)
        var count = 0
        while ContinuousClock.now < end { if socket.next(milliseconds: 20) == "WATCHDOG=1" { count += 1 } }
        return count
    }

    @Test("the loop says that it goes round twice in the time that is given, and also while a child is stuck", arguments: AgentBinary.all)
    func alive(_ binary: AgentBinary) throws {
        let stop = Catalogues.program("stop", ["/bin/sh", "-c", "kill -STOP $$"], timeLimit: 20_000)
        let daemon = try Daemon(binary, [stop], environment: ["WATCHDOG_USEC": "200000"])
        // Half of 200 ms: 10 in a second; a busy machine may miss some, and none comes twice.
        #expect((4...11).contains(signs(daemon.notify, within: 1_000)))
        let relay = try daemon.relay()
        try relay.open()
        try relay.say(.run(Run(request: 1, probe: "stop")))
        #expect((4...11).contains(signs(daemon.notify, within: 1_000)))
        kill(daemon.agent.process.processIdentifier, SIGSTOP)
        _ = signs(daemon.notify, within: 300)
        #expect(signs(daemon.notify, within: 500) == 0, "a daemon that hangs gives no sign")
        kill(daemon.agent.process.processIdentifier, SIGCONT)
        #expect(signs(daemon.notify, within: 500) > 0)
    }

    @Test("no sign is given where none was asked for, or another process was", arguments: AgentBinary.all)
    func unasked(_ binary: AgentBinary) throws {
        for environment in [[:], ["WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"], ["WATCHDOG_USEC": "never"], ["WATCHDOG_USEC": "0"]] {
            let daemon = try Daemon(binary, [], environment: environment)
            #expect(daemon.notify.next(milliseconds: 300) == nil, "\(environment)")
        }
    }

    @Test("a daemon that is asked to end says so", arguments: AgentBinary.all)
    func stopping(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [])
        daemon.agent.process.terminate()
        #expect(daemon.notify.next() == "STOPPING=1")
    }
}
