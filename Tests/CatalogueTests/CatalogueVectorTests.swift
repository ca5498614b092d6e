import Catalogue
import Foundation
import GoldenVectors
import Testing
import Wire

@Suite struct CatalogueVectorTests {
    @Test("Tests/Vectors/catalogue.json holds a signed catalogue with the meaning of its parts")
    func catalogue() throws {
        let reviewers = [Reviewer(1), Reviewer(2)]
        let header = CatalogueSamples.header()
        let catalogue = CatalogueSamples.signed(by: reviewers)
        var file = VectorFile("catalogue")
        file.add(
            "header", catalogue.header,
            .map([
                (0, "rollcall-catalogue-v1"), (1, "example"), (2, 7), (3, .number(header.signedAt)), (4, .number(header.expiresAt)),
                (5, .bytes(header.partDigest)), (6, .bytes(header.deskDigest)),
            ]))
        file.add("device part", catalogue.part, CatalogueSamples.meaning)
        let keys = "[" + reviewers.map { quoted($0.line) }.joined(separator: ", ") + "]"
        file.add(
            "signed catalogue", catalogue.encoded,
            .map([(0, .bytes(catalogue.header)), (1, .bytes(catalogue.part)), (2, .list(catalogue.signatures.map { .bytes($0) }))]),
            also: [("keys", keys)])
        #expect(
            try file.isKept(), "catalogue.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }

    @Test("Tests/Vectors/roster.json holds a signed roster with the meaning of its parts")
    func roster() throws {
        let reviewers = [Reviewer(1), Reviewer(2)]
        let (header, document) = (RosterSamples.header, RosterSamples.signed(by: reviewers))
        var file = VectorFile("roster")
        file.add(
            "header", document.header,
            .map([
                (0, "rollcall-roster-v1"), (1, "example"), (2, 7), (3, .number(header.signedAt)), (4, .number(header.expiresAt)),
                (5, .bytes(header.partDigest)),
            ]))
        let operators = RosterSamples.operators.map { one in
            Meaning.list([
                .text(one.name.string), .number(UInt64(one.role.rawValue)), .number(one.expiresAt), .list(one.keys.map { .bytes($0) }),
            ])
        }
        file.add("roster", document.part, .list([.list(operators), .text(RosterSamples.desks.string)]))
        let keys = "[" + reviewers.map { quoted($0.line) }.joined(separator: ", ") + "]"
        file.add(
            "signed roster", document.encoded,
            .map([(0, .bytes(document.header)), (1, .bytes(document.part)), (2, .list(document.signatures.map { .bytes($0) }))]),
            also: [("keys", keys)])
        #expect(
            try file.isKept(), "roster.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }

    @Test(
        "an independent CBOR reader, openssl and ssh-keygen agree with every vector",
        .enabled(if: !VectorFile.isWriting, "the vectors are being rewritten"))
    func independentReader() throws {
        let process = Process()
        process.executableURL = VectorFile.root.appendingPathComponent("scripts/check-vectors")
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = pipe
        try process.run()
        let said = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 0, "scripts/check-vectors: \(said)")
    }
}
