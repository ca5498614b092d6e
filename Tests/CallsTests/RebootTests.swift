import Telemetry
import Testing

@testable import Calls

struct RebootTests {
    private func block(boot: UInt8, at times: [UInt64], event: TelemetryEvent.Kind? = nil) throws -> TelemetryBlock {
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: boot, count: 16), interval: 10_000)
        for time in times {
            open.tick(at: time)
            open.set(Series(.load1), 1)
        }
        if let event { open.note(TelemetryEvent(event, time: times.last ?? 1)) }
        return try TelemetryBlock(decoding: open.encoded)
    }

    @Test("a block in which the agent was only stopped hides neither the samples before it nor when the last was taken")
    func stoppedAtOnce() throws {
        let (old, new) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 16))
        let blocks = try [
            block(boot: 1, at: [1_000]), block(boot: 1, at: [11_000]), block(boot: 1, at: [21_000, 31_000]),
            block(boot: 1, at: [], event: .agentStopped), block(boot: 2, at: [91_000], event: .boot),
        ]
        let before = Reboot.blocks(before: new, in: blocks)
        #expect(before.map(\.tickCount) == [1, 2, 0] && before.allSatisfy { $0.boot == old })
        #expect(Reboot(event: TelemetryEvent(.boot, time: 91_000), before: before).lastSample == 31_000)
        #expect(Reboot(event: TelemetryEvent(.boot, time: 91_000, value: 32_000), before: before).lastSample == 32_000)
        #expect(Reboot.blocks(before: new, in: []).isEmpty)
        #expect(Reboot(event: TelemetryEvent(.boot, time: 91_000), before: []).lastSample == 0)
    }
}
