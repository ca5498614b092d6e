public import LedgerCore
public import Wire

/// Verifies a whole log from its entries, in order, against what was signed and witnessed.
///
/// Feed it the entries, then the head, the checkpoints are compared as their sizes pass by; ``report()`` ends it.
public struct LogVerifier: Sendable {
    /// Faults kept at most, so that a ruined log does not fill memory.
    public static let faultLimit = 100

    /// A head that was signed earlier.
    public struct SignedHead: Sendable {
        /// Number of entries that it is listed under.
        public var size: UInt64
        /// The signed note.
        public var note: [UInt8]

        /// Makes a head of its parts.
        public init(size: UInt64, note: [UInt8]) {
            self.size = size
            self.note = note
        }
    }

    private let verifier: NoteVerifier
    private let heads: [SignedHead]
    private var growth = TreeGrowth()
    private var nextHead = 0
    private var entryCount: UInt64 = 0
    private var isInterrupted = false
    private var faults: [LogFault] = []
    private var cosignatureCount = 0

    /// Starts before the first entry.
    ///
    /// - Parameters:
    ///   - verifier: The log's key; its name is the log's origin.
    ///   - heads: The checkpoints that were signed, in any order.
    public init(verifier: NoteVerifier, heads: [SignedHead]) {
        self.verifier = verifier
        self.heads = heads.sorted { $0.size < $1.size }
        compareHeads()
    }

    private mutating func add(_ fault: LogFault) {
        if faults.count < Self.faultLimit { faults.append(fault) }
    }

    /// Takes the next entry.
    ///
    /// - Parameters:
    ///   - index: Its number; entries come in ascending order.
    ///   - encoded: Its encoding, as stored.
    ///   - hashes: The hashes stored with it, as ``TreeGrowth/append(leafHash:)`` gave them; nil in an export, which has none.
    public mutating func take(index: UInt64, encoded: [UInt8], hashes: [UInt8]?) {
        entryCount += 1
        // Behind a missing entry no hash can be known; only further holes are reported.
        if isInterrupted || index != growth.size {
            if !isInterrupted { add(LogFault(.missingEntry, index: growth.size)) }
            isInterrupted = true
            return
        }
        var leaf = MerkleTree.leafHash(encoded)
        if let hashes {
            let stored = Array(hashes.prefix(32))
            if stored != leaf {
                add(LogFault(.alteredEntry, index: index))
                // Going on with the hash of what was written once tells one altered entry from a rewritten log.
                if stored.count == 32 { leaf = stored }
            }
            if growth.append(leafHash: leaf) != hashes, stored == leaf { add(LogFault(.alteredHash, index: index)) }
        } else {
            _ = growth.append(leafHash: leaf)
        }
        compareHeads()
    }

    /// Checks that an entry is listed under what stands in it.
    ///
    /// - Parameter columns: What the store lists the entry under.
    public mutating func compareListing(index: UInt64, encoded: [UInt8], columns: EntryColumns) {
        if !columns.match(encoded) { add(LogFault(.alteredListing, index: index)) }
    }

    /// Checks that the name kept beside an entry is the one whose digest stands in it.
    public mutating func comparePerson(index: UInt64, encoded: [UInt8], salt: [UInt8], name: Text) {
        do throws(WireError) {
            let entry = try LedgerEntry(decoding: encoded)
            if entry.person != LedgerEntry.personDigest(salt: salt, name: name) { add(LogFault(.alteredPerson, index: index)) }
        } catch {
            add(LogFault(.unreadableEntry, index: index))
        }
    }

    /// Checks the head that the store keeps to append to.
    public mutating func compareStoredHead(size: UInt64, edge: [[UInt8]]) {
        if size > growth.size, !isInterrupted { add(LogFault(.missingEntry, index: growth.size)) }
        if size != growth.size || edge != growth.edge { add(LogFault(.alteredHead, index: size)) }
    }

    /// Checks a device's cosignature of one of this log's checkpoints.
    public mutating func takeCosignature(note: [UInt8], line: [UInt8], size: UInt64, witness: NoteVerifier, device: String) {
        cosignatureCount += 1
        if !Checkpoint.isCosigned(note: note, line: line, by: witness) {
            add(LogFault(.badCosignature, index: size, device: device))
        }
    }

    /// Checks that a device's own head carries the signature of the key pinned for the device.
    public mutating func takeDeviceHead(note: [UInt8], size: UInt64, verifier: NoteVerifier, device: String) {
        do throws(LedgerError) {
            let head = try Checkpoint(note: note, signedBy: verifier)
            if head.size != size { add(LogFault(.badDeviceHead, index: size, device: device)) }
        } catch {
            add(LogFault(.badDeviceHead, index: size, device: device))
        }
    }

    private mutating func compareHeads() {
        while nextHead < heads.count, heads[nextHead].size == growth.size {
            compare(heads[nextHead])
            nextHead += 1
        }
    }

    private mutating func compare(_ head: SignedHead) {
        do throws(LedgerError) {
            let checkpoint = try Checkpoint(note: head.note, signedBy: verifier)
            if checkpoint.size != head.size {
                add(LogFault(.badCheckpoint, index: head.size))
            } else if checkpoint.root != growth.root {
                add(LogFault(.otherRoot, index: head.size))
            }
        } catch {
            add(LogFault(.badCheckpoint, index: head.size))
        }
    }

    /// Ends the verification. A checkpoint of more entries than there are means that entries are missing.
    public consuming func report() -> LogReport {
        if nextHead < heads.count, !isInterrupted, !faults.contains(LogFault(.missingEntry, index: growth.size)) {
            add(LogFault(.missingEntry, index: growth.size))
        }
        return LogReport(
            entryCount: entryCount, root: growth.root, checkpointCount: nextHead, cosignatureCount: cosignatureCount, faults: faults)
    }
}
