internal import CSQLite
internal import Probes

/// Rows of a query over facts.
struct FactRows {
    /// Names of the columns.
    var columns: [String]
    /// The rows, in the query's order.
    var rows: [[FactValue]]
    /// Whether there were more rows than asked for.
    var isCut: Bool
}

/// An SQLite database in memory that holds the facts of one diagnosis.
///
/// Rules come from signed manifests, but a slip in one must not hurt the desk: after ``seal()`` statements can only read fact tables, by a
/// short list of functions, for a bounded number of steps.
final class FactDatabase {
    private let handle: OpaquePointer
    private let guardian = SQLGuard()

    /// Virtual-machine steps that one statement may take: some hundred milliseconds.
    static let stepLimit = 20_000_000

    /// Opens an empty database.
    ///
    /// - Throws: `.database` where memory does not suffice.
    init() throws(DiagnosisError) {
        var opened: OpaquePointer?
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX
        let status = sqlite3_open_v2(":memory:", &opened, flags, nil)
        guard let opened, status == SQLITE_OK else {
            sqlite3_close_v2(opened)
            throw DiagnosisError(.database, "a database in memory could not be opened")
        }
        handle = opened
    }

    deinit { sqlite3_close_v2(handle) }

    /// Makes a table.
    func create(_ table: String, columns: [(name: String, type: FactType)]) throws(DiagnosisError) {
        let columns = columns.map { "\"\($0.name)\" \($0.type.rawValue.uppercased())" }
        let statement = try Statement(handle, "CREATE TABLE \"\(table)\" (\(columns.joined(separator: ", "))) STRICT")
        _ = try statement.step()
        guardian.tables.insert(table)
    }

    /// Makes the views that rules may read; what is wrong with one shows when it is read.
    ///
    /// - Throws: `.refusedSQL` where the query is not exactly one statement.
    func create(_ view: View) throws(DiagnosisError) {
        let statement = try Statement(handle, "CREATE VIEW \"\(view.name)\" AS \(view.query)")
        _ = try statement.step()
        guardian.views.insert(view.name)
    }

    /// Puts rows in, each with a value per column.
    func insert(_ rows: [[FactValue]], into table: String) throws(DiagnosisError) {
        guard let width = rows.first?.count else { return }
        let places = (1...width).map { "?\($0)" }.joined(separator: ", ")
        let statement = try Statement(handle, "INSERT INTO \"\(table)\" VALUES (\(places))")
        for row in rows {
            try statement.bind(row)
            _ = try statement.step()
            statement.reset()
        }
    }

    /// Closes the database to everything but bounded reading of fact tables.
    ///
    /// - Parameter stepFactor: How many times ``stepLimit`` a statement may take.
    func seal(stepFactor: Int = 1) {
        guardian.tickLimit = stepFactor * Self.stepLimit / Int(SQLGuard.stepsPerTick)
        let context = Unmanaged.passUnretained(guardian).toOpaque()
        sqlite3_set_authorizer(handle, SQLGuard.authorizer, context)
        sqlite3_progress_handler(handle, SQLGuard.stepsPerTick, SQLGuard.progress, context)
        for (limit, value) in [
            (SQLITE_LIMIT_SQL_LENGTH, 65_536), (SQLITE_LIMIT_LENGTH, 8 << 20), (SQLITE_LIMIT_EXPR_DEPTH, 100), (SQLITE_LIMIT_COLUMN, 200),
            (SQLITE_LIMIT_COMPOUND_SELECT, 20), (SQLITE_LIMIT_ATTACHED, 0), (SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 256),
            (SQLITE_LIMIT_VARIABLE_NUMBER, 500), (SQLITE_LIMIT_FUNCTION_ARG, 32), (SQLITE_LIMIT_WORKER_THREADS, 0),
        ] { _ = sqlite3_limit(handle, limit, Int32(value)) }
    }

    /// A statement over the facts, and the tables it reads.
    ///
    /// - Throws: `.refusedSQL` with what SQLite says, for anything but one reading statement.
    func prepare(_ sql: String) throws(DiagnosisError) -> (statement: Statement, tables: Set<String>) {
        guardian.begin()
        do throws(DiagnosisError) {
            let statement = try Statement(handle, sql)
            // VACUUM INTO is the statement that the authorizer is not asked about.
            guard statement.isQuery else { throw DiagnosisError(.refusedSQL, "a rule may only read") }
            return (statement, guardian.tablesRead)
        } catch {
            throw DiagnosisError(.refusedSQL, guardian.refusal ?? error.reason)
        }
    }

