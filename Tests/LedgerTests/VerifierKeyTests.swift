import Ledger
import LedgerCore
import Testing
import Wire

@Suite("Keys and checkpoints")
struct VerifierKeyTests {
    private func key(_ byte: UInt8) throws -> SigningKey {
        try #require(SigningKey(seed: [UInt8](repeating: byte, count: 32)))
    }

    @Test("the key that C2SP gives as its example is read, and written as it was")
    func specificationExample() throws {
        let text: Text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
        let verifier = try NoteVerifier(text: text)
        #expect(verifier.name == "PeterNeumann")
        #expect(verifier.text() == text)
    }

    @Test("the note that C2SP gives as its example is signed by that key")
    func specificationNote() throws {
        let verifier = try NoteVerifier(text: "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW")
        let note = """
            If you think cryptography is the answer to your problem,
            then you don't know what your problem is.

            — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=

            """
        let signed = try #require(SignedNote(Array(note.utf8)))
        #expect(signed.isSigned(by: verifier))
    }

    @Test("a key survives being written and read, for signing and for cosigning")
    func roundTrip() throws {
        let verifier = NoteVerifier(name: "rollcall-desk/x", publicKey: try key(1).publicKey)
        #expect(try NoteVerifier(text: verifier.text()) == verifier)
        #expect(try NoteVerifier(text: verifier.text(.cosignature)) == verifier)
        #expect(verifier.text() != verifier.text(.cosignature))
    }

    @Test(
        "text that is no key is refused",
        arguments: [
            "", "a", "a+b", "PeterNeumann+c74f20a3", "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW", "+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10T", "PeterNeumann+c74f20a3+AQ==",
        ])
    func malformed(_ text: String) {
        #expect(throws: LedgerError.self) { try NoteVerifier(text: Text(text)) }
    }

    @Test("a checkpoint is read only under its own origin and key")
    func checkpoint() throws {
        let (ours, other) = (try key(1), try key(2))
        let head = Checkpoint(origin: "rollcall-desk/x", size: 7, root: [UInt8](repeating: 9, count: 32))
        let note = head.signed(by: ours)
        #expect(try Checkpoint(note: note, signedBy: NoteVerifier(name: "rollcall-desk/x", publicKey: ours.publicKey)) == head)
        #expect(throws: LedgerError(.badSignature, "rollcall-desk/x")) {
            try Checkpoint(note: note, signedBy: NoteVerifier(name: "rollcall-desk/x", publicKey: other.publicKey))
        }
        #expect(throws: LedgerError(.otherOrigin, "rollcall-desk/x")) {
            try Checkpoint(note: note, signedBy: NoteVerifier(name: "rollcall-desk/y", publicKey: ours.publicKey))
        }
        #expect(throws: LedgerError(.malformedCheckpoint)) {
            try Checkpoint(note: Array(note.dropLast()), signedBy: NoteVerifier(name: "rollcall-desk/x", publicKey: ours.publicKey))
        }
    }

    @Test("no cut or changed byte of a checkpoint is accepted")
    func everyByte() throws {
        let ours = try key(1)
        let verifier = NoteVerifier(name: "rollcall-desk/x", publicKey: ours.publicKey)
        let note = Checkpoint(origin: "rollcall-desk/x", size: 7, root: [UInt8](repeating: 9, count: 32)).signed(by: ours)
        for position in note.indices {
            var altered = note
            altered[position] ^= 1
            #expect(throws: LedgerError.self) { try Checkpoint(note: altered, signedBy: verifier) }
            #expect(throws: LedgerError.self) { try Checkpoint(note: Array(note[..<position]), signedBy: verifier) }
        }
    }
}
