internal import Wire

/// What lets people into the device: the agent's own door, as sshd has it, and the ways that lead past it.
///
/// Texts are searched as they are, for a word between its separators: rows made of them would take twice the room in the program.
struct WaysIn {
    private let kernel: Kernel
    private let root: Text
    /// What is wrong with the agent's own door, a sentence each.
    private(set) var problems: [Text] = []
    /// What else lets people in, or listens, a sentence each.
    private(set) var ways: [Text] = []
    /// The sockets that others can reach, one of each port: `TCP port 22`, and the link of a descriptor that is it.
    private var sockets: [Text] = []
    private var links: [Text] = []

    /// Users for whom sshd is asked, and sockets that are shown.
    private static let countLimit = 32
    private static let sizeLimit = 1 << 20
    /// Microseconds that sshd has to say what it would do.
    private static let patience: UInt64 = 5_000_000

    /// Looks, which takes as long as sshd takes to answer for each user who could log in.
    init(kernel: Kernel, settings: Settings) {
        self.kernel = kernel
        root = Text(settings.root)
        users()
        for file in 0..<4 { listeners(file) }
        processes()
        if sockets.count == Self.countLimit { ways.append("Not known: whether more ports are open.") }
    }

    /// A file after an end of line, so that each of its lines begins behind one.
    private func content(_ path: Text) -> Text {
        "\n" + Text((try? kernel.content(of: (root + path).bytes, limit: Self.sizeLimit)) ?? [])
    }

    /// What stands in a text between `start` and the next `end`; nil where `start` is not in it.
    private func find(_ start: Text, _ text: Text, until end: UInt8) -> Text? {
        index(of: start.bytes[...], in: text.bytes[...]).map { Text(Array(text.bytes[($0 + start.bytes.count)...].prefix { $0 != end })) }
    }

    private func has(_ part: Text, _ text: Text) -> Bool { find(part, text, until: 10) != nil }

    private mutating func add(_ what: Text) { ways.append("Another way in: " + escaped(what.bytes, limit: 300) + ".") }

    // MARK: The door and other users

    /// sshd's settings for a user who comes from this device itself, each behind an end of line; empty where it does not say.
    private func server(_ user: Text) -> Text {
        let arguments = [root + "/usr/sbin/sshd", "-T", "-C", "user=" + user + ",host=localhost,addr=127.0.0.1"]
        var answer: [UInt8] = []
        guard let child = try? kernel.spawn(arguments, ChildLimits(identity: nil, ownNetwork: false, cpuSeconds: 5)) else { return "" }
        let deadline = kernel.monotonic + Self.patience
        while answer.count < Self.sizeLimit, kernel.monotonic < deadline {
            var polls = PollSet()
            _ = polls.add(child.output, .readable)
            polls.wait(timeout: Self.patience)
            do throws(Errno) {
                let piece = try kernel.read(child.output, limit: 16_384)
                if piece.isEmpty { break }
                answer += piece
            } catch { if error != .again { break } }
        }
        kernel.killGroup(child.pid)
        return answer.isEmpty ? "" : "\n" + Text(answer)
    }

    private mutating func users() {
        let shadow = content("/etc/shadow")
        var asked = 0
        for line in content("/etc/passwd").bytes.split(separator: 10) {
            let fields = line.split(separator: 58, omittingEmptySubsequences: false).map { Text(Array($0)) }
            if fields.count < 7 { continue }
            let (name, home) = (fields[0], fields[5])
            if name == Settings.doorUser {
                door(home)
                continue
            }
            // A shell such as /usr/sbin/nologin or /bin/false lets nobody in.
            let shell = fields[6] + "\n"
            if has("login\n", shell) || has("false\n", shell) { continue }
            let usual: Text = ".ssh/authorized_keys"
            let password = find("\n" + name + ":", shadow, until: 58) ?? fields[1]
            if password.isEmpty { add("the user " + name + ", who has no password") }
            // ! locks an account, and * is no hash.
            let hasPassword = password.bytes.first == 36 || password.bytes.count == 13
            if !hasPassword, fields[2] != "0", !has(" AAAA", content(home + "/" + usual)) { continue }
            asked += 1
            if asked > Self.countLimit { return ways.append("Not known: who else gets in; only the first users were looked at.") }
            // Where no sshd says, whatever else listens may take both.
            let server = server(name)
            let root = fields[2] == "0" ? find("\npermitrootlogin ", server, until: 10) ?? "yes" : "yes"
            if root == "no" { continue }
            let takesPassword = !has("\npasswordauthentication no\n", server) || has("\nkbdinteractiveauthentication yes\n", server)
            if hasPassword, takesPassword, root == "yes" { add("the user " + name + ", with a password") }
            if has("\npubkeyauthentication no\n", server) { continue }
            for file in (find("\nauthorizedkeysfile ", server, until: 10) ?? usual).bytes.split(separator: 32) {
                let path = file.first == 47 ? Text(Array(file)) : home + "/" + Text(Array(file))
                // The base64 of every kind of key begins so.
                if has(" AAAA", content(path)) { add("the user " + name + ", with a key in " + path) }
            }
        }
    }

