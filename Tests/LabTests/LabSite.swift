import Foundation
import Subprocess

/// Where the lab, the built programs and the repository are, and what of it is missing on this machine.
enum LabSite {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    /// The controller, which the build puts beside the tests' own binary.
    static let rollcall = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path + "/rollcall"
    static let lab = ProcessInfo.processInfo.environment["ROLLCALL_LAB"] ?? "/var/tmp/rollcall-lab"
    static let script = repository + "/scripts/lab"

    private static var agent: String {
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        return repository + "/.build-agent/\(architecture)/rollcall-agent"
    }

    /// What is missing, as a sentence; nil where the tests can run.
    static let missing: String? = {
        if geteuid() != 0 { return "a lab device needs root" }
        let wanted = [
            (lab + "/image.stamp", "the device image is missing: run scripts/lab build"),
            (agent, "the agent is missing: run agent/build"),
            (rollcall, "the controller is missing: run swift build"),
        ]
        return wanted.first { !FileManager.default.fileExists(atPath: $0.0) }?.1
    }()
}

/// How a program ended and what it wrote.
struct ProgramResult: Sendable {
    let status: Int32
    let output: String
    let errors: String
    /// Wall time from start to end.
    let elapsed: Duration

    /// Everything it wrote, for the message of a failed expectation.
    var story: String { "exit \(status)\n\(output)\n\(errors)" }

    /// Standard output as one JSON document.
    func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        do { return try JSONDecoder().decode(type, from: Data(output.utf8)) } catch {
            throw LabFailure("not the JSON expected (\(error)): \(story)")
        }
    }
}

/// The lab itself did not do what a test needs.
struct LabFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// A program that runs, with its output going to files: a device's processes keep what they inherit, and a pipe would never end.
final class RunningProgram: Sendable {
    private let ending: Task<ProgramResult, any Error>

    /// Starts it with standard input from /dev/null.
    init(_ path: String, _ arguments: [String], environment: [String: String] = [:]) {
        ending = Task { try await Self.run(path, arguments, environment: environment) }
    }

    private static func run(_ path: String, _ arguments: [String], environment: [String: String]) async throws -> ProgramResult {
        let folder = try scratchFolder("program")
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let variables = environment.map { (Environment.Key(stringLiteral: $0.key), Optional($0.value)) }
        let began = ContinuousClock.now
        let ended = try await Subprocess.run(
            .name("sh"), arguments: Arguments(["-c", #"exec "$@" > "$0/output" 2> "$0/errors" < /dev/null"#, folder, path] + arguments),
            environment: .inherit.updating(Dictionary(uniqueKeysWithValues: variables)), output: .discarded, error: .discarded)
        let elapsed = ContinuousClock.now - began
        guard case .exited(let status) = ended.terminationStatus else { throw LabFailure("\(path) was ended by a signal") }
        func text(_ name: String) throws -> String {
            String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)), as: UTF8.self)
        }
        return ProgramResult(status: Int32(status), output: try text("output"), errors: try text("errors"), elapsed: elapsed)
    }

    /// Waits for its end.
    func finished() async throws -> ProgramResult { try await ending.value }
}

/// A new folder that only this user can enter; whoever makes it removes it.
func scratchFolder(_ word: String) throws -> String {
    let path = NSTemporaryDirectory() + "/rollcall-lab-\(word)-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return path
}

/// Runs a program to its end.
@discardableResult
func runProgram(_ path: String, _ arguments: [String], environment: [String: String] = [:]) async throws -> ProgramResult {
    try await RunningProgram(path, arguments, environment: environment).finished()
}

/// Runs `scripts/lab`, which must succeed.
///
/// - Throws: ``LabFailure`` with what it said.
@discardableResult
func lab(_ arguments: String...) async throws -> String { try await lab(arguments) }

/// The same with the arguments in an array.
@discardableResult
func lab(_ arguments: [String]) async throws -> String {
    let result = try await runProgram(LabSite.script, arguments)
    guard result.status == 0 else { throw LabFailure("scripts/lab \(arguments.joined(separator: " ")): \(result.story)") }
    return result.output
}

/// Runs an ordinary program, which must succeed.
@discardableResult
func tool(_ words: String...) async throws -> String {
    let result = try await runProgram("/usr/bin/env", words)
    guard result.status == 0 else { throw LabFailure("\(words.joined(separator: " ")): \(result.story)") }
    return result.output
}
