internal import GRDB
internal import Ledger
internal import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Adds a device.
    ///
    /// - Throws: `.invalid` (a name, port or host that cannot be), `.duplicate` (the name is taken).
    public func addDevice(
        name: String, address: Device.Address, labels: Device.Labels = Device.Labels(), hostKeys: [String] = [],
        operator person: String
    ) throws(StoreError) -> Device {
        guard Device.isName(name) else { throw StoreError(.invalid, name) }
        let isAddress = !address.host.isEmpty && !address.host.hasPrefix("-") && !address.user.hasPrefix("-")
        guard isAddress, (1...65_535).contains(address.port ?? 22) else {
            throw StoreError(.invalid, address.host)
        }
        return try record(name) { transaction in
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: """
                    INSERT INTO devices (id, name, host, port, user, site, model, tags, host_keys, added_at)
                    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)
                    """,
                arguments: [
                    id, name, address.host, address.port, address.user, labels.site, labels.model, try json(labels.tags),
                    try json(hostKeys), transaction.now,
                ])
            try transaction.append(
                LedgerEntry(kind: .deviceAdded, time: 0, device: Text(name), subject: Text(name), digest: Self.hostKeysDigest(hostKeys)),
                person: person)
            return try Self.device(id: id, transaction.database)
        }
    }

    /// The digest that stands for pinned host keys: SHA-256 over their lines, each with its newline.
    static func hostKeysDigest(_ hostKeys: [String]) -> [UInt8] {
        hostKeys.isEmpty ? [] : SHA256.hash(hostKeys.flatMap { Array($0.utf8) + [10] })
    }

    /// The device of that name.
    ///
    /// - Throws: `.notFound`.
    public func device(named name: String) throws(StoreError) -> Device {
        try read(name) { database in
            let row = try Row.fetchOne(database, sql: "SELECT * FROM devices WHERE name = ?1 AND removed_at IS NULL", arguments: [name])
            guard let row else { throw StoreError(.notFound, name) }
            return try Device(row)
        }
    }

    /// The device of that id, also a removed one.
    ///
    /// - Throws: `.notFound`.
    public func device(id: String) throws(StoreError) -> Device {
        try read(id) { try Self.device(id: id, $0) }
    }

    static func device(id: String, _ database: Database) throws -> Device {
        guard let row = try Row.fetchOne(database, sql: "SELECT * FROM devices WHERE id = ?1", arguments: [id]) else {
            throw StoreError(.notFound, id)
        }
        return try Device(row)
    }

    /// The devices of a selection, by name.
    public func devices(_ selection: DeviceSelection = .all) throws(StoreError) -> [Device] {
        try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT * FROM devices WHERE removed_at IS NULL
                      AND (?1 = '[]' OR EXISTS (SELECT 1 FROM json_each(?1) AS pattern WHERE name GLOB pattern.value))
                      AND (?2 = '[]' OR EXISTS (SELECT 1 FROM json_each(?2) AS pattern WHERE site GLOB pattern.value))
                      AND (?3 = '[]' OR EXISTS (SELECT 1 FROM json_each(?3) AS pattern WHERE model GLOB pattern.value))
                      AND (?4 = '[]' OR EXISTS (
                        SELECT 1 FROM json_each(?4) AS pattern, json_each(devices.tags) AS tag WHERE tag.value GLOB pattern.value))
                    ORDER BY name
                    """,
                arguments: [try json(selection.names), try json(selection.sites), try json(selection.models), try json(selection.tags)])
            return try rows.map { try Device($0) }
        }
    }

    /// Changes where a device is reached and what is said of it; this is no action on the device, and leaves no entry.
    public func updateDevice(id: String, address: Device.Address, labels: Device.Labels) throws(StoreError) {
        try record(id) { transaction in
            try transaction.database.execute(
                sql: "UPDATE devices SET host = ?2, port = ?3, user = ?4, site = ?5, model = ?6, tags = ?7 WHERE id = ?1",
                arguments: [id, address.host, address.port, address.user, labels.site, labels.model, try json(labels.tags)])
            guard transaction.database.changesCount == 1 else { throw StoreError(.notFound, id) }
        }
    }

    /// Pins other host keys for a device, because somebody says that it was replaced.
    public func replaceHostKeys(
        device id: String, hostKeys: [String], operator person: String, reason: String
    ) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.database.execute(
                sql: "UPDATE devices SET host_keys = ?2 WHERE id = ?1", arguments: [id, try json(hostKeys)])
            try transaction.append(
                LedgerEntry(
                    kind: .hostKeysReplaced, time: 0, device: name, subject: name, digest: Self.hostKeysDigest(hostKeys),
                    detail: Text(fitting: reason)), person: person)
        }
    }

    /// Records that a device was enrolled, and pins the key of its ledger.
    ///
    /// - Parameter verifierKey: As C2SP signed-note writes it.
    /// - Throws: `.invalid` if that is no verifier key, `.notFound`.
    public func recordEnrolled(
        device id: String, verifierKey: String, deviceID: String, operator person: String
    ) throws(StoreError) {
        guard (try? NoteVerifier(text: Text(verifierKey))) != nil else { throw StoreError(.invalid, verifierKey) }
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.database.execute(
                sql: "UPDATE devices SET verifier = ?2, agent_id = ?3, enrolled_at = ?4 WHERE id = ?1",
                arguments: [id, verifierKey, deviceID, transaction.now])
            // A new agent begins a new ledger, and has seen nothing of ours.
            for table in ["device_heads", "witnesses"] {
                try transaction.database.execute(sql: "DELETE FROM \(table) WHERE device = ?1", arguments: [id])
            }
            try transaction.append(
                LedgerEntry(kind: .deviceEnrolled, time: 0, device: name, subject: name, detail: Text(fitting: verifierKey)), person: person
            )
        }
    }

    /// Puts other hardware in a device's place, under its name, address and labels: not enrolled, with host keys of its own.
    ///
    /// The old one leaves the inventory with all that was recorded of it, its ledger's key and head included.
    ///
    /// - Returns: The new device.
    public func replaceDevice(
        id old: String, address: Device.Address, hostKeys: [String], operator person: String, reason: String
    ) throws(StoreError) -> Device {
        try record(old) { transaction in
            let device = try Self.device(id: old, transaction.database)
            try transaction.database.execute(
                sql: "UPDATE devices SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL", arguments: [old, transaction.now])
            guard transaction.database.changesCount == 1 else { throw StoreError(.notFound, old) }
            let id = UUIDv7.make(time: transaction.now)
            try transaction.database.execute(
                sql: """
                    INSERT INTO devices (id, name, host, port, user, site, model, tags, host_keys, added_at)
                    SELECT ?1, name, ?3, ?4, ?5, site, model, tags, ?6, ?7 FROM devices WHERE id = ?2
                    """,
                arguments: [id, old, address.host, address.port, address.user, try json(hostKeys), transaction.now])
            let head = try Row.fetchOne(transaction.database, sql: "SELECT note FROM device_heads WHERE device = ?1", arguments: [old])
            try transaction.append(
                LedgerEntry(
                    kind: .deviceReplaced, time: 0, device: Text(device.name), subject: Text(device.name),
                    digest: Self.hostKeysDigest(hostKeys), detail: Text(fitting: reason), checkpoint: try head?.bytes("note") ?? []),
                person: person)
            return try Self.device(id: id, transaction.database)
        }
    }

    /// Records that the agent is about to be removed from a device with all that is its own, its ledger included.
    public func recordPurgeStarted(device id: String, operator person: String) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.append(LedgerEntry(kind: .purgeStarted, time: 0, device: name, subject: name), person: person)
        }
    }

    /// Takes a device out of the inventory. What was recorded of it stays.
    ///
    /// - Parameter isPurged: Whether the agent was taken off it before, and nothing was left.
    public func removeDevice(id: String, isPurged: Bool = false, operator person: String) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.database.execute(
                sql: "UPDATE devices SET removed_at = ?2 WHERE id = ?1 AND removed_at IS NULL", arguments: [id, transaction.now])
            guard transaction.database.changesCount == 1 else { throw StoreError(.notFound, id) }
            try transaction.append(
                LedgerEntry(
                    kind: .deviceRemoved, time: 0, device: name, subject: name,
                    detail: isPurged ? "the agent was removed and nothing of it is left" : ""), person: person)
        }
    }
}

extension Device {
    init(_ row: Row) throws {
        let port = try row.optionalInteger("port").map { Int($0) }
        self.init(
            id: try row.text("id"), name: try row.text("name"),
            address: Address(host: try row.text("host"), port: port, user: try row.text("user")),
            labels: Labels(site: try row.text("site"), model: try row.text("model"), tags: try row.list("tags")),
            hostKeys: try row.list("host_keys"), addedAt: try row.integer("added_at"),
            agent: Agent(
                verifierKey: try row.text("verifier"), deviceID: try row.text("agent_id"), version: try row.text("agent_version"),
                catalogueVersion: try row.count("catalogue_version"),
                rosterVersion: try row.optionalInteger("roster_version").map { UInt64(clamping: $0) },
                enrolledAt: try row.optionalInteger("enrolled_at"),
                lastSeenAt: try row.optionalInteger("last_seen_at")),
            removedAt: try row.optionalInteger("removed_at"))
    }
}
