import Foundation
import Glibc

/// Programs run in a mount namespace of their own, where a test may mount what it needs without anybody else seeing it.
enum Namespace {
    /// Words before the program: as a normal user a user namespace comes with it.
    private static let options = getuid() == 0 ? ["--mount"] : ["--user", "--map-root-user", "--mount"]

    /// Whether this kernel lets this user make one.
    static let isPossible: Bool = {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/unshare")
        process.arguments = options + ["/bin/mount", "-t", "tmpfs", "-o", "size=64k", "probe", "/mnt"]
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        guard (try? process.run()) != nil else { return false }
        process.waitUntilExit()
        return process.terminationStatus == 0
    }()

    /// A line for a shell that runs `script` in a namespace; `$0` in it is the first of `words`, and `$@` the others.
    static func line(_ script: String, _ words: String) -> String {
        "exec /usr/bin/unshare \(options.joined(separator: " ")) sh -c '\(script)' \(words)\n"
    }

    /// Runs the controller in a namespace.
    ///
    /// - Parameter script: What is done before and after; `"$@"` in it is the controller with its arguments.
    static func rollcall(_ place: Workplace, _ script: String, _ arguments: [String]) async throws -> Outcome {
        try await Program.run(
            "/usr/bin/unshare", options + ["sh", "-c", script, place.folder, Program.rollcall] + arguments, in: place.folder,
            environment: place.environment)
    }
}
