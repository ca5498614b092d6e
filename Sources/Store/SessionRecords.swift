internal import GRDB
internal import Ledger
public import LedgerCore
public import Wire

extension RollcallDatabase {
    /// Records that a session is about to be opened, before the device hears of it.
    ///
    /// - Parameters:
    ///   - device: Id of the device.
    ///   - call: Id of the call it belongs to.
    /// - Returns: The session's id.
    /// - Throws: `.notFound`.
    public func recordSessionOpened(
        device: String, call: String? = nil, operator person: String, reason: String
    ) throws(StoreError) -> String {
        try record(device) { transaction in
            let name = try Self.device(id: device, transaction.database).name
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: """
                    INSERT INTO sessions (id, device, call, operator, reason, started_at, known_size)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, coalesce((SELECT size FROM device_heads WHERE device = ?2), 0))
                    """,
                arguments: [id, device, call, person, reason, transaction.now])
            try transaction.append(
                LedgerEntry(
                    kind: .sessionOpened, time: 0, session: Text(id), call: Text(call ?? ""), device: Text(name),
                    detail: Text(fitting: reason)), person: person)
            return id
        }
    }

    /// What stands in every entry of a session.
    static func frame(_ session: String, _ database: Database) throws -> (entry: LedgerEntry, device: String) {
        let row = try Row.fetchOne(
            database,
            sql: """
                SELECT sessions.device, sessions.call, devices.name FROM sessions JOIN devices ON devices.id = sessions.device
                WHERE sessions.id = ?1
                """, arguments: [session])
        guard let row else { throw StoreError(.notFound, session) }
        let entry = LedgerEntry(
            kind: .sessionOpened, time: 0, session: Text(session), call: Text(try row.optionalText("call") ?? ""),
            device: Text(try row.text("name")))
        return (entry, try row.text("device"))
    }

    /// Records what is about to be asked, before it is sent: all of it in one transaction.
    ///
    /// - Throws: `.notFound`, or `.duplicate` if a number was used in the session before.
    public func recordRequests(session: String, _ requests: [Run]) throws(StoreError) {
        try record(session) { transaction in
            let frame = try Self.frame(session, transaction.database).entry
            let insert = try transaction.database.cachedStatement(
                sql: "INSERT INTO requests (session, number, probe, parameters, requested_at) VALUES (?1, ?2, ?3, ?4, ?5)")
            for request in requests {
                let pairs = request.parameters.map { [$0.name.string, $0.value.string] }
                insert.setUncheckedArguments([
                    session, try Self.number(request.request), request.probe.string, pairs.isEmpty ? "[]" : try json(pairs),
                    transaction.now,
                ])
                try insert.execute()
                var entry = frame
                (entry.kind, entry.subject, entry.request) = (.probeRequested, request.probe, request.request)
                entry.digest = LedgerEntry.parametersDigest(request.parameters)
                try transaction.append(entry)
            }
        }
    }

    /// Records that a stream is about to be asked for.
    ///
    /// - Parameters:
    ///   - subject: Its kind and target.
    ///   - digest: Of the file to be written.
    ///   - byteCount: Of the file to be written.
    public func recordStream(
        session: String, request: UInt64, subject: String, digest: [UInt8] = [], byteCount: UInt64? = nil
    ) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            try transaction.database.execute(
                sql: "INSERT INTO requests (session, number, probe, parameters, requested_at) VALUES (?1, ?2, ?3, '[]', ?4)",
                arguments: [session, try Self.number(request), subject, transaction.now])
            (entry.kind, entry.subject, entry.request) = (.streamOpened, Text(subject), request)
            (entry.digest, entry.count) = (digest, byteCount)
            try transaction.append(entry)
        }
    }

    /// Records that a shell is about to be recorded, before it is asked for.
    ///
    /// - Parameter file: Name of the recording's file.
    public func recordRecordingOpened(session: String, request: UInt64, file: String) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.request) = (.recordingOpened, Text(file), request)
            try transaction.append(entry)
        }
    }

    /// Records what a recording came to.
    ///
    /// - Parameters:
    ///   - digest: SHA-256 of the file.
    ///   - problem: What ended it early; empty where nothing did.
    public func recordRecordingClosed(
        session: String, request: UInt64, file: String, digest: [UInt8], byteCount: UInt64, problem: String = ""
    ) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.request) = (.recordingClosed, Text(file), request)
            (entry.digest, entry.count, entry.detail) = (digest, byteCount, Text(problem))
            try transaction.append(entry)
        }
    }

    /// A number as SQLite holds it.
    private static func number(_ value: UInt64) throws -> Int64 {
        guard let number = Int64(exactly: value) else { throw StoreError(.invalid, String(value)) }
        return number
    }

    /// Records what came back, in one transaction.
    ///
    /// - Parameter kind: Of the entries for what was done; those of a stream say how many bytes it carried.
    /// - Throws: `.notFound` if a request is not on record, `.wrongState` if it has an answer already.
    public func recordAnswers(
        session: String, _ answers: [(request: UInt64, end: RequestEnd)], kind: LedgerEntry.Kind = .probeAnswered
    ) throws(StoreError) {
        try record(session) { transaction in
            let frame = try Self.frame(session, transaction.database).entry
            let update = try transaction.database.cachedStatement(
                sql: """
                    UPDATE requests SET answered_at = ?3, ending = ?4, code = ?5, digest = ?6, byte_count = ?7, cut_byte_count = ?8,
                      duration = ?9, rule = ?10 WHERE session = ?1 AND number = ?2
                    """)
            var waiting = try Self.unanswered(session, among: answers.map(\.request), transaction.database)
            for answer in answers {
                let number = try Self.number(answer.request)
                guard let probe = waiting.removeValue(forKey: number) else {
                    throw try Self.whyNotAnswered(session, number, transaction.database)
                }
                var entry = frame
                (entry.subject, entry.request) = (Text(probe), answer.request)
                var values: [(any DatabaseValueConvertible)?] = [session, number, transaction.now]
                switch answer.end {
                case .done(let done, let digest):
                    (entry.kind, entry.digest, entry.detail) = (kind, digest, done.ending.word)
                    if kind == .streamClosed { entry.count = done.sentByteCount }
                    values += [
                        done.ending.word.string, Int64(clamping: done.code), blob(digest), Int64(clamping: done.sentByteCount),
                        Int64(clamping: done.cutByteCount), Int64(clamping: done.duration), nil,
                    ]
                case .refused(let refusal):
                    (entry.kind, entry.detail) = (.refused, refusal.rule)
                    values += ["refused", nil, nil, nil, nil, nil, refusal.rule.string]
                }
                update.setUncheckedArguments(StatementArguments(values))
                try update.execute()
                try transaction.append(entry)
            }
        }
    }

    /// The probes of those requests that have no answer, by number: one look at all of a batch is half the cost of one for each.
    private static func unanswered(_ session: String, among numbers: [UInt64], _ database: Database) throws -> [Int64: String] {
        guard let first = numbers.min(), let last = numbers.max() else { return [:] }
        let rows = try Row.fetchAll(
            database,
            sql: "SELECT number, probe FROM requests WHERE session = ?1 AND number BETWEEN ?2 AND ?3 AND ending IS NULL",
            arguments: [session, Int64(clamping: first), Int64(clamping: last)])
        return try rows.reduce(into: [:]) { $0[try $1.integer("number")] = try $1.text("probe") }
    }

    private static func whyNotAnswered(_ session: String, _ number: Int64, _ database: Database) throws -> StoreError {
        let row = try Row.fetchOne(
            database, sql: "SELECT 1 FROM requests WHERE session = ?1 AND number = ?2", arguments: [session, number])
        return StoreError(row == nil ? .notFound : .wrongState, "\(session) \(number)")
    }

    /// Records that a session ended in good order, with the agent's last head and what it made of ours.
    public func recordSessionClosed(session: String, _ closed: Closed) throws(StoreError) -> HeadJudgement {
        try record(session) { transaction in
            let (frame, device) = try Self.frame(session, transaction.database)
            try Self.end(session, errorCode: nil, transaction)
            try transaction.database.execute(
                sql: "UPDATE sessions SET head_after = ?2 WHERE id = ?1", arguments: [session, blob(closed.checkpoint)])
            let judgement = try Self.judge(
                closed.checkpoint, closed.witness, session: session, device: device, frame: frame, &transaction)
            var entry = frame
            let count = try Int64.fetchOne(
                transaction.database, sql: "SELECT count(*) FROM requests WHERE session = ?1", arguments: [session])
            (entry.kind, entry.count) = (.sessionClosed, UInt64(count ?? 0))
            try transaction.append(entry)
            return judgement
        }
    }

    /// Records that a session could not be opened, or broke.
    ///
    /// - Parameters:
    ///   - code: The rule or the error's code, a stable word.
    ///   - sentence: What a person should know of it.
    public func recordSessionFailed(session: String, code: String, sentence: String = "") throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            try Self.end(session, errorCode: code, transaction)
            (entry.kind, entry.subject, entry.detail) = (.sessionFailed, Text(fitting: code), Text(fitting: sentence))
            try transaction.append(entry)
        }
    }

    private static func end(_ session: String, errorCode: String?, _ transaction: WriteTransaction) throws {
        try transaction.database.execute(
            sql: "UPDATE sessions SET ended_at = ?2, error_code = ?3 WHERE id = ?1 AND ended_at IS NULL",
            arguments: [session, transaction.now, errorCode])
        guard transaction.database.changesCount == 1 else { throw StoreError(.wrongState, session) }
    }

    /// Records the agent's hello and its answer to our opening.
    public func recordHello(session: String, hello: Hello, opened: Opened) throws(StoreError) -> HeadJudgement {
        try record(session) { transaction in
            let (frame, device) = try Self.frame(session, transaction.database)
            try transaction.database.execute(
                sql: """
                    UPDATE sessions SET agent_version = ?2, agent_boot = ?3, agent_clock = ?4, role = ?5, head_before = ?6 WHERE id = ?1
                    """,
                arguments: [
                    session, hello.agentVersion.string, hello.boot.string, Int64(clamping: hello.clock), opened.role.string,
                    blob(hello.checkpoint),
                ])
            try transaction.database.execute(
                sql: """
                    UPDATE devices SET agent_id = CASE WHEN agent_id = '' THEN ?2 ELSE agent_id END, agent_version = ?3,
                      catalogue_version = ?4, last_seen_at = ?5, roster_version = ?6 WHERE id = ?1
                    """,
                arguments: [
                    device, hello.device.string, hello.agentVersion.string, Int64(clamping: hello.catalogueVersion), transaction.now,
                    hello.rosterVersion.map { Int64(clamping: $0) },
                ])
            return try Self.judge(hello.checkpoint, opened.witness, session: session, device: device, frame: frame, &transaction)
        }
    }
}
