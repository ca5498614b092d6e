import Foundation
import Testing
import Wire

@testable import AgentCore

@Suite("The reader of names")
struct NamesReaderTests {
    @Test("a reply that was damaged on its way is as if it had not come, and the next one is taken")
    func damaged() throws {
        let scratch = try Scratch()
        let address = "127.54.\(UInt8.random(in: 1...250)).\(UInt8.random(in: 1...250))"
        try scratch.write("etc/resolv.conf", "nameserver \(address)\n")
        let server = try LoopbackSocket(address: address, port: 53)
        server.answerQuestions(2) { question in [question.prefix(2) + [0x81, 0x83]] }
        let kernel = Kernel()
        var reads = 0
        // The first is of resolv.conf; the kernel drops a damaged datagram at the second, though it had said that there was one.
        kernel.fault = { call in
            guard call == .read else { return nil }
            reads += 1
            return reads == 2 ? .again : nil
        }
        var rows: [NameRow] = []
        try NamesReader(kernel: kernel, root: Array(scratch.path.utf8), patience: 2_000_000).read(["a.example"]) { (bytes) throws(Errno) in
            var reader = CBORReader(bytes)
            if let row = try? NameRow(&reader) { rows.append(row) }
        }
        #expect(rows.map(\.status) == [0, 0] && rows.allSatisfy { $0.reply.suffix(2) == [0x81, 0x83] })
        #expect(reads == 4)
    }
}
