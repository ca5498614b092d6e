internal import CSQLite

/// What a rule's SQL may do: read fact tables with harmless functions, for a while.
final class SQLGuard {
    /// Tables that may be read.
    var tables: Set<String> = []
    /// Views that may be read, as far as what they read may.
    var views: Set<String> = []
    /// Tables that the statement being prepared reads.
    private(set) var tablesRead: Set<String> = []
    /// Why the statement being prepared was refused.
    private(set) var refusal: String?
    private var ticks = 0
    /// Ticks after which a statement is ended.
    var tickLimit = FactDatabase.stepLimit / Int(stepsPerTick)

    static let stepsPerTick: Int32 = 10_000

    /// Functions that rules may use.
    static let functions: Set<String> = [
        "abs", "avg", "char", "coalesce", "count", "dense_rank", "first_value", "format", "glob", "group_concat", "hex", "ifnull", "iif",
        "instr", "lag", "last_value", "lead", "length", "like", "lower", "ltrim", "max", "min", "nullif", "printf", "rank", "replace",
        "round",
        "row_number", "rtrim", "sign", "substr", "substring", "sum", "total", "trim", "typeof", "unicode", "upper",
    ]

    /// Forgets what the last statement did.
    func begin() {
        tablesRead = []
        refusal = nil
        ticks = 0
    }

    /// sqlite3_set_authorizer(3): called for each thing a statement would do.
    static let authorizer:
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?, UnsafePointer<CChar>?
        ) -> Int32 = { context, action, first, second, _, _ in
            guard let context else { return SQLITE_DENY }
            let guardian = Unmanaged<SQLGuard>.fromOpaque(context).takeUnretainedValue()
            let words = [first, second].map { $0.map { String(cString: $0) } }
            guard let reason = guardian.refusal(action, words[0], words[1]) else { return SQLITE_OK }
            if guardian.refusal == nil { guardian.refusal = reason }
            return SQLITE_DENY
        }

    private func refusal(_ action: Int32, _ first: String?, _ second: String?) -> String? {
        switch action {
        case SQLITE_SELECT: return nil
        case SQLITE_READ:
            if let first, views.contains(first) { return nil }
            guard let table = first, tables.contains(table) else { return "it reads \(first ?? "a table"), which is no fact table" }
            tablesRead.insert(table)
            return nil
        case SQLITE_FUNCTION:
            let name = second ?? ""
            return Self.functions.contains(name.lowercased())
                ? nil : "the function \(name) is not allowed in rules; these are: " + Self.functions.sorted().joined(separator: ", ")
        case SQLITE_RECURSIVE: return "a recursive query is not allowed in rules"
        case SQLITE_PRAGMA: return "PRAGMA is not allowed in rules"
        case SQLITE_ATTACH, SQLITE_DETACH: return "ATTACH is not allowed in rules"
        default: return "a rule may only read"
        }
    }

    /// sqlite3_progress_handler(3): non-zero ends the statement.
    static let progress: @convention(c) (UnsafeMutableRawPointer?) -> Int32 = { context in
        guard let context else { return 1 }
        let guardian = Unmanaged<SQLGuard>.fromOpaque(context).takeUnretainedValue()
        guardian.ticks += 1
        return guardian.ticks > guardian.tickLimit ? 1 : 0
    }
}
