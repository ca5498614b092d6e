import Foundation
import Glibc
import NIOCore
import NIOPosix
import Synchronization

@testable import SSH

/// A real SSH server on a loopback port, in a scratch folder, for one test.
final class Server: Sendable {
    let kind: ServerKind
    let folder: String
    let port: Int
    let userKey: Ed25519Key
    let hostKeys: [HostKey]
    private let child: Child

    var address: Address { Address(host: "127.0.0.1", port: port) }
    var user: String { kind.user }
    var identity: Identity { .ed25519(userKey) }

    /// Runs `body` with a server; an sshd's sshd_config begins with `settings`.
    static func with<Value>(
        _ kind: ServerKind = .openSSH, settings: [String] = [], _ body: (Server) async throws -> Value
    ) async throws -> Value {
        let folder = try Scratch.folder()
        defer { Scratch.remove(folder) }
        let server = try Server(kind: kind, folder: folder, settings: settings)
        do {
            let value = try await body(server)
            await server.child.stop()
            return value
        } catch {
            await server.child.stop()
            throw error
        }
    }

    private init(kind: ServerKind, folder: String, settings: [String]) throws {
        self.kind = kind
        self.folder = folder
        userKey = Ed25519Key.generate()
        port = try Scratch.freePort()
        hostKeys = try kind.prepare(folder, port: port, userKey: userKey, settings: settings)
        child = Child(kind.script, [folder, String(port)])
        try start()
    }

    /// Starts the server and reads what it says until it listens.
    private func start() throws {
        let said = try child.start()
        var text = ""
        while !text.contains(kind.readyWords) {
            let piece = said.availableData
            guard !piece.isEmpty else { throw Scratch.Failure(description: "\(kind) did not start: \(text)") }
            text += String(decoding: piece, as: UTF8.self)
        }
        // The rest is drained so that the server never waits for a reader; by a thread, as dispatch sources of descriptors that are closed
        // and used again crash in libdispatch now and then.
        let descriptor = fcntl(said.fileDescriptor, F_DUPFD_CLOEXEC, 0)
        Thread.detachNewThread {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            while read(descriptor, &bytes, bytes.count) > 0 {}
            close(descriptor)
        }
    }

    func connect(
        as user: String? = nil, hostKey: HostKeyPolicy? = nil, identities: [Identity]? = nil, deadlines: Deadlines = Deadlines(),
        on executor: LoopExecutor? = nil
    ) async throws(SSHError) -> Connection {
        try await Connection.open(
            to: address, user: user ?? self.user, hostKey: hostKey ?? .pinned(hostKeys), identities: identities ?? [identity],
            deadlines: deadlines, on: executor)
    }
}

/// A program that runs during one test, and ends with it even if the tests crash: on a leash, a pipe whose end it waits for.
final class Child: Sendable {
    private let process = Process()
    private let leash = Pipe()
    private let ended: AsyncStream<Void>

    /// - Parameter script: A shell's words, in which `$0`, `$1`... stand for `arguments`; it ends when its standard input ends.
    init(_ script: String, _ arguments: [String]) {
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        process.arguments = ["-c", script] + arguments
        let (ended, continuation) = AsyncStream<Void>.makeStream()
        self.ended = ended
        process.terminationHandler = { _ in continuation.finish() }
    }

    /// Starts the program; what it writes to both streams can be read.
    func start() throws -> FileHandle {
        let said = Pipe()
        process.standardInput = leash
        process.standardOutput = said
        process.standardError = said
        // Programs started by other tests must not hold this leash too.
        _ = fcntl(leash.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        return said.fileHandleForReading
    }

    /// Ends the program and waits for it without blocking a thread.
    func stop() async {
        try? leash.fileHandleForWriting.close()
        for await _ in ended {}
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

    static func append(_ text: String, to path: String) throws {
        try write(try Self.text(path) + "\n" + text, to: path)
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
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

    /// Descriptors of this process that are connections to a port of loopback; other tests have theirs at the same time.
    static func descriptors(to port: Int) throws -> Int {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count { name in
            var address = sockaddr_in()
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isConnected = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(Int32(name) ?? -1, $0, &length) == 0 }
            }
            return isConnected && address.sin_family == sa_family_t(AF_INET) && UInt16(bigEndian: address.sin_port) == port
        }
    }

    /// libssh2's objects that are still alive in this process.
    struct ObjectsLeft: Equatable {
        var sessions = 0
        var channels = 0
    }

    /// Waits until no object of libssh2 is left, for as long as a slow machine could need; other tests of this process, which run at the
    /// same time, have theirs, but not for so long. What has leaked never goes.
    static func objectsLeft() async -> ObjectsLeft {
        var left = ObjectsLeft()
        for _ in 0..<1200 {
            left = ObjectsLeft(
                sessions: LiveObjects.sessions.load(ordering: .relaxed), channels: LiveObjects.channels.load(ordering: .relaxed))
            if left == ObjectsLeft() { break }
            try? await Task.sleep(for: .milliseconds(50))
        }
        return left
    }

    /// Memory of this process, in KiB.
    static func residentKiB() throws -> Int {
        let line = try text("/proc/self/status").split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        return line.flatMap { Int($0.split(whereSeparator: \.isWhitespace)[1]) } ?? 0
    }

    /// A port that nothing listens on, from below those that the kernel hands out to the connections of other tests.
    static func freePort() throws -> Int {
        for port in (20_000..<32_000).shuffled().prefix(100) {
            let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            defer { close(descriptor) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
            address.sin_port = UInt16(port).bigEndian
            let isBound = withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
                }
            }
            if isBound { return port }
        }
        throw Failure(description: "no free port")
    }
}
