import Foundation
import Testing

/// The Embedded build of the agent, as agent/build made it for this machine.
struct AgentBinary {
    /// Where it lies: what scripts/test sets, or where agent/build puts it.
    static var path: String {
        if let path = ProcessInfo.processInfo.environment["ROLLCALL_AGENT"] { return path }
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        return repository.appendingPathComponent(".build-agent/\(architecture)/rollcall-agent").path
    }
}

@Suite("The agent's binary")
struct AgentBinaryTests {
    private func bytes() throws -> Data {
        try #require(
            FileManager.default.contents(atPath: AgentBinary.path),
            "no agent at \(AgentBinary.path); run agent/build, or scripts/test, first")
    }

    @Test("it takes at most 400 KiB")
    func size() throws {
        #expect(try bytes().count <= 400 * 1024)
    }

    @Test("it is static: the ELF file names no interpreter and no library")
    func isStatic() throws {
        let file = [UInt8](try bytes())
        try #require(file.count > 64 && file.starts(with: [0x7F, 0x45, 0x4C, 0x46]), "not an ELF file")
        try #require(file[4] == 2 && file[5] == 1, "not a 64-bit little-endian file")
        func number(at offset: Int, _ count: Int) -> Int { (0..<count).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) } }
        let (table, entrySize, entries) = (number(at: 32, 8), number(at: 54, 2), number(at: 56, 2))
        try #require(table + entries * entrySize <= file.count)
        // Program header types: 2 PT_DYNAMIC, 3 PT_INTERP.
        let types = (0..<entries).map { number(at: table + $0 * entrySize, 4) }
        #expect(!types.contains(3), "it names an interpreter")
        #expect(!types.contains(2), "it has a dynamic section")
    }

    @Test("it says its version, and what it is")
    func version() throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: AgentBinary.path)
        process.arguments = ["--version"]
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        process.waitUntilExit()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        #expect(process.terminationStatus == 0)
        #expect(text.hasPrefix("rollcall-agent "))
    }
}
