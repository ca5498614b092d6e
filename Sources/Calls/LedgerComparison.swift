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
        /// Its entries have another root than it signed: entries were altered, added or removed.
        case otherRoot = "other-root"
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
        let session = try await DeviceSession.open(device, desk: desk, way: way, reason: "audit: comparison of the ledgers")
        do {
            let (entries, answer) = await session.ledgerEntries(from: 0, count: entryLimit)
            if case .missing(let error) = answer.outcome { throw error }
            if case .refused(let refused) = answer.outcome {
                throw AgentClientError(.refused, rule: refused.rule.string, detail: refused.sentence.string)
            }
            let tree = compare(entries, head: session.hello.checkpoint, verifierKey: device.agent.verifierKey)
            let parting = try await session.end()
            // This very session ends after its entries were read, so the device's part of it is not in them yet.
            let own = Text(session.id)
            let earlier = entries.filter { (try? LedgerEntry(decoding: $0))?.session != own }
            let reconciliation = try desk.database.reconcile(device: device.name, entries: earlier, leavingOut: session.id)
            return LedgerComparison(
                device: device, entryCount: entries.count, tree: tree, reconciliation: reconciliation, heads: parting.judgement)
        } catch {
            _ = try? await session.end()
            throw error
        }
    }

    private static func compare(_ entries: [[UInt8]], head note: [UInt8], verifierKey: String) -> Tree {
        guard let verifier = try? NoteVerifier(text: Text(verifierKey)), let head = try? Checkpoint(note: note, signedBy: verifier) else {
            return .badSignature
        }
        guard UInt64(entries.count) >= head.size else { return .beginsLater }
        var range = CompactRange()
        for entry in entries.prefix(Int(clamping: head.size)) { range.append(leafHash: MerkleTree.leafHash(entry)) }
        return range.root == head.root ? .whole : .otherRoot
    }
}
