import GoldenVectors
import LedgerCore
import Testing
import Wire

@Suite struct LedgerVectorTests {
    @Test("Tests/Vectors/entries.json holds entries with their meaning and leaf hash")
    func entries() throws {
        var file = VectorFile("entries")
        for sample in EntrySamples.all {
            let leaf = MerkleTree.leafHash(sample.entry.encoded)
            file.add(sample.name, sample.entry.encoded, sample.meaning, also: [("leaf", quoted(hex(leaf)))])
        }
        #expect(
            try file.isKept(), "entries.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }

    @Test("Tests/Vectors/checkpoints.json holds signed and cosigned notes of growing trees")
    func checkpoints() throws {
        let desk = try #require(SigningKey(seed: Array(repeating: 1, count: 32)))
        let device = try #require(SigningKey(seed: Array(repeating: 2, count: 32)))
        var file = VectorFile("checkpoints")
        for size in [0, 1, 2, 3, 7, 8, 66] {
            let tree = NaiveTree(size: size)
            var range = CompactRange()
            for leaf in tree.leaves { range.append(leafHash: MerkleTree.leafHash(leaf)) }
            let checkpoint = Checkpoint(origin: "desk.example/ledger", size: range.size, root: range.root)
            let note = SignedNote.sign(text: checkpoint.body, name: checkpoint.origin, key: desk)
            let cosignature = SignedNote.cosign(text: checkpoint.body, time: 1_767_225_600, name: "device.example", key: device)
            file.rows.append([
                ("name", quoted("\(size) entries, 'entry 0' and so on")), ("size", String(size)), ("root", quoted(hex(range.root))),
                ("note", quoted(String(decoding: note, as: UTF8.self))), ("publicKey", quoted(hex(desk.publicKey))),
                ("cosignature", quoted(String(decoding: cosignature, as: UTF8.self))), ("time", "1767225600"),
                ("witnessKey", quoted(hex(device.publicKey))),
            ])
        }
        #expect(
            try file.isKept(),
            "checkpoints.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }
}
