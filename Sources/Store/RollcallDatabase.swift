internal import Foundation
internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

/// The desk's store: devices, calls, sessions, sweeps, and the ledger of everything that was done.
///
/// One SQLite file, safe for several processes at once. A method either records everything it says, rows and ledger entries in one
/// transaction that is on the disk when it returns, or it throws and has recorded nothing.
public final class RollcallDatabase: Sendable {
    /// What a database is opened for.
    public enum Access: Sendable {
        /// Reading and recording; file, directory and key are made where they are missing.
        case readWrite
        /// Reading only; nothing is made.
        case readOnly
    }

    /// Where the database lies.
    public let path: String
    /// The origin of the desk's log, `rollcall-desk/<uuid>`.
    public let origin: String
    /// The key that the desk's checkpoints are signed with, as C2SP signed-note writes it.
    public let verifierKey: String

    let queue: DatabaseQueue
    let key: SigningKey?
    private let still: StillFile?
    private let now: @Sendable () -> Int64

    /// The time of day, microseconds UTC since 1970.
    public static func systemTime() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1_000
    }

    /// Opens the database, makes it on first use, and brings an older one up to date.
    ///
    /// A reader that may write nothing beside the file reads it without locks, unless somebody has it open; where somebody writes it meanwhile,
    /// reading throws `.locked`.
    ///
    /// - Parameters:
    ///   - path: The database file. It and its directory are made for their owner alone.
    ///   - keyPath: The file of the desk's signing key; by default `path` with `.key` behind it.
    ///   - access: What for.
    ///   - patience: How long to wait while another process writes, before `.locked`.
    ///   - now: The clock, microseconds UTC; tests pass their own.
    /// - Throws: `.notFound` (reading a file that is not there), `.newerVersion`, `.foreign`, `.corrupt`, `.locked`, `.signingKey`,
    ///   `.readOnly`, `.full`, `.io`.
    public convenience init(
        path: String, keyPath: String? = nil, access: Access = .readWrite, patience: Duration = .seconds(5),
        now: @escaping @Sendable () -> Int64 = RollcallDatabase.systemTime
    ) throws(StoreError) {
        try self.init(
            path: path, keyPath: keyPath, access: access, patience: patience, now: now, still: access == .readOnly ? StillFile(path) : nil)
    }

    /// The same, with what the file was found to be.
    init(
        path: String, keyPath: String?, access: Access, patience: Duration, now: @escaping @Sendable () -> Int64, still: StillFile?
    ) throws(StoreError) {
        let keyFile = DeskKey(path: keyPath ?? path + ".key")
        do {
            if access == .readWrite {
                try Self.createFile(path)
            } else if !FileManager.default.fileExists(atPath: path) {
                throw StoreError(.notFound, path)
            }
            let queue = try Self.openQueue(still?.name ?? path, access: access, patience: patience)
            let key = try access == .readWrite ? Self.prepare(queue, keyFile: keyFile, now: now()) : nil
            let desk = try Self.read(queue, still) { database in
                try Schema.check(database)
                return try Row.fetchOne(database, sql: "SELECT origin, verifier FROM desk")
            }
            guard let desk else { throw StoreError(.corrupt, path) }
            (origin, verifierKey) = (try desk.text("origin"), try desk.text("verifier"))
            if let key {
                let own = NoteVerifier(name: Text(origin), publicKey: key.publicKey).text().string
                guard own == verifierKey else { throw StoreError(.signingKey, keyFile.path) }
            }
            (self.path, self.queue, self.key, self.still, self.now) = (path, queue, key, still, now)
        } catch {
            throw StoreError(wrapping: error, subject: path)
        }
    }

    /// Makes the file before SQLite does, because SQLite would let other users read it.
    private static func createFile(_ path: String) throws {
        let directory = (path as NSString).deletingLastPathComponent
        if !directory.isEmpty, !FileManager.default.fileExists(atPath: directory) {
            do {
                try FileManager.default.createDirectory(
                    atPath: directory, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            } catch {
                throw StoreError(.io, directory)
            }
        }
        let file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard file >= 0 else {
            let code: StoreError.Code = errno == EROFS || errno == EACCES ? .readOnly : errno == ENOSPC ? .full : .io
            throw StoreError(code, path)
        }
        close(file)
    }

    private static func openQueue(_ name: String, access: Access, patience: Duration) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.label = "rollcall"
        configuration.foreignKeysEnabled = true
        configuration.readonly = access == .readOnly
        configuration.busyMode = .timeout(patience / .seconds(1))
        if access == .readWrite { configuration.journalMode = .wal }
        // A large batch must not spill from the page cache into the log half-way: 16 MiB.
        configuration.prepareDatabase { try $0.execute(sql: "PRAGMA cache_size = -16384") }
        let queue = try DatabaseQueue(path: name, configuration: configuration)
        // What was recorded before a change must outlive a power cut, which WAL's usual setting does not promise.
        if access == .readWrite { try queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA synchronous = FULL") } }
        return queue
    }

    /// Brings the schema up to date and makes the desk on first use.
    private static func prepare(_ queue: DatabaseQueue, keyFile: DeskKey, now: Int64) throws -> SigningKey {
        var key: SigningKey?
        try queue.writeWithoutTransaction { database in
            try database.inTransaction(.immediate) {
                try Schema.migrate(database)
                let isNew = try Int.fetchOne(database, sql: "SELECT count(*) FROM desk") == 0
                key = try keyFile.read()
                if isNew { try createDesk(database, key: &key, keyFile: keyFile, now: now) }
                return .commit
            }
        }
        guard let key else { throw StoreError(.signingKey, keyFile.path) }
        return key
    }

    private static func createDesk(_ database: Database, key: inout SigningKey?, keyFile: DeskKey, now: Int64) throws {
        // A key without a desk is left over from a first use that was cut off: it never signed anything.
        let fresh = try key ?? keyFile.create()
        key = fresh
        let origin = Text.deskOrigin(id: UUIDv7.make(time: now))
        let verifier = NoteVerifier(name: origin, publicKey: fresh.publicKey).text()
        try database.execute(sql: "INSERT INTO desk VALUES (1, ?1, ?2, ?3)", arguments: [origin.string, verifier.string, now])
        var transaction = try WriteTransaction(database, now: now)
        try transaction.append(LedgerEntry(kind: .logCreated, time: 0, subject: origin, detail: verifier))
        try transaction.finish()
    }

    /// Records something: all of `body`, or nothing.
    func record<Value>(_ subject: String = "", _ body: (inout WriteTransaction) throws -> Value) throws(StoreError) -> Value {
        do {
            var result: Value?
            try queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    var transaction = try WriteTransaction(database, now: now())
                    result = try body(&transaction)
                    try transaction.finish()
                    return .commit
                }
            }
            guard let result else { throw StoreError(.unexpected, subject) }
            return result
        } catch {
            throw StoreError(wrapping: error, subject: subject)
        }
    }

    /// Keeps something that no ledger entry goes with: all of `body`, or nothing.
    func write<Value>(_ subject: String = "", _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            var result: Value?
            try queue.writeWithoutTransaction { database in
                try database.inTransaction(.immediate) {
                    result = try body(database)
                    return .commit
                }
            }
            guard let result else { throw StoreError(.unexpected, subject) }
            return result
        } catch {
            throw StoreError(wrapping: error, subject: subject)
        }
    }

    /// Reads from one state of the database.
    func read<Value>(_ subject: String = "", _ body: (Database) throws -> Value) throws(StoreError) -> Value {
        do {
            return try Self.read(queue, still, body)
        } catch {
            throw StoreError(wrapping: error, subject: subject)
        }
    }

    private static func read<Value>(_ queue: DatabaseQueue, _ still: StillFile?, _ body: (Database) throws -> Value) throws -> Value {
        let result = Result { try queue.read(body) }
        // Whatever came of it is worth nothing where somebody wrote meanwhile.
        try still?.check()
        return try result.get()
    }

    /// The clock that the database was opened with, microseconds UTC.
    func currentTime() -> Int64 { now() }
}
