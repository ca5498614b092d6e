import Foundation
import Testing

/// An architecture that agent/build builds for.
enum Architecture: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case x86 = "x86_64"
    case aarch64
    case armv7

    var testDescription: String { rawValue }

    /// qemu's program for one Linux program of that architecture (Debian's qemu-user); nil where this machine runs it by itself.
    var emulator: String? {
        switch self {
        case .x86: nil
        case .aarch64: "/usr/bin/qemu-aarch64"
        case .armv7: "/usr/bin/qemu-arm"
        }
    }

    /// The Embedded build of the agent: what scripts/test names, or where agent/build puts it.
    var agent: String {
        if self == .x86, let path = ProcessInfo.processInfo.environment["ROLLCALL_AGENT"] { return path }
        return folder + "/rollcall-agent"
    }

    /// The program that `agent/build --vectors` makes.
    var vectors: String { folder + "/embedded-vectors" }

    private var folder: String {
        let top = ProcessInfo.processInfo.environment["ROLLCALL_AGENT_OUT"] ?? repository.appendingPathComponent(".build-agent").path
        return top + "/" + rawValue
    }

    /// Runs one of its programs to its end.
    func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> (status: Int32, output: String) {
        try #require(FileManager.default.isExecutableFile(atPath: program), "no \(program); run agent/build, or scripts/test, first")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: emulator ?? program)
        process.arguments = (emulator == nil ? [] : [program]) + arguments
        process.environment = environment
        if let emulator {
            try #require(FileManager.default.isExecutableFile(atPath: emulator), "no \(emulator); run scripts/setup test first")
        }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}

/// A directory that is gone with the last reference to it.
final class ScratchDirectory {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("rollcall-repository.\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ name: String, _ content: [UInt8]) throws {
        let file = URL(fileURLWithPath: path).appendingPathComponent(name)
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: file)
    }
}

@Suite("The agent's binaries")
struct AgentBinaryTests {
    private func bytes(_ architecture: Architecture) throws -> Data {
        try #require(
            FileManager.default.contents(atPath: architecture.agent),
            "no agent at \(architecture.agent); run agent/build --all, or scripts/test, first")
    }

    @Test("it takes at most 400 KiB", arguments: Architecture.allCases)
    func size(_ architecture: Architecture) throws {
        #expect(try bytes(architecture).count <= 400 * 1024)
    }

    @Test("it is static and of its architecture: the ELF file names no interpreter and no library", arguments: Architecture.allCases)
    func isStatic(_ architecture: Architecture) throws {
        let file = [UInt8](try bytes(architecture))
        try #require(file.count > 64 && file.starts(with: [0x7F, 0x45, 0x4C, 0x46]), "not an ELF file")
        let isWide = architecture != .armv7
        try #require(file[4] == (isWide ? 2 : 1) && file[5] == 1, "not a little-endian file of the right width")
        func number(at offset: Int, _ count: Int) -> Int { (0..<count).reduce(0) { $0 | Int(file[offset + $1]) << (8 * $1) } }
        // e_machine: 62 EM_X86_64, 183 EM_AARCH64, 40 EM_ARM.
        let machine = [Architecture.x86: 62, .aarch64: 183, .armv7: 40]
        #expect(number(at: 18, 2) == machine[architecture])
        let table = isWide ? number(at: 32, 8) : number(at: 28, 4)
        let (entrySize, entries) = isWide ? (number(at: 54, 2), number(at: 56, 2)) : (number(at: 42, 2), number(at: 44, 2))
        try #require(table + entries * entrySize <= file.count)
        // Program header types: 2 PT_DYNAMIC, 3 PT_INTERP.
        let types = (0..<entries).map { number(at: table + $0 * entrySize, 4) }
        #expect(!types.contains(3), "it names an interpreter")
        #expect(!types.contains(2), "it has a dynamic section")
    }

    @Test("it says its version, and what it is", arguments: Architecture.allCases)
    func version(_ architecture: Architecture) throws {
        let (status, text) = try architecture.run(architecture.agent, ["--version"])
        #expect(status == 0)
        #expect(text.hasPrefix("rollcall-agent "))
    }

    @Test("one seed is one key, whatever the architecture")
    func key() throws {
        let scratch = try ScratchDirectory()
        try scratch.write("etc/machine-id", Array("0123456789abcdef0123456789abcdef\n".utf8))
        try scratch.write("var/lib/rollcall/key", [UInt8](0..<32))
        let said = try Architecture.allCases.map { try $0.run($0.agent, ["key", "--root-dir", scratch.path]) }
        #expect(said.allSatisfy { $0.status == 0 && !$0.output.isEmpty })
        #expect(Set(said.map(\.output)).count == 1)
    }
}

@Suite("The agent's code on every architecture")
struct EmbeddedVectorTests {
    @Test("the golden vectors, a recorded device and huge numbers hold", arguments: Architecture.allCases)
    func vectors(_ architecture: Architecture) throws {
        let scratch = try ScratchDirectory()
        let tests = repository.appendingPathComponent("Tests").path
        let (status, text) = try architecture.run(architecture.vectors, [tests], environment: ["TMPDIR": scratch.path])
        #expect(status == 0, "\(text)")
        // A line for each file that git holds, or a program that looked at nothing would pass.
        let files = try FileManager.default.contentsOfDirectory(atPath: tests + "/Vectors").filter { $0.hasSuffix(".json") }
        #expect(files.count >= 5)
        for file in files { #expect(text.contains("\(file): ") && !text.contains("\(file): 0 checks"), "\(file) was not looked at") }
        #expect(text.contains("Int of \(architecture == .armv7 ? 32 : 64) bits: 0 mismatches\n"))
    }

    @Test("a vector that says something else is a mismatch", arguments: Architecture.allCases)
    func canFail(_ architecture: Architecture) throws {
        let scratch = try ScratchDirectory()
        let tests = repository.appendingPathComponent("Tests")
        for folder in ["Vectors", "EmbeddedVectors/Tree"] {
            let copy = URL(fileURLWithPath: scratch.path).appendingPathComponent(folder)
            try FileManager.default.createDirectory(at: copy.deletingLastPathComponent(), withIntermediateDirectories: true)
            try FileManager.default.copyItem(at: tests.appendingPathComponent(folder), to: copy)
        }
        let file = tests.appendingPathComponent("Vectors/messages.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = text.replacingOccurrences(of: "\"6\": 1767225600000000", with: "\"6\": 1767225600000001")
        try #require(changed != text)
        try scratch.write("Vectors/messages.json", Array(changed.utf8))
        let (status, said) = try architecture.run(architecture.vectors, [scratch.path], environment: ["TMPDIR": scratch.path])
        #expect(status == 1)
        #expect(said.contains("messages.json: hello: the bytes do not say what the vector says\n"))
    }
}
