internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

/// One transaction that records something: its rows and its ledger entries are committed together or not at all.
///
/// It began with BEGIN IMMEDIATE, so that no other process appends between its reading the head and its writing the new one.
struct WriteTransaction {
    let database: Database
    /// Microseconds UTC; the same for everything in the transaction.
    let now: Int64
    private var growth: TreeGrowth
    private let sizeBefore: UInt64

    init(_ database: Database, now: Int64) throws {
        self.database = database
        self.now = now
        growth = try Self.head(database)
        sizeBefore = growth.size
    }

    /// The log's head as it was committed last.
    static func head(_ database: Database) throws -> TreeGrowth {
        guard let row = try Row.fetchOne(database, sql: "SELECT size, edge FROM ledger_head") else {
            throw StoreError(.corrupt, "ledger_head")
        }
        let edge = try row.bytes("edge")
        let hashes = stride(from: 0, to: edge.count, by: 32).map { Array(edge[$0..<min($0 + 32, edge.count)]) }
        guard let growth = TreeGrowth(size: try row.count("size"), edge: hashes) else { throw StoreError(.corrupt, "ledger_head") }
        return growth
    }

    /// The log's size and root, with what this transaction appended so far.
    var size: UInt64 { growth.size }
    var root: [UInt8] { growth.root }

    /// The stored hash of one subtree of the log.
    static func hash(of node: TreeNode, _ database: Database) throws -> [UInt8] {
        let statement = try database.cachedStatement(
            sql: "SELECT substr(hashes, 1 + 32 * ?2, 32) AS hash FROM ledger_entries WHERE idx = ?1")
        let row = try Row.fetchOne(statement, arguments: [Int64(clamping: node.lastEntry), node.level])
        guard let hash = try row?.bytes("hash"), hash.count == 32 else { throw StoreError(.corrupt, "ledger_entries \(node.lastEntry)") }
        return hash
    }

    /// Appends an entry to the log.
    ///
    /// - Parameters:
    ///   - entry: Its time is set to the transaction's, its person to the digest of `person`.
    ///   - person: Who did it, or empty; the name is kept beside the entry with a salt of its own.
    mutating func append(_ entry: LedgerEntry, person: String = "") throws {
        var entry = entry
        entry.time = UInt64(max(0, now))
        var salt: [UInt8]?
        if !person.isEmpty {
            var random = SystemRandomNumberGenerator()
            let (high, low) = (random.next() as UInt64, random.next() as UInt64)
            let fresh = [high, low].flatMap { half in (0..<8).map { UInt8(truncatingIfNeeded: half >> (8 * UInt64($0))) } }
            entry.person = LedgerEntry.personDigest(salt: fresh, name: Text(person))
            salt = fresh
        }
        let encoded = entry.encoded
        // What could not be read back would break the record for good.
        guard Self.isReadable(entry), encoded.count <= RollcallProtocol.entrySizeLimit else {
            throw StoreError(.invalid, entry.kind.name.string)
        }
        let index = growth.size
        let hashes = growth.append(leafHash: MerkleTree.leafHash(encoded))
        let statement = try database.cachedStatement(sql: "INSERT INTO ledger_entries VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")
        statement.setUncheckedArguments([
            Int64(clamping: index), blob(encoded), blob(hashes), entry.kind.name.string, now, entry.session.string, entry.call.string,
            entry.device.string, salt.map(blob), person.isEmpty ? nil : person,
        ])
        try statement.execute()
    }

    /// Whether ``LedgerEntry/init(decoding:)`` would take the entry's encoding: the same limits, without the cost of reading it back.
    static func isReadable(_ entry: LedgerEntry) -> Bool {
        let identifiers = [entry.kind.name, entry.session, entry.call, entry.device]
        return identifiers.allSatisfy { $0.bytes.count <= RollcallProtocol.identifierSizeLimit } && !entry.kind.name.isEmpty
            && [0, 32].contains(entry.digest.count) && [0, 32].contains(entry.person.count)
            && entry.checkpoint.count <= RollcallProtocol.checkpointSizeLimit
    }

    /// Writes the new head, once, after the last entry.
    func finish() throws {
        guard growth.size != sizeBefore else { return }
        try database.execute(
            sql: "UPDATE ledger_head SET size = ?1, edge = ?2", arguments: [Int64(clamping: growth.size), blob(growth.edge.flatMap { $0 })])
    }
}

extension Text {
    /// As much of `string` as fits a field of an entry, cut between two characters.
    init(fitting string: String, limit: Int = RollcallProtocol.sentenceSizeLimit) {
        var cut = string
        while cut.utf8.count > limit { cut = String(cut.unicodeScalars.dropLast(max(1, (cut.utf8.count - limit + 3) / 4))) }
        self.init(cut)
    }
}
