public import LedgerCore
public import Wire

/// Lays the two sides' records of the same sessions beside each other.
///
/// Compared are sessions, requests and how each request ended, by session and request number: the subject and the digest of both sides
/// must be the same. People are left out, because each side salts their digests for itself.
public struct Reconciliation: Equatable, Sendable {
    /// One point in which the two sides differ.
    public struct Discrepancy: Equatable, Sendable {
        /// The kinds of difference; more may be added.
        public struct Code: Hashable, Sendable {
            /// Stable word of the kind, for JSON.
            public let name: String
            /// Makes a kind of its word.
            public init(name: String) { self.name = name }
            /// Only the desk has it on record.
            public static func onlyDesk(_ subject: Subject) -> Code { Code(name: subject.rawValue + "-only-on-desk") }
            /// Only the device has it on record.
            public static func onlyDevice(_ subject: Subject) -> Code { Code(name: subject.rawValue + "-only-on-device") }
            /// Both have it, with different content.
            public static func altered(_ subject: Subject) -> Code { Code(name: subject.rawValue + "-differs") }
            /// One side has it twice.
            public static func repeated(_ subject: Subject) -> Code { Code(name: subject.rawValue + "-repeated") }
        }

        /// What the sides differ about.
        public enum Subject: String, Sendable {
            /// That there was a session, and for which call.
            case session
            /// What was asked for.
            case request
            /// How a request ended: an answer or a refusal.
            case answer
        }

        /// What may lie behind a difference without anybody's doing.
        public enum Explanation: String, Sendable {
            /// Nothing known: an alarm.
            case none
            /// The desk has the session on record as failed or never closed, so that what was under way could be lost.
            case interrupted
            /// The device dropped entries of that time to stay within its bounds.
            case gap
        }

        /// The kind of difference.
        public let code: Code
        /// The session.
        public let session: Text
        /// The request's number; nil where it concerns the session.
        public let request: UInt64?
        /// What may explain it.
        public let explanation: Explanation
    }

    /// The differences, by the desk's order, then what only the device knows in the device's order.
    public let discrepancies: [Discrepancy]
    /// Sessions that both sides know.
    public let sharedSessionCount: Int
    /// Sessions, requests and answers that are the same on both sides.
    public let agreedCount: Int

    /// The differences that nothing explains.
    public var alarms: [Discrepancy] { discrepancies.filter { $0.explanation == .none } }

    /// Compares the desk's entries for a device with the device's own.
    ///
    /// - Parameters:
    ///   - desk: The desk's entries of sessions with this device, oldest first.
    ///   - device: The device's entries, oldest first; they may begin with a gap.
    ///   - origin: Origin of the desk's log. Sessions in which the device saw the head of another log are left to that log's desk.
    public init(desk: [LedgerEntry], device: [LedgerEntry], origin: Text) {
        var comparison = Comparison(desk: Side(desk), device: Side(device))
        comparison.device.leaveOut(Self.sessionsOfOthers(device, than: origin))
        comparison.run()
        discrepancies = comparison.found
        agreedCount = comparison.agreedCount
        sharedSessionCount = comparison.sharedSessionCount
    }

    private static func sessionsOfOthers(_ entries: [LedgerEntry], than origin: Text) -> Set<[UInt8]> {
        var sessions: Set<[UInt8]> = []
        for entry in entries where entry.kind == .headSeen && !entry.checkpoint.isEmpty {
            guard let head = try? Checkpoint(unverifiedNote: entry.checkpoint), head.origin != origin else { continue }
            sessions.insert(entry.session.bytes)
        }
        return sessions
    }
}

/// What one entry claims, apart from who and when.
private struct Claim: Equatable {
    var kind: Text
    var subject: [UInt8]
    var digest: [UInt8]
}

private struct ClaimKey: Hashable {
    var session: [UInt8]
    var request: UInt64?
    var subject: Reconciliation.Discrepancy.Subject
}

/// One side's claims by what they are about.
private struct Side {
    private(set) var claims: [ClaimKey: Claim] = [:]
    private(set) var order: [ClaimKey] = []
    private(set) var repeated: [ClaimKey] = []
    private(set) var failed: Set<[UInt8]> = []
    private(set) var closed: Set<[UInt8]> = []
    /// The sessions in the order in which they were opened, by number.
    private(set) var openings: [[UInt8]: Int] = [:]
    /// Whether entries were dropped to stay within bounds.
    private(set) var hasGap = false

    init(_ entries: [LedgerEntry]) {
        for entry in entries { take(entry) }
    }

