import AgentCore
import Catalogue
import Foundation
import Testing

/// Calls `work` with the address of a Unix socket: bind(2) or connect(2), whose answer it returns.
func withUnixAddress(_ path: String, _ work: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: Array(path.utf8)) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    return withUnsafePointer(to: &address) { $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { work($0, size) } }
}

/// A datagram socket that stands where systemd's would (sd_notify(3)).
final class NotifySocket {
    let path: String
    private let descriptor: Int32

    init(_ path: String) throws {
        self.path = path
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        let socket = descriptor
        try #require(withUnixAddress(path) { bind(socket, $0, $1) } == 0)
    }

    deinit { close(descriptor) }

    /// The next word; nil where none comes in time.
    func next(milliseconds: Int32 = 10_000) -> String? {
        var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&item, 1, milliseconds) == 1 else { return nil }
        var text = [UInt8](repeating: 0, count: 64)
        let count = recv(descriptor, &text, 64, 0)
        return String(decoding: text.prefix(max(count, 0)), as: UTF8.self)
    }
}

/// A daemon in a scratch directory; it is waited for by sd_notify(3).
final class Daemon {
    let scratch: Scratch
    let agent: AgentProcess
    let binary: AgentBinary
    let notify: NotifySocket

    /// - Parameter program: The program to run in place of the binary's own, within the scratch directory.
    init(
        _ binary: AgentBinary, _ probes: [ProbeDefinition], environment: [String: String] = [:],
        prepare: (Scratch) throws -> AgentBinary? = { _ in nil }
    ) throws {
        scratch = try Scratch()
        try scratch.install(probes)
        self.binary = try prepare(scratch) ?? binary
        notify = try NotifySocket(scratch.path + "/notify")
        agent = try AgentProcess(
            self.binary, ["run", "--root-dir", scratch.path],
            environment: environment.merging(["NOTIFY_SOCKET": notify.path]) { own, _ in own }, journal: scratch.url("journal"))
        try #require(notify.next() == "READY=1")
    }

    /// Lines the daemon has written to standard error, once there are `count`.
    func journal(lines count: Int) throws -> [String] {
        let deadline = ContinuousClock.now + .seconds(20)
        while true {
            let lines = String(decoding: try scratch.read("journal"), as: UTF8.self).split(separator: "\n").map(String.init)
            if lines.count >= count || ContinuousClock.now > deadline { return lines }
            usleep(5_000)
        }
    }

    func relay(role: String = "repair", environment: [String: String] = [:]) throws -> AgentProcess {
        try AgentProcess(
            binary, ["serve", "--operator", "alice", "--role", role, "--root-dir", scratch.path], environment: environment)
    }

    /// What `log` prints of the last entries.
    func log() throws -> String { try AgentProcess(binary, ["log", "--root-dir", scratch.path]).rest() }
}
