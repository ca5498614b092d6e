import Ledger
import LedgerCore
import Testing
import Wire

@Suite("Verification of a whole log")
struct LogVerifierTests {
    private struct Row {
        var index: UInt64
        var encoded: [UInt8]
        var hashes: [UInt8]
    }

    private static let origin: Text = "rollcall-desk/test"
    private let key: SigningKey
    private let verifier: NoteVerifier
    private var rows: [Row] = []
    private var heads: [LogVerifier.SignedHead] = []
    private var growth = TreeGrowth()

    init() throws {
        key = try #require(SigningKey(seed: [UInt8](repeating: 5, count: 32)))
        verifier = NoteVerifier(name: Self.origin, publicKey: key.publicKey)
        for number in 0..<40 {
            let encoded = LedgerEntry(kind: .probeAnswered, time: UInt64(number), session: "s", subject: "load").encoded
            rows.append(Row(index: UInt64(number), encoded: encoded, hashes: growth.append(leafHash: MerkleTree.leafHash(encoded))))
            if number % 13 == 0 { heads.append(head(growth)) }
        }
        heads.append(head(growth))
    }

    private func head(_ growth: TreeGrowth) -> LogVerifier.SignedHead {
        let note = Checkpoint(origin: Self.origin, size: growth.size, root: growth.root).signed(by: key)
        return LogVerifier.SignedHead(size: growth.size, note: note)
    }

    private func verify(_ rows: [Row], _ heads: [LogVerifier.SignedHead]) -> LogReport {
        var check = LogVerifier(verifier: verifier, heads: heads)
        for row in rows { check.take(index: row.index, encoded: row.encoded, hashes: row.hashes) }
        check.compareStoredHead(size: growth.size, edge: growth.edge)
        return check.report()
    }

    @Test("a log as it was written is whole")
    func whole() {
        let report = verify(rows, heads)
        #expect(report.isWhole && report.entryCount == 40 && report.root == growth.root && report.checkpointCount == 5)
    }

    @Test("every altered entry is named", arguments: 0..<40)
    func altered(_ index: Int) {
        var rows = rows
        rows[index].encoded[5] ^= 1
        #expect(verify(rows, heads).faults == [LogFault(.alteredEntry, index: UInt64(index))])
    }

    @Test("an altered entry with its own leaf hash altered too is found", arguments: 0..<40)
    func alteredWithLeaf(_ index: Int) {
        var rows = rows
        rows[index].encoded[5] ^= 1
        rows[index].hashes.replaceSubrange(0..<32, with: MerkleTree.leafHash(rows[index].encoded))
        #expect(!verify(rows, heads).isWhole)
    }

    @Test("every missing entry is named", arguments: 0..<40)
    func missing(_ index: Int) {
        var rows = rows
        rows.remove(at: index)
        #expect(verify(rows, heads).brokenIndex == UInt64(index))
    }

    @Test("two entries that changed places are named")
    func reordered() {
        var rows = rows
        (rows[10].encoded, rows[11].encoded) = (rows[11].encoded, rows[10].encoded)
        let faults = verify(rows, heads).faults
        #expect(faults == [LogFault(.alteredEntry, index: 10), LogFault(.alteredEntry, index: 11)])
    }

    @Test("a log that was rewritten with all its hashes differs from what was signed")
    func rewritten() {
        var (rewritten, growth) = ([Row](), TreeGrowth())
        for row in rows {
            var encoded = row.encoded
            if row.index == 20 { encoded[5] ^= 1 }
            rewritten.append(Row(index: row.index, encoded: encoded, hashes: growth.append(leafHash: MerkleTree.leafHash(encoded))))
        }
        let faults = verify(rewritten, heads).faults
        #expect(faults.contains(LogFault(.otherRoot, index: 27)))
        #expect(faults.contains(LogFault(.otherRoot, index: 40)))
        #expect(!faults.contains(LogFault(.otherRoot, index: 14)))
    }

    @Test("a checkpoint with a replaced root is not signed by the log's key")
    func replacedRoot() throws {
        var heads = heads
        let other = try #require(SigningKey(seed: [UInt8](repeating: 6, count: 32)))
        heads[2].note = Checkpoint(origin: Self.origin, size: heads[2].size, root: [UInt8](repeating: 0, count: 32)).signed(by: other)
        #expect(verify(rows, heads).faults == [LogFault(.badCheckpoint, index: 27)])
    }

    @Test("a log cut short is found by its last checkpoint, also without the stored head")
    func cutShort() {
        var check = LogVerifier(verifier: verifier, heads: heads)
        for row in rows.dropLast(3) { check.take(index: row.index, encoded: row.encoded, hashes: nil) }
        #expect(check.report().faults == [LogFault(.missingEntry, index: 37)])
    }

    @Test("a cosignature counts only for the checkpoint that it was made for")
    func cosignature() throws {
        let witness = try #require(SigningKey(seed: [UInt8](repeating: 7, count: 32)))
        let name = NoteVerifier(name: "rollcall-agent/1", publicKey: witness.publicKey)
        let text = try #require(SignedNote(heads[0].note)).text
        let line = SignedNote.cosign(text: text, time: 1_700_000_000, name: name.name, key: witness)
        var check = LogVerifier(verifier: verifier, heads: [])
        check.takeCosignature(note: heads[0].note, line: line, size: 1, witness: name, device: "kiosk")
        check.takeCosignature(note: heads[1].note, line: line, size: 14, witness: name, device: "kiosk")
        let report = check.report()
        #expect(report.cosignatureCount == 2)
        #expect(report.faults == [LogFault(.badCosignature, index: 14, device: "kiosk")])
    }

    @Test("an entry listed under another device, or under none, is found")
    func listing() {
        let encoded = LedgerEntry(kind: .sessionOpened, time: 9, session: "s", call: "c", device: "kiosk", detail: "why").encoded
        func faults(_ session: String, _ call: String, _ device: String, kind: String = "session.opened", time: UInt64 = 9) -> Int {
            var check = LogVerifier(verifier: verifier, heads: [])
            let columns = EntryColumns(kind: kind, time: time, session: session, call: call, device: device)
            check.compareListing(index: 0, encoded: encoded, columns: columns)
            return check.report().faults.count
        }
        #expect(faults("s", "c", "kiosk") == 0)
        #expect(faults("s", "c", "other") == 1)
        #expect(faults("s", "c", "") == 1)
        #expect(faults("", "", "") == 1)
        #expect(faults("s", "c", "kiosk", kind: "session.closed") == 1)
        #expect(faults("s", "c", "kiosk", time: 8) == 1)
    }

    @Test("another name beside an entry is found")
    func person() {
        let salt: [UInt8] = [1, 2, 3]
        let encoded = LedgerEntry(kind: .callOpened, time: 1, person: LedgerEntry.personDigest(salt: salt, name: "alice")).encoded
        var check = LogVerifier(verifier: verifier, heads: [])
        check.comparePerson(index: 0, encoded: encoded, salt: salt, name: "alice")
        check.comparePerson(index: 1, encoded: encoded, salt: salt, name: "bob")
        check.comparePerson(index: 2, encoded: Array(encoded.dropLast()), salt: salt, name: "alice")
        #expect(check.report().faults == [LogFault(.alteredPerson, index: 1), LogFault(.unreadableEntry, index: 2)])
    }
}
