import Testing

@testable import SSH

@Suite("known_hosts")
struct KnownHostsTests {
    static let first = Ed25519Key.generate().publicKey
    static let second = Ed25519Key.generate().publicKey
    static let rsa = "ssh-rsa " + Cryptography.base64([0, 0, 0, 7] + Array("ssh-rsa".utf8) + [0, 0, 0, 1, 3, 0, 0, 0, 1, 9])

    private func hosts(_ lines: String...) -> KnownHosts {
        KnownHosts(contents: [("one", Array(lines.joined(separator: "\n").utf8))])
    }

    private func judge(_ hosts: KnownHosts, _ host: String, port: Int = 22, key: HostKey = first) -> String {
        switch hosts.judge(key, of: Address(host: host, port: port)) {
        case .accepted(let entry): "accepted \(entry.place)"
        case .unknown: "unknown"
        case .changed(let known): "changed \(known.map(\.place).joined(separator: " "))"
        case .revoked(let entry): "revoked \(entry.place)"
        case .otherKinds: "other kinds"
        case .onlyAuthorities(let entries): "authority \(entries.map(\.place).joined(separator: " "))"
        }
    }

    @Test("names stand in lists, with patterns and negations, with ports, and in any case")
    func names() {
        let key = Self.first.openSSH
        let hosts = hosts(
            "# a comment", "", "alpha,Beta,10.0.0.1 \(key) comment", "*.example.com,!bad.example.com \(key)", "[gamma]:2222\t\(key)\r",
            "  host? \(key)", "[*]:99 \(key)", "::1 \(key)")
        #expect(hosts.defects.isEmpty)
        #expect(judge(hosts, "alpha") == "accepted one:3")
        #expect(judge(hosts, "BETA") == "accepted one:3")
        #expect(judge(hosts, "10.0.0.1") == "accepted one:3")
        #expect(judge(hosts, "a.EXAMPLE.com") == "accepted one:4")
        #expect(judge(hosts, "bad.example.com") == "unknown")
        #expect(judge(hosts, "example.com") == "unknown")
        #expect(judge(hosts, "gamma", port: 2222) == "accepted one:5")
        #expect(judge(hosts, "gamma") == "unknown")
        #expect(judge(hosts, "host7") == "accepted one:6")
        #expect(judge(hosts, "host77") == "unknown")
        #expect(judge(hosts, "anything", port: 99) == "accepted one:7")
        #expect(judge(hosts, "::1") == "accepted one:8")
    }

    @Test("another key of a known host is a changed one, and all known ones are named in the order of the files")
    func changed() {
        let hosts = KnownHosts(contents: [
            ("one", Array("h \(Self.second.openSSH)".utf8)), ("two", Array("\n*,!x \(Self.second.openSSH)\nh \(Self.rsa)".utf8)),
        ])
        #expect(judge(hosts, "h") == "changed one:1 two:2 two:3")
        #expect(hosts.keys(of: Address(host: "h")).map(\.algorithm) == ["ssh-ed25519", "ssh-ed25519", "ssh-rsa"])
    }

    @Test("a key known without a port is good on another port, and says nothing against another key there")
    func otherPort() {
        let hosts = hosts("h \(Self.first.openSSH)", "[g]:2200 \(Self.second.openSSH)", "g \(Self.first.openSSH)")
        #expect(judge(hosts, "h", port: 2200) == "accepted one:1")
        #expect(judge(hosts, "h", port: 2200, key: Self.second) == "unknown")
        #expect(judge(hosts, "g", port: 2200) == "changed one:2")
        #expect(hosts.keys(of: Address(host: "h", port: 2200)) == [Self.first])
    }

    @Test("a revoked key is refused wherever else it stands, and is not asked for")
    func revoked() {
        let hosts = hosts("h \(Self.first.openSSH)", "@revoked * \(Self.first.openSSH)", "h \(Self.second.openSSH)")
        #expect(judge(hosts, "h") == "revoked one:2")
        #expect(judge(hosts, "other", port: 9) == "revoked one:2")
        #expect(judge(hosts, "h", key: Self.second) == "accepted one:3")
        #expect(hosts.keys(of: Address(host: "h")) == [Self.second])
    }

