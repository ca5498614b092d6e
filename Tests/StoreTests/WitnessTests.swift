import Foundation
import Ledger
import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("Heads of both sides")
struct WitnessTests {
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

    private func open() throws -> String {
        try store.recordSessionOpened(device: device.id, operator: "alice", reason: "r")
    }

    private func cosign(_ offer: WitnessOffer) throws -> [UInt8] {
        SignedNote.cosign(text: try #require(SignedNote(offer.checkpoint)).text, time: 9, name: verifier.name, key: key)
    }

    private func opened(_ witness: WitnessAnswer) -> Opened {
        Opened(session: "", role: "repair", operatorName: "alice", witness: witness)
    }

    private func greet(_ session: String, size: UInt64, root: UInt8 = 7, _ witness: WitnessAnswer = WitnessAnswer()) throws -> HeadJudgement
    {
        try store.recordHello(
            session: session, hello: hello(size: size, root: root, name: verifier.name, key: key), opened: opened(witness))
    }

    @Test("each offer is proven from what the device saw last, and its cosignature is kept")
    func offers() throws {
        var seen: Checkpoint?
        let desk = try NoteVerifier(text: Text(store.verifierKey))
        for round in 0..<5 {
            let session = try open()
            let offer = try store.offerHead(session: session)
            let head = try Checkpoint(note: offer.checkpoint, signedBy: desk)
            #expect(offer.provenSize == seen?.size ?? 0)
            #expect(
                MerkleTree.isConsistent(
                    oldSize: offer.provenSize, oldRoot: seen?.root ?? MerkleTree.emptyRoot, newSize: head.size, newRoot: head.root,
                    proof: offer.proof))
            let status: WitnessAnswer.Status = round == 0 ? .first : .consistent
            let judgement = try greet(session, size: UInt64(round), WitnessAnswer(status: status, cosignature: try cosign(offer)))
            #expect(judgement == HeadJudgement(head: .verified, witness: .cosigned) && judgement.isQuiet)
            #expect(try store.witnessedSize(device: device.id) == head.size)
            seen = head
        }
        let report = try store.verifyLog()
        #expect(report.isWhole && report.cosignatureCount == 5 && report.checkpointCount == 5)
    }

    @Test("what a hello says is kept with the session and the device")
    func facts() throws {
        let session = try open()
        _ = try greet(session, size: 4)
        let record = try store.session(id: session)
        #expect(record.agentVersion == "0.1.0" && record.role == "repair" && record.agentClock == 5 && record.headBefore != nil)
        let agent = try store.device(id: device.id).agent
        #expect(agent.version == "0.1.0" && agent.catalogueVersion == 3 && agent.lastSeenAt != nil)
        #expect(agent.deviceID == device.agent.deviceID, "a hello does not change what enrolment said")
    }

