import Testing

@testable import SSH

@Suite("What ssh -G says")
struct ClientConfigurationTests {
    static let account = LocalAccount(name: "me", home: "/home/me", number: 1000)
    static let plain = "host a\nuser root\nhostname 192.0.2.7\nport 22\n"

    private func parse(_ text: String, name: String = "a") throws(SSHError) -> ClientConfiguration {
        try ClientConfiguration(sshOutput: Array(text.utf8), name: name, account: Self.account)
    }

    @Test("every setting is taken over")
    func settings() throws {
        let configuration = try parse(
            """
            user deploy
            hostname device.example
            port 2200
            identitiesonly yes
            hashknownhosts yes
            stricthostkeychecking accept-new
            hostkeyalias front
            identityfile ~/.ssh/id_%n
            identityfile /keys/with blank/%r@%h:%p
            identityfile none
            identityfile /keys/%X
            identityfile ~other/key
            globalknownhostsfile /etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2
            userknownhostsfile none
            connecttimeout 7
            proxyjump u@b:99,[::1]:5,ssh://x@c:7/,[192.0.2.1],2001:db8::1,%h-jump

            """)
        #expect(configuration.user == "deploy" && configuration.hostName == "device.example" && configuration.port == 2200)
        #expect(configuration.identitiesOnly && configuration.hashKnownHosts && configuration.strictHostKeyChecking == .acceptNew)
        #expect(configuration.hostKeyAlias == "front" && configuration.connectTimeout == .seconds(7))
        #expect(configuration.identityFiles == ["/home/me/.ssh/id_a", "/keys/with blank/deploy@device.example:2200"])
        #expect(configuration.userKnownHostsFiles == [])
        #expect(configuration.globalKnownHostsFiles == ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"])
        let hops = configuration.hops.map { "\($0.user ?? "-") \($0.name) \($0.port.map(String.init) ?? "-")" }
        #expect(hops == ["u b 99", "- ::1 5", "x c 7", "- 192.0.2.1 -", "- 2001:db8::1 -", "- device.example-jump -"])
    }

    @Test("the shortest answer leaves everything else as it is")
    func shortest() throws {
        let configuration = try parse(Self.plain + "proxycommand none\nproxyjump none\nconnecttimeout none\n")
        #expect(configuration.hops == [] && configuration.connectTimeout == nil && configuration.hostKeyAlias == nil)
        #expect(configuration.strictHostKeyChecking == .ask && !configuration.identitiesOnly)
    }

    @Test("a ProxyCommand is refused by name")
    func proxyCommand() {
        let error = #expect(throws: SSHError.self) { try parse(Self.plain + "proxycommand nc -X 5 \u{e9} %h %p\n") }
        #expect(error?.code == .unsupportedConfiguration)
        #expect(error?.detail == "ProxyCommand nc -X 5 ?? %h %p is not supported; ProxyJump is")
    }

    @Test(
        "a value that cannot be is an error that names it, in one printable line",
        arguments: [
            "port 0", "port 65536", "port 99999999999999999999", "port -1", "port +2", "port", "hostname", "hostname a b", "user \u{1b}[1m",
            "connecttimeout soon", "connecttimeout 99999999999", "stricthostkeychecking perhaps", "identitiesonly maybe", "proxyjump a,,b",
            "proxyjump @b", "proxyjump a:0", "proxyjump [a", "proxyjump [a]x", "proxyjump %q", "proxyjump a%", "hostkeyalias ",
        ])
    func impossible(line: String) {
        let keyword = line.prefix { $0 != " " }
        let rest = Self.plain.split(separator: "\n").filter { !$0.hasPrefix("\(keyword) ") }.joined(separator: "\n")
        let error = #expect(throws: SSHError.self) { try parse("\(rest)\n\(line)\n") }
        #expect(error?.code == .configuration)
        #expect(error?.detail.contains(keyword) == true)
        #expect(error?.detail.utf8.allSatisfy { (0x20..<0x7f).contains($0) } == true)
    }

    @Test("an answer holds for all unnamed hosts only if nothing in it comes from the name")
    func shared() throws {
        func isShared(_ line: String) throws -> Bool {
            try ClientSettings(Array("hostname nobody\nuser root\nport 22\n\(line)\n".utf8)).areShared(by: "nobody")
        }
        #expect(try isShared("identityfile ~/.ssh/id_rsa"))
        #expect(try !isShared("identityfile ~/.ssh/id_%h"))
        #expect(try !isShared("userknownhostsfile /home/me/Nobody"))
        #expect(try !isShared("hostname other"))
    }

    @Test("an answer with any byte changed or cut is read or refused, without a trap")
    func hostile() {
        let text = Array(
            (Self.plain + "identityfile ~/%d/${HOME}\nproxyjump u@[::1]:5,b\nuserknownhostsfile /a /b\nconnecttimeout 9\n").utf8)
        for index in text.indices {
            _ = try? ClientConfiguration(sshOutput: Array(text.prefix(index)), name: "a", account: Self.account)
            for byte: UInt8 in [0, 9, 10, 32, 37, 44, 58, 64, 91, 0x80, 0xff] {
                var changed = text
                changed[index] = byte
                _ = try? ClientConfiguration(sshOutput: changed, name: "a", account: Self.account)
            }
        }
    }
}
