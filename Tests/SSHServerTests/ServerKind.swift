import Foundation
import Glibc
import SSH
import Testing

/// The SSH servers that the tests start, each with its host key, its user and what it says when it listens.
enum ServerKind: String, Sendable, CaseIterable {
    /// sshd of the current user.
    case openSSH
    /// The same with `hardened_sshd_config`.
    case hardened
    /// sshd with a user of its own, who has a password; needs root.
    case openSSHWithPassword
    /// Needs root, since it reads a user's keys nowhere but in the home.
    case dropbear
    case asyncSSH
    case paramiko
    /// Without an algorithm that libssh2 1.10 has.
    case tinySSH

    /// Those that a session can be had with.
    static let usable: [ServerKind] = [.openSSH, .hardened, .dropbear, .asyncSSH, .paramiko]
    /// What a user with a password has.
    static let password = "correct horse"

    var user: String {
        switch self {
        case .openSSH, .hardened, .tinySSH: String(cString: getpwuid(getuid()).pointee.pw_name)
        case .openSSHWithPassword, .dropbear: "visitor"
        case .asyncSSH, .paramiko: "user"
        }
    }

    /// Whether it says by which signal a command ended; Paramiko has no such message.
    var tellsSignals: Bool { self != .paramiko }

    /// What it writes once it listens.
    var readyWords: String {
        switch self {
        case .openSSH, .hardened, .openSSHWithPassword, .asyncSSH, .paramiko: "Server listening on"
        case .dropbear: "Not backgrounding"
        case .tinySSH: "Listening on"
        }
    }

    /// The program, and the Debian package that has it.
    private var program: (path: String, package: String) {
        switch self {
        case .openSSH, .hardened, .openSSHWithPassword: ("/usr/sbin/sshd", "openssh-server")
        case .dropbear: ("/usr/sbin/dropbear", "dropbear-bin")
        case .asyncSSH: ("/usr/lib/python3/dist-packages/asyncssh", "python3-asyncssh")
        case .paramiko: ("/usr/lib/python3/dist-packages/paramiko", "python3-paramiko")
        case .tinySSH: ("/usr/sbin/tinysshd", "tinysshd")
        }
    }

    private var needsRoot: Bool { self == .dropbear || self == .openSSHWithPassword }

    /// A shell's words that run the server in folder `$0` on port `$1` until their standard input ends.
    var script: String {
        // The server has no part in the leash, and is ended when the leash is; by SIGKILL, since it may have inherited a blocked SIGTERM.
        func leashed(_ command: String) -> String {
            "exec 3<&0; \(command) </dev/null 3<&- & cat <&3 >/dev/null 2>&1; kill -KILL $!; wait"
        }
        let servers = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("servers").path
        return switch self {
        case .openSSH, .hardened: leashed("/usr/sbin/sshd -D -e -f \"$0/sshd_config\"")
        case .openSSHWithPassword: leashed(PrivateUsers.wrap("/usr/sbin/sshd -D -e -f \"$0/sshd_config\""))
        case .dropbear: leashed(PrivateUsers.wrap("/usr/sbin/dropbear -F -E -r \"$0/dropbear\" -p 127.0.0.1:$1 -P \"\""))
        case .asyncSSH, .paramiko: "exec /usr/bin/python3 -W ignore '\(servers)/\(rawValue.lowercased())_server.py' \"$0\" \"$1\""
        case .tinySSH: leashed("systemd-socket-activate --accept --inetd --listen=127.0.0.1:$1 /usr/sbin/tinysshd -q \"$0/keys\"")
        }
    }

