import Foundation
import GRDB
import Ledger
import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("What callers say, and devices that cannot be reached")
struct CallerTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
    }

    private func device(_ name: String, site: String = "Hall 2") throws -> Device {
        try store.addDevice(name: name, address: .init(host: "h"), labels: .init(site: site, model: "K3"), operator: "alice")
    }

    private func session(_ device: Device, failing code: String?) throws {
        let id = try store.recordSessionOpened(device: device.id, operator: "alice", reason: "look")
        if let code { return try store.recordSessionFailed(session: id, code: code, sentence: code) }
        let hello = Hello(
            protocolVersion: RollcallProtocol.version, agentVersion: "1", device: "d", boot: "b", architecture: "x86_64", clock: 1,
            isStandalone: true, isRoot: false)
        _ = try store.recordHello(session: id, hello: hello, opened: Opened(session: Text(id), role: "repair", operatorName: "alice"))
    }

    @Test("what a caller said is in the call's history, its digest in the log; erasing who asked leaves the proofs valid")
    func answers() throws {
        let device = try device("kiosk-1")
        let call = try store.recordCallOpened(device: device.id, wouldRoll: .yes, operator: "alice")
        let exchanges = [CallerRecord.Exchange(name: "power", question: "Is there a light?", answer: "no")]
        let record = try store.recordCallerAnswers(device: device.id, call: call.id, probe: "caller.device", exchanges, operator: "alice")
        #expect(try store.callHistory(id: call.id).callerAnswers == [record] && record.exchanges == exchanges)
        let entry = try #require(try store.entries(EntrySelection(call: call.id)).last?.entry)
        #expect(entry.kind.name == "caller.answered" && entry.subject == "caller.device" && entry.count == 1)
        let (salt, json) = try scratch.outside().read { database in
            let row = try #require(try Row.fetchOne(database, sql: "SELECT salt, json FROM caller_answers"))
            return (row["salt"] as Data, row["json"] as String)
        }
        #expect(entry.digest == SHA256.hash([UInt8](salt) + Array(json.utf8)))
        // The same answers again have another digest: nobody guesses a yes or no from the log.
        _ = try store.recordCallerAnswers(device: device.id, call: call.id, probe: "caller.device", exchanges, operator: "alice")
        #expect(try store.entries(EntrySelection(call: call.id)).last?.entry.digest != entry.digest)
        _ = try store.erasePerson("alice")
        #expect(try store.callHistory(id: call.id).callerAnswers.map(\.operatorName) == ["", ""])
        #expect(try store.verifyLog().isWhole)
    }

    @Test("a device's contact is its last hello and what failed since; what failed before does not count")
    func contact() throws {
        let device = try device("kiosk-1")
        #expect(try store.contact(device: device.id) == ContactRecord(lastSeen: nil, firstFailure: nil, failureCount: 0))
        try session(device, failing: "timedOut")
        #expect(try store.contact(device: device.id).failureCount == 1)
        try session(device, failing: nil)
        for code in ["timedOut", "refused"] { try session(device, failing: code) }
        let contact = try store.contact(device: device.id)
        #expect(contact.failureCount == 2 && contact.firstFailure?.errorCode == "timedOut" && contact.lastSeen?.agentVersion == "1")
    }

    @Test("siblings are the others of the site as they were tried last; a device without a site has none")
    func siblings() throws {
        let device = try device("kiosk-1")
        let (up, down) = (try self.device("kiosk-2"), try self.device("kiosk-3"))
        _ = try self.device("kiosk-4")
        _ = try self.device("kiosk-5", site: "Hall 3")
        for code in ["timedOut", nil] { try session(up, failing: code) }
        for code in [nil, "timedOut"] { try session(down, failing: code) }
        let found = try store.siblings(of: device)
        #expect(found.map(\.name) == ["kiosk-2", "kiosk-3", "kiosk-4"])
        #expect(found.map(\.wasHeard) == [true, false, false] && found.map(\.errorCode) == [nil, "timedOut", nil])
        #expect(found.map { $0.lastSeenAt != nil } == [true, true, false] && found[2].lastTriedAt == nil)
        #expect(try store.siblings(of: self.device("kiosk-6", site: "")).isEmpty)
    }

    @Test("the last verdict is that of the device's own answers, whatever its caller said later")
    func lastVerdict() throws {
        let device = try device("kiosk-1")
        #expect(try store.lastVerdict(device: device.id) == nil)
        let own = try store.recordVerdict(device: device.id, exitCode: 0, severity: "ok", json: "{}")
        try store.keepAnswers([0x80], of: own, isGood: true)
        _ = try store.recordVerdict(device: device.id, exitCode: 2, severity: "critical", json: "{}")
        #expect(try store.lastVerdict(device: device.id) == own)
    }
}
