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

    /// Records that the agent is about to be removed from a device with all that is its own, its ledger included.
    public func recordPurgeStarted(device id: String, operator person: String) throws(StoreError) {
        try record(id) { transaction in
            let name = Text(try Self.device(id: id, transaction.database).name)
            try transaction.append(LedgerEntry(kind: .purgeStarted, time: 0, device: name, subject: name), person: person)
        }
    }

    /// Records that a catalogue is about to be pushed in a session, before its first byte is sent.
    ///
    /// - Parameter digest: SHA-256 of the catalogue's header.
    public func recordCatalogueOffered(session: String, version: UInt64, digest: [UInt8]) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.digest) = (.catalogueOffered, Text.decimal(version), digest)
            try transaction.append(entry)
        }
    }

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

    /// Records that the device refused a catalogue, in the words in which the device writes it down.
    ///
    /// - Parameters:
    ///   - request: Number of the push within the session.
    ///   - rule: The rule's stable name.
    public func recordCatalogueRefused(session: String, request: UInt64, rule: String) throws(StoreError) {
        try record(session) { transaction in
            var entry = try Self.frame(session, transaction.database).entry
            (entry.kind, entry.subject, entry.detail) = (.refused, "catalogue", Text(fitting: rule))
            entry.request = request
            try transaction.append(entry)
        }
    }
}
