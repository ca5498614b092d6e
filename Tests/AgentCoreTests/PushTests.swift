import AgentCore
import Catalogue
import LedgerCore
import Testing
import Wire

@Suite("Pushing a catalogue")
struct PushTests {
    let reviewer: Reviewer
    let probe = Catalogues.program("echo", ["/bin/echo", "new"])

    init() throws { reviewer = try Reviewer(1) }

    private func conversation(role: Text = "repair", kernel: Kernel = Kernel()) throws -> Conversation {
        let old = Catalogues.program("echo", ["/bin/echo", "old"])
        let talk = try Conversation([old], role: role, kernel: kernel)
        try talk.open()
        return talk
    }

    /// Pushes in pieces of 100 bytes, and returns the last answer.
    private func push(_ bytes: [UInt8], to talk: Conversation) throws -> Message? {
        var offset = 0
        while offset < bytes.count {
            let piece = Array(bytes[offset..<min(offset + 100, bytes.count)])
            talk.say(.push(Push(request: 4, kind: "catalogue", size: UInt64(bytes.count), offset: UInt64(offset), bytes: piece)))
            offset += piece.count
            if let answer = try talk.hear() { return answer }
        }
        return nil
    }

    @Test("a signed one of a higher version comes into force and onto the record")
    func installed() throws {
        let talk = try conversation()
        let catalogue = Catalogues.signed([probe], version: 2, by: [reviewer])
        #expect(try push(catalogue.encoded, to: talk)?.done?.ending == .exited)
        #expect(try talk.run("echo").output == Array("new\n".utf8))
        let entry = try #require(try talk.log().first { $0.kind == .catalogueInstalled })
        #expect(entry.subject == "2" && entry.digest == catalogue.digest)
        #expect(try talk.scratch.read("var/lib/rollcall/catalogue") == catalogue.encoded)
    }

    enum Fault: String, CaseIterable {
        case unsigned, strangerSigned, expired, rolledBack, tampered, garbage, leap

        var rule: Text {
            switch self {
            case .unsigned, .strangerSigned: "catalogue-unsigned"
            case .expired: "catalogue-expired"
            case .rolledBack: "catalogue-rolled-back"
            case .tampered: "catalogue-tampered"
            case .garbage: "catalogue-malformed"
            case .leap: "catalogue-version-leap"
            }
        }
    }

    private func bytes(_ fault: Fault) throws -> [UInt8] {
        switch fault {
        case .unsigned: return Catalogues.signed([probe], version: 2, by: []).encoded
        case .strangerSigned: return Catalogues.signed([probe], version: 2, by: [try Reviewer(2)]).encoded
        case .expired: return Catalogues.signed([probe], version: 2, by: [reviewer], signedAt: 1, expiresAt: 2).encoded
        case .rolledBack: return Catalogues.signed([probe], version: 1, by: [reviewer]).encoded
        case .tampered:
            var catalogue = Catalogues.signed([probe], version: 2, by: [reviewer])
            catalogue.part = DevicePart(probes: [Catalogues.program("echo", ["/bin/rm"])]).encoded
            return catalogue.encoded
        case .garbage: return [UInt8](repeating: 7, count: 300)
        case .leap: return Catalogues.signed([probe], version: 2_000_000, by: [reviewer]).encoded
        }
    }

    @Test("what reviewers did not vouch for is refused by its rule, and the one in force stays", arguments: Fault.allCases)
    func refused(_ fault: Fault) throws {
        let talk = try conversation()
        let before = try talk.scratch.read("var/lib/rollcall/catalogue")
        #expect(try push(try bytes(fault), to: talk)?.rule == fault.rule)
        #expect(try talk.run("echo").output == Array("old\n".utf8))
        #expect(try talk.scratch.read("var/lib/rollcall/catalogue") == before)
        #expect(!talk.scratch.exists("var/lib/rollcall/catalogue.new"))
        #expect(try talk.log().contains { $0.kind == .refused && $0.detail == fault.rule })
    }

