internal import AgentClient
public import Catalogue
internal import LedgerCore
public import Probes
internal import SSH
public import Store
internal import Wire

/// Packs the desk's operators into a roster for reviewers to sign, and brings it to devices.
public struct RosterDesk: Sendable {
    /// What can go wrong beside connections, files and the store; more may be added.
    public struct Failure: Error, Sendable {
        /// Stable word for the kind.
        public let kind: String
        /// One sentence for a person.
        public let sentence: String
        /// What to do next.
        public let next: String
    }

    private let folder: RosterFolder

    /// Works on the roster in `folder`.
    public init(_ folder: RosterFolder) { self.folder = folder }

    // MARK: Packing

    /// Packs the operators who are let in now; what was signed before counts no more.
    ///
    /// - Parameters:
    ///   - version: Above that of every roster before; nil: the next one.
    ///   - desks: Verifier keys of the desks whose ledgers devices witness, a line each; empty: those that each device's own file names.
    ///   - now: Microseconds UTC.
    ///   - expiresAt: From when on no device takes it any more, microseconds UTC.
    /// - Throws: ``Failure`` for a roster that would lock out everyone, or that no device could be given a successor of.
    public func pack(
        _ database: RollcallDatabase, name: String, version: UInt64?, desks: [String], now: UInt64, expiresAt: UInt64,
        operator person: String
    ) throws -> (header: DocumentHeader, roster: Roster) {
        let operators = try database.operators().filter { $0.isLetIn(at: Int64(clamping: now)) }
            .map { try Self.rosterOperator($0) }.sorted { $0.name.bytes.lexicographicallyPrecedes($1.name.bytes) }
        let roster = Roster(operators: operators, desks: Text(desks.map { $0 + "\n" }.joined()))
        try Self.checkLockOut(roster, now: now)
        guard operators.count <= Roster.operatorCountLimit, roster.desks.bytes.count <= Roster.desksSizeLimit else {
            throw Failure(
                kind: "roster-size", sentence: "A roster has at most \(Roster.operatorCountLimit) operators, and 16 KiB of desks.",
                next: "Revoke those who have left with `rollcall operator revoke NAME`.")
        }
        let last = try database.rosters().last?.version ?? 0
        let header = DocumentHeader(
            kind: .roster, name: Text(name), version: version ?? last + 1, signedAt: now, expiresAt: expiresAt,
            partDigest: SHA256.hash(roster.encoded))
        guard header.version > last else {
            throw Failure(
                kind: "roster-version", sentence: "Roster \(last) was packed before, and versions only grow.",
                next: "Leave out --version, or name one above \(last).")
        }
        try database.recordRosterPacked(
            version: header.version, digest: SHA256.hash(header.encoded), part: roster.encoded, operator: person)
        try folder.write(header: header.encoded, roster: roster.encoded)
        return (header, roster)
    }

    private static func rosterOperator(_ one: Operator) throws -> RosterOperator {
        let keys = one.keys.compactMap { HostKey(openSSH: $0)?.blob }
        guard let role = Role(Text(one.role)), keys.count == one.keys.count else { throw StoreError(.corrupt, "operators \(one.name)") }
        return RosterOperator(
            name: Text(one.name), role: role, expiresAt: UInt64(clamping: one.expiresAt ?? 0), keys: keys)
    }

    private static func checkLockOut(_ roster: Roster, now: UInt64) throws {
        let valid = roster.operators.filter { isLetIn($0, now: now) }
        guard !valid.isEmpty else {
            throw Failure(
                kind: "lock-out", sentence: "This roster lets nobody in, so it would lock everyone out of every device.",
                next: "Add an operator with `rollcall operator add NAME --key FILE --role repair`, then pack.")
        }
        guard valid.contains(where: { $0.role != .observe }) else {
            throw Failure(
                kind: "lock-out", sentence: "This roster lets in nobody who may push the next one, which takes the role repair or shell.",
                next: "Add an operator of that role with `rollcall operator add NAME --key FILE --role repair`, then pack.")
        }
    }

    private static func isLetIn(_ one: RosterOperator, now: UInt64) -> Bool { one.expiresAt == 0 || now < one.expiresAt }

    // MARK: Pushing

    /// Brings the signed roster to a device, through its door.
    ///
    /// - Parameters:
    ///   - now: Microseconds UTC.
    ///   - force: Whether a roster is pushed that does not let in who pushes it.
    /// - Returns: The roster's version.
    /// - Throws: ``Failure``, ``Enrolment/PushRefusal``, and what opening a session throws.
    public func push(to device: Device, desk: Desk, now: UInt64, force: Bool) async throws -> UInt64 {
        let (header, roster) = try folder.read()
        let signed = try folder.signed()
        try Self.checkLockOut(roster, now: now)
        if !force { try await checkOwnKey(device, desk, roster, now: now) }
        let session = try await DeviceSession.open(device, desk: desk, reason: "roster \(header.version)")
        do {
            guard session.hello.rosterVersion != nil else {
                throw Failure(
                    kind: "no-rosters", sentence: "The agent of \(device.name) is too old to know rosters.",
                    next: "Bring it up to date with `rollcall device enroll \(device.name)`.")
            }
            let answer = try await session.push(.roster, signed.encoded, version: header.version, digest: signed.digest)
            switch answer.outcome {
            case .done: break
            case .missing(let error): throw error
            case .refused(let refused):
                throw Enrolment.PushRefusal(kind: .roster, rule: refused.rule.string, sentence: refused.sentence.string)
            }
        } catch {
            _ = try? await session.end()
            throw error
        }
        // A roster that does not let in who pushed it ends this very session.
        if force { _ = try? await session.end() } else { try await session.end() }
        return header.version
    }

    private func checkOwnKey(_ device: Device, _ desk: Desk, _ roster: Roster, now: UInt64) async throws {
        let own = Set(try await desk.door(of: device).identities.compactMap { $0.publicKey?.blob })
        let isIn = roster.operators.contains { one in
            Self.isLetIn(one, now: now) && one.keys.contains(where: own.contains)
        }
        guard !isIn else { return }
        throw Failure(
            kind: "lock-out",
            sentence: "This roster lets in no key that this desk logs in to \(device.name) with, so it would lock you out.",
            next: "Add your key with `rollcall operator add`, pack and sign anew; or push with --force, if others are to go on.")
    }
}