    /// Runs a prepared statement.
    ///
    /// - Throws: `.slowSQL` where it takes more than ``stepLimit`` steps, `.refusedSQL` where SQLite cannot go on.
    func rows(_ statement: Statement, bindings: [FactValue] = [], limit: Int) throws(DiagnosisError) -> FactRows {
        guardian.begin()
        try statement.bind(bindings)
        defer { statement.reset() }
        var result = FactRows(columns: statement.columnNames, rows: [], isCut: false)
        while try statement.step() {
            if result.rows.count == limit {
                result.isCut = true
                break
            }
            result.rows.append(statement.row)
        }
        return result
    }
}

/// One prepared statement; finalized with its last reference, which a database outlives only as SQLite's zombie.
final class Statement {
    private let handle: OpaquePointer
    private let database: OpaquePointer

    init(_ database: OpaquePointer, _ sql: String) throws(DiagnosisError) {
        var prepared: OpaquePointer?
        var hasTail = false
        var sql = sql
        let status = sql.withUTF8 { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                var tail: UnsafePointer<CChar>?
                let status = sqlite3_prepare_v2(database, characters.baseAddress, Int32(characters.count), &prepared, &tail)
                if let tail, let start = characters.baseAddress {
                    let rest = characters[(tail - start)...]
                    hasTail = rest.contains { ![32, 9, 10, 13, 59].contains($0) }
                }
                return status
            }
        }
        guard status == SQLITE_OK, let prepared, !hasTail else {
            sqlite3_finalize(prepared)
            let reason = status == SQLITE_OK ? "it is not exactly one statement" : String(cString: sqlite3_errmsg(database))
            throw DiagnosisError(.refusedSQL, reason)
        }
        handle = prepared
        self.database = database
    }

    deinit { sqlite3_finalize(handle) }

    /// Whether it gives rows and changes nothing.
    var isQuery: Bool { sqlite3_stmt_readonly(handle) != 0 && sqlite3_column_count(handle) > 0 }

    /// SQLITE_TRANSIENT: SQLite copies what it is given.
    private static let copied = unsafeBitCast(-1, to: sqlite3_destructor_type.self)

    func bind(_ values: [FactValue]) throws(DiagnosisError) {
        for (index, value) in values.enumerated() {
            let place = Int32(index + 1)
            let status: Int32
            switch value {
            case .null: status = sqlite3_bind_null(handle, place)
            case .int(let number): status = sqlite3_bind_int64(handle, place, number)
            case .real(let number): status = sqlite3_bind_double(handle, place, number)
            case .text(let text): status = sqlite3_bind_text(handle, place, text, Int32(text.utf8.count), Self.copied)
            }
            guard status == SQLITE_OK else { throw DiagnosisError(.database, String(cString: sqlite3_errmsg(database))) }
        }
    }

    /// Goes to the next row; false at the end.
    func step() throws(DiagnosisError) -> Bool {
        switch sqlite3_step(handle) {
        case SQLITE_ROW: return true
        case SQLITE_DONE: return false
        case SQLITE_INTERRUPT: throw DiagnosisError(.slowSQL, "it took more steps than a rule may")
        default: throw DiagnosisError(.refusedSQL, String(cString: sqlite3_errmsg(database)))
        }
    }

    func reset() { sqlite3_reset(handle) }

    var columnNames: [String] {
        (0..<sqlite3_column_count(handle)).map { index in sqlite3_column_name(handle, index).map { String(cString: $0) } ?? "" }
    }

    var row: [FactValue] { (0..<sqlite3_column_count(handle)).map(value) }

    private func value(_ index: Int32) -> FactValue {
        switch sqlite3_column_type(handle, index) {
        case SQLITE_INTEGER: return .int(sqlite3_column_int64(handle, index))
        case SQLITE_FLOAT: return .real(sqlite3_column_double(handle, index))
        case SQLITE_TEXT:
            guard let start = sqlite3_column_text(handle, index) else { return .null }
            let bytes = UnsafeBufferPointer(start: start, count: Int(sqlite3_column_bytes(handle, index)))
            return .text(String(decoding: bytes, as: UTF8.self))
        default: return .null
        }
    }
}
