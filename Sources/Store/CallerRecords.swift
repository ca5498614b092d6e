internal import Foundation
internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

/// What a caller was asked of one probe, and said.
public struct CallerRecord: Equatable, Sendable {
    /// One question.
    public struct Exchange: Equatable, Sendable, Codable {
        /// Its name in the probe.
        public var name: String
        /// As it was asked.
        public var question: String
        /// As it was answered.
        public var answer: String

        /// Makes an exchange of its fields.
        public init(name: String, question: String, answer: String) {
            (self.name, self.question, self.answer) = (name, question, answer)
        }
    }

    /// Id of the device.
    public var device: String
    /// Id of the call; nil outside a call.
    public var call: String?
    /// Who asked; empty once that person was erased.
    public var operatorName: String
    /// Id of the probe.
    public var probe: String
    /// Microseconds UTC.
    public var takenAt: Int64
    /// What was asked, in this order.
    public var exchanges: [Exchange]
}

/// How a device was reached, or was not.
public struct ContactRecord: Equatable, Sendable {
    /// The last session in which its agent was heard; nil for never.
    public var lastSeen: SessionRecord?
    /// The first session after that which failed; nil for none.
    public var firstFailure: SessionRecord?
    /// Sessions after that which failed.
    public var failureCount: Int
}

/// Another device of a site, and how it was when it was tried last.
public struct SiblingRecord: Equatable, Sendable {
    /// Its name and model.
    public var name, model: String
    /// When its agent was heard last, and when it was tried last, microseconds UTC; nil for never.
    public var lastSeenAt, lastTriedAt: Int64?
    /// Why it failed when it was tried last; nil where it did not, or did not end yet.
    public var errorCode: String?
    /// Whether its agent was heard when it was tried last.
    public var wasHeard: Bool
}

extension RollcallDatabase {
    /// Records what a caller said to the questions of one probe.
    public func recordCallerAnswers(
        device: String, call: String?, probe: String, _ exchanges: [CallerRecord.Exchange], operator person: String
    ) throws(StoreError) -> CallerRecord {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let json = try json(exchanges)
            var random = SystemRandomNumberGenerator()
            let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            try transaction.database.execute(
                sql: "INSERT INTO caller_answers VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                arguments: [UUIDv7.make(time: transaction.now), device, call, person, probe, transaction.now, blob(salt), json])
            try transaction.append(
                LedgerEntry(
                    kind: .callerAnswered, time: 0, call: Text(call ?? ""), device: Text(name), subject: Text(fitting: probe),
                    digest: SHA256.hash(salt + Array(json.utf8)), count: UInt64(exchanges.count)), person: person)
            return CallerRecord(
                device: device, call: call, operatorName: person, probe: probe, takenAt: transaction.now, exchanges: exchanges)
        }
    }

    static func callerAnswers(ofCall id: String, _ database: Database) throws -> [CallerRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM caller_answers WHERE call = ?1 ORDER BY taken_at, id", arguments: [id])
            .map { try CallerRecord($0) }
    }

    /// How a device was reached last, and what failed since.
    public func contact(device: String) throws(StoreError) -> ContactRecord {
        try read(device) { database in
            func session(_ condition: String, _ arguments: StatementArguments) throws -> SessionRecord? {
                try Row.fetchOne(database, sql: "SELECT * FROM sessions WHERE device = ?1 AND \(condition) LIMIT 1", arguments: arguments)
                    .map { try SessionRecord($0) }
            }
            let seen = try session("agent_version IS NOT NULL ORDER BY started_at DESC, id DESC", [device])
            let failed = "agent_version IS NULL AND error_code IS NOT NULL AND started_at > ?2"
            let since = seen?.startedAt ?? .min
            let count = try Int.fetchOne(
                database, sql: "SELECT count(*) FROM sessions WHERE device = ?1 AND \(failed)", arguments: [device, since])
            return ContactRecord(
                lastSeen: seen, firstFailure: try session(failed + " ORDER BY started_at, id", [device, since]), failureCount: count ?? 0)
        }
    }

    /// The other devices of a device's site, by name; none where its site is not named.
    public func siblings(of device: Device, limit: Int = 500) throws(StoreError) -> [SiblingRecord] {
        try read(device.id) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT devices.name, devices.model, devices.last_seen_at, sessions.started_at AS tried_at, sessions.error_code,
                      sessions.agent_version IS NOT NULL AS was_heard
                    FROM devices LEFT JOIN sessions ON sessions.id = (
                      SELECT id FROM sessions AS last WHERE last.device = devices.id ORDER BY started_at DESC, id DESC LIMIT 1)
                    WHERE devices.removed_at IS NULL AND devices.id <> ?1 AND devices.site = ?2 AND ?2 <> ''
                    ORDER BY devices.name LIMIT ?3
                    """, arguments: [device.id, device.labels.site, limit]
            ).map { row in
                SiblingRecord(
                    name: try row.text("name"), model: try row.text("model"), lastSeenAt: try row.optionalInteger("last_seen_at"),
                    lastTriedAt: try row.optionalInteger("tried_at"), errorCode: try row.optionalText("error_code"),
                    wasHeard: try row.integer("was_heard") == 1)
            }
        }
    }

    /// When the last telemetry of a device was measured, milliseconds UTC by its own clock; nil where there is none.
    public func lastTelemetryTime(device: String) throws(StoreError) -> Int64? {
        try read(device) { database in
            // A ring that was lost may hold times of a wrong clock; the one that answered last counts.
            try Row.fetchOne(
                database,
                sql: """
                    SELECT last_time FROM telemetry_blocks WHERE device = ?1 ORDER BY received_at DESC, sequence DESC LIMIT 1
                    """, arguments: [device])?.integer("last_time")
        }
    }
}

extension CallerRecord {
    init(_ row: Row) throws {
        guard let exchanges = try? JSONDecoder().decode([Exchange].self, from: Data(try row.text("json").utf8)) else {
            throw StoreError(.corrupt, "caller_answers")
        }
        self.init(
            device: try row.text("device"), call: try row.optionalText("call"), operatorName: try row.text("operator"),
            probe: try row.text("probe"), takenAt: try row.integer("taken_at"), exchanges: exchanges)
    }
}
