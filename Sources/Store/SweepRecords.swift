internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Records that a sweep begins, with its whole target list, so that a killed one can be resumed.
    ///
    /// - Parameters:
    ///   - selection: What was asked for, in words.
    ///   - targets: Ids of the devices, in the order of the sweep.
    /// - Throws: `.notFound`, or `.duplicate` if a device is named twice.
    public func recordSweepStarted(selection: String, targets: [String], operator person: String) throws(StoreError) -> SweepRecord {
        try record(selection) { transaction in
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: "INSERT INTO sweeps (id, selection, operator, started_at) VALUES (?1, ?2, ?3, ?4)",
                arguments: [id, selection, person, transaction.now])
            for (position, device) in targets.enumerated() {
                try transaction.database.execute(
                    sql: "INSERT INTO sweep_targets (sweep, device, position) VALUES (?1, ?2, ?3)", arguments: [id, device, position])
            }
            try transaction.append(
                LedgerEntry(
                    kind: .sweepStarted, time: 0, subject: Text(id), detail: Text(fitting: selection), count: UInt64(targets.count)),
                person: person)
            return try Self.sweep(id: id, transaction.database)
        }
    }

    /// Records how one target ended.
    ///
    /// - Throws: `.notFound` if the device is none of the sweep's, `.wrongState` if it has ended already.
    public func recordSweepTarget(sweep: String, device: String, _ ending: SweepTarget.Ending) throws(StoreError) {
        try record("\(sweep) \(device)") { transaction in
            let row = try Row.fetchOne(
                transaction.database, sql: "SELECT state FROM sweep_targets WHERE sweep = ?1 AND device = ?2", arguments: [sweep, device])
            guard let row else { throw StoreError(.notFound, device) }
            guard try row.optionalText("state") == nil else { throw StoreError(.wrongState, device) }
            try transaction.database.execute(
                sql: """
                    UPDATE sweep_targets SET state = ?3, detail = ?4, session = ?5, verdict = ?6, ended_at = ?7
                    WHERE sweep = ?1 AND device = ?2
                    """,
                arguments: [sweep, device, ending.state.rawValue, ending.detail, ending.session, ending.verdict, transaction.now])
            let name = try Self.device(id: device, transaction.database).name
            try transaction.append(
                LedgerEntry(
                    kind: .sweepTargetEnded, time: 0, session: Text(ending.session ?? ""), device: Text(name), subject: Text(sweep),
                    detail: Text(ending.state.rawValue)))
        }
    }

    /// Records that a sweep ended, with its sums.
    ///
    /// - Throws: `.notFound`, or `.wrongState` if it ended before or targets are left.
    public func recordSweepEnded(id: String) throws(StoreError) -> SweepRecord {
        try record(id) { transaction in
            let sweep = try Self.sweep(id: id, transaction.database)
            guard sweep.endedAt == nil, sweep.pendingCount == 0 else { throw StoreError(.wrongState, id) }
            try transaction.database.execute(sql: "UPDATE sweeps SET ended_at = ?2 WHERE id = ?1", arguments: [id, transaction.now])
            let sums = SweepRecord.State.allCases.compactMap { state in sweep.sums[state].map { "\(state.rawValue) \($0)" } }
            try transaction.append(
                LedgerEntry(
                    kind: .sweepEnded, time: 0, subject: Text(id), detail: Text(fitting: sums.joined(separator: ", ")),
                    count: UInt64(sweep.targetCount)))
            return try Self.sweep(id: id, transaction.database)
        }
    }

    static func sweep(id: String, _ database: Database) throws -> SweepRecord {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM sweeps WHERE id = ?1", arguments: [id]) else {
            throw StoreError(.notFound, id)
        }
        let counts = try Row.fetchAll(
            database, sql: "SELECT state, count(*) AS number FROM sweep_targets WHERE sweep = ?1 GROUP BY state", arguments: [id])
        var (sums, total): ([SweepRecord.State: Int], Int) = ([:], 0)
        for count in counts {
            let number = Int(try count.integer("number"))
            total += number
            if try count.optionalText("state") != nil { sums[try count.word("state")] = number }
        }
        return SweepRecord(
            id: id, selection: try row.text("selection"), operatorName: try row.text("operator"), startedAt: try row.integer("started_at"),
            endedAt: try row.optionalInteger("ended_at"), targetCount: total, sums: sums)
    }

    /// The sweep of that id.
    ///
    /// - Throws: `.notFound`.
    public func sweep(id: String) throws(StoreError) -> SweepRecord {
        try read(id) { try Self.sweep(id: id, $0) }
    }

    /// The sweeps, newest first.
    public func sweeps(limit: Int = 20) throws(StoreError) -> [SweepRecord] {
        try read { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT id FROM sweeps ORDER BY started_at DESC, id DESC LIMIT ?1", arguments: [limit])
            return try rows.map { try Self.sweep(id: try $0.text("id"), database) }
        }
    }

    /// The targets of a sweep in its order.
    ///
    /// - Parameter pendingOnly: Only those without a state: what a resumed sweep has still to visit.
    public func sweepTargets(sweep: String, pendingOnly: Bool = false) throws(StoreError) -> [SweepTarget] {
        try read(sweep) { database in
            try Row.fetchAll(
                database,
                sql: """
                    SELECT sweep_targets.*, devices.name FROM sweep_targets JOIN devices ON devices.id = sweep_targets.device
                    WHERE sweep = ?1 AND (NOT ?2 OR state IS NULL) ORDER BY position
                    """, arguments: [sweep, pendingOnly]
            ).map { try SweepTarget($0) }
        }
    }
}

extension SweepTarget {
    init(_ row: Row) throws {
        var ending: Ending?
        if try row.optionalText("state") != nil {
            ending = Ending(
                try row.word("state"), detail: try row.text("detail"), session: try row.optionalText("session"),
                verdict: try row.optionalText("verdict"))
        }
        self.init(
            device: DeviceReference(id: try row.text("device"), name: try row.text("name")), ending: ending,
            endedAt: try row.optionalInteger("ended_at"))
    }
}
