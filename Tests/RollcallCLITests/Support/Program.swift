import Foundation
import Testing

/// What a program came to.
struct Outcome {
    let exit: Int32
    let output: String
    let error: String
}

/// Programs that tests run to their end, without holding a thread.
enum Program {
    /// The folder of what was built, which is where the tests themselves lie.
    static let products = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path

    /// The checkout these tests were compiled from.
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    /// The controller's own program.
    static let rollcall = products + "/rollcall"

    /// The agent: what ROLLCALL_AGENT names, or what agent/build made for this machine.
    static let agent: String = {
        if let path = ProcessInfo.processInfo.environment["ROLLCALL_AGENT"] { return path }
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        return "\(repository)/.build-agent/\(architecture)/rollcall-agent"
    }()

    /// Runs a program with nothing on its standard input.
    ///
    /// - Parameters:
    ///   - folder: Where its output is kept meanwhile, so that no pipe can fill up.
    ///   - environment: All of it; nothing is inherited.
    static func run(
        _ path: String, _ arguments: [String], in folder: String, environment: [String: String] = usual
    ) async throws -> Outcome {
        let base = "\(folder)/run-\(UUID().uuidString)"
        let (output, error) = (base + ".out", base + ".err")
        for file in [output, error] { try Scratch.write("", to: file) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        // Closed by hand: a Process that has ended keeps them, and waits with select(2), which knows descriptors up to 1,023 only.
        let handles = try [output, error].map { try FileHandle(forWritingTo: URL(fileURLWithPath: $0)) }
        defer { for handle in handles { try? handle.close() } }
        process.standardOutput = handles[0]
        process.standardError = handles[1]
        let (ended, continuation) = AsyncStream<Void>.makeStream()
        process.terminationHandler = { _ in continuation.finish() }
        try process.run()
        for await _ in ended {}
        // A test whose time is up waits no longer, and its program is not to be asked how it ended.
        if Task.isCancelled {
            process.terminate()
            throw CancellationError()
        }
        defer { for file in [output, error] { Scratch.remove(file) } }
        let status = process.terminationReason == .exit ? process.terminationStatus : -process.terminationStatus
        return Outcome(exit: status, output: try Scratch.text(output), error: try Scratch.text(error))
    }

    /// Runs a program that must succeed.
    ///
    /// - Returns: What it wrote to standard output.
    @discardableResult
    static func must(
        _ path: String, _ arguments: [String], in folder: String, environment: [String: String] = usual
    ) async throws -> String {
        let outcome = try await run(path, arguments, in: folder, environment: environment)
        guard outcome.exit == 0 else {
            throw Scratch.Failure(description: "\(path) \(arguments.joined(separator: " ")): exit \(outcome.exit): \(outcome.error)")
        }
        return outcome.output
    }

    /// The environment of programs that need none of ours.
    static let usual = ["PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "NO_COLOR": "1"]
}

/// Files of a test.
enum Scratch {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Makes a folder for its owner alone.
    static func make(_ path: String) throws {
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    static func write(_ text: String, to path: String, permissions: Int = 0o600) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: permissions]) else {
            throw Failure(description: "cannot write \(path)")
        }
    }

    static func text(_ path: String) throws -> String { String(decoding: try Data(contentsOf: URL(fileURLWithPath: path)), as: UTF8.self) }

    static func remove(_ path: String) { try? FileManager.default.removeItem(atPath: path) }
}
