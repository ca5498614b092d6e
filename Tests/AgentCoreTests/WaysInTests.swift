import Foundation
import Testing

@Suite("What the agent says of how people get in")
struct WaysInTests {
    /// What sshd -T says for the user rollcall where the drop-in is in force, as far as it is looked at.
    private static let door = """
        authenticationmethods publickey
        authorizedkeysfile /etc/rollcall/authorized_keys
        authorizedkeyscommand none
        trustedusercakeys none
        forcecommand none
        disableforwarding yes
        """

    /// A device with its door in order, whose sshd answers with `others` for everybody but the user rollcall.
    private func device(door: String = door, others: String = "passwordauthentication yes\npermitrootlogin yes\n") throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write(
            "etc/passwd",
            """
            root:x:0:0::/root:/bin/sh
            daemon:x:1:1::/:/usr/sbin/nologin
            rollcall:x:998:998::/var/lib/rollcall-home:/bin/sh
            half:a:line

            """)
        try scratch.write("etc/shadow", "root:*:20000::::::\ndaemon:$6$never:20000::::::\nrollcall:*:20000::::::\n")
        try scratch.write("etc/rollcall/authorized_keys", "restrict ssh-ed25519 AAAA alice\n")
        try scratch.write("var/lib/rollcall-home/.keep", "")
        try server(
            scratch,
            """
            case "$3" in
            user=rollcall,host=localhost,addr=127.0.0.1) echo '\(door)' ;;
            user=*,host=localhost,addr=127.0.0.1) printf '%s' '\(others)' ;;
            esac
            """)
        return scratch
    }

    private func server(_ scratch: Scratch, _ script: String) throws {
        try scratch.write("usr/sbin/sshd", "#!/bin/sh\n\(script)\n")
        try mode(0o755, "usr/sbin/sshd", scratch)
    }

    private func mode(_ mode: Int, _ path: String, _ scratch: Scratch) throws {
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: scratch.url(path).path)
    }

    private func process(_ scratch: Scratch, _ pid: Int, _ name: String, _ line: [String] = [], socket: Int? = nil) throws {
        try scratch.write("proc/\(pid)/comm", name + "\n")
        try scratch.write("proc/\(pid)/cmdline", line.map { $0 + "\0" }.joined())
        guard let socket else { return }
        try scratch.write("proc/\(pid)/fd/.keep", "")
        try FileManager.default.createSymbolicLink(atPath: scratch.url("proc/\(pid)/fd/3").path, withDestinationPath: "socket:[\(socket)]")
    }

    private func ways(_ binary: AgentBinary, _ scratch: Scratch) throws -> [String] {
        let agent = try AgentProcess(binary, ["ways", "--root-dir", scratch.path])
        let lines = agent.rest().split(separator: "\n").map(String.init)
        agent.process.waitUntilExit()
        #expect(agent.process.terminationStatus == 0)
        return lines
    }

    @Test("of a device with its door in order and no other way in it says nothing", arguments: AgentBinary.all)
    func closed(_ binary: AgentBinary) throws {
        let scratch = try device()
        try scratch.write(
            "proc/net/tcp",
            """
              sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
               0: 0100007F:0CEA 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 11 1 0 100 0 0 10 0
               1: 0A00020F:0016 0A000202:C001 01 00000000:00000000 00:00000000 00000000     0        0 12 1 0 20 4 30 10 -1

            """)
        try scratch.write(
            "proc/net/tcp6",
            """
               0: 00000000000000000000000001000000:0277 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 13 1 0 100 0 0 10 0
               1: 0000000000000000FFFF00000100007F:1F90 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 14 1 0 100 0 0 10 0

            """)
        try process(scratch, 1, "systemd", ["/sbin/init"])
        try process(scratch, 300, "login", ["/bin/login", "-p", "--"])
        try process(scratch, 301, "bash", ["-bash"])
        #expect(try ways(binary, scratch) == [])
    }

    @Test("a door that is not as it should be is named, each part of it", arguments: AgentBinary.all)
    func wrong(_ binary: AgentBinary) throws {
        let scratch = try device(door: Self.door.replacing("disableforwarding yes", with: "disableforwarding no"))
        try mode(0o664, "etc/rollcall/authorized_keys", scratch)
        try FileManager.default.removeItem(at: scratch.url("var/lib/rollcall-home"))
        let cannotWrite = "is missing, or others than root can write there: sshd lets nobody in."
        #expect(
            try ways(binary, scratch) == [
                "Wrong: /etc/rollcall/authorized_keys \(cannotWrite)", "Wrong: /var/lib/rollcall-home \(cannotWrite)",
                "Wrong: sshd lacks \"disableforwarding yes\" for the user rollcall; put the agent's drop-in in force again.",
            ])
        let check = try AgentProcess(binary, ["check", "--root-dir", scratch.path])
        #expect(check.rest().contains("\nsshd lacks \"disableforwarding yes\""))
        check.process.waitUntilExit()
        #expect(check.process.terminationStatus == 1)
    }

    @Test("an sshd that is not there, falls silent or floods is said not to be known", arguments: AgentBinary.all)
    func silent(_ binary: AgentBinary) throws {
        let unknown = "Not known: what sshd does; there is none at /usr/sbin/sshd, or it did not answer."
        let scratch = try device()
        try FileManager.default.removeItem(at: scratch.url("usr/sbin/sshd"))
        #expect(try ways(binary, scratch) == [unknown])
        try server(scratch, "exec sleep 60")
        let began = ContinuousClock.now
        #expect(try ways(binary, scratch) == [unknown])
        #expect(ContinuousClock.now - began < .seconds(30))
        try server(scratch, "yes permitrootlogin no")
        #expect(try ways(binary, scratch).count == 6, "each of what the door needs")
    }

    @Test("users who may log in are named with how, as sshd would have it for each", arguments: AgentBinary.all)
    func users(_ binary: AgentBinary) throws {
        let scratch = try device(
            others: "passwordauthentication yes\nauthorizedkeysfile .ssh/k /etc/keys\npermitrootlogin without-password\n")
        try scratch.write(
            "etc/passwd",
            """
            root:x:0:0::/root:/bin/bash
            second:x:0:0::/root:/bin/bash
            pi:x:1000:1000:,,,:/home/pi:/bin/bash
            guest::1001:1001::/home/guest:
            locked:x:1002:1002::/home/locked:/bin/sh
            off:x:1003:1003::/home/off:/bin/false
            rollcall:x:998:998::/var/lib/rollcall-home:/bin/sh

            """)
        try scratch.write(
            "etc/shadow",
            "root:$y$hash:1::\nsecond:*:1::\npi:$y$hash:1::\nguest::1::\nlocked:!$y$hash:1::\noff:$y$hash:1::\nrollcall:*:1::\n")
        try scratch.write("root/.ssh/k", "# mine\nssh-ed25519 AAAAC3 root\n")
        try scratch.write("home/pi/.ssh/k", "")
        #expect(
            try ways(binary, scratch) == [
                "Another way in: the user root, with a key in /root/.ssh/k.",
                "Another way in: the user second, with a key in /root/.ssh/k.",
                "Another way in: the user pi, with a password.", "Another way in: the user guest, who has no password.",
            ])
        let none = try device(others: "passwordauthentication no\npubkeyauthentication no\npermitrootlogin no\n")
        try none.write("etc/shadow", "root:$y$hash:1::\n")
        #expect(try ways(binary, none) == [])
    }

    @Test(
        "listeners are named with who holds them, those that let people in apart, and so are agents of others and open consoles",
        arguments: AgentBinary.all)
    func listeners(_ binary: AgentBinary) throws {
        let scratch = try device()
        let line = "00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0"
        try scratch.write(
            "proc/net/tcp",
            "   0: 00000000:0017 \(line) 4711 1 0\n   1: 00000000:0016 \(line) 4712 1 0\n   2: 00000000:1F90 \(line) 9 1 0\n")
        try scratch.write("proc/net/tcp6", "   0: 00000000000000000000000000000000:0016 00000000:0000 0A 0:0 00:0 0 0 0 4713 1 0\n")
        try scratch.write(
            "proc/net/udp",
            "  10: 00000000:0044 00000000:0000 07 0:0 00:0 0 0 0 4714 2 0\n  11: 0F02000A:0202 0A000202:0035 01 0:0 00:0 0 0 0 7\n")
        try process(scratch, 312, "in.telnetd", socket: 4711)
        try process(scratch, 313, "sshd", socket: 4712)
        try process(scratch, 314, "evil\u{1B}[2J", socket: 4714)
        try process(scratch, 315, "amazon-ssm-agen", ["/usr/bin/amazon-ssm-agent"])
        try process(scratch, 316, "agetty", ["/sbin/agetty", "--autologin", "root", "ttyS0"])
        try process(scratch, 317, "login", ["/bin/login", "-f", "root"])
        try process(scratch, 318, "sh", ["-/bin/sh"])
        #expect(
            try ways(binary, scratch) == [
                "Another way in: amazon-ssm-agen (process 315), by which others manage the device.",
                "Another way in: a console without a password, of agetty (process 316).",
                "Another way in: a console without a password, of login (process 317).",
                "Another way in: a console without a password, of sh (process 318).",
                "Another way in: telnet: TCP port 23, held by in.telnetd (process 312).",
                "Open to the network: TCP port 22, held by sshd (process 313).",
                "Open to the network: TCP port 8080, held by what cannot be seen.",
                "Open to the network: UDP port 68, held by evil\\x1b[2J (process 314).",
            ])
    }

    @Test("what it says has an end, whatever a device holds, and it says that there is more", arguments: AgentBinary.all)
    func bounded(_ binary: AgentBinary) throws {
        let scratch = try device()
        let users = (0..<200).map { "u\($0):$1$hash:\(1_000 + $0):1::/home/u:/bin/sh\n" }.joined()
        try scratch.write("etc/passwd", users)
        let sockets = (0..<200).map { String(format: "   0: 00000000:%04X 0:0 0A 0:0 00:0 0 0 0 4711 1 0\n", 8_000 + $0) }.joined()
        try scratch.write("proc/net/tcp", sockets)
        let lines = try ways(binary, scratch)
        #expect(lines.count == 32 + 1 + 32 + 1)
        #expect(lines.last == "Not known: whether more ports are open.")
        #expect(lines.contains { $0.hasPrefix("Not known: who else gets in") })
    }
}
