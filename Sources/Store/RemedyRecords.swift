internal import Foundation
internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

/// A probe that ran on a device.
public struct RunRecord: Equatable, Sendable {
    /// Id of the session.
    public var session: String
    /// Number of the request in it.
    public var request: UInt64
    /// Id of the probe.
    public var probe: String
    /// Its parameters.
    public var parameters: [(name: String, value: String)] { pairs.filter { $0.count == 2 }.map { ($0[0], $0[1]) } }
    /// Its exit code.
    public var code: UInt64
    /// Microseconds UTC.
    public var requestedAt: Int64
    /// The state of the device before, as ``RemedyRecord/prior``; nil where nothing asked for it.
    public var prior: String?
    /// When it was last to be taken back, and nobody knows what came of it, microseconds UTC; nil where that is not so.
    public var undoLostAt: Int64?

    private var pairs: [[String]]
}

/// A remedy that was to run in a session, on record from before the device hears of it.
public struct RemedyRecord: Equatable, Sendable {
    /// What came of it.
    public enum Outcome: String, Sendable {
        /// It ran to an end that its manifest accepts.
        case ran
        /// It ran, to another end.
        case failed
        /// The device refused it; the detail is the rule.
        case refused
        /// The desk did not run it, because the device was in use; the detail is by what.
        case inUse = "in-use"
        /// The desk did not run it, because whether the device is in use could not be found out; the detail is why.
        case useUnknown = "use-unknown"
    }

    /// Id of the session.
    public var session: String
    /// Id of its probe; empty where it is not known any more.
    public var remedy: String
    /// Its parameters as JSON: an array of `[name, value]`.
    public var parameters: String
    /// Microseconds UTC.
    public var startedAt: Int64
    /// Whether it changed something, as the device stood before: `other`, `same` or `unknown`; nil where nothing asked for it.
    public var prior: String?
    /// The remedy that it takes back; nil for one of its own.
    public var undoes: String?
    /// What came of it; nil where that is not known.
    public var outcome: Outcome?
    /// What there is to say of the outcome, as the device or its rules have it.
    public var detail: String
}

/// What is known right before a remedy runs, or is left alone.
public struct RemedyStart: Sendable {
    /// Id of its probe.
    public var remedy: String
    /// Its parameters.
    public var parameters: [(name: String, value: String)]
    /// Whether the device is in use by what it would disturb: `idle`, `in-use` or `unknown`; by what; and why it runs all the same, or nil.
    /// Nil where it disturbs nobody.
    public var use: (word: String, reasons: String, urgency: String?)?
    /// Whether it changes something: `other`, `same` or `unknown`, and why it is not known. Nil where nothing is asked for it.
    public var prior: (word: String, reason: String)?
    /// The remedy that it takes back; nil for one of its own.
    public var undoes: RunRecord?
    /// Why it is left alone; nil where it runs.
    public var obstacle: RemedyRecord.Outcome?

    /// Makes it of its parts.
    public init(
        remedy: String, parameters: [(name: String, value: String)] = [], use: (word: String, reasons: String, urgency: String?)? = nil,
        prior: (word: String, reason: String)? = nil, undoes: RunRecord? = nil, obstacle: RemedyRecord.Outcome? = nil
    ) {
        (self.remedy, self.parameters, self.use, self.prior) = (remedy, parameters, use, prior)
        (self.undoes, self.obstacle) = (undoes, obstacle)
    }
}

