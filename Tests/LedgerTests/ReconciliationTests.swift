import Ledger
import LedgerCore
import Testing
import Wire

@Suite("Reconciliation of both sides")
struct ReconciliationTests {
    typealias Code = Reconciliation.Discrepancy.Code

    private static func session(_ name: Text, time: UInt64 = 100) -> [LedgerEntry] {
        let digest = [UInt8](repeating: 1, count: 32)
        return [
            LedgerEntry(kind: .sessionOpened, time: time, session: name, call: "call", device: "kiosk", detail: "frozen"),
            LedgerEntry(kind: .probeRequested, time: time + 1, session: name, subject: "load", digest: digest, request: 1),
            LedgerEntry(kind: .probeRequested, time: time + 1, session: name, subject: "shell", digest: digest, request: 2),
            LedgerEntry(kind: .probeAnswered, time: time + 2, session: name, subject: "load", digest: digest, detail: "exited", request: 1),
            LedgerEntry(kind: .refused, time: time + 2, session: name, subject: "shell", detail: "unknown-probe", request: 2),
            LedgerEntry(kind: .sessionClosed, time: time + 3, session: name, count: 2),
        ]
    }

    private let both = Self.session("s1") + Self.session("s2", time: 200)

    private func compare(_ desk: [LedgerEntry], _ device: [LedgerEntry]) -> Reconciliation {
        Reconciliation(desk: desk, device: device, origin: "rollcall-desk/a")
    }

    @Test("two sides that recorded the same agree")
    func agreed() {
        let result = compare(both, both)
        #expect(result.discrepancies.isEmpty && result.sharedSessionCount == 2 && result.agreedCount == 10)
    }

    @Test(
        "what only one side has is named and is an alarm",
        arguments: [
            (6, Code.onlyDesk(.session), Code.onlyDevice(.session)), (7, .onlyDesk(.request), .onlyDevice(.request)),
            (9, .onlyDesk(.answer), .onlyDevice(.answer)), (10, .onlyDesk(.answer), .onlyDevice(.answer)),
        ])
    func omitted(_ index: Int, _ onDesk: Code, _ onDevice: Code) {
        var less = both
        less.remove(at: index)
        #expect(compare(both, less).alarms.map(\.code) == [onDesk])
        #expect(compare(less, both).alarms.map(\.code) == [onDevice])
    }

    @Test("an added request is an alarm of its own")
    func added() {
        let extra = LedgerEntry(kind: .probeRequested, time: 1, session: "s1", subject: "fix", request: 3)
        let result = compare(both, both + [extra])
        #expect(result.alarms.map(\.code) == [.onlyDevice(.request)])
        #expect(result.alarms.first?.request == 3)
    }

    @Test("an altered digest, probe, rule or call is an alarm")
    func altered() {
        var device = both
        device[1].digest[0] ^= 1
        #expect(compare(both, device).alarms.map(\.code) == [.altered(.request)])
        device = both
        device[3].subject = "memory"
        #expect(compare(both, device).alarms.map(\.code) == [.altered(.answer)])
        device = both
        device[4].detail = "catalogue-expired"
        #expect(compare(both, device).alarms.map(\.code) == [.altered(.answer)])
        device = both
        device[0].call = "other"
        #expect(compare(both, device).alarms.map(\.code) == [.altered(.session)])
    }

    @Test("an answer on one side and a refusal on the other differ")
    func answerAgainstRefusal() {
        var device = both
        device[3] = LedgerEntry(kind: .refused, time: 1, session: "s1", subject: "load", detail: "expired", request: 1)
        #expect(compare(both, device).alarms.map(\.code) == [.altered(.answer)])
    }

    @Test("a request that is on record twice is an alarm")
    func repeated() {
        #expect(compare(both, both + [both[1]]).alarms.map(\.code) == [.repeated(.request)])
    }

    @Test("a side that records only the refusal of a refused request agrees")
    func refusalAlone() {
        var device = both
        device.remove(at: 2)
        #expect(compare(both, device).discrepancies.isEmpty)
    }

    @Test("what a broken session lost is named, and explained")
    func interrupted() {
        var desk = both
        desk[5] = LedgerEntry(kind: .sessionFailed, time: 103, session: "s1", subject: "timed-out")
        desk.remove(at: 3)
        let result = compare(desk, both)
        #expect(result.discrepancies.map(\.code) == [.onlyDevice(.answer)])
        #expect(result.discrepancies.map(\.explanation) == [.interrupted])
        #expect(result.alarms.isEmpty)
    }

    @Test("an altered answer in a broken session stays an alarm")
    func interruptedAltered() {
        var (desk, device) = (both, both)
        desk[5] = LedgerEntry(kind: .sessionFailed, time: 103, session: "s1", subject: "timed-out")
        device[3].digest[0] ^= 1
        #expect(compare(desk, device).alarms.map(\.code) == [.altered(.answer)])
    }

    @Test("a session older than all that the device kept is explained by its gap, a younger one is not")
    func gap() {
        let gap = LedgerEntry(kind: .gap, time: 150, digest: [UInt8](repeating: 2, count: 32), count: 6)
        #expect(compare(both, Self.session("s2", time: 200) + [gap]).discrepancies.map(\.explanation) == [.gap])
        #expect(compare(both, Self.session("s1") + [gap]).alarms.map(\.code) == [.onlyDesk(.session)])
        #expect(compare(both, Self.session("s2")).alarms.map(\.code) == [.onlyDesk(.session)])
    }

    @Test("sessions of another desk are left to that desk")
    func otherDesk() throws {
        let key = try #require(SigningKey(seed: [UInt8](repeating: 3, count: 32)))
        func seen(_ origin: Text) -> LedgerEntry {
            let head = Checkpoint(origin: origin, size: 1, root: [UInt8](repeating: 0, count: 32))
            return LedgerEntry(kind: .headSeen, time: 1, session: "s3", checkpoint: head.signed(by: key))
        }
        let device = both + Self.session("s3", time: 300)
        #expect(compare(both, device + [seen("rollcall-desk/b")]).discrepancies.isEmpty)
        #expect(compare(both, device + [seen("rollcall-desk/a")]).alarms.map(\.code) == [.onlyDevice(.session)])
    }
}
