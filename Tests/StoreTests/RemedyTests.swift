import Testing
import Wire

@testable import Store

@Suite("Remedies that are taken back")
struct RemedyTests {
    private let store: RollcallDatabase
    private let device: Device

    init() throws {
        store = try ScratchStore().open()
        device = try store.addDevice(name: "kiosk-1", address: .init(host: "h"), labels: .init(), operator: "alice")
    }

    private func open() throws -> String { try store.recordSessionOpened(device: device.id, operator: "alice", reason: "remedy") }

    private func run(_ remedy: String) throws -> RunRecord {
        let session = try open()
        try store.recordRequests(session: session, [Run(request: 1, probe: Text(remedy))])
        try store.recordAnswers(session: session, [(1, .done(Done(request: 1, ending: .exited), digest: []))])
        return try #require(try store.runs(of: [remedy], device: device.id, call: nil).first)
    }

    @Test("what was taken back is not taken back by who looked it up before; what was only tried is")
    func once() throws {
        let run = try run("odd.on")
        for outcome in [RemedyRecord.Outcome.failed, .ran] {
            let session = try open()
            try store.recordRemedy(session: session, RemedyStart(remedy: "odd.off", undoes: run))
            try store.recordRemedyEnded(session: session, outcome)
        }
        let (session, size) = (try open(), try store.logSize())
        #expect { try store.recordRemedy(session: session, RemedyStart(remedy: "odd.off", undoes: run)) } throws: {
            ($0 as? StoreError)?.code == .wrongState
        }
        #expect(try store.logSize() == size)
        // Of another run of the same remedy nothing is said.
        try store.recordRemedy(session: session, RemedyStart(remedy: "odd.off", undoes: try self.run("odd.on")))
    }
}
