import CSQLite

/// The store's file, opened beside the controller by other means.
final class HeldDatabase {
    private var connection: OpaquePointer?

    init(_ path: String) throws {
        guard sqlite3_open(path, &connection) == SQLITE_OK else { throw Scratch.Failure(description: "cannot open \(path)") }
    }

    deinit { sqlite3_close(connection) }

    /// Runs SQL whose rows nobody wants.
    func run(_ sql: String) throws {
        guard sqlite3_exec(connection, sql, nil, nil, nil) == SQLITE_OK else {
            throw Scratch.Failure(description: "\(sql): \(String(cString: sqlite3_errmsg(connection)))")
        }
    }
}
