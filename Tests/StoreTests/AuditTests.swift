import Foundation
import GRDB
import Ledger
import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("The desk's log")
struct AuditTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase
    private let device: Device

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
        (device, _, _) = try store.enrolled("kiosk-1")
        for number in 0..<12 {
            let session = try store.recordSessionOpened(device: device.id, operator: "alice", reason: "round \(number)")
            try store.recordRequests(session: session, (1...4).map { Run(request: $0, probe: "load") })
            if number % 3 == 0 { _ = try store.checkpoint() }
        }
    }

    private func tamper(_ sql: String) throws {
        try scratch.outside().write { try $0.execute(sql: sql) }
    }

    private func codes() throws -> [LogFault.Code] { try store.verifyLog().faults.map(\.code) }

    @Test("a log begins with its own origin and key, and is whole")
    func whole() throws {
        let first = try store.entry(at: 0).entry
        #expect(first.kind == .logCreated && first.subject.string == store.origin && first.detail.string == store.verifierKey)
        #expect(store.origin.hasPrefix("rollcall-desk/"))
        let report = try store.verifyLog()
        #expect(report.isWhole && report.entryCount == 63 && report.checkpointCount == 4)
        #expect(try store.logSize() == 63)
    }

    @Test("an altered entry is found by its number")
    func altered() throws {
        var entry = try store.entry(at: 28).entry
        #expect(entry.detail == "round 5")
        entry.detail = "round 6"
        try scratch.outside().write {
            try $0.execute(sql: "UPDATE ledger_entries SET encoded = ?1 WHERE idx = 28", arguments: [Data(entry.encoded)])
        }
        let report = try store.verifyLog()
        #expect(!report.isWhole)
        #expect(report.brokenIndex == 28)
    }

    @Test("a deleted entry is found by its number, at the end too", arguments: [0, 30, 61, 62])
    func deleted(_ index: Int) throws {
        try tamper("DELETE FROM ledger_entries WHERE idx = \(index)")
        #expect(try store.verifyLog().brokenIndex == UInt64(index))
    }

    @Test("entries that changed places are found")
    func reordered() throws {
        try tamper(
            """
            UPDATE ledger_entries SET idx = -1 WHERE idx = 20; UPDATE ledger_entries SET idx = 20 WHERE idx = 21;
            UPDATE ledger_entries SET idx = 21 WHERE idx = -1
            """)
        #expect(try store.verifyLog().brokenIndex == 20)
    }

    @Test("a replaced root, in the head or in a checkpoint, is found")
    func replacedRoot() throws {
        try tamper("UPDATE ledger_head SET edge = zeroblob(length(edge))")
        #expect(try codes() == [.alteredHead])
        let forged = Checkpoint(origin: Text(store.origin), size: 8, root: [UInt8](repeating: 0, count: 32))
        let key = try #require(SigningKey(seed: [UInt8](repeating: 9, count: 32)))
        try scratch.outside().write {
            try $0.execute(sql: "UPDATE checkpoints SET note = ?1 WHERE size = 8", arguments: [Data(forged.signed(by: key))])
        }
        #expect(try codes() == [.badCheckpoint, .alteredHead])
    }

    @Test("a listing, a hash or a name that was altered is found")
    func columns() throws {
        try tamper("UPDATE ledger_entries SET device = 'kiosk-2' WHERE idx = 10")
        #expect(try store.verifyLog().faults == [LogFault(.alteredListing, index: 10)])
        try tamper("UPDATE ledger_entries SET device = 'kiosk-1' WHERE idx = 10")
        try tamper("UPDATE ledger_entries SET person_name = 'bob' WHERE idx = 3")
        #expect(try store.verifyLog().faults == [LogFault(.alteredPerson, index: 3)])
        try tamper("UPDATE ledger_entries SET person_name = 'alice' WHERE idx = 3")
        try tamper("UPDATE ledger_entries SET hashes = zeroblob(length(hashes)) WHERE idx = 11")
        #expect(try store.verifyLog().brokenIndex == 11)
    }

    @Test("a log that was rewritten with all its hashes is not what the desk signed before")
    func rewritten() throws {
        try scratch.outside().write { database in
            var growth = TreeGrowth()
            for row in try Row.fetchAll(database, sql: "SELECT idx, encoded FROM ledger_entries ORDER BY idx") {
                let encoded = [UInt8](row["encoded"] as Data)
                var entry = try LedgerEntry(decoding: encoded)
                if entry.detail == "round 5" { entry.detail = "round 6" }
                let hashes = growth.append(leafHash: MerkleTree.leafHash(entry.encoded))
                try database.execute(
                    sql: "UPDATE ledger_entries SET encoded = ?2, hashes = ?3 WHERE idx = ?1",
                    arguments: [row["idx"] as Int, Data(entry.encoded), Data(hashes)])
            }
            try database.execute(sql: "UPDATE ledger_head SET edge = ?1", arguments: [Data(growth.edge.flatMap { $0 })])
        }
        #expect(try codes() == [.otherRoot, .otherRoot])
    }

    @Test("stored hashes prove every earlier size consistent, and every entry included")
    func proofs() throws {
        let size = try store.logSize()
        let desk = try NoteVerifier(text: Text(store.verifierKey))
        let head = try Checkpoint(note: try store.checkpoint(), signedBy: desk)
        for earlier in try store.checkpoints() {
            let old = try Checkpoint(note: earlier.note, signedBy: desk)
            let proof = try store.consistencyProof(from: old.size, to: size)
            #expect(
                MerkleTree.isConsistent(oldSize: old.size, oldRoot: old.root, newSize: size, newRoot: head.root, proof: proof))
        }
        for index in 0..<size {
            let leaf = MerkleTree.leafHash(try store.entry(at: index).encoded)
            let proof = try store.inclusionProof(of: index, in: size)
            #expect(MerkleTree.isIncluded(leafHash: leaf, index: index, size: size, root: head.root, proof: proof))
        }
        #expect { try store.consistencyProof(from: 1, to: size + 1) } throws: { ($0 as? StoreError)?.code == .notFound }
        #expect { try store.consistencyProof(from: 5, to: 4) } throws: { ($0 as? StoreError)?.code == .notFound }
        #expect { try store.entry(at: size) } throws: { ($0 as? StoreError)?.code == .notFound }
    }

    @Test("entries are listed newest last, by device, kind and limit")
    func list() throws {
        let last = try store.entries(EntrySelection(limit: 3))
        #expect(last.map(\.index) == [60, 61, 62])
        #expect(try store.entries(EntrySelection(device: "kiosk-1", kind: "session.opened")).count == 12)
        #expect(try store.entries(EntrySelection(device: "kiosk-9")).isEmpty)
    }

    @Test("a person is erased from rows and file, and every proof stays valid")
    func erasure() throws {
        let head = try store.checkpoint()
        let size = try store.logSize()
        #expect(try store.erasePerson("alice") == 14)
        #expect(try store.verifyLog().isWhole)
        #expect(try store.entries(EntrySelection(limit: 100)).allSatisfy { $0.person == nil && $0.salt == nil })
        #expect(try store.sessions(device: device.id).allSatisfy { $0.operatorName.isEmpty })
        for suffix in ["", "-wal"] {
            let bytes = FileManager.default.contents(atPath: scratch.path + suffix) ?? Data()
            #expect(bytes.range(of: Data("alice".utf8)) == nil)
        }
        let old = try Checkpoint(unverifiedNote: head)
        #expect(try store.consistencyProof(from: old.size, to: size + 1).isEmpty == false)
    }
}
