import Foundation
import Glibc
import NIOCore
import NIOPosix
import SSH

/// A real sshd of the current user on a loopback port, in a scratch folder, for one test.
final class Server: Sendable {
    let folder: String
    let port: Int
    let user: String
    let userKey: Ed25519Key
    let hostKeys: [HostKey]
    private let process: Process
    private let leash = Pipe()

    var address: Address { Address(host: "127.0.0.1", port: port) }
    var identity: Identity { .ed25519(userKey) }

    /// Runs `body` with a server whose sshd_config ends with `settings`.
    static func with<Value>(settings: [String] = [], _ body: (Server) async throws -> Value) async throws -> Value {
        let server = try Server(settings: settings)
        defer { server.stop() }
        return try await body(server)
    }

    private init(settings: [String]) throws {
        folder = try Scratch.folder()
        userKey = Ed25519Key.generate()
        user = String(cString: getpwuid(getuid()).pointee.pw_name)
        port = try Scratch.freePort()
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }
        let lines = [
            "ListenAddress 127.0.0.1:\(port)", "HostKey \(folder)/ed25519", "HostKey \(folder)/ecdsa",
            "AuthorizedKeysFile \(folder)/authorized_keys", "PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE",
        ]
        try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/ed25519"])
        try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", "ecdsa", "-N", "", "-f", "\(folder)/ecdsa"])
        hostKeys = try ["ed25519", "ecdsa"].compactMap { [folder] in
            HostKey(openSSH: try String(contentsOfFile: "\(folder)/\($0).pub", encoding: .utf8))
        }
        try Scratch.write(userKey.openSSHPublicKey(comment: "test"), to: "\(folder)/authorized_keys")
        try Scratch.write((settings + lines).joined(separator: "\n") + "\n", to: "\(folder)/sshd_config")
        process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // The shell ends sshd when its standard input ends, which also happens when the tests crash.
        process.arguments = ["-c", "exec 3<&0; /usr/sbin/sshd -D -e -f $0 </dev/null & cat <&3; kill $!; wait", "\(folder)/sshd_config"]
        try start()
    }

    /// Starts sshd and reads what it says until it listens.
    private func start() throws {
        let errors = Pipe()
        process.standardError = errors
        process.standardInput = leash
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        var said = ""
        while !said.contains("Server listening on") {
            let piece = errors.fileHandleForReading.availableData
            guard !piece.isEmpty else { throw Scratch.Failure(description: "sshd did not start: \(said)") }
            said += String(decoding: piece, as: UTF8.self)
        }
        // The rest is drained so that sshd never waits for a reader.
        errors.fileHandleForReading.readabilityHandler = { handle in
            if handle.availableData.isEmpty { handle.readabilityHandler = nil }
        }
    }

    private func stop() {
        try? leash.fileHandleForWriting.close()
        process.waitUntilExit()
        try? FileManager.default.removeItem(atPath: folder)
    }

    func connect(
        hostKey: HostKeyPolicy? = nil, identities: [Identity]? = nil, deadlines: Deadlines = Deadlines(), on loop: (any EventLoop)? = nil
    ) async throws(SSHError) -> Connection {
        try await Connection.open(
            to: address, user: user, hostKey: hostKey ?? .pinned(hostKeys), identities: identities ?? [identity], deadlines: deadlines,
            on: loop)
    }
}

/// Files and programs that tests start.
enum Scratch {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static func folder() throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("ssh-test-\(UUID().uuidString.prefix(8))").path
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return path
    }

    static func write(_ text: String, to path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]) else {
            throw Failure(description: "cannot write \(path)")
        }
    }

    @discardableResult
    static func run(_ program: String, _ arguments: [String], environment: [String: String] = [:]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: program)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let output = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failure(description: "\(program): \(said)") }
        return said
    }

    /// A port that the kernel chose, and that nothing listens on.
    static func freePort() throws -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard isBound else { throw Failure(description: "no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
