import AgentCore
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("The device as a witness")
struct WitnessTests {
    let key: SigningKey
    let origin: Text = "desk.example/log"

    init() throws { key = try #require(SigningKey(seed: [UInt8](repeating: 5, count: 32))) }

    private var verifier: NoteVerifier { NoteVerifier(name: origin, publicKey: key.publicKey) }

    private func leaf(_ number: Int, _ history: UInt8) -> [UInt8] { MerkleTree.leafHash([history, UInt8(number)]) }

    private func root(_ leaves: [[UInt8]]) -> [UInt8] {
        var range = CompactRange()
        for leaf in leaves { range.append(leafHash: leaf) }
        return range.root
    }

    private func offer(_ size: Int, history: UInt8 = 0, from proven: UInt64 = 0, proof: [[UInt8]] = []) -> WitnessOffer {
        let checkpoint = Checkpoint(origin: origin, size: UInt64(size), root: root((0..<size).map { leaf($0, history) }))
        return WitnessOffer(checkpoint: SignedNote.sign(text: checkpoint.body, name: origin, key: key), provenSize: proven, proof: proof)
    }

    private func conversation(knowsDesk: Bool = true) throws -> Conversation {
        let scratch = try Scratch()
        if knowsDesk { try scratch.write("etc/rollcall/desks", verifier.vkey + [10]) }
        return try Conversation([], scratch: scratch)
    }

    private func reopened(_ talk: Conversation, _ offer: WitnessOffer) throws -> (Conversation, WitnessAnswer) {
        talk.session.lost()
        let next = try Conversation(sharing: talk)
        return (next, try next.open(offer).witness)
    }

    @Test("vouches for the first head and remembers it")
    func first() throws {
        let talk = try conversation()
        let offer = offer(2)
        let answer = try talk.open(offer).witness
        #expect(answer.status == .first && answer.lastSeen.isEmpty)
        let device = NoteVerifier(
            name: talk.device.identity.origin,
            publicKey: try #require(SigningKey(seed: try talk.scratch.read("var/lib/rollcall/key"))).publicKey)
        #expect(try #require(SignedNote(offer.checkpoint)).isCosigned(line: answer.cosignature, by: device))
        #expect(try talk.log().contains { $0.kind == .headSeen && $0.checkpoint == offer.checkpoint && $0.detail == "first" })
        let (_, again) = try reopened(talk, offer)
        #expect(again.status == .consistent && again.lastSeen == offer.checkpoint && !again.cosignature.isEmpty)
    }

    @Test("vouches for a head that continues the one seen last")
    func consistent() throws {
        let talk = try conversation()
        try talk.open(offer(2))
        // The tree of two is a subtree of the tree of three: its sibling is the third leaf.
        let (_, answer) = try reopened(talk, offer(3, from: 2, proof: [leaf(2, 0)]))
        #expect(answer.status == .consistent && !answer.cosignature.isEmpty)
    }

    @Test("puts a rewritten history on record with both heads, and serves on")
    func inconsistent() throws {
        let talk = try conversation()
        let (old, new) = (offer(2), offer(3, history: 1, from: 2, proof: [leaf(2, 1)]))
        try talk.open(old)
        let (next, answer) = try reopened(talk, new)
        #expect(answer.status == .inconsistent && answer.lastSeen == old.checkpoint && answer.cosignature.isEmpty)
        let seen = try next.log().filter { $0.kind == .headSeen }.suffix(2)
        #expect(seen.map { $0.checkpoint } == [old.checkpoint, new.checkpoint])
        #expect(seen.map { $0.detail } == ["inconsistent: seen last", "inconsistent: offered"])
        #expect(try next.run("x").end.rule == "no-catalogue")
        let (_, after) = try reopened(next, offer(2, history: 1))
        #expect(after.status == .inconsistent, "the head seen last stays the one that was vouched for")
    }

    @Test("a proof from another size is answered with the head seen last")
    func otherSize() throws {
        let talk = try conversation()
        try talk.open(offer(3))
        let (next, answer) = try reopened(talk, offer(4, from: 1))
        #expect(answer.status == .otherSize && answer.lastSeen == offer(3).checkpoint && answer.cosignature.isEmpty)
        let (_, older) = try reopened(next, offer(2, from: 0))
        #expect(older.status == .otherSize)
    }

    @Test("an unknown desk and a forged signature are not witnessed")
    func none() throws {
        #expect(try conversation(knowsDesk: false).open(offer(1)).witness.status == .none)
        var forged = offer(1)
        let other = try #require(SigningKey(seed: [UInt8](repeating: 6, count: 32)))
        forged.checkpoint = SignedNote.sign(text: try #require(SignedNote(forged.checkpoint)).text, name: origin, key: other)
        #expect(try conversation().open(forged).witness.status == .none)
        #expect(try conversation().open(WitnessOffer(checkpoint: [1, 2, 3])).witness.status == .none)
    }

    @Test("what cannot be remembered is not vouched for")
    func fullDisk() throws {
        let talk = try conversation()
        talk.kernel.fault = { $0 == .rename ? .noSpace : nil }
        let answer = try talk.open(offer(1)).witness
        #expect(answer.status == .first && answer.cosignature.isEmpty)
    }

    @Test("a verifier key survives its text form, and a changed one is refused")
    func vkey() throws {
        let line = verifier.vkey
        #expect(NoteVerifier(vkey: line[...]) == verifier)
        for index in line.indices {
            var other = line
            other[index] ^= 1
            #expect(NoteVerifier(vkey: other[...]) != verifier)
        }
    }

    @Test("a remembered head that cannot be read is no first one: nothing is vouched for, and the log says so")
    func unreadable() throws {
        let talk = try conversation()
        try talk.open(offer(3))
        let name = try #require(
            try FileManager.default.contentsOfDirectory(atPath: talk.scratch.url("var/lib/rollcall/witness").path).first)
        let file = "var/lib/rollcall/witness/" + name
        try talk.scratch.write(file, "damaged")
        let (next, damaged) = try reopened(talk, offer(1, history: 1))
        #expect(damaged.status == .none && damaged.cosignature.isEmpty)
        #expect(try talk.scratch.read(file) == Array("damaged".utf8))
        try FileManager.default.removeItem(at: talk.scratch.url(file))
        try FileManager.default.createDirectory(at: talk.scratch.url(file), withIntermediateDirectories: false)
        let (_, failed) = try reopened(next, offer(1, history: 1))
        #expect(failed.status == .none && failed.cosignature.isEmpty)
        let told = try talk.log().filter { $0.kind == .headSeen }.map { $0.detail.string }
        #expect(told.count == 3 && told[1].contains("damaged") && told[2].contains("errno 21"))
    }

    @Test("an older head is written down once in a session, with the checkpoint that was offered")
    func otherSizeOnce() throws {
        let talk = try conversation()
        try talk.open(offer(3))
        let (next, _) = try reopened(talk, offer(2))
        next.say(.close(Close(witness: offer(1))))
        let seen = try talk.log().filter { $0.kind == .headSeen && $0.detail == "other size" }
        #expect(seen.map { $0.checkpoint } == [offer(2).checkpoint])
    }
}
