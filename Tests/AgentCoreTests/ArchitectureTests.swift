import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

/// The same sessions that this machine's agent holds, on those for ARM under qemu: what 32 bits or another kernel interface break shows here.
@Suite("The agent for another architecture")
struct ArchitectureTests {
    let probes = [
        Catalogues.program("echo", ["/bin/echo", "hello"]),
        ProbeDefinition(id: "files", impact: .observe, source: .files(["/proc/meminfo", "/proc/sys/*"])),
        ProbeDefinition(id: "mounts", impact: .observe, source: .statfs),
    ]

    private func agent(_ binary: AgentBinary) throws -> AgentProcess {
        for file in [binary.path, binary.emulator ?? binary.path] {
            try #require(
                FileManager.default.isExecutableFile(atPath: file), "no \(file); run scripts/setup test and agent/build --all first")
        }
        let scratch = try Scratch()
        try scratch.install(probes)
        try scratch.write("proc/self/mounts", "overlay / overlay rw 0 0\nnone \(scratch.path)/none ext4 rw 0 0\n")
        try scratch.write("proc/meminfo", "MemTotal: 18446744073709551612 kB\n")
        return try AgentProcess.standalone(binary, scratch)
    }

    @Test("it says hello with its architecture, the time and the catalogue in force", arguments: AgentBinary.emulated)
    func hello(_ binary: AgentBinary) throws {
        let agent = try agent(binary)
        guard case .hello(let hello)? = try agent.hear() else { throw Errno.invalid }
        #expect(hello.architecture.string.hasPrefix(binary.testDescription))
        #expect(hello.isStandalone && hello.catalogueVersion == 1)
        #expect(hello.clock > Catalogues.now - 60 * Catalogues.second && hello.clock < Catalogues.now + 60 * Catalogues.second)
        #expect(hello.catalogueExpiry > Catalogues.now)
        let note = try #require(SignedNote(hello.checkpoint))
        #expect(Checkpoint(body: note.text)?.size == 1)
    }

    @Test("a program, the readers and the ledger answer", arguments: AgentBinary.emulated)
    func session(_ binary: AgentBinary) throws {
        let agent = try agent(binary)
        try agent.open()
        let echo = try agent.run("echo", request: 1)
        let done = try #require(echo.end.done)
        #expect(echo.output == Array("hello\n".utf8) && done.ending == .exited)
        #expect(done.digest == SHA256.answerDigest(output: SHA256.hash(echo.output), error: SHA256.hash([])))
        #expect(done.measures.isSuperset(of: [.isolatedProcess, .noNewPrivileges, .resourceLimits]))

        let files = try agent.run("files", request: 2)
        #expect(files.end.done?.ending == .exited)
        var reader = CBORReader(files.output)
        #expect(try FileRow(&reader).content == Array("MemTotal: 18446744073709551612 kB\n".utf8))
        #expect(reader.isAtEnd)

        // Mounts are asked below the scratch directory: "/" is there, the other is not.
        let mounts = try agent.run("mounts", request: 3)
        #expect(mounts.end.done?.ending == .exited)
        var rows = CBORReader(mounts.output)
        let (root, none) = (try MountRow(&rows), try MountRow(&rows))
        #expect(root.status == 0 && root.blocks > 0 && root.freeBlocks <= root.blocks)
        #expect(none.status == UInt64(Errno.noEntry.rawValue))

        try agent.say(.close(Close()))
        guard case .closed(let closed)? = try agent.hear() else { throw Errno.invalid }
        let note = try #require(SignedNote(closed.checkpoint))
        // log.created, session.opened, three requests and answers, session.closed.
        #expect(try #require(Checkpoint(body: note.text)).size == 9)
        agent.process.waitUntilExit()
        #expect(agent.process.terminationStatus == 0)
    }
}