    @Test("a head that is signed by another key, shorter, or rewritten is judged so, and the verified one is kept")
    func badHeads() throws {
        _ = try greet(try open(), size: 10)
        let good = try #require(try store.deviceHead(device: device.id))
        #expect(try greet(try open(), size: 9).head == .shorter)
        #expect(try greet(try open(), size: 10, root: 8).head == .rewritten)
        let other = try #require(SigningKey(seed: [UInt8](repeating: 99, count: 32)))
        let forged = hello(size: 11, name: verifier.name, key: other)
        #expect(try store.recordHello(session: try open(), hello: forged, opened: opened(WitnessAnswer())).head == .badSignature)
        #expect(try store.deviceHead(device: device.id) == good)
        #expect(try greet(try open(), size: 10).head == .verified)
        #expect(
            try store.entries(EntrySelection(kind: "head.seen")).map(\.entry.subject.string) == [
                "verified", "shorter", "rewritten", "bad-signature", "verified",
            ])
    }

    @Test("a head from before another session's end is no loss; one from before its own opening is")
    func sideBySide() throws {
        let (first, second) = (try open(), try open())
        #expect(try greet(first, size: 9).head == .verified)
        #expect(try greet(second, size: 5).head == .verified, "both were open before anything was known")
        #expect(try greet(try open(), size: 8).head == .shorter)
        let kept = try #require(try store.deviceHead(device: device.id))
        #expect(try Checkpoint(note: kept, signedBy: verifier).size == 9)
    }

    @Test("a device that shows no head any more is not quiet")
    func withheld() throws {
        #expect(try greet(try open(), size: 9).isQuiet)
        let session = try open()
        var silent = hello(size: 9, root: 7, name: verifier.name, key: key)
        silent.checkpoint = []
        let judgement = try store.recordHello(session: session, hello: silent, opened: opened(WitnessAnswer()))
        #expect(judgement.head == .withheld && !judgement.isQuiet)
    }

    @Test("a forged cosignature is not kept")
    func badCosignature() throws {
        let session = try open()
        let offer = try store.offerHead(session: session)
        var line = try cosign(offer)
        line[line.count - 6] ^= 1
        #expect(try greet(session, size: 1, WitnessAnswer(status: .first, cosignature: line)).witness == .badCosignature)
        #expect(try store.verifyLog().cosignatureCount == 0)
    }

    @Test("a device that saw another size is believed only if that size is ours")
    func otherSize() throws {
        let early = try store.checkpoint()
        let size = try store.logSize()
        let session = try open()
        _ = try store.offerHead(session: session)
        #expect(try greet(session, size: 1, WitnessAnswer(status: .otherSize, lastSeen: early)).witness == .otherSize)
        #expect(try store.witnessedSize(device: device.id) == size)
        let forged = Checkpoint(origin: Text(store.origin), size: 2, root: [UInt8](repeating: 0, count: 32)).signed(by: key)
        let next = try open()
        _ = try store.offerHead(session: next)
        #expect(try greet(next, size: 1, WitnessAnswer(status: .otherSize, lastSeen: forged)).witness == .inconsistent)
    }

    @Test("a device that calls our history rewritten leaves both checkpoints in the log")
    func inconsistent() throws {
        let early = try store.checkpoint()
        let session = try open()
        _ = try store.offerHead(session: session)
        let judgement = try greet(session, size: 1, WitnessAnswer(status: .inconsistent, lastSeen: early))
        #expect(judgement.witness == .inconsistent && !judgement.isQuiet)
        #expect(try store.entries(EntrySelection(kind: "head.seen")).last?.entry.checkpoint == early)
    }

    @Test("a device enrolled anew begins a new history, and cosignatures of the old key stay valid")
    func enrolledAnew() throws {
        let session = try open()
        let offer = try store.offerHead(session: session)
        _ = try greet(session, size: 10, WitnessAnswer(status: .first, cosignature: try cosign(offer)))
        let fresh = try #require(SigningKey(seed: [UInt8](repeating: 50, count: 32)))
        let name: Text = "rollcall-agent/fresh"
        try store.recordEnrolled(
            device: device.id, verifierKey: NoteVerifier(name: name, publicKey: fresh.publicKey).text().string, deviceID: "d2",
            operator: "alice")
        #expect(try store.witnessedSize(device: device.id) == 0)
        let judgement = try store.recordHello(
            session: try open(), hello: hello(size: 1, name: name, key: fresh), opened: opened(WitnessAnswer()))
        #expect(judgement.head == .verified)
        #expect(try store.verifyLog().isWhole)
    }

    @Test("an agent's last head ends the session's record, and both sides' entries reconcile")
    func close() throws {
        let session = try open()
        try store.recordRequests(session: session, [Run(request: 1, probe: "load")])
        let digest = [UInt8](repeating: 4, count: 32)
        try store.recordAnswers(session: session, [(1, .done(Done(request: 1, ending: .exited), digest: digest))])
        let note = hello(size: 12, name: verifier.name, key: key).checkpoint
        #expect(try store.recordSessionClosed(session: session, Closed(checkpoint: note)).head == .verified)
        #expect(try store.session(id: session).headAfter == note)

        var theirs = [
            LedgerEntry(kind: .sessionOpened, time: 1, session: Text(session)),
            LedgerEntry(
                kind: .probeRequested, time: 1, session: Text(session), subject: "load", digest: LedgerEntry.parametersDigest([]),
                request: 1),
            LedgerEntry(kind: .probeAnswered, time: 2, session: Text(session), subject: "load", digest: digest, request: 1),
        ]
        #expect(try store.reconcile(device: "kiosk-1", entries: theirs.map(\.encoded)).discrepancies.isEmpty)
        theirs[2].digest[0] ^= 1
        #expect(try store.reconcile(device: "kiosk-1", entries: theirs.map(\.encoded)).alarms.count == 1)
        #expect { try store.reconcile(device: "kiosk-1", entries: [[1, 2]]) } throws: { ($0 as? StoreError)?.code == .invalid }
    }
}