    private mutating func take(_ entry: LedgerEntry) {
        let session = entry.session.bytes
        switch entry.kind {
        case .sessionOpened:
            if openings[session] == nil { openings[session] = openings.count }
            claim(session, nil, .session, Claim(kind: entry.kind.name, subject: entry.call.bytes, digest: []))
        case .probeRequested, .streamOpened:
            claim(session, entry.request, .request, Claim(kind: entry.kind.name, subject: entry.subject.bytes, digest: entry.digest))
        case .probeAnswered, .streamClosed:
            claim(session, entry.request, .answer, Claim(kind: entry.kind.name, subject: entry.subject.bytes, digest: entry.digest))
        case .refused where entry.request ?? 0 > 0:
            claim(session, entry.request, .answer, Claim(kind: entry.kind.name, subject: entry.detail.bytes, digest: []))
        case .sessionFailed: failed.insert(session)
        case .sessionClosed: closed.insert(session)
        case .gap: hasGap = true
        default: break
        }
    }

    private mutating func claim(_ session: [UInt8], _ request: UInt64?, _ subject: Reconciliation.Discrepancy.Subject, _ claim: Claim) {
        let key = ClaimKey(session: session, request: request, subject: subject)
        if claims.updateValue(claim, forKey: key) == nil { order.append(key) } else { repeated.append(key) }
    }

    mutating func leaveOut(_ sessions: Set<[UInt8]>) {
        order.removeAll { sessions.contains($0.session) }
        repeated.removeAll { sessions.contains($0.session) }
        claims = claims.filter { !sessions.contains($0.key.session) }
    }

    func knows(_ session: [UInt8]) -> Bool { claims[ClaimKey(session: session, request: nil, subject: .session)] != nil }

    /// Whether the request was refused: then a side may have put only the refusal on record.
    func hasRefused(_ key: ClaimKey) -> Bool {
        claims[ClaimKey(session: key.session, request: key.request, subject: .answer)]?.kind == LedgerEntry.Kind.refused.name
    }
}

private struct Comparison {
    typealias Discrepancy = Reconciliation.Discrepancy
    var desk: Side
    var device: Side
    var found: [Discrepancy] = []
    var agreedCount = 0
    var sharedSessionCount = 0

    init(desk: Side, device: Side) {
        self.desk = desk
        self.device = device
    }

    mutating func run() {
        for key in desk.order {
            guard let other = device.claims[key] else {
                if !isImplied(key, by: device) { add(.onlyDesk(key.subject), key) }
                continue
            }
            if other == desk.claims[key] { agreedCount += 1 } else { add(.altered(key.subject), key) }
            if key.subject == .session { sharedSessionCount += 1 }
        }
        for key in device.order where desk.claims[key] == nil && !isImplied(key, by: desk) { add(.onlyDevice(key.subject), key) }
        for key in desk.repeated + device.repeated { add(.repeated(key.subject), key) }
    }

    private func isImplied(_ key: ClaimKey, by side: Side) -> Bool {
        // A session that the other side does not know is one difference, not one for each of its requests.
        if key.subject != .session, !side.knows(key.session), desk.knows(key.session) || device.knows(key.session) { return true }
        return key.subject == .request && side.hasRefused(key)
    }

    private mutating func add(_ code: Discrepancy.Code, _ key: ClaimKey) {
        let discrepancy = Discrepancy(
            code: code, session: Text(key.session), request: key.request, explanation: explanation(of: code, key))
        if !found.contains(discrepancy) { found.append(discrepancy) }
    }

    /// Whether a session may be among what the device dropped: the oldest go first, so it is older than every session the device still has.
    ///
    /// Told by the desk's order, because the device's clock may have been set.
    private func isInGap(_ session: [UInt8]) -> Bool {
        guard device.hasGap, let number = desk.openings[session] else { return false }
        return !desk.openings.contains { $0.value < number && device.knows($0.key) }
    }

    private func explanation(of code: Discrepancy.Code, _ key: ClaimKey) -> Discrepancy.Explanation {
        // What stands on both sides was not lost on the way: different content has no innocent reading, and no session repeats.
        guard code == .onlyDesk(key.subject) || code == .onlyDevice(key.subject) else { return .none }
        if code == .onlyDesk(key.subject), isInGap(key.session) { return .gap }
        // A session that the desk does not know at all was never interrupted by it.
        guard desk.knows(key.session) else { return .none }
        return desk.failed.contains(key.session) || !desk.closed.contains(key.session) ? .interrupted : .none
    }
}
