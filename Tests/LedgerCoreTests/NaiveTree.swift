import LedgerCore

/// RFC 6962 section 2.1, word by word and without any thought of speed: what the tree and its proofs must be.
struct NaiveTree {
    let leaves: [[UInt8]]

    init(size: Int) { leaves = (0..<size).map { index in Array("entry \(index)".utf8) } }

    var root: [UInt8] { Self.root(leaves[...]) }

    static func root(_ leaves: ArraySlice<[UInt8]>) -> [UInt8] {
        guard let first = leaves.first else { return SHA256.hash([]) }
        if leaves.count == 1 { return SHA256.hash([0] + first) }
        let split = leaves.startIndex + half(leaves.count)
        return SHA256.hash([1] + root(leaves[..<split]) + root(leaves[split...]))
    }

    /// The largest power of two below `count`.
    private static func half(_ count: Int) -> Int {
        var power = 1
        while power * 2 < count { power *= 2 }
        return power
    }

    func inclusionProof(_ index: Int) -> [[UInt8]] { Self.path(index, leaves[...]) }

    private static func path(_ index: Int, _ leaves: ArraySlice<[UInt8]>) -> [[UInt8]] {
        if leaves.count == 1 { return [] }
        let split = half(leaves.count)
        let (left, right) = (leaves.prefix(split), leaves.dropFirst(split))
        return index < split ? path(index, left) + [root(right)] : path(index - split, right) + [root(left)]
    }

    func consistencyProof(from oldSize: Int) -> [[UInt8]] {
        oldSize == 0 || oldSize == leaves.count ? [] : Self.subproof(oldSize, leaves[...], true)
    }

    private static func subproof(_ size: Int, _ leaves: ArraySlice<[UInt8]>, _ isWhole: Bool) -> [[UInt8]] {
        if size == leaves.count { return isWhole ? [] : [root(leaves)] }
        let split = half(leaves.count)
        let (left, right) = (leaves.prefix(split), leaves.dropFirst(split))
        if size <= split { return subproof(size, left, isWhole) + [root(right)] }
        return subproof(size - split, right, false) + [root(left)]
    }
}
