internal import LedgerCore

/// The right edge of a growing log, which names every subtree as it is completed so that proofs need no rehashing later.
public struct TreeGrowth: Equatable, Sendable {
    /// Number of entries.
    public private(set) var size: UInt64
    /// Roots of the perfect subtrees, largest first: one for each set bit of `size`.
    public private(set) var edge: [[UInt8]]

    /// The log without entries.
    public init() {
        size = 0
        edge = []
    }

    /// A log whose edge was kept; nil unless there is one 32-byte hash for each set bit of `size`.
    public init?(size: UInt64, edge: [[UInt8]]) {
        guard edge.count == size.nonzeroBitCount, edge.allSatisfy({ $0.count == 32 }) else { return nil }
        self.size = size
        self.edge = edge
    }

    /// Appends an entry by its leaf hash.
    ///
    /// - Returns: The hashes of the subtrees that it completes, by level: the leaf's own first, 32 bytes each, one after the other.
    public mutating func append(leafHash: [UInt8]) -> [UInt8] {
        var (hash, completed, rest) = (leafHash, leafHash, size)
        while rest & 1 == 1 {
            hash = MerkleTree.nodeHash(edge.removeLast(), hash)
            completed += hash
            rest >>= 1
        }
        edge.append(hash)
        size += 1
        return completed
    }

    /// The root of the tree, 32 bytes.
    public var root: [UInt8] { TreeNode.fold(edge) }
}
