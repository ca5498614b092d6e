import Foundation
import GRDB
import Ledger
import LedgerCore
import Synchronization
import Testing
import Wire

@testable import Store

@Suite("Failures leave rows and ledger whole")
struct FailureTests {
    /// Everything that can be recorded, as one step each, with what the steps need made before.
    private struct Steps {
        var store: RollcallDatabase
        let device: Device
        let verifier: NoteVerifier
        let key: SigningKey
        let call: SupportCall
        let session: String
        let sweep: SweepRecord

        init(_ store: RollcallDatabase) throws {
            self.store = store
            (device, key, verifier) = try store.enrolled("kiosk-1")
            call = try store.recordCallOpened(device: device.id, wouldRoll: .yes, operator: "alice")
            session = try store.recordSessionOpened(device: device.id, call: call.id, operator: "alice", reason: "r")
            try store.recordRequests(session: session, [Run(request: 1, probe: "load"), Run(request: 2, probe: "memory")])
            sweep = try store.recordSweepStarted(selection: "all", targets: [device.id], operator: "alice")
        }

        /// Name and action; each can be done once.
        var all: [(String, () throws -> Void)] {
            [
                ("device", { _ = try store.addDevice(name: "new", address: Device.Address(host: "h"), operator: "a") }),
                ("keys", { try store.replaceHostKeys(device: device.id, hostKeys: ["k"], operator: "a", reason: "") }),
                (
                    "catalogue",
                    { try store.recordPushed(.catalogue, device: device.id, version: 9, digest: SHA256.hash([]), operator: "a") }
                ),
                ("call", { _ = try store.recordCallOpened(device: device.id, symptom: "s", wouldRoll: .no, operator: "a") }),
                ("session", { _ = try store.recordSessionOpened(device: device.id, operator: "a", reason: "") }),
                ("offer", { _ = try store.offerHead(session: session) }),
                ("requests", { try store.recordRequests(session: session, (10..<20).map { Run(request: $0, probe: "load") }) }),
                (
                    "answers",
                    {
                        let done = RequestEnd.done(Done(request: 1, ending: .exited), digest: [UInt8](repeating: 1, count: 32))
                        try store.recordAnswers(session: session, [(1, done), (2, done)])
                    }
                ),
                ("hello", { try greet() }),
                ("verdict", { _ = try store.recordVerdict(device: device.id, exitCode: 0, severity: "ok", json: "{}") }),
                ("fix", { _ = try store.recordFix(device: device.id, FixRecord.Attempt(finding: "f", remedy: "r", result: .gone)) }),
                ("target", { try store.recordSweepTarget(sweep: sweep.id, device: device.id, SweepTarget.Ending(.healthy)) }),
                ("sweep", { _ = try store.recordSweepEnded(id: sweep.id) }),
                ("closing", { _ = try store.recordSessionClosed(session: session, Closed(checkpoint: [])) }),
                ("outcome", { _ = try store.recordCallClosed(id: call.id, SupportCall.Closing(outcome: .fixedRemotely), operator: "a") }),
                (
                    "enrolment",
                    { try store.recordEnrolled(device: device.id, verifierKey: verifier.text().string, deviceID: "", operator: "a") }
                ),
                ("erasure", { _ = try store.erasePerson("alice") }), ("removal", { try store.removeDevice(id: device.id, operator: "a") }),
            ]
        }

        private func greet() throws {
            let offered = try #require(try store.checkpoints().last)
            let note = try #require(SignedNote(offered.note)).text
            let line = SignedNote.cosign(text: note, time: 1, name: verifier.name, key: key)
            let opened = Opened(
                session: "", role: "", operatorName: "", witness: WitnessAnswer(status: .first, cosignature: line))
            _ = try store.recordHello(session: session, hello: hello(size: 3, name: verifier.name, key: key), opened: opened)
        }
    }

    /// One kind of write that a step makes, and how often.
    private struct Write {
        var table: String
        var operation: String
        var count: Int
    }

    /// What a step writes, found out on a copy of the database.
    private static func writes(of step: Int, _ steps: Steps, _ scratch: ScratchStore) throws -> [Write] {
        let copy = try scratch.copy()
        let outside = try copy.outside()
        try outside.write { database in
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name <> 'test_writes'")
            for table in tables {
                for operation in ["INSERT", "UPDATE", "DELETE"] {
                    try database.execute(
                        sql: """
                            CREATE TRIGGER count_\(table)_\(operation) BEFORE \(operation) ON \(table) BEGIN
                              INSERT INTO test_writes VALUES ('\(table)', '\(operation)');
                            END
                            """)
                }
            }
        }
        var copied = steps
        copied.store = try copy.open()
        try copied.all[step].1()
        return try outside.read { database in
            try Row.fetchAll(database, sql: "SELECT name, operation, count(*) AS number FROM test_writes GROUP BY 1, 2")
                .map { Write(table: $0["name"], operation: $0["operation"], count: $0["number"]) }
        }
    }

