internal import Wire

/// Hashes of the log's tree as RFC 6962 section 2.1 defines them; 32 bytes each.
public enum MerkleTree {
    /// Length of every hash in bytes.
    public static let hashSize = 32

    /// Whether each is as long as a hash: two hashes of other lengths, one after the other, could be cut at another place.
    private static func areHashes(_ hashes: [[UInt8]]) -> Bool { hashes.allSatisfy { $0.count == hashSize } }

    /// The hash of one entry.
    public static func leafHash(_ entry: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update([0])
        hash.update(entry)
        return hash.finish()
    }

    /// The hash of two subtrees.
    public static func nodeHash(_ left: [UInt8], _ right: [UInt8]) -> [UInt8] {
        var hash = SHA256()
        hash.update([1])
        hash.update(left)
        hash.update(right)
        return hash.finish()
    }

    /// The root of the tree without entries.
    public static var emptyRoot: [UInt8] { SHA256.hash([]) }

    /// Whether `proof` shows that the tree of `newSize` entries continues the tree of `oldSize` (RFC 9162 section 2.1.4.2).
    ///
    /// - Parameter proof: The hashes in RFC 6962 order, 32 bytes each.
    public static func isConsistent(
        oldSize: UInt64, oldRoot: [UInt8], newSize: UInt64, newRoot: [UInt8], proof: [[UInt8]]
    ) -> Bool {
        guard oldSize <= newSize, areHashes(proof), areHashes([oldRoot, newRoot]) else { return false }
        if oldSize == newSize { return proof.isEmpty && oldRoot == newRoot }
        if oldSize == 0 { return proof.isEmpty && oldRoot == emptyRoot }
        var path = proof
        if oldSize & (oldSize - 1) == 0 { path.insert(oldRoot, at: 0) }
        guard let first = path.first else { return false }
        var (node, last) = (oldSize - 1, newSize - 1)
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var (oldHash, newHash) = (first, first)
        for index in 1..<max(path.count, 1) {
            if last == 0 { return false }
            let hash = path[index]
            if node & 1 == 1 || node == last {
                oldHash = nodeHash(hash, oldHash)
                newHash = nodeHash(hash, newHash)
                while node != 0 && node & 1 == 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                newHash = nodeHash(newHash, hash)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && oldHash == oldRoot && newHash == newRoot
    }

    /// Whether `proof` shows that the entry with `leafHash` stands at `index` in the tree of `size` entries (RFC 9162 section 2.1.3.2).
    public static func isIncluded(leafHash: [UInt8], index: UInt64, size: UInt64, root: [UInt8], proof: [[UInt8]]) -> Bool {
        guard index < size, areHashes(proof), areHashes([leafHash, root]) else { return false }
        var (node, last) = (index, size - 1)
        var hash = leafHash
        for sibling in proof {
            if last == 0 { return false }
            if node & 1 == 1 || node == last {
                hash = nodeHash(sibling, hash)
                while node != 0 && node & 1 == 0 {
                    node >>= 1
                    last >>= 1
                }
            } else {
                hash = nodeHash(hash, sibling)
            }
            node >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }
}

/// The right edge of a log's tree: what is needed to append to it and to know its root, in 32 bytes for each set bit of its size.
public struct CompactRange: Equatable, Sendable {
    /// Number of entries.
    public private(set) var size: UInt64
    /// Roots of the perfect subtrees, largest first: one for each set bit of `size`, from the highest.
    public private(set) var hashes: [[UInt8]]

    /// The tree without entries.
    public init() {
        size = 0
        hashes = []
    }

    /// A tree whose edge was kept; nil unless there is one 32-byte hash for each set bit of `size`, or if the size is beyond 2^63 - 1,
    /// which no log reaches and after which the count could not go on.
    public init?(size: UInt64, hashes: [[UInt8]]) {
        guard size <= RollcallProtocol.ledgerSizeLimit, hashes.count == size.nonzeroBitCount,
            hashes.allSatisfy({ $0.count == MerkleTree.hashSize })
        else { return nil }
        self.size = size
        self.hashes = hashes
    }

    /// Appends an entry by its leaf hash.
    public mutating func append(leafHash: [UInt8]) {
        var hash = leafHash
        var rest = size
        while rest & 1 == 1 {
            hash = MerkleTree.nodeHash(hashes.removeLast(), hash)
            rest >>= 1
        }
        hashes.append(hash)
        size += 1
    }

    /// The root of the tree, 32 bytes.
    public var root: [UInt8] {
        guard var hash = hashes.last else { return MerkleTree.emptyRoot }
        var index = hashes.count - 2
        while index >= 0 {
            hash = MerkleTree.nodeHash(hashes[index], hash)
            index -= 1
        }
        return hash
    }
}