    @Test("where only @cert-authority stands for a host, that is said; a plain key beside it counts")
    func authority() {
        let hosts = hosts("@cert-authority *.a \(Self.second.openSSH)", "h.a \(Self.first.openSSH)")
        #expect(judge(hosts, "g.a") == "authority one:1")
        #expect(judge(hosts, "g.a", key: Self.second) == "authority one:1")
        #expect(judge(hosts, "h.a") == "accepted one:2")
    }

    @Test("a host known only by kinds of keys that cannot be asked for has not changed")
    func otherKinds() {
        let both = hosts("h \(Self.rsa)", "h \(Self.second.openSSH)")
        #expect(judge(hosts("h \(Self.rsa)"), "h") == "other kinds")
        #expect(judge(both, "h") == "changed one:1 one:2")
    }

    @Test("an alias is looked for instead of the address, and without its port")
    func alias() {
        let hosts = hosts("front \(Self.first.openSSH)", "[h]:2200 \(Self.second.openSSH)")
        let address = Address(host: "h", port: 2200)
        #expect(hosts.keys(of: address, alias: "FRONT") == [Self.first])
        #expect(hosts.judge(Self.second, of: address, alias: "other") == .unknown)
        #expect(KnownHosts.name(of: address) == "[h]:2200")
        #expect(KnownHosts.name(of: Address(host: "::1")) == "::1")
        #expect(KnownHosts.name(of: address, alias: "front") == "front")
    }

    @Test("what cannot be used is kept with its place and reason, and the rest counts")
    func defects() {
        let key = Self.first.openSSH
        let hosts = hosts(
            "h", "@unknown h \(key)", "@revoked", "h ssh-ed25519", "h ssh-ed25519 !!!", "h ssh-rsa \(key.dropFirst(12))",
            "h ssh-ed25519 \(Cryptography.base64(Array(Self.first.blob.dropLast())))", "|1|AAAA|BBBB \(key)", "h\0 \(key)",
            "h 1024 35 12345", String(repeating: "h,", count: 40_000) + " \(key)", "good \(key)", "@cert-authority h", "\u{7}\u{1b}[1m")
        #expect(hosts.defects.map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 14])
        #expect(hosts.defectCount == 13)
        #expect(hosts.defects[1] == KnownHosts.Defect(file: "one", line: 2, reason: "unknown marker @unknown"))
        #expect(hosts.defects.allSatisfy { $0.reason.utf8.allSatisfy { (0x20..<0x7f).contains($0) } })
        #expect(judge(hosts, "good") == "accepted one:12")
        #expect(judge(hosts, "h") == "unknown")
    }

    @Test("a pattern made to be slow is not")
    func slowPattern() {
        let pattern = String(repeating: "*a", count: 2000)
        let name = [UInt8](repeating: UInt8(ascii: "a"), count: 1900)
        #expect(!HostPattern.matches(Array(pattern.utf8), name))
    }

    @Test("a file with any byte changed or cut never traps, and never makes another key acceptable")
    func hostile() {
        let hashed = HashedHostName.word(hiding: Array("h".utf8), salt: [UInt8](repeating: 7, count: 20))
        let text = Array("h,*.g,!x.g \(Self.first.openSSH)\n\(hashed) \(Self.first.openSSH)\n@revoked r \(Self.first.openSSH)\n".utf8)
        func judge(_ bytes: [UInt8]) -> KnownHosts.Judgement {
            KnownHosts(contents: [("x", bytes)]).judge(Self.second, of: Address(host: "h"))
        }
        for index in text.indices {
            var changed = text
            for flip: UInt8 in [0x01, 0x20, 0x80, 0xff] {
                changed[index] = text[index] ^ flip
                if case .accepted = judge(changed) { Issue.record("accepted with byte \(index) changed") }
            }
            _ = judge(Array(text.prefix(index)))
        }
    }
}
