/// Proofs of RFC 6962 section 2.1, made from stored hashes of perfect subtrees: at most a few lookups for each level of the tree.
///
/// Each takes `hash`, which gives the stored hash of one subtree of the log, 32 bytes.
public enum TreeProof {
    /// The root of the log's first `size` entries.
    public static func root<Failure>(
        size: UInt64, hash: (TreeNode) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        try subtree(0..<size, hash)
    }

    /// The proof that the log of `newSize` entries continues that of `oldSize` (RFC 6962 section 2.1.2).
    ///
    /// - Parameter oldSize: At most `newSize`; from 0, or to the same size, the proof is empty.
    public static func consistency<Failure>(
        from oldSize: UInt64, to newSize: UInt64, hash: (TreeNode) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [[UInt8]] {
        precondition(oldSize <= newSize, "a proof leads from a smaller tree to a larger one")
        guard oldSize > 0, oldSize < newSize else { return [] }
        var ranges: [Range<UInt64>] = []
        var (whole, isOldTree) = (0..<newSize, true)
        while oldSize < whole.upperBound {
            let middle = split(whole)
            if oldSize <= middle {
                ranges.append(middle..<whole.upperBound)
                whole = whole.lowerBound..<middle
            } else {
                ranges.append(whole.lowerBound..<middle)
                whole = middle..<whole.upperBound
                isOldTree = false
            }
        }
        // The verifier knows the old tree's root itself.
        if !isOldTree { ranges.append(whole) }
        return try hashes(of: ranges.reversed(), hash)
    }

    /// The proof that the entry `index` stands in the log of `size` entries (RFC 6962 section 2.1.1).
    ///
    /// - Parameter index: Less than `size`.
    public static func inclusion<Failure>(
        of index: UInt64, in size: UInt64, hash: (TreeNode) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [[UInt8]] {
        precondition(index < size, "the entry stands in the tree")
        var ranges: [Range<UInt64>] = []
        var whole = 0..<size
        while whole.upperBound - whole.lowerBound > 1 {
            let middle = split(whole)
            if index < middle {
                ranges.append(middle..<whole.upperBound)
                whole = whole.lowerBound..<middle
            } else {
                ranges.append(whole.lowerBound..<middle)
                whole = middle..<whole.upperBound
            }
        }
        return try hashes(of: ranges.reversed(), hash)
    }

    /// Where RFC 6962 parts a tree: after the largest power of two that is smaller than its length.
    private static func split(_ range: Range<UInt64>) -> UInt64 {
        let length = range.upperBound - range.lowerBound
        return range.lowerBound + (1 << UInt64(63 - (length - 1).leadingZeroBitCount))
    }

    private static func hashes<Failure>(
        of ranges: [Range<UInt64>], _ hash: (TreeNode) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [[UInt8]] {
        var proof: [[UInt8]] = []
        for range in ranges { proof.append(try subtree(range, hash)) }
        return proof
    }

    private static func subtree<Failure>(
        _ range: Range<UInt64>, _ hash: (TreeNode) throws(Failure) -> [UInt8]
    ) throws(Failure) -> [UInt8] {
        var hashes: [[UInt8]] = []
        for node in TreeNode.covering(range) { hashes.append(try hash(node)) }
        return TreeNode.fold(hashes)
    }
}
