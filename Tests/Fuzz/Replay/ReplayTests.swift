import Foundation
import FuzzTargets
import Testing

@Suite struct ReplayTests {
    private static let corpus = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Corpus")

    @Test("every input a fuzzer kept is parsed or refused, without a trap", arguments: FuzzTarget.all.map(\.name))
    func replay(name: String) throws {
        let target = try #require(FuzzTarget.named(name))
        let files = try FileManager.default.contentsOfDirectory(
            at: Self.corpus.appendingPathComponent(name), includingPropertiesForKeys: nil)
        #expect(!files.isEmpty)
        for file in files {
            let input = Array(try Data(contentsOf: file))
            #expect(target.holds(input), "\(file.lastPathComponent)")
            // Cut short and with each byte altered, the neighbours of an input are as hostile as itself.
            for length in 0..<min(input.count, 256) {
                #expect(target.holds(Array(input[..<length])), "\(file.lastPathComponent) cut to \(length)")
            }
            for index in input.indices.prefix(256) {
                var altered = input
                altered[index] ^= 0x21
                #expect(target.holds(altered), "\(file.lastPathComponent) altered at \(index)")
            }
        }
    }

    @Test("each target has a corpus, and each corpus a target")
    func folders() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: Self.corpus.path).filter { !$0.hasPrefix(".") }
        #expect(Set(folders) == Set(FuzzTarget.all.map(\.name)))
    }
}
