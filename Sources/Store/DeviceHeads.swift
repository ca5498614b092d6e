internal import GRDB
internal import Ledger
internal import LedgerCore
public import Wire

extension RollcallDatabase {
    /// Size of our ledger that a device saw and accepted last; 0 before the first time.
    public func witnessedSize(device: String) throws(StoreError) -> UInt64 {
        try read(device) { try Self.witnessedSize(device: device, $0) }
    }

    private static func witnessedSize(device: String, _ database: Database) throws -> UInt64 {
        let row = try Row.fetchOne(database, sql: "SELECT size FROM witnesses WHERE device = ?1", arguments: [device])
        return try row?.count("size") ?? 0
    }

    /// The device's own ledger head that was seen and verified last, a signed note; nil before the first.
    public func deviceHead(device: String) throws(StoreError) -> [UInt8]? {
        try read(device) { database in
            try Row.fetchOne(database, sql: "SELECT note FROM device_heads WHERE device = ?1", arguments: [device])?.bytes("note")
        }
    }

    /// Every head of its own ledger that a device ever sent in a session, as it sent it, the newest session's first. Whose signature they bear
    /// is not looked at.
    public func deviceHeads(device: String) throws(StoreError) -> [[UInt8]] {
        try read(device) { database in
            let rows = try Row.fetchAll(
                database, sql: "SELECT head_before, head_after FROM sessions WHERE device = ?1 ORDER BY started_at DESC, id DESC",
                arguments: [device])
            var seen: Set<[UInt8]> = [[]]
            return try rows.flatMap { [try $0.optionalBytes("head_after"), try $0.optionalBytes("head_before")] }
                .compactMap { $0 }.filter { seen.insert($0).inserted }
        }
    }

    /// Signs the head of our ledger for the device of a session, with the proof from what it saw last.
    ///
    /// Called before `open` and again before `close`, so that the whole session is under the second.
    public func offerHead(session: String) throws(StoreError) -> WitnessOffer {
        try record(session) { transaction in
            let note = try signHead(transaction)
            let row = try Row.fetchOne(transaction.database, sql: "SELECT device FROM sessions WHERE id = ?1", arguments: [session])
            guard let device = try row?.text("device") else { throw StoreError(.notFound, session) }
            // A device cannot have seen more than there is, unless this store was put back to an older state.
            let proven = min(try Self.witnessedSize(device: device, transaction.database), transaction.size)
            try transaction.database.execute(
                sql: "UPDATE sessions SET offered_size = ?2 WHERE id = ?1", arguments: [session, Int64(clamping: transaction.size)])
            let proof = try TreeProof.consistency(from: proven, to: transaction.size) { (node) throws in
                try WriteTransaction.hash(of: node, transaction.database)
            }
            return WitnessOffer(checkpoint: note, provenSize: proven, proof: proof)
        }
    }

    /// The signed checkpoint of the log as it stands, stored beside it.
    func signHead(_ transaction: WriteTransaction) throws -> [UInt8] {
        guard let key else { throw StoreError(.readOnly, path) }
        let note = Checkpoint(origin: Text(origin), size: transaction.size, root: transaction.root).signed(by: key)
        try transaction.database.execute(
            sql: "INSERT INTO checkpoints VALUES (?1, ?2, ?3) ON CONFLICT (size) DO NOTHING",
            arguments: [Int64(clamping: transaction.size), blob(note), transaction.now])
        return note
    }

    /// Judges and keeps both heads that a device sent, and puts them on record.
    static func judge(
        _ note: [UInt8], _ witness: WitnessAnswer, session: String, device: String, frame: LedgerEntry,
        _ transaction: inout WriteTransaction
    ) throws -> HeadJudgement {
        let judgement = HeadJudgement(
            head: try judgeHead(note, session: session, device: device, transaction),
            witness: try judgeWitness(witness, session: session, device: device, transaction))
        try transaction.database.execute(
            sql: "UPDATE sessions SET witness_status = ?2 WHERE id = ?1", arguments: [session, Int64(clamping: witness.status.rawValue)])
        if note.isEmpty, witness.status == .none { return judgement }
        var entry = frame
        (entry.kind, entry.checkpoint) = (.headSeen, Array(note.prefix(RollcallProtocol.checkpointSizeLimit)))
        entry.subject = Text(judgement.head.rawValue)
        entry.detail = Text(judgement.witness.rawValue)
        // On a rewritten history both checkpoints are kept: theirs of our log stands in an entry of its own.
        try transaction.append(entry)
        if judgement.witness == .inconsistent, !witness.lastSeen.isEmpty {
            entry.checkpoint = witness.lastSeen
            entry.subject = "last-seen-of-ours"
            try transaction.append(entry)
        }
        return judgement
    }

