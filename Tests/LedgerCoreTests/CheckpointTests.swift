import LedgerCore
import Testing
import Wire

@Suite struct CheckpointTests {
    static let root: [UInt8] = (0..<32).map { UInt8($0) }
    private let rootText = String(decoding: Base64.encode(root), as: UTF8.self)

    private func parse(_ text: String) -> Checkpoint? { Checkpoint(body: Array(text.utf8)) }

    @Test("a checkpoint's body is three lines and comes back")
    func roundTrip() {
        for size: UInt64 in [0, 1, 10, 1 << 32, UInt64(Int64.max)] {
            let checkpoint = Checkpoint(origin: "desk.example/ledger", size: size, root: Self.root)
            #expect(String(decoding: checkpoint.body, as: UTF8.self) == "desk.example/ledger\n\(size)\n\(rootText)\n")
            #expect(Checkpoint(body: checkpoint.body) == checkpoint)
        }
    }

    @Test("a body in any other form is refused")
    func strict() {
        #expect(parse("a\n1\n\(rootText)\n") != nil)
        for size in [
            "", "01", "00", "+1", "-1", "1 ", " 1", "0x1", "1_0", "9223372036854775808", "18446744073709551616", "99999999999999999999",
        ] {
            #expect(parse("a\n\(size)\n\(rootText)\n") == nil, "size \(size)")
        }
        for text in [
            "", "\n", "a\n1\n\(rootText)", "a\n1\n\(rootText)\n\n", "a\n1\n\(rootText)\nextension\n", "\n1\n\(rootText)\n", "a\n1\n\n",
            "a\r\n1\n\(rootText)\n",
            "a\n1\n\(rootText)=\n", "a\n1\n\(rootText.dropLast(4))\n", "a\n1\n\(rootText)AAAA\n",
        ] { #expect(parse(text) == nil, "\(text)") }
        #expect(parse(String(repeating: "a", count: 129) + "\n1\n\(rootText)\n") == nil)
        #expect(Checkpoint(body: [0xFF] + Array("\n1\n\(rootText)\n".utf8)) == nil)
    }

    @Test(
        "an origin holds nothing that a signature line or a terminal would misread",
        arguments: ["a b", "a+b", "a\tb", "a\u{1b}[2J", "a\u{7f}", "a\u{a0}b", "a\u{2028}b", " ", "\0"])
    func origin(name: String) { #expect(parse("\(name)\n1\n\(rootText)\n") == nil) }

    @Test("lines without end cost nothing")
    func flood() { #expect(Checkpoint(body: Array(repeating: 10, count: 1_000_000)) == nil) }
}

@Suite struct SignedNoteTests {
    private let text: [UInt8] = Checkpoint(origin: "desk.example/ledger", size: 3, root: CheckpointTests.root).body
    private let name: Text = "desk.example/ledger"

    private func key(_ number: UInt8) throws -> SigningKey { try #require(SigningKey(seed: Array(repeating: number, count: 32))) }

    @Test("a note is signed, read, and vouched for by its key alone")
    func signed() throws {
        let key = try key(1)
        let note = try #require(SignedNote(SignedNote.sign(text: text, name: name, key: key)))
        #expect(note.text == text)
        #expect(note.isSigned(by: NoteVerifier(name: name, publicKey: key.publicKey)))
        #expect(try !note.isSigned(by: NoteVerifier(name: name, publicKey: self.key(2).publicKey)))
        #expect(!note.isSigned(by: NoteVerifier(name: "desk.example/ledge", publicKey: key.publicKey)))
        #expect(!note.isSigned(by: NoteVerifier(name: "other", publicKey: key.publicKey)))
    }

    @Test("other signers' lines are passed over, before and after ours")
    func others() throws {
        let (ours, theirs) = (try key(1), try key(2))
        let ourNote = SignedNote.sign(text: text, name: name, key: ours)
        let theirLine = try #require(SignedNote(SignedNote.sign(text: text, name: "witness.example", key: theirs))).signatureLines
        let ourLine = try #require(SignedNote(ourNote)).signatureLines
        let cosignature = SignedNote.cosign(text: text, time: 1_767_225_600, name: "device", key: theirs)
        for lines in [theirLine + ourLine, ourLine + theirLine, cosignature + theirLine + ourLine + cosignature] {
            let note = try #require(SignedNote(text + [10] + lines))
            #expect(note.isSigned(by: NoteVerifier(name: name, publicKey: ours.publicKey)))
            #expect(note.isSigned(by: NoteVerifier(name: "witness.example", publicKey: theirs.publicKey)))
            #expect(!note.isSigned(by: NoteVerifier(name: "nobody", publicKey: theirs.publicKey)))
        }
        let without = try #require(SignedNote(text + [10] + theirLine))
        #expect(!without.isSigned(by: NoteVerifier(name: name, publicKey: ours.publicKey)))
    }

    @Test("no byte of a note can be altered unnoticed")
    func altered() throws {
        let key = try key(1)
        let verifier = NoteVerifier(name: name, publicKey: key.publicKey)
        let note = SignedNote.sign(text: text, name: name, key: key)
        for index in note.indices {
            var altered = note
            altered[index] ^= 1
            #expect(SignedNote(altered)?.isSigned(by: verifier) != true, "byte \(index)")
        }
        for length in 0..<note.count { #expect(SignedNote(Array(note[..<length]))?.isSigned(by: verifier) != true) }
    }

    @Test("what is not in the form of a signed note is refused")
    func form() throws {
        let line = Array(SignedNote.sign(text: text, name: name, key: try key(1)).dropFirst(text.count + 1))
        func reads(_ note: [UInt8]) -> Bool { SignedNote(note) != nil }
        #expect(reads(text + [10] + line))
        #expect(!reads([]))
        #expect(!reads(text + line))
        #expect(!reads(text + [10]))
        #expect(!reads(text + [10, 10]))
        #expect(!reads(text + [10] + line.dropLast()))
        #expect(!reads(text + [10] + line + Array("x\n".utf8)))
        #expect(!reads(text + [10] + Array("- name AAAAAAAA\n".utf8)))
        for bad in [
            "\u{2014} \n", "\u{2014} name\n", "\u{2014} name \n", "\u{2014}  AAAAAAAA\n", "\u{2014} name AAAA\n", "\u{2014} name AAAAAAA\n",
            "\u{2014} two words AAAAAAAA\n",
        ] {
            #expect(!reads(text + [10] + Array(bad.utf8) + line), "\(bad)")
        }
        #expect(reads(text + [10] + Array("\u{2014} name AAAAAAAA\n".utf8) + line))
        #expect(!reads([0xFF, 10, 10] + line))
        #expect(!reads([0x1B, 10, 10] + line))
        #expect(!reads(Array(repeating: 97, count: 4_096) + [10, 10] + line))
    }

    @Test("a cosignature is bound to its time, text, name and key")
    func cosigned() throws {
        let key = try key(3)
        let verifier = NoteVerifier(name: "device", publicKey: key.publicKey)
        let note = try #require(SignedNote(SignedNote.sign(text: text, name: name, key: try self.key(1))))
        let line = SignedNote.cosign(text: text, time: 1_767_225_600, name: "device", key: key)
        #expect(note.isCosigned(line: line, by: verifier))
        #expect(!note.isCosigned(line: line, by: NoteVerifier(name: "devicf", publicKey: key.publicKey)))
        #expect(try !note.isCosigned(line: line, by: NoteVerifier(name: "device", publicKey: self.key(1).publicKey)))
        for index in line.indices.dropLast() {
            var altered = line
            altered[index] ^= 1
            #expect(!note.isCosigned(line: altered, by: verifier), "byte \(index)")
        }
        let other = try #require(SignedNote(SignedNote.sign(text: text + [97, 10], name: name, key: try self.key(1))))
        #expect(!other.isCosigned(line: line, by: verifier))
        #expect(!note.isCosigned(line: [], by: verifier))
        // A note's own signature is no cosignature, and a cosignature no signature.
        #expect(!note.isCosigned(line: note.signatureLines, by: NoteVerifier(name: name, publicKey: try self.key(1).publicKey)))
        let withLine = try #require(SignedNote(text + [10] + line))
        #expect(!withLine.isSigned(by: verifier))
        let latest = SignedNote.cosign(text: text, time: .max, name: "device", key: key)
        #expect(note.isCosigned(line: latest, by: verifier))
    }
}
