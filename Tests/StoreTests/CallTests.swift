import Foundation
import Ledger
import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("Calls, sessions and fixes")
struct CallTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase
    private let device: Device
    private let key: SigningKey
    private let verifier: NoteVerifier

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
        (device, key, verifier) = try store.enrolled("kiosk-1")
    }

    private let runs = [
        Run(request: 1, probe: "storage.space"),
        Run(request: 2, probe: "service.restart", parameters: [Parameter(name: "unit", value: "a \"b\"/c")]),
    ]

    @Test("a call goes from opening to outcome, and its history holds everything in order")
    func history() throws {
        let call = try store.recordCallOpened(
            device: device.id, caseID: "SF-1", symptom: "screen frozen", wouldRoll: .yes, operator: "alice")
        let session = try store.recordSessionOpened(device: device.id, call: call.id, operator: "alice", reason: "screen frozen")
        try store.recordRequests(session: session, runs)
        let digest = [UInt8](repeating: 4, count: 32)
        let done = Done(request: 1, ending: .exited, code: 0, sentByteCount: 9, duration: 33, digest: digest)
        try store.recordAnswers(
            session: session,
            [(1, .done(done, digest: digest)), (2, .refused(Refused(request: 2, rule: "bad-parameter", sentence: "no")))])
        let verdict = try store.recordVerdict(
            device: device.id, session: session, call: call.id, exitCode: 2, severity: "critical", json: "{}")
        let fix = try store.recordFix(
            device: device.id, session: session, call: call.id,
            FixRecord.Attempt(finding: "storage.full", remedy: "storage.vacuum-journal", result: .gone))
        _ = try store.recordSessionClosed(session: session, Closed(checkpoint: []))
        let closed = try store.recordCallClosed(id: call.id, SupportCall.Closing(outcome: .fixedRemotely, notes: "n"), operator: "alice")

        let history = try store.callHistory(id: call.id)
        #expect(history.call == closed && closed.closing?.outcome == .fixedRemotely && closed.claimsAvoidedRoll)
        #expect(history.sessions.map(\.id) == [session] && history.sessions[0].endedAt != nil)
        #expect(history.verdicts == [verdict] && history.fixes == [fix])
        let requests = try store.requests(session: session)
        #expect(requests.map(\.ending) == ["exited", "refused"])
        #expect(requests[0].digest == digest && requests[0].duration == 33 && requests[0].byteCount == 9)
        #expect(requests[1].rule == "bad-parameter" && requests[1].parameters == #"[["unit","a \"b\"/c"]]"#)
        #expect(
            try store.entries(EntrySelection(call: call.id)).map(\.entry.kind.name.string) == [
                "call.opened", "session.opened", "probe.requested", "probe.requested", "probe.answered", "refused", "verdict.recorded",
                "fix.judged", "session.closed", "call.closed",
            ])
        #expect(try store.verifyLog().isWhole)
    }

    @Test("what would have rolled is frozen at the opening, and a call ends once")
    func endsOnce() throws {
        let call = try store.recordCallOpened(device: device.id, wouldRoll: .unsure, operator: "alice")
        _ = try store.recordCallClosed(
            id: call.id, SupportCall.Closing(outcome: .visitNeeded, parts: "PSU", skill: "electrician"), operator: "bob")
        #expect { try store.recordCallClosed(id: call.id, SupportCall.Closing(outcome: .abandoned), operator: "bob") } throws: {
            ($0 as? StoreError)?.code == .wrongState
        }
        #expect(try store.call(id: call.id).closing == SupportCall.Closing(outcome: .visitNeeded, parts: "PSU", skill: "electrician"))
        #expect(try store.call(id: call.id).wouldRoll == .unsure)
    }

    @Test("calls are listed newest first, by device, state and time")
    func list() throws {
        let (other, _, _) = try store.enrolled("kiosk-2")
        let first = try store.recordCallOpened(device: device.id, wouldRoll: .no, operator: "a")
        let second = try store.recordCallOpened(device: other.id, wouldRoll: .no, operator: "a")
        let third = try store.recordCallOpened(device: device.id, wouldRoll: .no, operator: "a")
        _ = try store.recordCallClosed(id: first.id, SupportCall.Closing(outcome: .abandoned), operator: "a")
        func ids(_ selection: CallSelection) throws -> [String] { try store.calls(selection).map(\.id) }
        #expect(try ids(CallSelection()) == [third.id, second.id, first.id])
        #expect(try ids(CallSelection(device: device.id, limit: 1)) == [third.id])
        #expect(try ids(CallSelection(isOpen: false)) == [first.id])
        #expect(try ids(CallSelection(since: second.openedAt, isOpen: true)) == [third.id, second.id])
    }

    @Test("a request number is used once, and an answer is given once, to what was asked")
    func numbers() throws {
        let session = try store.recordSessionOpened(device: device.id, operator: "a", reason: "r")
        try store.recordRequests(session: session, runs)
        let size = try store.logSize()
        #expect { try store.recordRequests(session: session, [Run(request: 3, probe: "load"), Run(request: 2, probe: "load")]) } throws: {
            ($0 as? StoreError)?.code == .duplicate
        }
        let refusal = RequestEnd.refused(Refused(request: 1, rule: "r", sentence: ""))
        #expect { try store.recordAnswers(session: session, [(1, refusal), (1, refusal)]) } throws: {
            ($0 as? StoreError)?.code == .wrongState
        }
        #expect { try store.recordAnswers(session: session, [(1, refusal), (9, refusal)]) } throws: {
            ($0 as? StoreError)?.code == .notFound
        }
        #expect(try store.logSize() == size)
        #expect(try store.requests(session: session).map(\.ending) == [nil, nil])
    }

    @Test("a session ends once, well or badly")
    func failed() throws {
        let session = try store.recordSessionOpened(device: device.id, operator: "a", reason: "r")
        try store.recordSessionFailed(session: session, code: "unreachable", sentence: "nobody there")
        #expect(try store.session(id: session).errorCode == "unreachable")
        #expect { try store.recordSessionClosed(session: session, Closed(checkpoint: [])) } throws: {
            ($0 as? StoreError)?.code == .wrongState
        }
        let entry = try #require(try store.entries(EntrySelection(session: session)).last?.entry)
        #expect(entry.kind == .sessionFailed && entry.subject == "unreachable")
    }

    @Test("a symptom longer than an entry's field is whole in its row and cut between characters in the log")
    func longSymptom() throws {
        let symptom = String(repeating: "ä€😀", count: 900)
        let call = try store.recordCallOpened(device: device.id, symptom: symptom, wouldRoll: .no, operator: "a")
        #expect(try store.call(id: call.id).symptom == symptom)
        let detail = try #require(try store.entries(EntrySelection(kind: "call.opened")).last?.entry.detail)
        #expect(detail.bytes.count <= 1_024 && detail.bytes.count > 1_000 && symptom.hasPrefix(detail.string))
    }

    @Test("a remedy held where its finding stayed away for the window")
    func remedies() throws {
        let (other, _, _) = try store.enrolled("gate-1", model: "G1")
        func fix(_ device: Device, _ remedy: String, _ result: FixRecord.Result, subject: String = "{}") throws {
            _ = try store.recordFix(
                device: device.id, FixRecord.Attempt(finding: "storage.full", subject: subject, remedy: remedy, result: result))
        }
        try fix(device, "vacuum", .gone)
        scratch.clock.advance(3)
        try fix(device, "vacuum", .gone)
        try fix(device, "vacuum", .gone, subject: #"{"mount":"/"}"#)
        scratch.clock.advance(30)
        try fix(device, "vacuum", .still)
        try fix(device, "vacuum", .unknown)
        try fix(device, "reboot", .gone, subject: "other")
        try fix(other, "vacuum", .gone)
        let week = Duration.seconds(7 * 86_400)
        #expect(
            try store.remedyHistory(finding: "storage.full", model: "K2", window: week) == [
                RemedyHistory(remedy: "reboot", triedCount: 1, heldCount: 1), RemedyHistory(remedy: "vacuum", triedCount: 4, heldCount: 2),
            ])
        #expect(try store.remedyHistory(finding: "storage.full", window: week).map(\.triedCount).reduce(0, +) == 6)
        #expect(try store.remedyHistory(finding: "other", window: week).isEmpty)
    }
}
