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
                (5, .bytes(header.deviceDigest)), (6, .bytes(header.deskDigest)),
            ]))
        file.add("device part", catalogue.devicePart, CatalogueSamples.meaning)
        let keys = "[" + reviewers.map { quoted($0.line) }.joined(separator: ", ") + "]"
        file.add(
            "signed catalogue", catalogue.encoded,
            .map([(0, .bytes(catalogue.header)), (1, .bytes(catalogue.devicePart)), (2, .list(catalogue.signatures.map { .bytes($0) }))]),
            also: [("keys", keys)])
        #expect(
            try file.isKept(), "catalogue.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
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
