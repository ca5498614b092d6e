import LedgerCore
import Testing

@Suite struct MerkleTreeTests {
    private static let largest = 66
    private static let trees = (0...largest).map { NaiveTree(size: $0) }
    private static let roots = trees.map(\.root)

    @Test("the compact range has the root of RFC 6962 at every size, and can be kept and taken up again")
    func compactRange() throws {
        var range = CompactRange()
        for size in 0...Self.largest {
            #expect(range.size == UInt64(size))
            #expect(range.root == Self.roots[size])
            #expect(range.hashes.count == size.nonzeroBitCount)
            #expect(CompactRange(size: range.size, hashes: range.hashes) == range)
            range.append(leafHash: MerkleTree.leafHash(Array("entry \(size)".utf8)))
        }
    }

    @Test("an edge that does not fit its size is refused")
    func wrongEdge() {
        let hash = Self.roots[1]
        #expect(CompactRange(size: 1, hashes: []) == nil)
        #expect(CompactRange(size: 2, hashes: [hash, hash]) == nil)
        #expect(CompactRange(size: 3, hashes: [hash, Array(hash.dropLast())]) == nil)
        #expect(CompactRange(size: 0, hashes: [hash]) == nil)
    }

    @Test("an edge read from a file cannot make the next append trap")
    func hugeEdge() throws {
        let hash = Self.roots[1]
        #expect(CompactRange(size: .max, hashes: Array(repeating: hash, count: 64)) == nil)
        #expect(CompactRange(size: 1 << 63, hashes: [hash]) == nil)
        var range = try #require(CompactRange(size: UInt64(Int64.max), hashes: Array(repeating: hash, count: 63)))
        range.append(leafHash: hash)
        #expect(range.size == 1 << 63)
    }

    @Test("every consistency proof up to 66 entries holds, and no altered one does")
    func consistency() {
        for newSize in 0...Self.largest {
            for oldSize in 0...newSize {
                let proof = Self.trees[newSize].consistencyProof(from: oldSize)
                func holds(_ proof: [[UInt8]], old: [UInt8]? = nil, new: [UInt8]? = nil) -> Bool {
                    MerkleTree.isConsistent(
                        oldSize: UInt64(oldSize), oldRoot: old ?? Self.roots[oldSize], newSize: UInt64(newSize),
                        newRoot: new ?? Self.roots[newSize], proof: proof)
                }
                #expect(holds(proof), "\(oldSize) to \(newSize)")
                #expect(!holds(proof + [Self.roots[1]]), "\(oldSize) to \(newSize), one hash more")
                #expect(!holds([Self.roots[2]] + proof), "\(oldSize) to \(newSize), one hash before")
                for index in proof.indices {
                    #expect(!holds(Array(proof[..<index] + proof[(index + 1)...])), "\(oldSize) to \(newSize), without \(index)")
                    var altered = proof
                    altered[index][31] ^= 1
                    #expect(!holds(altered), "\(oldSize) to \(newSize), \(index) altered")
                    altered[index] = Array(proof[index].dropLast())
                    #expect(!holds(altered), "\(oldSize) to \(newSize), \(index) cut")
                }
                if oldSize > 0 { #expect(!holds(proof, old: Self.roots[oldSize - 1])) }
                if oldSize > 0, oldSize < newSize { #expect(!holds(proof, new: Self.roots[newSize - 1])) }
            }
        }
    }

    @Test("every inclusion proof up to 66 entries holds, and no altered one does")
    func inclusion() {
        for size in 1...Self.largest {
            for index in 0..<size {
                let proof = Self.trees[size].inclusionProof(index)
                let leaf = MerkleTree.leafHash(Self.trees[size].leaves[index])
                func holds(_ proof: [[UInt8]], index other: Int? = nil, leaf otherLeaf: [UInt8]? = nil) -> Bool {
                    MerkleTree.isIncluded(
                        leafHash: otherLeaf ?? leaf, index: UInt64(other ?? index), size: UInt64(size), root: Self.roots[size], proof: proof
                    )
                }
                #expect(holds(proof), "\(index) of \(size)")
                #expect(!holds(proof + [leaf]))
                #expect(!holds(proof, index: (index + 1) % (size + 1)), "\(index) of \(size) at another place")
                #expect(!holds(proof, leaf: Self.roots[0]))
                if !proof.isEmpty {
                    #expect(!holds(Array(proof.dropLast())))
                    var altered = proof
                    altered[0][0] ^= 0x80
                    #expect(!holds(altered))
                }
            }
        }
    }

    @Test("hashes are only ever 32 bytes, so that two cannot be cut at another place")
    func hashLengths() {
        let tree = NaiveTree(size: 2)
        let (left, right) = (MerkleTree.leafHash(tree.leaves[0]), MerkleTree.leafHash(tree.leaves[1]))
        // 31 and 33 bytes make the same input to the node's hash as 32 and 32.
        let (short, long) = (Array(left.dropLast()), Array(left.suffix(1)) + right)
        #expect(!MerkleTree.isIncluded(leafHash: short, index: 0, size: 2, root: tree.root, proof: [long]))
        #expect(!MerkleTree.isIncluded(leafHash: long, index: 1, size: 2, root: tree.root, proof: [short]))
        #expect(!MerkleTree.isConsistent(oldSize: 1, oldRoot: short, newSize: 2, newRoot: tree.root, proof: [long]))
        #expect(!MerkleTree.isConsistent(oldSize: 1, oldRoot: [], newSize: 1, newRoot: [], proof: []))
    }

    @Test("sizes near the end of 64 bits are judged without a trap")
    func hugeSizes() {
        let hash = Self.roots[1]
        let sizes: [UInt64] = [0, 1, 2, 1 << 31, 1 << 32, (1 << 32) + 1, UInt64(Int64.max), 1 << 63, .max - 1, .max]
        for old in sizes {
            for new in sizes {
                for count in [0, 1, 63, 64, 126, 200] {
                    let proof = Array(repeating: hash, count: count)
                    let holds = MerkleTree.isConsistent(oldSize: old, oldRoot: hash, newSize: new, newRoot: hash, proof: proof)
                    #expect(holds == (old == new && count == 0))
                    #expect(
                        !MerkleTree.isIncluded(leafHash: hash, index: old, size: new, root: hash, proof: proof)
                            || (old == 0 && new == 1 && count == 0))
                }
            }
        }
    }

    @Test("an older tree larger than the newer is never consistent")
    func shrunk() {
        #expect(!MerkleTree.isConsistent(oldSize: 3, oldRoot: Self.roots[3], newSize: 2, newRoot: Self.roots[2], proof: []))
    }
}