    private static func judgeHead(
        _ note: [UInt8], session: String, device: String, _ transaction: WriteTransaction
    ) throws -> HeadJudgement.Head {
        let row = try Row.fetchOne(
            transaction.database,
            sql: """
                SELECT device_heads.size, device_heads.root, sessions.known_size FROM device_heads, sessions
                WHERE device_heads.device = ?1 AND sessions.id = ?2
                """, arguments: [device, session])
        let known = try row.map { (size: try $0.count("size"), root: try $0.bytes("root"), atOpening: try $0.count("known_size")) }
        if note.isEmpty { return known == nil ? .none : .withheld }
        guard let verifier = try verifier(ofDevice: device, transaction.database) else { return .unknownKey }
        guard let head = try? Checkpoint(note: note, signedBy: verifier), let size = Int64(exactly: head.size) else { return .badSignature }
        // Sessions run side by side: a head from before another session's end is older than what is known by now, and no loss.
        if let known, head.size < known.size { return head.size < known.atOpening ? .shorter : .verified }
        if let known, head.size == known.size, head.root != known.root { return .rewritten }
        try transaction.database.execute(
            sql: """
                INSERT INTO device_heads VALUES (?1, ?2, ?3, ?4, ?5)
                ON CONFLICT (device) DO UPDATE SET size = ?2, root = ?3, note = ?4, seen_at = ?5
                """, arguments: [device, size, blob(head.root), blob(note), transaction.now])
        return .verified
    }

    private static func verifier(ofDevice device: String, _ database: Database) throws -> NoteVerifier? {
        let text = try Self.device(id: device, database).agent.verifierKey
        return try? NoteVerifier(text: Text(text))
    }

    private static func judgeWitness(
        _ answer: WitnessAnswer, session: String, device: String, _ transaction: WriteTransaction
    ) throws -> HeadJudgement.Witness {
        let offered = try Row.fetchOne(transaction.database, sql: "SELECT offered_size FROM sessions WHERE id = ?1", arguments: [session])
        guard let size = try offered?.optionalInteger("offered_size") else { return .none }
        switch answer.status {
        case .first, .consistent:
            try setWitnessed(size, device: device, transaction)
            return try keepCosignature(answer.cosignature, size: size, device: device, transaction)
        case .otherSize:
            guard let seen = try sizeOfOurs(answer.lastSeen, transaction) else { return .inconsistent }
            try setWitnessed(seen, device: device, transaction)
            return .otherSize
        case .inconsistent: return .inconsistent
        default: return .none
        }
    }

    private static func setWitnessed(_ size: Int64, device: String, _ transaction: WriteTransaction) throws {
        try transaction.database.execute(
            sql: "INSERT INTO witnesses VALUES (?1, ?2, ?3) ON CONFLICT (device) DO UPDATE SET size = ?2, seen_at = ?3",
            arguments: [device, size, transaction.now])
    }

    private static func keepCosignature(
        _ line: [UInt8], size: Int64, device: String, _ transaction: WriteTransaction
    ) throws -> HeadJudgement.Witness {
        guard !line.isEmpty, let verifier = try verifier(ofDevice: device, transaction.database) else { return .accepted }
        let row = try Row.fetchOne(transaction.database, sql: "SELECT note FROM checkpoints WHERE size = ?1", arguments: [size])
        guard let note = try row?.bytes("note"), Checkpoint.isCosigned(note: note, line: line, by: verifier) else { return .badCosignature }
        try transaction.database.execute(
            sql: "INSERT INTO cosignatures VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (device, size) DO NOTHING",
            arguments: [device, size, blob(line), verifier.text().string, transaction.now])
        return .cosigned
    }

    /// The size of a checkpoint that a device holds of our log, if this log still is what that checkpoint says.
    private static func sizeOfOurs(_ note: [UInt8], _ transaction: WriteTransaction) throws -> Int64? {
        let desk = try Row.fetchOne(transaction.database, sql: "SELECT verifier FROM desk")
        guard let text = try desk?.text("verifier"), let verifier = try? NoteVerifier(text: Text(text)) else { return nil }
        guard let seen = try? Checkpoint(note: note, signedBy: verifier), seen.size <= transaction.size else { return nil }
        let root = try TreeProof.root(size: seen.size) { (node) throws in try WriteTransaction.hash(of: node, transaction.database) }
        return root == seen.root ? Int64(exactly: seen.size) : nil
    }
}
