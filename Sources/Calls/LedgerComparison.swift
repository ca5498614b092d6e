internal import AgentClient
internal import Foundation
public import Ledger
internal import LedgerCore
public import Store
internal import Wire

/// A device's own ledger, read through its door and laid beside the desk's.
public struct LedgerComparison: Sendable {
    /// How the device's entries relate to the head it signed.
    public enum Tree: String, Sendable {
        /// Its entries have the root that it signed.
        case whole
        /// It dropped its oldest entries to stay within its bounds, so that the root cannot be made anew from the start.
        case beginsLater = "begins-later"
        /// Entries that its head covers are missing, and no gap entry accounts for them.
        case incomplete
        /// Its entries have another root than it signed: entries were altered, added or removed.
        case otherRoot = "other-root"
        /// Its entries have the root that it signed last, and not one that it signed before: its history was rewritten, and has grown since.
        case rewritten
        /// The head is not signed by the key pinned at enrolment.
        case badSignature = "bad-signature"
    }

    /// The device.
    public let device: Device
    /// How many entries it gave.
    public let entryCount: Int
    /// How they relate to its head.
    public let tree: Tree
    /// How the two sides' records of the same sessions relate.
    public let reconciliation: Reconciliation
    /// How the heads stood when this session ended.
    public let heads: HeadJudgement

    /// Whether nobody has to look into it.
    public var isWhole: Bool {
        (tree == .whole || tree == .beginsLater) && reconciliation.alarms.isEmpty && heads.isQuiet
    }

    /// Entries read at most: far more than a device keeps.
    private static let entryLimit: UInt64 = 1_000_000

    /// Reads a device's ledger and compares.
    ///
    /// - Throws: What ``DeviceSession/open(_:desk:way:call:reason:questions:)`` throws, `StoreError`, or the error that cut the reading off.
    public static func run(_ device: Device, desk: Desk, way: DeviceSession.Way = .ssh) async throws -> LedgerComparison {
        // All of them: one that continues the last may not continue those before.
        let known = try desk.database.deviceHeads(device: device.id)
        let taken = try await DeviceSession.with(device, desk: desk, way: way, reason: "audit: comparison of the ledgers") { session in
            let read = await session.ledgerEntries(from: 0, count: entryLimit)
            switch read.answer.outcome {
            case .missing(let error): throw error
            case .refused(let refused):
                throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
            case .done(let done):
                let entries = Entries(first: done.code, encoded: read.entries, isWhole: read.isWhole)
                return (session, entries, entries.tree(head: session.hello.checkpoint, earlier: known, device: device))
            }
        }
        let (session, entries, tree) = taken.result
        // This very session ends after its entries were read, so the device's part of it is not in them yet.
        let own = Text(session.id)
        let earlier = entries.encoded.filter { (try? LedgerEntry(decoding: $0))?.session != own }
        let reconciliation = try desk.database.reconcile(device: device.name, entries: earlier, leavingOut: session.id)
        return LedgerComparison(
            device: device, entryCount: entries.encoded.count, tree: tree, reconciliation: reconciliation,
            heads: taken.parting?.judgement ?? session.greeting)
    }
}

/// What a device gave of its ledger.
private struct Entries {
    /// Index of the first.
    let first: UInt64
    /// The entries, oldest first.
    let encoded: [[UInt8]]
    /// Whether everything that came could be read.
    let isWhole: Bool

    /// How the entries relate to heads that the device signed.
    ///
    /// - Parameters:
    ///   - head: The newest.
    ///   - earlier: Those that it sent before. One that another key signed is not this log's: the device was enrolled anew since.
    func tree(head note: [UInt8], earlier: [[UInt8]], device: Device) -> LedgerComparison.Tree {
        guard let verifier = try? NoteVerifier(text: Text(device.agent.verifierKey)),
            let newest = try? Checkpoint(note: note, signedBy: verifier)
        else { return .badSignature }
        let heads = [newest] + earlier.compactMap { try? Checkpoint(note: $0, signedBy: verifier) }
        let (end, overflow) = first.addingReportingOverflow(UInt64(encoded.count))
        guard isWhole, !overflow, heads.allSatisfy({ $0.size <= end }), first == 0 || beginsWithGap else { return .incomplete }
        if first > 0 { return .beginsLater }
        var range = CompactRange()
        var isRewritten = false
        for head in heads.sorted(by: { $0.size < $1.size }) {
            for entry in encoded[Int(range.size)..<Int(head.size)] { range.append(leafHash: MerkleTree.leafHash(entry)) }
            if range.root == head.root { continue }
            if head == newest { return .otherRoot }
            isRewritten = true
        }
        return isRewritten ? .rewritten : .whole
    }

    /// Whether a gap entry accounts for what is missing at the front.
    private var beginsWithGap: Bool {
        encoded.contains { bytes in
            guard let entry = try? LedgerEntry(decoding: bytes) else { return false }
            return entry.kind == .gap && entry.count == first
        }
    }
}
