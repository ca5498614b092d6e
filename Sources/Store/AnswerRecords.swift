internal import Foundation
internal import GRDB

/// The answers of one full diagnosis of a device, as they came.
public struct AnswerRecord: Equatable, Sendable {
    /// Which diagnosis of a device.
    public enum Kind: String, CaseIterable, Sendable {
        /// The last one.
        case last
        /// The last one in which nothing was found.
        case good
    }

    /// Id of the device.
    public var device: String
    /// Microseconds UTC.
    public var takenAt: Int64
    /// What the one who kept them made of them; this store does not look inside.
    public var encoded: [UInt8]
}

/// What healthy devices of a model have.
public struct ExpectationRecord: Equatable, Hashable, Sendable {
    /// The kind of thing, such as `services`.
    public var kind: String
    /// Its values, in the kind's order.
    public var item: [String]

    /// Makes a record of its fields.
    public init(kind: String, item: [String]) { (self.kind, self.item) = (kind, item) }
}

extension RollcallDatabase {
    /// Keeps the answers behind a verdict in place of earlier ones of their kinds.
    ///
    /// - Parameter isGood: Whether nothing was found, so that they are also what this device is like when it is well.
    public func keepAnswers(_ encoded: [UInt8], of verdict: VerdictRecord, isGood: Bool) throws(StoreError) {
        try write(verdict.device) { database in
            for kind in isGood ? AnswerRecord.Kind.allCases : [.last] {
                try database.execute(
                    sql: """
                        INSERT INTO answers VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (device, kind) DO UPDATE SET
                          verdict = excluded.verdict, taken_at = excluded.taken_at, encoded = excluded.encoded
                        """, arguments: [verdict.device, kind.rawValue, verdict.id, verdict.takenAt, blob(encoded)])
            }
        }
    }

    /// The answers of a kind that are kept of a device; nil where there are none.
    public func answers(_ kind: AnswerRecord.Kind, device: String) throws(StoreError) -> AnswerRecord? {
        try read(device) { database in
            try Row.fetchOne(
                database, sql: "SELECT device, taken_at, encoded FROM answers WHERE device = ?1 AND kind = ?2",
                arguments: [device, kind.rawValue]
            ).map { AnswerRecord(device: device, takenAt: try $0.integer("taken_at"), encoded: try $0.bytes("encoded")) }
        }
    }

    /// The last answers of other devices of the same model and site in which nothing was found, newest first.
    public func answersOfLike(device: Device, limit: Int) throws(StoreError) -> [AnswerRecord] {
        try read(device.id) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT answers.device, taken_at, encoded FROM answers JOIN devices ON devices.id = answers.device
                    WHERE kind = 'good' AND devices.id <> ?1 AND removed_at IS NULL AND model = ?2 AND site = ?3
                      AND verdict = (SELECT last.verdict FROM answers AS last WHERE last.device = devices.id AND last.kind = 'last')
                    ORDER BY taken_at DESC LIMIT ?4
                    """, arguments: [device.id, device.labels.model, device.labels.site, limit]
            ).map {
                AnswerRecord(device: try $0.text("device"), takenAt: try $0.integer("taken_at"), encoded: try $0.bytes("encoded"))
            }
        }
    }

    /// What is expected of devices of a model, by kind and item.
    public func expectations(model: String) throws(StoreError) -> [ExpectationRecord] {
        try read(model) { database in
            try Row.fetchAll(
                database, sql: "SELECT kind, item FROM expectations WHERE model = ?1 ORDER BY kind, item", arguments: [model]
            ).map { row in
                guard let item = try? JSONDecoder().decode([String].self, from: Data(try row.text("item").utf8)) else {
                    throw StoreError(.corrupt, "expectations")
                }
                return ExpectationRecord(kind: try row.text("kind"), item: item)
            }
        }
    }

    /// Sets what is expected of devices of a model in place of what was; nothing at all forgets the model.
    public func setExpectations(_ expectations: [ExpectationRecord], model: String) throws(StoreError) {
        let now = currentTime()
        try write(model) { database in
            try database.execute(sql: "DELETE FROM expectations WHERE model = ?1", arguments: [model])
            for expectation in Set(expectations) {
                try database.execute(
                    sql: "INSERT INTO expectations VALUES (?1, ?2, ?3, ?4)",
                    arguments: [model, expectation.kind, try json(expectation.item), now])
            }
        }
    }
}
