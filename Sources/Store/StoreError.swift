internal import GRDB

/// Why the store could not do what was asked. Whatever was being recorded is then not recorded at all, neither rows nor entries.
public struct StoreError: Error, Equatable, Sendable {
    /// The kinds of failure; more may be added.
    public struct Code: Hashable, Sendable {
        /// Stable word of the kind, for logs and JSON.
        public let name: String
        /// Makes a kind of its word.
        public init(name: String) { self.name = name }
        /// Another process held the database for longer than the patience given.
        public static let locked = Code(name: "locked")
        /// The disk, or the database's page limit, is full.
        public static let full = Code(name: "full")
        /// The file is damaged, or no SQLite database.
        public static let corrupt = Code(name: "corrupt")
        /// An SQLite database of another program.
        public static let foreign = Code(name: "foreign-database")
        /// The file was written by a newer version of this program.
        public static let newerVersion = Code(name: "newer-version")
        /// There is nothing of that id or name.
        public static let notFound = Code(name: "not-found")
        /// Something of that id or name is there already.
        public static let duplicate = Code(name: "duplicate")
        /// The database was opened for reading, or the file cannot be written.
        public static let readOnly = Code(name: "read-only")
        /// The operating system refused a read or a write.
        public static let io = Code(name: "io")
        /// The desk's signing key is missing, unreadable, another one, or open to other users.
        public static let signingKey = Code(name: "signing-key")
        /// A value is not one that may be recorded.
        public static let invalid = Code(name: "invalid")
        /// It was ended already, or is not ended yet.
        public static let wrongState = Code(name: "wrong-state")
        /// SQLite said something that is none of the above.
        public static let unexpected = Code(name: "unexpected")
    }

    /// The kind of failure.
    public let code: Code
    /// What it concerns: a path, an id, a name; or SQLite's message where nothing better is known.
    public let subject: String
    /// SQLite's extended result code; 0 where SQLite had no part in it.
    public let sqliteCode: Int32

    /// Makes an error of `code` about `subject`.
    public init(_ code: Code, _ subject: String = "", sqliteCode: Int32 = 0) {
        self.code = code
        self.subject = subject
        self.sqliteCode = sqliteCode
    }

    /// What an error thrown inside a transaction means.
    init(wrapping error: any Error, subject: String = "") {
        if let error = error as? StoreError {
            self = error
        } else if let error = error as? DatabaseError {
            let message = subject.isEmpty ? error.message ?? "" : subject
            self.init(Self.code(of: error), message, sqliteCode: error.extendedResultCode.rawValue)
        } else {
            self.init(.unexpected, "\(error)")
        }
    }

    private static func code(of error: DatabaseError) -> Code {
        switch error.extendedResultCode {
        case .SQLITE_CONSTRAINT_UNIQUE, .SQLITE_CONSTRAINT_PRIMARYKEY, .SQLITE_CONSTRAINT_ROWID: return .duplicate
        case .SQLITE_CONSTRAINT_FOREIGNKEY: return .notFound
        // SQLite cannot make its shared memory longer: the disk is full, or as good as full.
        case .SQLITE_IOERR_SHMSIZE: return .full
        default: break
        }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED: return .locked
        case .SQLITE_FULL: return .full
        case .SQLITE_CORRUPT, .SQLITE_NOTADB: return .corrupt
        case .SQLITE_READONLY: return .readOnly
        case .SQLITE_IOERR, .SQLITE_CANTOPEN, .SQLITE_PERM, .SQLITE_AUTH: return .io
        case .SQLITE_CONSTRAINT, .SQLITE_TOOBIG, .SQLITE_MISMATCH: return .invalid
        default: return .unexpected
        }
    }
}
