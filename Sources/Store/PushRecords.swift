internal import GRDB
internal import Ledger
public import LedgerCore
internal import Wire

extension RollcallDatabase {
    /// Records that the agent is about to be installed on a device over a root login, before anything is changed there.
    public func recordEnrolmentStarted(device id: String, operator person: String) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.append(LedgerEntry(kind: .enrolmentStarted, time: 0, device: name, subject: name), person: person)
        }
    }

    /// Records that something signed is about to be pushed in a session, before its first byte is sent.
    ///
    /// - Parameter digest: SHA-256 of its header.
    public func recordOffered(_ kind: PushKind, session: String, version: UInt64, digest: [UInt8]) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.digest) = (kind.offered, Text.decimal(version), digest)
            try transaction.append(entry)
        }
    }

    /// Records that something signed came into force on a device.
    ///
    /// - Parameter digest: SHA-256 of its header.
    public func recordPushed(
        _ kind: PushKind, device id: String, version: UInt64, digest: [UInt8], session: String = "", operator person: String
    ) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            let number = Int64(clamping: version)
            // The names are the schema's: no word of anybody else stands in them.
            try transaction.database.execute(
                sql: "INSERT INTO \(kind.rawValue)_pushes VALUES (?1, ?2, ?3, ?4)", arguments: [id, number, blob(digest), transaction.now])
            try transaction.database.execute(
                sql: "UPDATE devices SET \(kind.rawValue)_version = ?2 WHERE id = ?1", arguments: [id, number])
            try transaction.append(
                LedgerEntry(
                    kind: kind.installed, time: 0, session: Text(session), device: name, subject: Text.decimal(version), digest: digest),
                person: person)
        }
    }

    /// Records that the device refused what was pushed, in the words in which the device writes it down.
    ///
    /// - Parameters:
    ///   - request: Number of the push within the session.
    ///   - rule: The rule's stable name.
    public func recordPushRefused(_ kind: PushKind, session: String, request: UInt64, rule: String) throws(StoreError) {
        try recordRefused(kind.rawValue, session: session, request: request, rule: rule)
    }

    private func recordRefused(_ what: String, session: String, request: UInt64, rule: String) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.detail) = (.refused, Text(what), Text(fitting: rule))
            entry.request = request
            try transaction.append(entry)
        }
    }
}

/// An agent in place of another.
extension RollcallDatabase {
    /// Records that an agent is about to be pushed in a session, before its first byte is sent.
    ///
    /// - Parameter digest: SHA-256 of the agent's header.
    public func recordAgentOffered(session: String, version: String, digest: [UInt8]) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.digest) = (.agentOffered, Text(fitting: version), digest)
            try transaction.append(entry)
        }
    }

    /// Records that the device refused an agent, as ``recordPushRefused(_:session:request:rule:)`` does.
    public func recordAgentRefused(session: String, request: UInt64, rule: String) throws(StoreError) {
        try recordRefused("agent", session: session, request: request, rule: rule)
    }

    /// Records what became of a new agent, as the device's own ledger says it.
    public func recordAgentConcluded(device id: String, _ conclusion: LedgerEntry, operator person: String) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.append(
                LedgerEntry(
                    kind: conclusion.kind, time: 0, device: name, subject: conclusion.subject, digest: conclusion.digest,
                    detail: conclusion.detail), person: person)
        }
    }
}

/// What can be pushed to a device; the word is that of the protocol.
public enum PushKind: String, Sendable {
    /// What it may be asked.
    case catalogue
    /// Who may ask.
    case roster

    var offered: LedgerEntry.Kind { self == .catalogue ? .catalogueOffered : .rosterOffered }
    var installed: LedgerEntry.Kind { self == .catalogue ? .catalogueInstalled : .rosterInstalled }
}
