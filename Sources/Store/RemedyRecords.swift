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

    private var pairs: [[String]]
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
                    SELECT requests.* FROM requests JOIN sessions ON sessions.id = requests.session
                    WHERE sessions.device = ?1 AND (?2 IS NULL OR sessions.call = ?2) AND requests.ending = 'exited'
                      AND requests.probe IN (SELECT value FROM json_each(?4))
                      AND NOT EXISTS (SELECT 1 FROM undos WHERE undone_session = requests.session AND undone_request = requests.number)
                      AND NOT EXISTS (SELECT 1 FROM undos WHERE undos.session = requests.session)
                    ORDER BY requests.requested_at DESC, sessions.started_at DESC, requests.number DESC LIMIT ?3
                    """, arguments: [device, call, limit, try json(probes)]
            ).map { try RunRecord($0) }
        }
    }

    /// Records whether a device is in use by what a remedy would disturb.
    ///
    /// - Parameters:
    ///   - reasons: By what; empty where it is idle.
    ///   - urgency: Why the remedy runs all the same; nil where it does not, or need not.
    public func recordUse(
        device: String, session: String, call: String?, remedy: String, use: String, reasons: String, urgency: String?
    ) throws(StoreError) {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let detail = use + (urgency.map { ", now: \($0)" } ?? "") + (reasons.isEmpty ? "" : ": \(reasons)")
            try transaction.append(
                LedgerEntry(
                    kind: .useJudged, time: 0, session: Text(session), call: Text(call ?? ""), device: Text(name),
                    subject: Text(fitting: remedy), detail: Text(fitting: detail)))
        }
    }

    /// Records that a remedy was taken back.
    ///
    /// - Parameters:
    ///   - session: The one in which it was.
    ///   - run: The remedy, as it ran.
    public func recordUndo(device: String, session: String, call: String?, _ run: RunRecord) throws(StoreError) {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            try transaction.database.execute(
                sql: "INSERT INTO undos VALUES (?1, ?2, ?3, ?4)",
                arguments: [run.session, Int64(clamping: run.request), session, transaction.now])
            try transaction.append(
                LedgerEntry(
                    kind: .remedyUndone, time: 0, session: Text(session), call: Text(call ?? ""), device: Text(name),
                    subject: Text(fitting: run.probe), detail: Text(fitting: "\(run.session)-\(run.request)")))
        }
    }
}

extension RunRecord {
    init(_ row: Row) throws {
        guard let pairs = try? JSONDecoder().decode([[String]].self, from: Data(try row.text("parameters").utf8)) else {
            throw StoreError(.corrupt, "requests")
        }
        self.init(
            session: try row.text("session"), request: try row.count("number"), probe: try row.text("probe"),
            code: try row.optionalCount("code") ?? 0, requestedAt: try row.integer("requested_at"), pairs: pairs)
    }
}