extension RollcallDatabase {
    /// What of some probes ran on a device to its own end and neither took something back nor was taken back, newest first.
    ///
    /// - Parameter call: Only in this call; nil for everything.
    public func runs(of probes: [String], device: String, call: String?, limit: Int = 100) throws(StoreError) -> [RunRecord] {
        try read(device) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT requests.*, remedies.prior, (
                      SELECT max(started_at) FROM remedies WHERE undone_session = requests.session AND undone_request = requests.number
                        AND outcome IS NULL) AS undo_lost_at
                    FROM requests JOIN sessions ON sessions.id = requests.session
                    LEFT JOIN remedies ON remedies.session = requests.session AND remedies.remedy = requests.probe
                    WHERE sessions.device = ?1 AND (?2 IS NULL OR sessions.call = ?2) AND requests.ending = 'exited'
                      AND requests.probe IN (SELECT value FROM json_each(?4))
                      AND NOT EXISTS (
                        SELECT 1 FROM remedies WHERE undone_session = requests.session AND undone_request = requests.number
                          AND outcome = 'ran')
                      AND NOT EXISTS (SELECT 1 FROM remedies WHERE session = requests.session AND undone_session IS NOT NULL)
                    ORDER BY requests.requested_at DESC, sessions.started_at DESC, requests.number DESC LIMIT ?3
                    """, arguments: [device, call, limit, try json(probes)]
            ).map { try RunRecord($0) }
        }
    }

    /// Records what is known right before a remedy, and that it is about to run, or is left alone.
    ///
    /// - Throws: `.duplicate` where the session had a remedy already, `.wrongState` where what it takes back was taken back since it was
    ///   looked up.
    public func recordRemedy(session: String, _ start: RemedyStart) throws(StoreError) {
        try record(session) { transaction in
            let frame = try Self.frame(session, transaction.database).entry
            if let run = start.undoes {
                let undone = try Row.fetchOne(
                    transaction.database,
                    sql: "SELECT 1 FROM remedies WHERE undone_session = ?1 AND undone_request = ?2 AND outcome = 'ran'",
                    arguments: [run.session, Int64(clamping: run.request)])
                guard undone == nil else { throw StoreError(.wrongState, run.probe) }
            }
            let isOver = start.obstacle != nil
            try transaction.database.execute(
                sql: "INSERT INTO remedies VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
                arguments: [
                    session, start.remedy, try json(start.parameters.map { [$0.name, $0.value] }), transaction.now, start.prior?.word,
                    start.undoes?.session, start.undoes.map { Int64(clamping: $0.request) }, isOver ? transaction.now : nil,
                    start.obstacle?.rawValue, isOver ? start.use?.reasons ?? "" : "",
                ])
            func append(_ kind: LedgerEntry.Kind, _ subject: String, _ detail: String) throws {
                var entry = frame
                (entry.kind, entry.subject, entry.detail) = (kind, Text(fitting: subject), Text(fitting: detail))
                try transaction.append(entry)
            }
            if let use = start.use {
                let urgency = use.word == "idle" ? "" : use.urgency.map { ", now: \($0)" } ?? ""
                try append(.useJudged, start.remedy, use.word + urgency + (use.reasons.isEmpty ? "" : ": \(use.reasons)"))
            }
            if isOver { return }
            if let prior = start.prior {
                try append(.priorJudged, start.remedy, prior.word + (prior.reason.isEmpty ? "" : ": \(prior.reason)"))
            }
            if let run = start.undoes { try append(.undoStarted, run.probe, "\(run.session)-\(run.request)") }
        }
    }

    /// Records what came of a session's remedy.
    ///
    /// - Throws: `.wrongState` where none is under way.
    public func recordRemedyEnded(session: String, _ outcome: RemedyRecord.Outcome, detail: String = "") throws(StoreError) {
        try record(session) { transaction in
            let undone = try Row.fetchOne(
                transaction.database,
                sql: """
                    UPDATE remedies SET ended_at = ?2, outcome = ?3, detail = ?4 WHERE session = ?1 AND outcome IS NULL
                    RETURNING undone_session, undone_request, (
                      SELECT probe FROM requests WHERE requests.session = undone_session AND number = undone_request) AS undone_probe
                    """, arguments: [session, transaction.now, outcome.rawValue, detail])
            guard let undone else { throw StoreError(.wrongState, session) }
            guard outcome == .ran, let run = try undone.optionalText("undone_session") else { return }
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject) = (.remedyUndone, Text(fitting: try undone.text("undone_probe")))
            entry.detail = Text(fitting: "\(run)-\(try undone.count("undone_request"))")
            try transaction.append(entry)
        }
    }

    static func remedies(ofCall id: String, _ database: Database) throws -> [RemedyRecord] {
        try Row.fetchAll(
            database,
            sql: """
                SELECT remedies.*, (
                  SELECT probe FROM requests WHERE requests.session = undone_session AND number = undone_request) AS undoes
                FROM remedies JOIN sessions ON sessions.id = remedies.session WHERE sessions.call = ?1 ORDER BY remedies.started_at, session
                """, arguments: [id]
        ).map { try RemedyRecord($0) }
    }
}

extension RemedyRecord {
    init(_ row: Row) throws {
        self.init(
            session: try row.text("session"), remedy: try row.text("remedy"), parameters: try row.text("parameters"),
            startedAt: try row.integer("started_at"), prior: try row.optionalText("prior"), undoes: try row.optionalText("undoes"),
            outcome: try row.optionalText("outcome") == nil ? nil : try row.word("outcome"), detail: try row.text("detail"))
    }
}

extension RunRecord {
    init(_ row: Row) throws {
        guard let pairs = try? JSONDecoder().decode([[String]].self, from: Data(try row.text("parameters").utf8)) else {
            throw StoreError(.corrupt, "requests")
        }
        self.init(
            session: try row.text("session"), request: try row.count("number"), probe: try row.text("probe"),
            code: try row.optionalCount("code") ?? 0, requestedAt: try row.integer("requested_at"),
            prior: try row.optionalText("prior"), undoLostAt: try row.optionalInteger("undo_lost_at"), pairs: pairs)
    }
}
