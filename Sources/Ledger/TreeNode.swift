internal import LedgerCore

/// One perfect subtree of a log: the `2^level` entries from `index * 2^level` on.
///
/// Its hash never changes once its last entry stands, so it can be stored with that entry.
public struct TreeNode: Hashable, Sendable {
    /// Height: 0 is a leaf.
    public let level: Int
    /// Number of the subtree among those of its height, from the left.
    public let index: UInt64

    /// Names a subtree.
    ///
    /// - Parameter level: 0 to 63.
    public init(level: Int, index: UInt64) {
        self.level = level
        self.index = index
    }

    /// The entry that completes the subtree.
    public var lastEntry: UInt64 { ((index + 1) << UInt64(level)) &- 1 }

    /// The perfect subtrees that make up the entries of `range`, from the left.
    ///
    /// - Parameter range: One that RFC 6962 splits off: its start is a multiple of every power of two that the tree of its length is
    ///   made of.
    static func covering(_ range: Range<UInt64>) -> [TreeNode] {
        var nodes: [TreeNode] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let rest = range.upperBound - start
            let level = 63 - rest.leadingZeroBitCount
            nodes.append(TreeNode(level: level, index: start >> UInt64(level)))
            start += 1 << UInt64(level)
        }
        return nodes
    }

    /// The hash of the tree over the perfect subtrees of falling size, from the left (RFC 6962 section 2.1).
    static func fold(_ hashes: [[UInt8]]) -> [UInt8] {
        guard var hash = hashes.last else { return MerkleTree.emptyRoot }
        for left in hashes.dropLast().reversed() { hash = MerkleTree.nodeHash(left, hash) }
        return hash
    }
}
