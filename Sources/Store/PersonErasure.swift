internal import GRDB
internal import Ledger
internal import LedgerCore

extension RollcallDatabase {
    /// Erases a person's name and the salts of its digests wherever the desk keeps them; every proof stays valid.
    ///
    /// That a person was erased is an entry of its own, which does not say whom.
    ///
    /// - Returns: The number of log entries that lost the name.
    public func erasePerson(_ name: String) throws(StoreError) -> Int {
        guard !name.isEmpty else { throw StoreError(.invalid, name) }
        let count: Int = try record { transaction in
            // Freed space would keep the name until something else is written there.
            try transaction.database.execute(sql: "PRAGMA secure_delete = ON")
            try transaction.database.execute(
                sql: "UPDATE ledger_entries SET person_salt = NULL, person_name = NULL WHERE person_name = ?1", arguments: [name])
            let count = transaction.database.changesCount
            for table in ["calls", "sessions", "sweeps", "caller_answers"] {
                try transaction.database.execute(sql: "UPDATE \(table) SET operator = '' WHERE operator = ?1", arguments: [name])
            }
            try transaction.append(LedgerEntry(kind: .personErased, time: 0, count: UInt64(count)))
            return count
        }
        // The write-ahead log still holds the old pages until it is folded into the file and cut.
        do {
            try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        } catch {
            throw StoreError(wrapping: error)
        }
        return count
    }
}
