import Foundation
import GRDB
import Ledger
import LedgerCore
import Store
import Synchronization
import Testing
import Wire

/// A clock that goes on by a microsecond with every look at it, and by more when told to.
final class ScratchClock: Sendable {
    private let time = Mutex<Int64>(1_700_000_000_000_000)

    func now() -> Int64 {
        time.withLock { time in
            time += 1
            return time
        }
    }

    func advance(_ days: Int64) { time.withLock { $0 += days * 86_400_000_000 } }
}

/// A directory of its own for one test, gone with it.
final class ScratchStore: Sendable {
    let directory: String
    let path: String
    let clock = ScratchClock()

    init() throws {
        directory = NSTemporaryDirectory() + "rollcall-store-" + UUID().uuidString
        path = directory + "/rollcall.sqlite"
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    func open(_ access: RollcallDatabase.Access = .readWrite, patience: Duration = .milliseconds(50)) throws -> RollcallDatabase {
        try RollcallDatabase(path: path, access: access, patience: patience, now: clock.now)
    }

    /// Another connection to the same file, to look at it or tamper with it behind the store's back.
    func outside() throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.foreignKeysEnabled = false
        configuration.busyMode = .timeout(5)
        return try DatabaseQueue(path: path, configuration: configuration)
    }

    /// A copy of the database and its key in a directory of its own.
    func copy() throws -> ScratchStore {
        try outside().writeWithoutTransaction { try $0.execute(sql: "PRAGMA wal_checkpoint(TRUNCATE)") }
        let copy = try ScratchStore()
        try FileManager.default.createDirectory(atPath: copy.directory, withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: path, toPath: copy.path)
        try FileManager.default.copyItem(atPath: path + ".key", toPath: copy.path + ".key")
        return copy
    }

    /// Every row of every table in one text, to compare two states.
    func contents() throws -> String {
        try outside().read { database in
            let tables = try String.fetchAll(
                database, sql: "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            return try tables.map { table in
                let rows = try Row.fetchAll(database, sql: "SELECT * FROM \(table)")
                return table + "\n" + rows.map { $0.databaseValues.map { "\($0)" }.joined(separator: "|") }.joined(separator: "\n")
            }.joined(separator: "\n")
        }
    }
}

extension RollcallDatabase {
    /// A device called `name`, enrolled with a key made of `seed`.
    func enrolled(_ name: String, model: String = "K2", seed: UInt8 = 1) throws -> (device: Device, key: SigningKey, verifier: NoteVerifier)
    {
        let device = try addDevice(
            name: name, address: Device.Address(host: "192.0.2.1"), labels: Device.Labels(site: "depot", model: model, tags: ["blue"]),
            hostKeys: ["ssh-ed25519 AAAA"], operator: "alice")
        let key = try #require(SigningKey(seed: [UInt8](repeating: seed, count: 32)))
        let verifier = NoteVerifier(name: Text("rollcall-agent/" + name), publicKey: key.publicKey)
        try recordEnrolled(device: device.id, verifierKey: verifier.text().string, deviceID: name, operator: "alice")
        return (try self.device(id: device.id), key, verifier)
    }
}

/// A hello of an agent whose ledger has `size` entries.
func hello(size: UInt64, root: UInt8 = 7, name: Text, key: SigningKey) -> Hello {
    let head = Checkpoint(origin: name, size: size, root: [UInt8](repeating: root, count: 32))
    return Hello(
        agentVersion: "0.1.0", device: "d1", boot: "b1", architecture: "x86_64", clock: 5, catalogueVersion: 3,
        checkpoint: SignedNote.sign(text: head.body, name: name, key: key), isStandalone: false, isRoot: true)
}
