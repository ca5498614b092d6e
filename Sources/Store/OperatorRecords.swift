internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Adds an operator; the keys and the role were checked.
    ///
    /// - Throws: `.invalid` for a name that cannot be; `.duplicate` with the name, or with the key that another operator has.
    public func addOperator(
        name: String, role: String, keys: [String], expiresAt: Int64?, operator person: String
    ) throws(StoreError) -> Operator {
        guard Device.isName(name), name.utf8.count <= 64, !keys.isEmpty else { throw StoreError(.invalid, name) }
        return try record(name) { transaction in
            for other in try Self.operators(transaction.database) where other.revokedAt == nil {
                if let key = keys.first(where: other.keys.contains) { throw StoreError(.duplicate, "\(other.name) \(key)") }
            }
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: "INSERT INTO operators (id, name, role, keys, expires_at, added_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                arguments: [id, name, role, try json(keys), expiresAt, transaction.now])
            try transaction.append(Self.entry(.operatorAdded, role: role, keys: keys, detail: Self.until(expiresAt)), person: person)
            return try Self.current(name, transaction.database)
        }
    }

    /// Every operator, those that were revoked too, by name.
    public func operators() throws(StoreError) -> [Operator] { try read("operators") { try Self.operators($0) } }

    /// Takes an operator out of the rosters to come.
    ///
    /// - Throws: `.notFound`.
    public func revokeOperator(named name: String, reason: String, operator person: String) throws(StoreError) {
        try record(name) { transaction in
            let found = try Self.current(name, transaction.database)
            try transaction.database.execute(
                sql: "UPDATE operators SET revoked_at = ?2, reason = ?3 WHERE id = ?1", arguments: [found.id, transaction.now, reason])
            try transaction.append(Self.entry(.operatorRevoked, role: found.role, keys: found.keys, detail: reason), person: person)
        }
    }

    /// Sets from when on an operator is no longer let in.
    ///
    /// - Parameter expiresAt: Microseconds UTC; nil: no such time.
    /// - Throws: `.notFound`.
    public func setOperatorExpiry(named name: String, _ expiresAt: Int64?, operator person: String) throws(StoreError) {
        try record(name) { transaction in
            let found = try Self.current(name, transaction.database)
            try transaction.database.execute(
                sql: "UPDATE operators SET expires_at = ?2 WHERE id = ?1", arguments: [found.id, expiresAt])
            try transaction.append(
                Self.entry(.operatorExpirySet, role: found.role, keys: found.keys, detail: Self.until(expiresAt)), person: person)
        }
    }

    /// Keeps a roster that was packed.
    ///
    /// - Throws: `.duplicate` where that version was packed before.
    public func recordRosterPacked(version: UInt64, digest: [UInt8], part: [UInt8], operator person: String) throws(StoreError) {
        try record(String(version)) { transaction in
            try transaction.database.execute(
                sql: "INSERT INTO rosters VALUES (?1, ?2, ?3, ?4)",
                arguments: [Int64(clamping: version), blob(digest), blob(part), transaction.now])
            try transaction.append(
                LedgerEntry(kind: .rosterPacked, time: 0, subject: Text.decimal(version), digest: digest), person: person)
        }
    }

    /// The rosters that were packed here, oldest first.
    public func rosters() throws(StoreError) -> [PackedRoster] {
        try read("rosters") { database in
            try Row.fetchAll(database, sql: "SELECT * FROM rosters ORDER BY version").map { row in
                PackedRoster(
                    version: try row.count("version"), digest: try row.bytes("digest"), part: try row.bytes("part"),
                    packedAt: try row.integer("packed_at"))
            }
        }
    }

    private static func operators(_ database: Database) throws -> [Operator] {
        try Row.fetchAll(database, sql: "SELECT * FROM operators ORDER BY name, added_at").map { try Operator($0) }
    }

    private static func current(_ name: String, _ database: Database) throws -> Operator {
        let row = try Row.fetchOne(database, sql: "SELECT * FROM operators WHERE name = ?1 AND revoked_at IS NULL", arguments: [name])
        guard let row else { throw StoreError(.notFound, name) }
        return try Operator(row)
    }

    /// Whom it is about says the digest of the keys: names stand in the log only as salted digests, and the one of an entry is whose deed
    /// it was.
    private static func entry(_ kind: LedgerEntry.Kind, role: String, keys: [String], detail: String) -> LedgerEntry {
        LedgerEntry(kind: kind, time: 0, subject: Text(role), digest: hostKeysDigest(keys), detail: Text(fitting: detail))
    }

    private static func until(_ expiresAt: Int64?) -> String { expiresAt.map { "until \($0)" } ?? "" }
}

extension Operator {
    init(_ row: Row) throws {
        self.init(
            id: try row.text("id"), name: try row.text("name"), role: try row.text("role"), keys: try row.list("keys"),
            expiresAt: try row.optionalInteger("expires_at"), addedAt: try row.integer("added_at"),
            revokedAt: try row.optionalInteger("revoked_at"), reason: try row.text("reason"))
    }
}
