internal import Foundation
internal import GRDB
public import Ledger
public import LedgerCore
internal import Wire

/// Which entries of the log are meant; what is nil does not matter.
public struct EntrySelection: Equatable, Sendable {
    /// Name of the device.
    public var device: String?
    /// Id of the call.
    public var call: String?
    /// Id of the session.
    public var session: String?
    /// The kind's word.
    public var kind: String?
    /// At most so many: the newest.
    public var limit: Int

    /// Makes a selection of its parts.
    public init(device: String? = nil, call: String? = nil, session: String? = nil, kind: String? = nil, limit: Int = 100) {
        (self.device, self.call, self.session, self.kind, self.limit) = (device, call, session, kind, limit)
    }
}

/// An entry of the desk's log with what is kept beside it.
public struct LogEntry: Equatable, Sendable {
    /// Number in the log, from 0.
    public var index: UInt64
    /// What is hashed and proven.
    public var encoded: [UInt8]
    /// The entry.
    public var entry: LedgerEntry
    /// Who; nil where the entry names nobody, or the person was erased.
    public var person: String?
    /// The salt of the person's digest; nil with the name.
    public var salt: [UInt8]?
}

extension RollcallDatabase {
    /// The number of entries in the log.
    public func logSize() throws(StoreError) -> UInt64 {
        try read { try WriteTransaction.head($0).size }
    }