    @Test("pieces out of order, of another kind, or from too low a role are refused")
    func order() throws {
        let talk = try conversation()
        talk.say(.push(Push(request: 1, kind: "catalogue", size: 10, offset: 5, bytes: [1])))
        #expect(try talk.refusal() == "push")
        talk.say(.push(Push(request: 1, kind: "firmware", size: 10, offset: 0, bytes: [1])))
        #expect(try talk.refusal() == "push")
        talk.say(.push(Push(request: 1, kind: "catalogue", size: 0, offset: 0, bytes: [])))
        #expect(try talk.refusal() == "push")
        talk.say(.push(Push(request: 1, kind: "catalogue", size: 2, offset: 0, bytes: [1, 2, 3])))
        #expect(try talk.refusal() == "malformed", "a piece beyond its size cannot even be read")
        let observer = try conversation(role: "observe")
        observer.say(.push(Push(request: 1, kind: "catalogue", size: 2, offset: 0, bytes: [1])))
        #expect(try observer.refusal() == "rights")
    }

    @Test("a disk that fails at any call leaves the old catalogue whole", arguments: [SystemCall.open, .write, .sync, .rename])
    func fullDisk(_ call: SystemCall) throws {
        let kernel = Kernel()
        let talk = try conversation(kernel: kernel)
        let before = try talk.scratch.read("var/lib/rollcall/catalogue")
        let encoded = Catalogues.signed([probe], version: 2, by: [reviewer]).encoded
        for place in 1...3 {
            var count = 0
            kernel.fault = {
                if $0 == call { count += 1 }
                return $0 == call && count >= place ? .noSpace : nil
            }
            let answer = try push(encoded, to: talk)
            kernel.fault = nil
            if answer?.done != nil { break }
            let rule = try #require(answer?.rule)
            #expect(["storage", "ledger", "trust-malformed", "owner"].contains(rule))
            #expect(try talk.scratch.read("var/lib/rollcall/catalogue") == before || rule == "storage")
            #expect(try SignedDocument(decoding: talk.scratch.read("var/lib/rollcall/catalogue")).signatures.count == 1)
        }
    }

    @Test("a push refused at its first piece is refused once, and its other pieces wear out nothing")
    func refusedOnce() throws {
        let talk = try conversation(role: "observe")
        for offset in 0..<5 {
            talk.say(.push(Push(request: 4, kind: "catalogue", size: 5, offset: UInt64(offset), bytes: [1])))
        }
        #expect(try talk.refusal() == "rights")
        #expect(try talk.hear() == nil)
        #expect(try talk.log().count(where: { $0.kind == .refused }) == 1)
        talk.say(.push(Push(request: 4, kind: "catalogue", size: 5, offset: 0, bytes: [1])))
        #expect(try talk.refusal() == "rights", "a new push is answered anew")
    }

    @Test("what was announced and could not be put in place is taken back in the log, however much was refused before")
    func renameFails() throws {
        let kernel = Kernel()
        let talk = try conversation(kernel: kernel)
        for _ in 0..<70 {
            talk.say(.run(Run(request: 1, probe: "missing")))
            _ = try talk.refusal()
        }
        kernel.fault = { $0 == .rename ? .noSpace : nil }
        let encoded = Catalogues.signed([probe], version: 2, by: [reviewer]).encoded
        #expect(try push(encoded, to: talk)?.rule == "storage")
        kernel.fault = nil
        let last = try talk.log().suffix(2)
        #expect(last.map { $0.kind } == [.catalogueInstalled, .refused])
        #expect(last.last?.detail == "storage" && last.last?.request == 4)
        #expect(try talk.run("echo").output == Array("old\n".utf8))
    }

    @Test("a catalogue that is in its place is in force, though the disk did not confirm it")
    func unconfirmed() throws {
        let kernel = Kernel()
        let talk = try conversation(kernel: kernel)
        var isRenamed = false
        kernel.fault = { call in
            if call == .rename { isRenamed = true }
            return call == .sync && isRenamed ? .inputOutput : nil
        }
        let encoded = Catalogues.signed([probe], version: 2, by: [reviewer]).encoded
        let done = try #require(try push(encoded, to: talk)?.done)
        #expect(done.ending == .exited && !done.note.isEmpty)
        kernel.fault = nil
        #expect(try talk.run("echo").output == Array("new\n".utf8))
        #expect(try talk.scratch.read("var/lib/rollcall/catalogue") == encoded)
    }
}
