internal import GRDB

extension RollcallDatabase {
    static func sessions(ofCall id: String, _ database: Database) throws -> [SessionRecord] {
        try Row.fetchAll(database, sql: "SELECT * FROM sessions WHERE call = ?1 ORDER BY started_at, id", arguments: [id])
            .map { try SessionRecord($0) }
    }

    /// The session of that id.
    ///
    /// - Throws: `.notFound`.
    public func session(id: String) throws(StoreError) -> SessionRecord {
        try read(id) { database in
            guard let row = try Row.fetchOne(database, sql: "SELECT * FROM sessions WHERE id = ?1", arguments: [id]) else {
                throw StoreError(.notFound, id)
            }
            return try SessionRecord(row)
        }
    }

    /// The sessions with a device, newest first.
    public func sessions(device: String, limit: Int = 20) throws(StoreError) -> [SessionRecord] {
        try read(device) { database in
            try Row.fetchAll(
                database, sql: "SELECT * FROM sessions WHERE device = ?1 ORDER BY started_at DESC, id DESC LIMIT ?2",
                arguments: [device, limit]
            ).map { try SessionRecord($0) }
        }
    }

    /// What was asked in a session, and what came back, by number.
    public func requests(session: String) throws(StoreError) -> [RequestRecord] {
        try read(session) { database in
            try Row.fetchAll(database, sql: "SELECT * FROM requests WHERE session = ?1 ORDER BY number", arguments: [session])
                .map { try RequestRecord($0) }
        }
    }
}

extension SessionRecord {
    init(_ row: Row) throws {
        self.init(
            id: try row.text("id"), device: try row.text("device"), call: try row.optionalText("call"),
            operatorName: try row.text("operator"), reason: try row.text("reason"), startedAt: try row.integer("started_at"),
            endedAt: try row.optionalInteger("ended_at"), agentVersion: try row.optionalText("agent_version"),
            agentBoot: try row.optionalText("agent_boot"), agentClock: try row.optionalInteger("agent_clock"),
            role: try row.optionalText("role"), offeredSize: try row.optionalCount("offered_size"),
            witnessStatus: try row.optionalCount("witness_status"), headBefore: try row.optionalBytes("head_before"),
            headAfter: try row.optionalBytes("head_after"), errorCode: try row.optionalText("error_code"))
    }
}

extension RequestRecord {
    init(_ row: Row) throws {
        self.init(
            number: try row.count("number"), probe: try row.text("probe"), parameters: try row.text("parameters"),
            requestedAt: try row.integer("requested_at"), answeredAt: try row.optionalInteger("answered_at"),
            ending: try row.optionalText("ending"), code: try row.optionalCount("code"), digest: try row.optionalBytes("digest"),
            byteCount: try row.optionalCount("byte_count"), cutByteCount: try row.optionalCount("cut_byte_count"),
            duration: try row.optionalCount("duration"), rule: try row.optionalText("rule"))
    }
}