    /// The newest entries of a selection, oldest of them first.
    public func entries(_ selection: EntrySelection = EntrySelection()) throws(StoreError) -> [LogEntry] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT idx, encoded, person_salt, person_name FROM ledger_entries
                    WHERE (?1 IS NULL OR device = ?1) AND (?2 IS NULL OR call = ?2) AND (?3 IS NULL OR session = ?3)
                      AND (?4 IS NULL OR kind = ?4)
                    ORDER BY idx DESC LIMIT ?5
                    """, arguments: [selection.device, selection.call, selection.session, selection.kind, selection.limit])
            return try rows.reversed().map { try LogEntry($0) }
        }
    }

    /// One entry by its number.
    ///
    /// - Throws: `.notFound`.
    public func entry(at index: UInt64) throws(StoreError) -> LogEntry {
        try read(String(index)) { database in
            let row = try Row.fetchOne(
                database, sql: "SELECT idx, encoded, person_salt, person_name FROM ledger_entries WHERE idx = ?1",
                arguments: [Int64(clamping: index)])
            guard let row else { throw StoreError(.notFound, String(index)) }
            return try LogEntry(row)
        }
    }

    /// Signs the log's head and stores the checkpoint.
    ///
    /// - Returns: A signed note, C2SP tlog-checkpoint.
    public func checkpoint() throws(StoreError) -> [UInt8] {
        try record { try signHead($0) }
    }

    /// The checkpoints signed so far, by size.
    public func checkpoints() throws(StoreError) -> [LogVerifier.SignedHead] {
        try read { try Self.checkpoints($0) }
    }

    private static func checkpoints(_ database: Database) throws -> [LogVerifier.SignedHead] {
        try Row.fetchAll(database, sql: "SELECT size, note FROM checkpoints ORDER BY size").map { row in
            LogVerifier.SignedHead(size: try row.count("size"), note: try row.bytes("note"))
        }
    }

    /// The proof that the log of `newSize` entries continues that of `oldSize` (RFC 6962 section 2.1.2).
    ///
    /// - Throws: `.notFound` if the log has fewer entries, or `oldSize` is greater.
    public func consistencyProof(from oldSize: UInt64, to newSize: UInt64) throws(StoreError) -> [[UInt8]] {
        try read(String(newSize)) { database in
            guard oldSize <= newSize, newSize <= (try WriteTransaction.head(database).size) else {
                throw StoreError(.notFound, String(newSize))
            }
            return try TreeProof.consistency(from: oldSize, to: newSize) { (node) throws in try WriteTransaction.hash(of: node, database) }
        }
    }

    /// The proof that an entry stands in the log of `size` entries (RFC 6962 section 2.1.1).
    ///
    /// - Throws: `.notFound` if the log has fewer entries.
    public func inclusionProof(of index: UInt64, in size: UInt64) throws(StoreError) -> [[UInt8]] {
        try read(String(index)) { database in
            guard index < size, size <= (try WriteTransaction.head(database).size) else { throw StoreError(.notFound, String(index)) }
            return try TreeProof.inclusion(of: index, in: size) { (node) throws in try WriteTransaction.hash(of: node, database) }
        }
    }

    /// Verifies the whole log: every entry, every hash kept, every checkpoint, cosignature and device head.
    public func verifyLog() throws(StoreError) -> LogReport {
        try read(path) { database in
            guard let key = try? NoteVerifier(text: Text(verifierKey)) else { throw StoreError(.corrupt, "desk") }
            var verifier = LogVerifier(verifier: key, heads: try Self.checkpoints(database))
            try Self.verifyEntries(database, &verifier)
            let head = try WriteTransaction.head(database)
            verifier.compareStoredHead(size: head.size, edge: head.edge)
            try Self.verifyWitnesses(database, &verifier)
            return verifier.report()
        }
    }

    private static func verifyEntries(_ database: Database, _ verifier: inout LogVerifier) throws {
        let rows = try Row.fetchCursor(
            database,
            sql: """
                SELECT idx, encoded, hashes, kind, time, session, call, device, person_salt, person_name FROM ledger_entries ORDER BY idx
                """)
        while let row = try rows.next() {
            // Optional everywhere: what stands in a tampered file must not trap.
            let index = UInt64(bitPattern: row[0] as Int64? ?? -1)
            let encoded = try row.withUnsafeData(atIndex: 1) { [UInt8]($0 ?? Data()) }
            verifier.take(index: index, encoded: encoded, hashes: try row.withUnsafeData(atIndex: 2) { [UInt8]($0 ?? Data()) })
            let columns = EntryColumns(
                kind: row[3] as String? ?? "", time: UInt64(bitPattern: row[4] as Int64? ?? -1), session: row[5] as String? ?? "",
                call: row[6] as String? ?? "", device: row[7] as String? ?? "")
            verifier.compareListing(index: index, encoded: encoded, columns: columns)
            if let name = row[9] as String? {
                verifier.comparePerson(index: index, encoded: encoded, salt: [UInt8](row[8] as Data? ?? Data()), name: Text(name))
            }
        }
    }

    private static func verifyWitnesses(_ database: Database, _ verifier: inout LogVerifier) throws {
        let cosignatures = try Row.fetchCursor(
            database,
            sql: """
                SELECT devices.name, cosignatures.size, cosignatures.line, cosignatures.verifier, checkpoints.note FROM cosignatures
                JOIN devices ON devices.id = cosignatures.device JOIN checkpoints ON checkpoints.size = cosignatures.size
                ORDER BY cosignatures.size
                """)
        while let row = try cosignatures.next() {
            guard let witness = try? NoteVerifier(text: Text(try row.text("verifier"))) else { throw StoreError(.corrupt, "cosignatures") }
            verifier.takeCosignature(
                note: try row.bytes("note"), line: try row.bytes("line"), size: try row.count("size"), witness: witness,
                device: try row.text("name"))
        }
        let heads = try Row.fetchCursor(
            database,
            sql: """
                SELECT devices.name, devices.verifier, device_heads.size, device_heads.note FROM device_heads
                JOIN devices ON devices.id = device_heads.device ORDER BY devices.name
                """)
        while let row = try heads.next() {
            guard let key = try? NoteVerifier(text: Text(try row.text("verifier"))) else { continue }
            verifier.takeDeviceHead(
                note: try row.bytes("note"), size: try row.count("size"), verifier: key, device: try row.text("name"))
        }
    }

    /// Compares our record of a device's sessions with the device's own.
    ///
    /// - Parameters:
    ///   - device: Name of the device.
    ///   - entries: The device's entries, encoded, oldest first.
    ///   - session: A session to leave out, because the device's part of it is not in `entries` yet; or nil.
    /// - Throws: `.invalid` if one of them is no entry.
    public func reconcile(
        device: String, entries: [[UInt8]], leavingOut session: String? = nil
    ) throws(StoreError) -> Reconciliation {
        var theirs: [LedgerEntry] = []
        for (index, encoded) in entries.enumerated() {
            guard let entry = try? LedgerEntry(decoding: encoded) else { throw StoreError(.invalid, "\(device) \(index)") }
            theirs.append(entry)
        }
        let ours = try self.entries(EntrySelection(device: device, limit: .max)).map(\.entry)
            .filter { session == nil || $0.session.string != session }
        return Reconciliation(desk: ours, device: theirs, origin: Text(origin))
    }
}

extension LogEntry {
    init(_ row: Row) throws {
        let encoded = try row.bytes("encoded")
        let index = try row.count("idx")
        guard let entry = try? LedgerEntry(decoding: encoded) else { throw StoreError(.corrupt, "ledger_entries \(index)") }
        self.init(
            index: index, encoded: encoded, entry: entry, person: try row.optionalText("person_name"),
            salt: try row.optionalBytes("person_salt"))
    }
}
