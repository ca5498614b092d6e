import Foundation
import Glibc
import SSH

/// A real sshd of the current user on a loopback port, one for all tests here: what stands behind it is chosen by the key that is used.
///
/// It is on a leash, a pipe whose end it waits for: it ends with the tests even if they crash, and takes its folder along.
final class Door: Sendable {
    /// The one there is.
    static let shared = Task { try await Door() }

    let folder: String
    let port: Int
    /// Fingerprint of its host key.
    let fingerprint: String
    /// Login name that it takes.
    let user: String
    private let leash = Pipe()
    private let process = Process()

    private init() async throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("rollcall-cli-\(UUID().uuidString.prefix(8))").path
        try Scratch.make(folder)
        user = String(cString: getpwuid(getuid()).pointee.pw_name)
        port = try Self.freePort()
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }
        try await Program.must("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", "\(folder)/host"], in: folder)
        guard let key = HostKey(openSSH: try Scratch.text("\(folder)/host.pub")) else {
            throw Scratch.Failure(description: "ssh-keygen made no key")
        }
        fingerprint = key.fingerprint
        try Scratch.write("", to: "\(folder)/authorized_keys")
        let settings = [
            "ListenAddress 127.0.0.1:\(port)", "HostKey \(folder)/host", "AuthorizedKeysFile \(folder)/authorized_keys", "PidFile none",
            "UsePAM no", "StrictModes no", "PermitRootLogin yes", "PasswordAuthentication no", "KbdInteractiveAuthentication no",
            "AllowAgentForwarding no", "X11Forwarding no", "MaxStartups 200", "MaxAuthTries 20",
            // The user's shell starts the forced command, and what that user's own .bashrc does is none of these tests' business.
            "SetEnv HOME=\(folder)",
        ]
        try Scratch.write(settings.joined(separator: "\n") + "\n", to: "\(folder)/sshd_config")
        try start()
    }

    /// Starts sshd and reads what it says until it listens.
    private func start() throws {
        let said = Pipe()
        process.executableURL = URL(fileURLWithPath: "/bin/sh")
        // Its folder goes last.
        process.arguments = [
            "-c", "exec 3<&0; /usr/sbin/sshd -D -e -f $0/sshd_config </dev/null 3<&- & cat <&3 >/dev/null 2>&1; kill $!; wait; rm -rf $0",
            folder,
        ]
        process.standardInput = leash
        process.standardOutput = said
        process.standardError = said
        // Programs that tests start must not hold the leash too.
        _ = fcntl(leash.fileHandleForWriting.fileDescriptor, F_SETFD, FD_CLOEXEC)
        try process.run()
        var text = ""
        while !text.contains("Server listening on") {
            let piece = said.fileHandleForReading.availableData
            guard !piece.isEmpty else { throw Scratch.Failure(description: "sshd did not start: \(text)") }
            text += String(decoding: piece, as: UTF8.self)
        }
        // The rest is drained so that sshd never waits for a reader; by a thread, as dispatch sources of descriptors that are closed and used
        // again crash in libdispatch now and then.
        let descriptor = fcntl(said.fileHandleForReading.fileDescriptor, F_DUPFD_CLOEXEC, 0)
        Thread.detachNewThread {
            var bytes = [UInt8](repeating: 0, count: 4_096)
            while read(descriptor, &bytes, bytes.count) > 0 {}
            close(descriptor)
        }
    }

    /// Lets a key in, to a program that is started whatever is asked for.
    ///
    /// - Parameter script: Path of a shell script.
    func admit(publicKey: String, to script: String) throws {
        try admit("restrict,command=\"exec sh \(script)\" \(publicKey)\n")
    }

    /// Lets a key in for nothing but tunnels, as a jump host does.
    func admitTunnels(publicKey: String) throws { try admit("restrict,port-forwarding,command=\"exec false\" \(publicKey)\n") }

    private func admit(_ line: String) throws {
        let file = open("\(folder)/authorized_keys", O_WRONLY | O_APPEND | O_CLOEXEC)
        defer { close(file) }
        guard file >= 0, write(file, line, line.utf8.count) == line.utf8.count else {
            throw Scratch.Failure(description: "authorized_keys takes no line")
        }
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
        throw Scratch.Failure(description: "no free port")
    }
}
