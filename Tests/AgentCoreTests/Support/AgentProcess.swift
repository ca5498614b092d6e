import AgentCore
import Catalogue
import Foundation
import Testing
import Wire

/// The built agent as a child: the program of this build, or the Embedded one that ROLLCALL_AGENT names.
struct AgentBinary: Sendable, CustomTestStringConvertible {
    let path: String
    let testDescription: String
    /// What runs it where it is of another architecture.
    var emulator: String?

    /// Both builds, as far as they are there.
    static var all: [AgentBinary] {
        let directory = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        var found = [directory, URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()]
            .map { $0.appendingPathComponent("rollcall-agent").path }
            .filter { FileManager.default.isExecutableFile(atPath: $0) }
            .prefix(1).map { AgentBinary(path: $0, testDescription: "full Swift") }
        if let embedded { found.append(embedded) }
        return found
    }

    /// The Embedded build; nil where ROLLCALL_AGENT does not name it.
    static var embedded: AgentBinary? {
        ProcessInfo.processInfo.environment["ROLLCALL_AGENT"].map { AgentBinary(path: $0, testDescription: "Embedded") }
    }

    /// The Embedded builds for ARM, as `agent/build --all` made them, under qemu.
    static var emulated: [AgentBinary] {
        let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent()
        let top = ProcessInfo.processInfo.environment["ROLLCALL_AGENT_OUT"] ?? repository.appendingPathComponent(".build-agent").path
        return [("aarch64", "/usr/bin/qemu-aarch64"), ("armv7", "/usr/bin/qemu-arm")].map { name, emulator in
            AgentBinary(path: "\(top)/\(name)/rollcall-agent", testDescription: name, emulator: emulator)
        }
    }
}

/// An agent that runs as a child of the test, spoken to over its standard streams.
final class AgentProcess {
    let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var reader = FrameReader()
    /// Kept until the process has ended.
    var scratch: Scratch?

    /// - Parameter journal: File that takes what it writes to standard error; nowhere otherwise.
    init(_ binary: AgentBinary, _ arguments: [String], environment: [String: String] = [:], journal: URL? = nil) throws {
        process.executableURL = URL(fileURLWithPath: binary.emulator ?? binary.path)
        process.arguments = (binary.emulator == nil ? [] : [binary.path]) + arguments
        process.environment = environment
        process.standardInput = input
        process.standardOutput = output
        if let journal { try Data().write(to: journal) }
        let errors = FileHandle(forWritingAtPath: journal?.path ?? "/dev/null")
        process.standardError = errors
        try process.run()
        try? errors?.close()
    }

    /// An agent that serves alone in `scratch`.
    static func standalone(_ binary: AgentBinary, _ scratch: Scratch, role: String = "repair") throws -> AgentProcess {
        let agent = try AgentProcess(
            binary, ["serve", "--standalone", "--operator", "alice", "--role", role, "--root-dir", scratch.path])
        agent.scratch = scratch
        return agent
    }

    deinit {
        // SIGKILL: a child of a Dispatch thread inherits that thread's mask, in which SIGTERM is blocked.
        if process.isRunning { kill(process.processIdentifier, SIGKILL) }
        // A Process that has ended keeps them, and waits with select(2), which knows descriptors up to 1,023 only and corrupts memory beyond.
        try? input.fileHandleForWriting.close()
        try? output.fileHandleForReading.close()
    }

    func say(_ message: Message) throws { try say([message]) }

    /// Says all of them in one write.
    func say(_ messages: [Message]) throws { try input.fileHandleForWriting.write(contentsOf: Data(messages.flatMap(\.frame))) }

    func closeInput() throws { try input.fileHandleForWriting.close() }

    /// The next message; nil at the end.
    func hear() throws -> Message? {
        while true {
            if let bytes = try reader.next() { return try Message(decoding: bytes) }
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { return nil }
            reader.append(Array(data))
        }
    }

    /// Everything it still writes, as text.
    func rest() -> String { String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }

    func open() throws {
        guard case .hello? = try hear() else { throw Errno.invalid }
        try say(.open(Open(controllerVersion: "test", session: "s-1", call: "", operatorName: "Alice", reason: "test")))
        guard case .opened? = try hear() else { throw Errno.invalid }
    }

    func run(_ probe: Text, _ parameters: [Parameter] = [], request: UInt64 = 1) throws -> (output: [UInt8], end: Message) {
        try say(.run(Run(request: request, probe: probe, parameters: parameters)))
        return try answer()
    }

    func answer() throws -> (output: [UInt8], end: Message) {
        var bytes: [UInt8] = []
        while let message = try hear() {
            guard case .chunk(let chunk) = message else { return (bytes, message) }
            bytes += chunk.bytes
        }
        throw Errno.brokenPipe
    }
}

extension Scratch {
    /// Puts a catalogue in force, signed by a reviewer whom the device trusts.
    func install(_ probes: [ProbeDefinition]) throws {
        let reviewer = try Reviewer(1)
        try write("etc/rollcall/trust", "threshold 1\n" + reviewer.line)
        try write("var/lib/rollcall/catalogue", Catalogues.signed(probes, by: [reviewer]).encoded)
    }
}
