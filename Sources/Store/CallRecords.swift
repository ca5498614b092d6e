internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Records that a call was opened.
    ///
    /// - Parameter device: Id of the device.
    /// - Throws: `.notFound`.
    public func recordCallOpened(
        device: String, caseID: String = "", symptom: String = "", wouldRoll: SupportCall.WouldRoll, operator person: String
    ) throws(StoreError) -> SupportCall {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: """
                    INSERT INTO calls (id, device, case_id, symptom, would_roll, operator, opened_at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                    """, arguments: [id, device, caseID, symptom, wouldRoll.rawValue, person, transaction.now])
            try transaction.append(
                LedgerEntry(
                    kind: .callOpened, time: 0, call: Text(id), device: Text(name), subject: Text(wouldRoll.rawValue),
                    detail: Text(fitting: symptom)), person: person)
            return try Self.call(id: id, transaction.database)
        }
    }

    /// Records how a call ended.
    ///
    /// - Throws: `.notFound`, or `.wrongState` if it ended before.
    public func recordCallClosed(id: String, _ closing: SupportCall.Closing, operator person: String) throws(StoreError) -> SupportCall {
        try record(id) { transaction in
            let call = try Self.call(id: id, transaction.database)
            guard call.closedAt == nil else { throw StoreError(.wrongState, id) }
            try transaction.database.execute(
                sql: "UPDATE calls SET closed_at = ?2, outcome = ?3, notes = ?4, parts = ?5, skill = ?6 WHERE id = ?1",
                arguments: [id, transaction.now, closing.outcome.rawValue, closing.notes, closing.parts, closing.skill])
            try transaction.append(
                LedgerEntry(
                    kind: .callClosed, time: 0, call: Text(id), device: Text(call.device.name),
                    subject: Text(closing.outcome.rawValue), detail: Text(fitting: closing.notes)), person: person)
            return try Self.call(id: id, transaction.database)
        }
    }

    private static let selectCall = "SELECT calls.*, devices.name AS device_name FROM calls JOIN devices ON devices.id = calls.device"

    static func call(id: String, _ database: Database) throws -> SupportCall {
        guard let row = try Row.fetchOne(database, sql: selectCall + " WHERE calls.id = ?1", arguments: [id]) else {
            throw StoreError(.notFound, id)
        }
        return try SupportCall(row)
    }

    /// The call of that id.
    ///
    /// - Throws: `.notFound`.
    public func call(id: String) throws(StoreError) -> SupportCall {
        try read(id) { try Self.call(id: id, $0) }
    }

    /// The calls of a selection, newest first. The last calls of a device, for the brief of the next, are a selection with a limit.
    public func calls(_ selection: CallSelection = CallSelection()) throws(StoreError) -> [SupportCall] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: Self.selectCall + """
                     WHERE (?1 IS NULL OR calls.device = ?1) AND (?2 IS NULL OR calls.opened_at >= ?2)
                      AND (?3 IS NULL OR (calls.closed_at IS NULL) = ?3)
                    ORDER BY calls.opened_at DESC, calls.id DESC LIMIT ?4
                    """, arguments: [selection.device, selection.since, selection.isOpen, selection.limit])
            return try rows.map { try SupportCall($0) }
        }
    }

    /// Everything recorded of one call, from one state of the database.
    ///
    /// - Throws: `.notFound`.
    public func callHistory(id: String) throws(StoreError) -> CallHistory {
        try read(id) { database in
            CallHistory(
                call: try Self.call(id: id, database), sessions: try Self.sessions(ofCall: id, database),
                verdicts: try Self.verdicts(ofCall: id, database), fixes: try Self.fixes(ofCall: id, database),
                remedies: try Self.remedies(ofCall: id, database),
                callerAnswers: try Self.callerAnswers(ofCall: id, database))
        }
    }
}

/// Everything recorded of one call, each list oldest first.
public struct CallHistory: Sendable {
    /// The call.
    public let call: SupportCall
    /// Its sessions with the device.
    public let sessions: [SessionRecord]
    /// What was found.
    public let verdicts: [VerdictRecord]
    /// Which remedies were tried, and what became of the findings.
    public let fixes: [FixRecord]
    /// Which remedies were to run or to be taken back, those that were refused too.
    public let remedies: [RemedyRecord]
    /// What the caller was asked, and said.
    public let callerAnswers: [CallerRecord]
}

extension SupportCall {
    init(_ row: Row) throws {
        var closing: Closing?
        if try row.optionalText("outcome") != nil {
            closing = Closing(
                outcome: try row.word("outcome"), notes: try row.text("notes"), parts: try row.text("parts"), skill: try row.text("skill"))
        }
        self.init(
            id: try row.text("id"), device: DeviceReference(id: try row.text("device"), name: try row.text("device_name")),
            caseID: try row.text("case_id"), symptom: try row.text("symptom"), wouldRoll: try row.word("would_roll"),
            operatorName: try row.text("operator"), openedAt: try row.integer("opened_at"),
            closedAt: try row.optionalInteger("closed_at"), closing: closing)
    }
}