    @Test("every single write fails once, for everything that can be recorded, and nothing of it is left")
    func everyWrite() throws {
        let scratch = try ScratchStore()
        let steps = try Steps(try scratch.open())
        let outside = try scratch.outside()
        try outside.write { try $0.execute(sql: "CREATE TABLE test_writes (name TEXT, operation TEXT)") }
        var failureCount = 0
        for (index, (name, step)) in steps.all.enumerated() {
            let writes = try Self.writes(of: index, steps, scratch)
            #expect(writes.contains { $0.table == "ledger_entries" && $0.operation == "INSERT" } || name == "offer")
            let before = try scratch.contents()
            for write in writes {
                for count in 1...write.count {
                    let trap = """
                        CREATE TRIGGER test_trap BEFORE \(write.operation) ON \(write.table) BEGIN
                          INSERT INTO test_writes VALUES ('', '');
                          SELECT RAISE(ABORT, 'no more') WHERE (SELECT count(*) FROM test_writes) >= \(count);
                        END
                        """
                    try outside.write { try $0.execute(sql: trap) }
                    #expect(throws: StoreError.self) { try step() }
                    try outside.write { try $0.execute(sql: "DROP TRIGGER test_trap") }
                    #expect(try scratch.contents() == before, "\(name): \(write.operation) \(count) on \(write.table)")
                    failureCount += 1
                }
            }
            try step()
            #expect(try steps.store.verifyLog().faults == [], "\(name)")
        }
        #expect(failureCount > 60)
    }

    @Test("a database that can grow no further says full, and loses nothing")
    func full() throws {
        let scratch = try ScratchStore()
        let store = try scratch.open()
        let steps = try Steps(store)
        let before = try scratch.contents()
        let pages = try store.queue.read { try Int.fetchOne($0, sql: "PRAGMA page_count") ?? 0 }
        let many = (100..<400).map { Run(request: $0, probe: "load") }
        var refusals = 0
        for more in 0..<200 {
            try store.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA max_page_count = \(pages + more)") }
            do throws(StoreError) {
                try store.recordRequests(session: steps.session, many)
                break
            } catch {
                refusals += 1
                #expect(error.code == .full)
                #expect(try scratch.contents() == before)
            }
        }
        #expect(refusals > 20)
        #expect(try store.requests(session: steps.session).count == 2 + many.count)
        #expect(try store.verifyLog().isWhole)
    }

    @Test("a database that another connection holds is locked, and free again afterwards")
    func locked() throws {
        let scratch = try ScratchStore()
        let store = try scratch.open()
        let steps = try Steps(store)
        let other = try scratch.outside()
        try other.writeWithoutTransaction { database in
            try database.execute(sql: "BEGIN IMMEDIATE")
            #expect { try store.checkpoint() } throws: { ($0 as? StoreError)?.code == .locked }
            #expect { try store.recordSessionFailed(session: steps.session, code: "x") } throws: { ($0 as? StoreError)?.code == .locked }
            #expect(try store.call(id: steps.call.id) == steps.call)
            try database.execute(sql: "ROLLBACK")
        }
        try store.recordSessionFailed(session: steps.session, code: "x")
    }

    @Test("connections that append at the same time never fork the tree")
    func concurrent() throws {
        let scratch = try ScratchStore()
        let first = try scratch.open(patience: .seconds(20))
        let (device, _, _) = try first.enrolled("kiosk-1")
        let stores = try (0..<4).map { _ in try scratch.open(patience: .seconds(20)) }
        let before = try first.logSize()
        let failures = Mutex(0)
        DispatchQueue.concurrentPerform(iterations: 4) { worker in
            for _ in 0..<20 {
                do throws(StoreError) {
                    let session = try stores[worker].recordSessionOpened(device: device.id, operator: "op\(worker)", reason: "r")
                    try stores[worker].recordRequests(session: session, [Run(request: 1, probe: "load"), Run(request: 2, probe: "memory")])
                    _ = try stores[worker].checkpoint()
                } catch {
                    failures.withLock { $0 += 1 }
                }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        let report = try first.verifyLog()
        #expect(report.isWhole && report.entryCount == before + 4 * 20 * 3)
    }

    @Test("connections that make the database at the same time make one desk")
    func concurrentOpening() throws {
        let scratch = try ScratchStore()
        let origins = Mutex<[String]>([])
        let failures = Mutex<[String]>([])
        DispatchQueue.concurrentPerform(iterations: 6) { _ in
            do {
                let store = try scratch.open(patience: .seconds(20))
                origins.withLock { $0.append(store.origin) }
            } catch {
                failures.withLock { $0.append("\(error)") }
            }
        }
        #expect(failures.withLock { $0 } == [])
        #expect(Set(origins.withLock { $0 }).count == 1)
        #expect(try scratch.open().verifyLog().entryCount == 1)
    }
}
