import Ledger
import LedgerCore
import Testing

/// A log in memory, with the hashes that a store would keep beside the entries.
struct MemoryLog {
    private(set) var growth = TreeGrowth()
    private(set) var roots: [[UInt8]] = [MerkleTree.emptyRoot]
    private(set) var hashes: [[UInt8]] = []

    mutating func append(_ entry: [UInt8]) {
        hashes.append(growth.append(leafHash: MerkleTree.leafHash(entry)))
        roots.append(growth.root)
    }

    func hash(_ node: TreeNode) -> [UInt8] {
        Array(hashes[Int(node.lastEntry)].dropFirst(32 * node.level).prefix(32))
    }

    init(_ entries: [[UInt8]]) {
        for entry in entries { append(entry) }
    }
}

func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { byte in
        let digits = String(byte, radix: 16)
        return digits.count == 1 ? "0" + digits : digits
    }.joined()
}

@Suite("Tree proofs")
struct TreeProofTests {
    /// The entries that certificate transparency's own tests use.
    private let known: [[UInt8]] = ["", "\u{0}", "\u{10}", " !", "01", "@ABC", "PQRSTUVW", "`abcdefghijklmno"].map { Array($0.utf8) }

    // Roots, proofs and digests below were computed from the definitions of RFC 6962 by a recursive program of its own, with
    // Python's hashlib.
    @Test("roots of 0 to 8 known entries are those of an independent program")
    func roots() {
        let expected = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ]
        let log = MemoryLog(known)
        #expect(log.roots.map(hexadecimal) == expected)
        for size in 0...8 { #expect(hexadecimal(TreeProof.root(size: UInt64(size), hash: log.hash)) == expected[size]) }
    }

    @Test("a known consistency proof is that of an independent program")
    func knownConsistency() {
        let proof = TreeProof.consistency(from: 6, to: 8, hash: MemoryLog(known).hash)
        #expect(
            proof.map(hexadecimal) == [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ])
    }

    @Test("a known inclusion proof is that of an independent program")
    func knownInclusion() {
        let proof = TreeProof.inclusion(of: 1, in: 5, hash: MemoryLog(known).hash)
        #expect(
            proof.map(hexadecimal) == [
                "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ])
    }

    @Test("all consistency proofs up to 64 entries hold, and hash to what an independent program made")
    func allConsistency() {
        let log = MemoryLog((0..<64).map { [UInt8($0)] })
        var all: [UInt8] = []
        for size in 1...64 {
            for old in 0...size {
                let proof = TreeProof.consistency(from: UInt64(old), to: UInt64(size), hash: log.hash)
                #expect(
                    MerkleTree.isConsistent(
                        oldSize: UInt64(old), oldRoot: log.roots[old], newSize: UInt64(size), newRoot: log.roots[size], proof: proof))
                all += proof.flatMap { $0 }
            }
        }
        #expect(hexadecimal(SHA256.hash(all)) == "ca04516c086549670889a022a6b2609f0f5b74814ce936780c0951bd5ed5c2b7")
    }

    @Test("all inclusion proofs up to 64 entries hold, and hash to what an independent program made")
    func allInclusion() {
        let log = MemoryLog((0..<64).map { [UInt8($0)] })
        var all: [UInt8] = []
        for size in 1...64 {
            for index in 0..<size {
                let proof = TreeProof.inclusion(of: UInt64(index), in: UInt64(size), hash: log.hash)
                let leaf = MerkleTree.leafHash([UInt8(index)])
                #expect(
                    MerkleTree.isIncluded(
                        leafHash: leaf, index: UInt64(index), size: UInt64(size), root: log.roots[size], proof: proof))
                all += proof.flatMap { $0 }
            }
        }
        #expect(hexadecimal(SHA256.hash(all)) == "5601b22ed7d83190e79b81a3512e0977a7225be0e32a0fa968c9e4d20cd6b473")
    }

    @Test("a proof needs no more lookups than two for each level of the tree")
    func lookups() {
        let log = MemoryLog((0..<4_000).map { [UInt8($0 & 255), UInt8($0 >> 8)] })
        for old in stride(from: UInt64(1), to: 4_000, by: 97) {
            var count = 0
            _ = TreeProof.consistency(from: old, to: 4_000) { node in
                count += 1
                return log.hash(node)
            }
            #expect(count <= 24)
        }
    }

    @Test("the edge of a growing log is the one that both sides' logs keep")
    func edge() throws {
        var (growth, range) = (TreeGrowth(), CompactRange())
        for number in 0..<200 {
            let leaf = MerkleTree.leafHash([UInt8(number)])
            _ = growth.append(leafHash: leaf)
            range.append(leafHash: leaf)
            #expect(growth.edge == range.hashes && growth.root == range.root)
        }
        #expect(try #require(TreeGrowth(size: growth.size, edge: growth.edge)) == growth)
        #expect(TreeGrowth(size: 201, edge: growth.edge) == nil)
    }
}
