import Foundation
import GRDB
import Ledger
import LedgerCore
import Testing

@testable import Store

@Suite("Opening")
struct OpeningTests {
    private let scratch: ScratchStore

    init() throws { scratch = try ScratchStore() }

    private func expect(_ code: StoreError.Code, _ access: RollcallDatabase.Access = .readWrite) {
        #expect { try scratch.open(access) } throws: { ($0 as? StoreError)?.code == code }
    }

    private func mode(_ path: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int)
    }

    @Test("database, key and directory are their owner's alone, and the desk stays the same desk")
    func files() throws {
        let store = try scratch.open()
        #expect(try mode(scratch.directory) == 0o700 && mode(scratch.path) == 0o600 && mode(scratch.path + ".key") == 0o600)
        let again = try scratch.open()
        #expect(again.origin == store.origin && again.verifierKey == store.verifierKey)
        #expect(try again.logSize() == 1)
    }

    @Test("the key is not in the database")
    func keyApart() throws {
        _ = try scratch.open().checkpoint()
        let seed = try String(contentsOfFile: scratch.path + ".key", encoding: .utf8).dropLast()
        let raw = try #require(Data(base64Encoded: String(seed)))
        for suffix in ["", "-wal"] {
            let bytes = FileManager.default.contents(atPath: scratch.path + suffix) ?? Data()
            #expect(bytes.range(of: raw) == nil && bytes.range(of: Data(seed.utf8)) == nil)
        }
    }

    @Test("a missing, foreign, damaged or exposed key is refused, and no other one is made")
    func key() throws {
        _ = try scratch.open()
        let path = scratch.path + ".key"
        let key = try #require(FileManager.default.contents(atPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        expect(.signingKey)
        try FileManager.default.removeItem(atPath: path)
        expect(.signingKey)
        #expect(!FileManager.default.fileExists(atPath: path))
        for bytes in [Data("x\n".utf8), Data(Data(repeating: 1, count: 32).base64EncodedString().utf8) + [10], key.dropLast()] {
            #expect(FileManager.default.createFile(atPath: path, contents: bytes, attributes: [.posixPermissions: 0o600]))
            expect(.signingKey)
        }
        #expect(FileManager.default.createFile(atPath: path, contents: key, attributes: [.posixPermissions: 0o600]))
        _ = try scratch.open()
    }

    @Test("a key left over from a first use that was cut off becomes the desk's")
    func leftOverKey() throws {
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        _ = try DeskKey(path: scratch.path + ".key").create()
        let key = try #require(try DeskKey(path: scratch.path + ".key").read())
        #expect(try scratch.open().key?.publicKey == key.publicKey)
    }

    @Test("a database of a newer version is refused and left as it is")
    func newerVersion() throws {
        _ = try scratch.open()
        try scratch.outside().writeWithoutTransaction { try $0.execute(sql: "PRAGMA user_version = \(Schema.version + 1)") }
        expect(.newerVersion)
        expect(.newerVersion, .readOnly)
    }

    @Test("a database of another program is refused and left as it is")
    func foreign() throws {
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        try scratch.outside().write { try $0.execute(sql: "CREATE TABLE theirs (value)") }
        expect(.foreign)
        #expect(try scratch.outside().read { try Int.fetchOne($0, sql: "SELECT count(*) FROM sqlite_schema") } == 1)
    }

    @Test("a damaged header is corrupt, and so is a file that is no database")
    func corrupt() throws {
        _ = try scratch.open().checkpoint()
        try scratch.outside().writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        let file = try #require(FileHandle(forUpdatingAtPath: scratch.path))
        try file.write(contentsOf: Data(repeating: 0x41, count: 64))
        try file.close()
        expect(.corrupt)
        expect(.corrupt, .readOnly)
    }

    @Test("damaged pages are corrupt or a fault, never a crash")
    func damagedPages() throws {
        let store = try scratch.open()
        let (device, _, _) = try store.enrolled("kiosk-1")
        for _ in 0..<40 { _ = try store.recordSessionOpened(device: device.id, operator: "a", reason: "r") }
        let whole = try scratch.copy()
        let size = try #require(FileManager.default.attributesOfItem(atPath: whole.path)[.size] as? Int)
        for offset in stride(from: 100, to: size, by: 1_501) {
            let damaged = try whole.copy()
            let file = try #require(FileHandle(forUpdatingAtPath: damaged.path))
            try file.seek(toOffset: UInt64(offset))
            try file.write(contentsOf: Data((0..<16).map { UInt8(truncatingIfNeeded: offset &* 31 &+ $0 &* 7) }))
            try file.close()
            do {
                let store = try damaged.open(.readOnly)
                _ = try store.verifyLog()
                _ = try store.devices()
                _ = try store.entries()
            } catch let error as StoreError {
                #expect(error.code != .unexpected || error.sqliteCode != 0)
            }
        }
    }

    @Test("a database opened for reading shows everything, records nothing, and makes nothing")
    func readOnly() throws {
        expect(.notFound, .readOnly)
        #expect(!FileManager.default.fileExists(atPath: scratch.path))
        let writer = try scratch.open()
        let (device, _, _) = try writer.enrolled("kiosk-1")
        let reader = try scratch.open(.readOnly)
        #expect(try reader.device(named: "kiosk-1") == device)
        #expect(try reader.verifyLog().isWhole)
        #expect { try reader.recordCallOpened(device: device.id, wouldRoll: .no, operator: "a") } throws: {
            ($0 as? StoreError)?.code == .readOnly
        }
        #expect { try reader.checkpoint() } throws: { ($0 as? StoreError)?.code == .readOnly }
    }

    /// Reads the file as somebody does who can make nothing beside it.
    private func readStill() throws -> RollcallDatabase? {
        guard let still = StillFile(scratch.path, isWritable: { _ in false }) else { return nil }
        return try RollcallDatabase(
            path: scratch.path, keyPath: nil, access: .readOnly, patience: .zero, now: scratch.clock.now, still: still)
    }

    @Test("a file is read without locks only where nobody has it open and nothing can be made beside it", arguments: ["-wal", "-shm"])
    func still(_ suffix: String) throws {
        _ = try scratch.open().enrolled("kiosk-1")
        #expect(StillFile(scratch.path) == nil || access(scratch.directory, W_OK) != 0)
        #expect(StillFile(scratch.path, isWritable: { $0 != scratch.directory }) != nil)
        #expect(try readStill()?.devices().map(\.name) == ["kiosk-1"])
        let link = scratch.directory + "/link"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: scratch.path)
        #expect(FileManager.default.createFile(atPath: scratch.path + suffix, contents: Data()))
        #expect(StillFile(scratch.path, isWritable: { _ in false }) == nil && StillFile(link, isWritable: { _ in false }) == nil)
    }

    @Test("what is read without locks is an error where somebody wrote the file meanwhile, and one whole state before that")
    func writtenMeanwhile() throws {
        _ = try scratch.open().enrolled("kiosk-1")
        let reader = try #require(try readStill())
        let writer = try scratch.open()
        _ = try writer.enrolled("kiosk-2")
        #expect(try reader.devices().map(\.name) == ["kiosk-1"])
        try writer.queue.writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        #expect { try reader.devices() } throws: { ($0 as? StoreError)?.code == .locked }
        #expect(try writer.devices().count == 2)
    }

    @Test("a path that cannot be made says so")
    func io() throws {
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        #expect(FileManager.default.createFile(atPath: scratch.directory + "/file", contents: Data()))
        #expect { try RollcallDatabase(path: scratch.directory + "/file/below/x.sqlite") } throws: { ($0 as? StoreError)?.code == .io }
        #expect { try RollcallDatabase(path: scratch.directory) } throws: { ($0 as? StoreError)?.code == .io }
    }

    @Test("every earlier version is brought up to the schema of a new database", arguments: 0..<Schema.version)
    func migration(_ version: Int) throws {
        let fresh = try ScratchStore()
        _ = try fresh.open()
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        try scratch.outside().write { try Schema.migrate($0, to: version) }
        let store = try scratch.open()
        #expect(try store.verifyLog().isWhole)
        func schema(_ scratch: ScratchStore) throws -> [String] {
            try scratch.outside().read {
                try String.fetchAll($0, sql: "SELECT type || name || coalesce(sql, '') FROM sqlite_schema ORDER BY 1")
            }
        }
        #expect(try schema(scratch) == schema(fresh))
        let (found, violations) = try scratch.outside().read { database in
            (try Int.fetchOne(database, sql: "PRAGMA user_version"), try Row.fetchAll(database, sql: "PRAGMA foreign_key_check").count)
        }
        #expect(found == Schema.version && violations == 0)
    }

    @Test("what an earlier version took back stays taken back")
    func undoMigration() throws {
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        try scratch.outside().write { database in
            try Schema.migrate(database, to: 10)
            try database.execute(
                sql: """
                    INSERT INTO devices (id, name, host, user, site, model, tags, host_keys, added_at)
                      VALUES ('d', 'kiosk-1', 'h', 'u', '', '', '[]', '[]', 1);
                    INSERT INTO sessions (id, device, operator, reason, started_at) VALUES ('a', 'd', 'o', '', 1), ('b', 'd', 'o', '', 2);
                    INSERT INTO requests (session, number, probe, parameters, requested_at, ending, code)
                      VALUES ('a', 1, 'x.on', '[]', 1, 'exited', 0), ('a', 2, 'x.on', '[]', 2, 'exited', 0),
                        ('b', 1, 'x.off', '[]', 3, 'exited', 0);
                    INSERT INTO undos VALUES ('a', 2, 'b', 4);
                    """)
        }
        let store = try scratch.open()
        #expect(try store.runs(of: ["x.on", "x.off"], device: "d", call: nil).map(\.request) == [1])
    }

    @Test("a device of an earlier version keeps its port; a new one may leave it to OpenSSH's configuration")
    func ports() throws {
        try FileManager.default.createDirectory(atPath: scratch.directory, withIntermediateDirectories: true)
        try scratch.outside().write { database in
            try Schema.migrate(database, to: 4)
            try database.execute(
                sql: """
                    INSERT INTO devices (id, name, host, port, user, site, model, tags, host_keys, added_at)
                    VALUES ('d', 'kiosk-1', 'kiosk-1.lan', 2222, 'rollcall', '', '', '[]', '[]', 0)
                    """)
        }
        let store = try scratch.open()
        #expect(try store.device(named: "kiosk-1").address == Device.Address(host: "kiosk-1.lan", port: 2222))
        let open = try store.addDevice(name: "kiosk-2", address: Device.Address(host: "kiosk-2"), operator: "alice")
        #expect(try store.device(id: open.id).address.port == nil)
    }

    @Test("every table is strict")
    func strict() throws {
        _ = try scratch.open()
        let loose = try scratch.outside().read { database in
            try String.fetchAll(
                database, sql: "SELECT name FROM pragma_table_list WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND NOT strict")
        }
        #expect(loose.isEmpty)
    }
}
