import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("Sweeps and figures")
struct SweepTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
    }

    @Test("every target ends in one state, and the sums are the target list")
    func sums() throws {
        let devices = try (1...4).map { try store.enrolled("kiosk-\($0)").device }
        let sweep = try store.recordSweepStarted(selection: "kiosk-*", targets: devices.map(\.id), operator: "alice")
        #expect(sweep.targetCount == 4 && sweep.pendingCount == 4)
        let states: [SweepRecord.State] = [.healthy, .unreachable, .healthy]
        for (device, state) in zip(devices, states) {
            try store.recordSweepTarget(sweep: sweep.id, device: device.id, SweepTarget.Ending(state, detail: "d"))
        }
        #expect { try store.recordSweepEnded(id: sweep.id) } throws: { ($0 as? StoreError)?.code == .wrongState }
        #expect(try store.sweepTargets(sweep: sweep.id, pendingOnly: true).map(\.device.name) == ["kiosk-4"])
        #expect { try store.recordSweepTarget(sweep: sweep.id, device: devices[0].id, SweepTarget.Ending(.failed)) } throws: {
            ($0 as? StoreError)?.code == .wrongState
        }
        try store.recordSweepTarget(sweep: sweep.id, device: devices[3].id, SweepTarget.Ending(.skipped))
        let ended = try store.recordSweepEnded(id: sweep.id)
        #expect(ended.sums == [.healthy: 2, .unreachable: 1, .skipped: 1] && ended.pendingCount == 0 && ended.endedAt != nil)
        #expect { try store.recordSweepEnded(id: sweep.id) } throws: { ($0 as? StoreError)?.code == .wrongState }
        let entry = try #require(try store.entries(EntrySelection(kind: "sweep.ended")).first?.entry)
        #expect(entry.detail == "healthy 2, unreachable 1, skipped 1" && entry.count == 4)
        #expect(try store.sweeps().map(\.id) == [sweep.id])
        #expect(try store.sweepTargets(sweep: sweep.id).map(\.ending?.state) == [.healthy, .unreachable, .healthy, .skipped])
    }

    @Test("a device named twice, or one that is not there, makes no sweep")
    func targets() throws {
        let device = try store.enrolled("kiosk-1").device
        #expect { try store.recordSweepStarted(selection: "", targets: [device.id, device.id], operator: "a") } throws: {
            ($0 as? StoreError)?.code == .duplicate
        }
        #expect { try store.recordSweepStarted(selection: "", targets: ["x"], operator: "a") } throws: {
            ($0 as? StoreError)?.code == .notFound
        }
        #expect(try store.sweeps().isEmpty)
    }

    @Test("avoided rolls are settled, provisional or refuted, and what is left out is counted")
    func figures() throws {
        let window = Duration.seconds(14 * 86_400)
        let (first, second) = (try store.enrolled("kiosk-1").device, try store.enrolled("kiosk-2").device)
        func call(_ device: Device, _ wouldRoll: SupportCall.WouldRoll, _ outcome: SupportCall.Outcome?) throws {
            let call = try store.recordCallOpened(device: device.id, wouldRoll: wouldRoll, operator: "a")
            if let outcome { _ = try store.recordCallClosed(id: call.id, SupportCall.Closing(outcome: outcome), operator: "a") }
        }
        #expect(try store.callFigures(window: window).medianTimeToOutcome == nil)
        try call(first, .yes, .fixedRemotely)
        try call(second, .yes, .fixedRemotely)
        scratch.clock.advance(2)
        try call(second, .yes, .visitNeeded)
        scratch.clock.advance(20)
        try call(first, .yes, .fixedRemotely)
        try call(first, .no, .fixedRemotely)
        try call(first, .unsure, .customerAction)
        try call(first, .yes, .abandoned)
        try call(first, .yes, nil)
        let figures = try store.callFigures(window: window)
        #expect(figures.callCount == 8)
        #expect(figures.outcomes == [.fixedRemotely: 4, .visitNeeded: 1, .customerAction: 1, .abandoned: 1])
        var rolls = CallFigures.AvoidedRolls()
        (rolls.settledCount, rolls.provisionalCount, rolls.refutedCount, rolls.eligibleCount) = (1, 1, 1, 4)
        (rolls.openCount, rolls.abandonedCount, rolls.wouldNotRollCount, rolls.unsureCount) = (1, 1, 1, 1)
        #expect(figures.avoidedRolls == rolls)
        #expect(figures.medianTimeToOutcome == 1)
        let later = try store.callFigures(since: scratch.clock.now() - 86_400_000_000, window: window)
        #expect(later.callCount == 5 && later.avoidedRolls.provisionalCount == 1)
    }
}
