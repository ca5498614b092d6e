import Foundation
import Glibc
import Testing

/// A device of its own beneath `root` in the test's folder, with a daemon behind the relay; ends with the last reference.
final class DeviceDaemon {
    let root: String
    private let process = Process()

    init(_ place: Workplace, role: String = "shell", agent configuration: String = "") async throws {
        root = place.folder + "/root"
        for folder in ["etc/rollcall", "var/lib", "srv", "run/rollcall"] { try Scratch.make("\(root)/\(folder)") }
        try await Program.must("/bin/cp", ["-a", place.state, root + "/var/lib/rollcall"], in: place.folder)
        for (from, to) in [
            ("/etc/machine-id", "etc/machine-id"), ("/etc/passwd", "etc/passwd"), ("/etc/group", "etc/group"),
            (place.trust, "etc/rollcall/trust"), (place.door.folder + "/template/desks", "etc/rollcall/desks"),
        ] { try await Program.must("/bin/cp", [from, "\(root)/\(to)"], in: place.folder) }
        if !configuration.isEmpty { try Scratch.write(configuration, to: root + "/etc/rollcall/agent.conf") }
        process.executableURL = URL(fileURLWithPath: Program.agent)
        process.arguments = ["run", "--root-dir", root]
        process.environment = [:]
        process.standardError = FileHandle.nullDevice
        try process.run()
        let socket = root + "/run/rollcall/agent.sock"
        while process.isRunning, !FileManager.default.fileExists(atPath: socket) { try await Task.sleep(for: .milliseconds(5)) }
        try place.stand("exec \(Program.agent) serve --operator alice --role \(role) --root-dir \(root)\n")
    }

    /// Sends the daemon a signal.
    func end(_ signal: Int32) { kill(process.processIdentifier, signal) }

    deinit { kill(process.processIdentifier, SIGKILL) }
}

extension Workplace {
    /// Expects that both records of the same sessions agree.
    func expectRecordsAgree(sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let compared = try await rollcall("audit", "verify", "--device", Workplace.device)
        #expect(compared.exit == 0, "\(compared.output)\(compared.error)", sourceLocation: sourceLocation)
    }
}