    private mutating func door(_ home: Text) {
        let keys: Text = "/etc/rollcall/authorized_keys"
        // sshd takes no key from a place that somebody else than root can write to (StrictModes in sshd_config(5)).
        for path in [keys, home] {
            guard let found = try? kernel.status(of: (root + path).bytes), found.owner == kernel.effectiveUser, found.mode & 0o022 == 0
            else {
                problems.append(escaped(path.bytes, limit: 200) + " is missing, or others than root can write there: sshd lets nobody in.")
                continue
            }
        }
        let server = server(Settings.doorUser)
        if server.isEmpty { return ways.append("Not known: what sshd does; there is none at /usr/sbin/sshd, or it did not answer.") }
        let wanted: Text =
            "authenticationmethods publickey\nauthorizedkeysfile /etc/rollcall/authorized_keys\nauthorizedkeyscommand none\ntrustedusercakeys none\nforcecommand none\ndisableforwarding yes"
        for line in wanted.bytes.split(separator: 10) where !has("\n" + Text(Array(line)) + "\n", server) {
            problems.append("sshd lacks \"" + Text(Array(line)) + "\" for the user rollcall; put the agent's drop-in in force again.")
        }
    }

    // MARK: Listeners and processes

    private mutating func listeners(_ file: Int) {
        let isTCP = file < 2
        var table = WordScanner(content((isTCP ? "/proc/net/tcp" : "/proc/net/udp") + (file & 1 == 0 ? "" : "6")).bytes)
        while table.nextLine(), sockets.count < Self.countLimit {
            // TCP_LISTEN; a UDP socket that is not connected is in TCP_CLOSE.
            guard table.isWord(5, isTCP ? "0A" : "07") else { continue }
            // In the processor's own order of bytes: 127.0.0.0/8, the same in IPv6, ::1.
            let address = Text(Array(table.word(1)) + [10])
            if has("7F\n", address), address.bytes.count == 9 || has("0000FFFF0000", address) { continue }
            if address == "00000000000000000000000001000000\n" { continue }
            var port: UInt64 = 0
            for digit in table.word(2) { port = port &* 16 &+ UInt64(digit & 15) &+ (digit > 64 ? 9 : 0) }
            let name = (isTCP ? "TCP port " : "UDP port ") + Text.decimal(port)
            if sockets.contains(name) { continue }
            sockets.append(name)
            links.append("socket:[" + Text(Array(table.word(13))) + "]")
        }
    }

    /// Goes through /proc once: who holds which socket, what lets others manage the device, and which console asks for no password.
    private mutating func processes() {
        // The kernel keeps 15 bytes of a name.
        let managers: Text =
            " mender mender-update teleport amazon-ssm-agen salt-minion puppet teamviewerd anydesk osqueryd orbit tailscaled zerotier-one ngrok cloudflared frpc rustdesk balenad meshagent x11vnc "
        let services: Text =
            " TCP port 21 FTP TCP port 23 telnet TCP port 512 rexec TCP port 513 rlogin TCP port 514 rsh TCP port 2375 Docker TCP port 3389 RDP TCP port 5555 adb TCP port 5900 VNC TCP port 5901 VNC TCP port 5938 TeamViewer TCP port 6000 X11 TCP port 7070 AnyDesk TCP port 10000 Webmin "
        var holders = [Text](repeating: "held by what cannot be seen", count: links.count)
        for name in names("/proc") where Decimal.unsigned(name[...]) != nil {
            let path = "/proc/" + Text(name)
            let program = find("\n", content(path + "/comm"), until: 10) ?? ""
            let who = program + " (process " + Text(name) + ")"
            let line = content(path + "/cmdline")
            if has(" " + program + " ", managers) { add(who + ", by which others manage the device") }
            // What getty and login are told, and a shell that BusyBox's init starts by itself.
            if has("getty\0--autologin", line) || has("login\0-f\0", line) || has("\n-/", line) {
                add("a console without a password, of " + who)
            }
            for file in sockets.isEmpty ? [] : names(path + "/fd") {
                let target = kernel.target(of: (root + path + "/fd/").bytes + file)
                if let index = links.firstIndex(where: { $0.bytes == target }) { holders[index] = "held by " + who }
            }
        }
        for index in sockets.indices {
            let what = sockets[index] + ", " + holders[index]
            if let service = find(" " + sockets[index] + " ", services, until: 32) {
                add(service + ": " + what)
            } else {
                ways.append("Open to the network: " + escaped(what.bytes, limit: 100) + ".")
            }
        }
    }

    private func names(_ path: Text) -> [[UInt8]] {
        guard let directory = try? kernel.open((root + path).bytes, [.read, .directory]) else { return [] }
        return (try? kernel.names(in: directory, limit: 65_536)) ?? []
    }
}
