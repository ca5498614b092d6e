import Testing

@testable import SSH

@Suite("Which hosts a client configuration names")
struct NamedHostsTests {
    private func names(_ text: String, _ name: String) -> Bool { NamedHosts(text: Array(text.utf8)).mayName(name) }

    @Test("a host is named by its name, by a pattern and by a negation, and not by what holds for all")
    func hosts() {
        let text = "# Host no\nHost *\n User me\nHost alpha  b*ta !gamma \"del\"ta\r\n\tHOST=epsilon\nHost = zeta # eta\nHostName theta\n"
        for name in ["alpha", "ALPHA", "beta", "b.ta", "gamma", "delta", "epsilon", "zeta"] { #expect(names(text, name), "\(name)") }
        for name in ["no", "me", "theta", "alpha2", "x"] { #expect(!names(text, name), "\(name)") }
    }

    @Test(
        "a condition that is not known here names every host",
        arguments: [
            "Match host a", "match exec \"test -f x\"", "Match final all", "CanonicalizeHostname yes", "canonicalizehostname=always",
        ])
    func conditions(line: String) {
        #expect(names(line, "anything"))
    }

    @Test("conditions that always or never hold name nobody", arguments: ["Match all", "Match ALL\r", "CanonicalizeHostname no", "Match"])
    func always(line: String) {
        #expect(names(line, "anything") == (line == "Match"))
    }

    @Test("included files count, wherever they start from and however deep; a circle names every host")
    func includes() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let second = try ScratchFolder()
        defer { second.remove() }
        folder.write("Host deep\n", to: "deep")
        folder.write("Host one\nInclude \(folder.path)/de?p\n", to: "a.conf")
        folder.write("Host two\n", to: "b.conf")
        let file = folder.write("Include \(folder.path)/absent \(folder.path)/*.conf\n", to: "config")
        let named = NamedHosts(file: file, home: second.path)
        for name in ["one", "two", "deep"] { #expect(named.mayName(name)) }
        #expect(!named.mayName("three"))
        folder.write("Include \(folder.path)/circle\n", to: "circle")
        #expect(NamedHosts(file: folder.path + "/circle", home: second.path).mayName("three"))
        folder.write("Include \(folder.path)/%h\n", to: "token")
        #expect(NamedHosts(file: folder.path + "/token", home: second.path).mayName("three"))
        #expect(!NamedHosts(file: folder.path + "/absent", home: second.path).mayName("three"))
        #expect(NamedHosts(file: folder.path, home: second.path).mayName("three"))
    }
}
