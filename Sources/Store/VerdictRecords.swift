internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Records what was found.
    ///
    /// - Parameters:
    ///   - severity: The worst one of it.
    ///   - json: The whole verdict.
    public func recordVerdict(
        device: String, session: String? = nil, call: String? = nil, exitCode: Int, severity: String, json: String
    ) throws(StoreError) -> VerdictRecord {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: "INSERT INTO verdicts VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
                arguments: [id, device, session, call, transaction.now, exitCode, severity, json])
            try transaction.append(
                LedgerEntry(
                    kind: .verdictRecorded, time: 0, session: Text(session ?? ""), call: Text(call ?? ""), device: Text(name),
                    subject: Text(fitting: severity), digest: SHA256.hash(Array(json.utf8)), count: UInt64(exactly: exitCode)))
            return VerdictRecord(
                id: id, device: device, session: session, call: call, takenAt: transaction.now, exitCode: exitCode,
                severity: severity, json: json)
        }
    }

    /// Records what became of a finding after a remedy.
    public func recordFix(
        device: String, session: String? = nil, call: String? = nil, _ attempt: FixRecord.Attempt
    ) throws(StoreError) -> FixRecord {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: "INSERT INTO fixes VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                arguments: [
                    id, device, session, call, attempt.finding, attempt.subject, attempt.remedy, attempt.parameters,
                    attempt.result.rawValue, transaction.now,
                ])
            try transaction.append(
                LedgerEntry(
                    kind: .fixJudged, time: 0, session: Text(session ?? ""), call: Text(call ?? ""), device: Text(name),
                    subject: Text(fitting: attempt.remedy),
                    digest: SHA256.hash(Array(attempt.subject.utf8)),
                    detail: Text(fitting: attempt.finding + " " + attempt.result.rawValue)))
            return FixRecord(
                id: id, device: device, session: session, call: call, attempt: attempt, judgedAt: transaction.now)
        }
    }

    static func verdicts(ofCall id: String, _ database: Database) throws -> [VerdictRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM verdicts WHERE call = ?1 ORDER BY taken_at, id", arguments: [id])
            .map { try VerdictRecord($0) }
    }

    static func fixes(ofCall id: String, _ database: Database) throws -> [FixRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM fixes WHERE call = ?1 ORDER BY judged_at, id", arguments: [id])
            .map { try FixRecord($0) }
    }

    /// The verdicts of a device, newest first.
    public func verdicts(device: String, limit: Int = 20) throws(StoreError) -> [VerdictRecord] {
        try read(device) { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM verdicts WHERE device = ?1 ORDER BY taken_at DESC, id DESC LIMIT ?2",
                arguments: [device, limit]
            ).map { try VerdictRecord($0) }
        }
    }

    /// The last verdict that came of the device's own answers, and not of what its caller said; nil where it never answered.
    public func lastVerdict(device: String) throws(StoreError) -> VerdictRecord? {
        try read(device) { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT verdicts.* FROM answers JOIN verdicts ON verdicts.id = answers.verdict
                    WHERE answers.device = ?1 AND answers.kind = 'last'
                    """, arguments: [device]
            ).map { try VerdictRecord($0) }
        }
    }

    /// What each remedy did before against a finding, the most successful first.
    ///
    /// - Parameters:
    ///   - model: Only on devices of this model; nil for all.
    ///   - window: How long a finding must stay gone. One that came back was not held.
    public func remedyHistory(finding: String, model: String? = nil, window: Duration) throws(StoreError) -> [RemedyHistory] {
        try read(finding) { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT remedy, count(*) AS tried, sum(held) AS held FROM (
                      SELECT fixes.remedy, fixes.result = 'gone' AND NOT EXISTS (
                        SELECT 1 FROM fixes AS later WHERE later.device = fixes.device AND later.finding = fixes.finding
                          AND later.subject = fixes.subject AND later.judged_at > fixes.judged_at
                          AND later.judged_at < fixes.judged_at + ?3) AS held
                      FROM fixes JOIN devices ON devices.id = fixes.device
                      WHERE fixes.finding = ?1 AND (?2 IS NULL OR devices.model = ?2) AND fixes.result <> 'unknown')
                    GROUP BY remedy ORDER BY held * 1.0 / tried DESC, tried DESC, remedy
                    """, arguments: [finding, model, window.microseconds])
            return try rows.map { row in
                RemedyHistory(
                    remedy: try row.text("remedy"), triedCount: Int(try row.integer("tried")), heldCount: Int(try row.integer("held")))
            }
        }
    }
}

extension VerdictRecord {
    init(_ row: Row) throws {
        self.init(
            id: try row.text("id"), device: try row.text("device"), session: try row.optionalText("session"),
            call: try row.optionalText("call"), takenAt: try row.integer("taken_at"), exitCode: Int(try row.integer("exit_code")),
            severity: try row.text("severity"), json: try row.text("json"))
    }
}

extension FixRecord {
    init(_ row: Row) throws {
        self.init(
            id: try row.text("id"), device: try row.text("device"), session: try row.optionalText("session"),
            call: try row.optionalText("call"),
            attempt: Attempt(
                finding: try row.text("finding"), subject: try row.text("subject"), remedy: try row.text("remedy"),
                parameters: try row.text("parameters"), result: try row.word("result")), judgedAt: try row.integer("judged_at"))
    }
}
