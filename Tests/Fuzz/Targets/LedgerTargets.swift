import LedgerCore
import Wire

/// One ledger entry. Subject and detail may come back shown otherwise: control characters are replaced when written.
public func fuzzEntry(_ bytes: [UInt8]) -> Bool {
    guard let entry = try? LedgerEntry(decoding: bytes) else { return true }
    let encoded = entry.encoded
    guard let again = try? LedgerEntry(decoding: encoded), again.encoded == encoded else { return false }
    return isSame(encoded, as: bytes, lastKey: 11) || again != entry
}

/// A signed note, and the checkpoint in it or in the bare bytes.
public func fuzzNote(_ bytes: [UInt8]) -> Bool {
    if let checkpoint = Checkpoint(body: bytes), checkpoint.body != bytes { return false }
    guard let note = SignedNote(bytes) else { return true }
    let verifier = NoteVerifier(name: "desk.example/ledger", publicKey: Array(repeating: 7, count: 32))
    if note.isSigned(by: verifier) || note.isCosigned(line: note.signatureLines, by: verifier) { return false }
    if let checkpoint = Checkpoint(body: note.text), checkpoint.body != note.text { return false }
    return note.text + [10] + note.signatureLines == bytes
}

/// A consistency and an inclusion proof with sizes from the input: forged proofs never hold, and no size traps.
public func fuzzProof(_ bytes: [UInt8]) -> Bool {
    func number(_ part: ArraySlice<UInt8>) -> UInt64 { part.reduce(0) { $0 << 8 | UInt64($1) } }
    let (old, new) = (number(bytes.prefix(8)), number(bytes.dropFirst(8).prefix(8)))
    let rest = Array(bytes.dropFirst(16))
    var proof: [[UInt8]] = []
    var index = 0
    while index < rest.count {
        proof.append(Array(rest[index..<min(index + 32, rest.count)]))
        index += 32
    }
    let oldRoot = MerkleTree.leafHash([0])
    let newRoot = MerkleTree.leafHash([1])
    _ = CompactRange(size: old, hashes: proof).map { range in
        var grown = range
        grown.append(leafHash: oldRoot)
        return grown.root
    }
    return !MerkleTree.isConsistent(oldSize: old, oldRoot: oldRoot, newSize: new, newRoot: newRoot, proof: proof)
        && !MerkleTree.isIncluded(leafHash: oldRoot, index: old, size: new, root: newRoot, proof: proof)
}