    /// Writes what the server reads into `folder`.
    ///
    /// - Returns: Its host keys.
    func prepare(_ folder: String, port: Int, userKey: Ed25519Key, settings: [String]) throws -> [HostKey] {
        guard FileManager.default.fileExists(atPath: program.path) else {
            throw Scratch.Failure(description: "Debian's package \(program.package) is missing: scripts/setup test")
        }
        if needsRoot && getuid() != 0 { try Test.cancel("needs root") }
        let authorized = userKey.openSSHPublicKey(comment: "test") + "\n"
        try Scratch.write(authorized, to: "\(folder)/authorized_keys")
        switch self {
        case .openSSH: return try Self.prepareOpenSSH(folder, port: port, settings: settings)
        case .hardened:
            let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("hardened_sshd_config").path
            return try Self.prepareOpenSSH(folder, port: port, settings: settings + ["Include \(file)"])
        case .openSSHWithPassword:
            try PrivateUsers.write(folder, authorizedKeys: authorized)
            return try Self.prepareOpenSSH(folder, port: port, settings: settings)
        case .dropbear:
            try PrivateUsers.write(folder, authorizedKeys: authorized)
            let said = try Scratch.run("/usr/bin/dropbearkey", ["-t", "ed25519", "-f", "\(folder)/dropbear"])
            return said.split(separator: "\n").compactMap { HostKey(openSSH: String($0)) }
        case .asyncSSH, .paramiko: return [try Self.makeHostKey(folder, "ed25519")]
        case .tinySSH:
            try Scratch.run("/usr/sbin/tinysshd-makekey", ["-q", "\(folder)/keys"])
            return []
        }
    }

    private static func prepareOpenSSH(_ folder: String, port: Int, settings: [String]) throws -> [HostKey] {
        if getuid() == 0 { mkdir("/run/sshd", 0o755) }
        let lines = [
            "ListenAddress 127.0.0.1:\(port)", "HostKey \(folder)/ed25519", "HostKey \(folder)/ecdsa",
            "AuthorizedKeysFile \(folder)/authorized_keys", "PidFile none", "UsePAM no", "StrictModes no", "PermitRootLogin yes",
            "PasswordAuthentication no", "KbdInteractiveAuthentication no", "LogLevel VERBOSE",
        ]
        try Scratch.write((settings + lines).joined(separator: "\n") + "\n", to: "\(folder)/sshd_config")
        return try ["ed25519", "ecdsa"].map { try makeHostKey(folder, $0) }
    }

    private static func makeHostKey(_ folder: String, _ kind: String) throws -> HostKey {
        try Scratch.run("/usr/bin/ssh-keygen", ["-q", "-t", kind, "-N", "", "-f", "\(folder)/\(kind)"])
        return try #require(HostKey(openSSH: try Scratch.text("\(folder)/\(kind).pub")))
    }
}

/// A user called `visitor` for one server only: a mount namespace hides the machine's users behind files of the scratch folder.
enum PrivateUsers {
    /// SHA-512 of `ServerKind.password` (crypt(5)).
    private static let hash =
        "$6$rollcalltest$ix/XPey521cct4oJoy0gwmjFH4R8ZrfPKIdnw8vfIJAeDXFQQpnQxVOH0Mfd.XWsKyEIWHn0dhtjEN4OcL5PY0"
    /// PAM with nothing but the password, and without the delay after a wrong one.
    private static let pam = "auth required pam_unix.so nodelay\naccount required pam_unix.so\nsession required pam_permit.so\n"

    /// The name stands for uid 0, so that whatever the server does for its user it may do.
    static func write(_ folder: String, authorizedKeys: String) throws {
        let home = "\(folder)/home"
        try FileManager.default.createDirectory(
            atPath: "\(home)/.ssh", withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try Scratch.write(authorizedKeys, to: "\(home)/.ssh/authorized_keys")
        try Scratch.write(try Scratch.text("/etc/passwd") + "visitor:x:0:0::\(home):/bin/sh\n", to: "\(folder)/passwd")
        try Scratch.write(try Scratch.text("/etc/shadow") + "visitor:\(hash):19000:0:99999:7:::\n", to: "\(folder)/shadow")
        try Scratch.write(pam, to: "\(folder)/pam")
        // sshd's helper without rights reads it too.
        chmod("\(folder)/passwd", 0o644)
    }

    /// A shell's words that run `command` among these users.
    static func wrap(_ command: String) -> String {
        let mounts = [("passwd", "/etc/passwd"), ("shadow", "/etc/shadow"), ("pam", "/etc/pam.d/sshd")]
        let binds = mounts.map { file, target in "mount --bind \"$0/\(file)\" \(target)" }.joined(separator: " && ")
        return "unshare --mount sh -c '\(binds) && exec \(command)' \"$0\" \"$1\""
    }
}
