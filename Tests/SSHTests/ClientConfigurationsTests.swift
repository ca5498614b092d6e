import Foundation
import Testing

@testable import SSH

@Suite("Asking ssh about names")
struct ClientConfigurationsTests {
    private static let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures").path

    /// Runs `body` with configurations whose ssh is the shell script `script`.
    private func withScript(
        _ script: String, deadline: Duration = .seconds(60), _ body: (ClientConfigurations) async throws -> Void
    ) async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let file = folder.write(script, to: "script")
        try await body(ClientConfigurations(file: file, searchPath: Self.fixtures + ":/usr/bin:/bin", deadline: deadline))
    }

    private func error(_ configurations: ClientConfigurations, _ name: String) async throws -> SSHError {
        try await #require(throws: SSHError.self) { _ = try await configurations.configuration(of: name) }
    }

    @Test(
        "an address, and what is no name, starts no process",
        arguments: ["192.0.2.7", "2001:db8::1", "fe80::1%eth0", "-oX", "a b", "", "a/b", "é", "a;b"])
    func withoutProcess(name: String) async throws {
        try await withScript("exit 1") { configurations in
            do throws(SSHError) {
                let configuration = try await configurations.configuration(of: name)
                #expect(configuration.hostName == name && configuration.port == 22 && configuration.hops == [])
                #expect(name.contains(":") || name == "192.0.2.7")
            } catch {
                #expect(error.code == .configuration && error.detail.contains("no host's name"))
            }
            #expect(await configurations.processCount == 0)
        }
    }

    @Test("ssh is asked with -G and the name alone, in the C locale, and its input is at its end")
    func arguments() async throws {
        let script = "Host=x\nread line && exit 3\nprintf 'hostname h\\nport 22\\nuser %s\\n' \"$LC_ALL/$*\" | sed 's/ /_/g;s/_/ /'"
        try await withScript(script) { configurations in
            let configuration = try await configurations.configuration(of: "x")
            #expect(configuration.user == "C/-G_--_x")
        }
    }

    @Test("thousands of names that nothing names share one process; a named one has its own, once")
    func shared() async throws {
        try await withScript("Host=named\nprintf 'hostname %s\\nport 2200\\nuser u\\n' \"$3\"") { configurations in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<2000 {
                    group.addTask {
                        let configuration = try await configurations.configuration(of: "Device-\(number)")
                        #expect(configuration.hostName == "device-\(number)" && configuration.port == 2200)
                    }
                }
                try await group.waitForAll()
            }
            #expect(await configurations.processCount == 1)
            for _ in 0..<3 { #expect(try await configurations.configuration(of: "named").hostName == "named") }
            #expect(await configurations.processCount == 2)
        }
    }

    @Test("where an answer depends on the name, each name is asked about, a few at a time")
    func dependent() async throws {
        try await withScript("printf 'hostname %s.example\\nport 22\\nuser u\\n' \"$3\"") { configurations in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        let configuration = try await configurations.configuration(of: "d\(number)")
                        #expect(configuration.hostName == "d\(number).example")
                    }
                }
                try await group.waitForAll()
            }
            #expect(await configurations.processCount == 21)
        }
    }

    @Test("a failure carries the first line that ssh wrote, printable, and is not tried again")
    func failure() async throws {
        try await withScript("printf 'line 3: b\\033[1mad\\r\\nmore\\n' >&2; exit 255") { configurations in
            for name in ["a", "b"] {
                let error = try await error(configurations, name)
                #expect(error.code == .configuration)
                #expect(error.detail == "ssh -G: line 3: b?[1mad")
            }
            #expect(await configurations.processCount == 1)
        }
    }

    @Test("an ssh that does not end is ended, with what it started, and is asked again; one that writes without end is stopped")
    func endless() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let script = "sleep 600 & echo $! > \(folder.path)/new; mv \(folder.path)/new \(folder.path)/child; wait"
        try await withScript(script, deadline: .milliseconds(500)) { configurations in
            for _ in 0..<2 {
                let error = try await error(configurations, "a")
                #expect(error.code == .configuration && error.detail.contains("has not ended"))
            }
            #expect(await configurations.processCount == 2)
            let child = try folder.text("child").split(separator: "\n")[0]
            // A process that has ended has no command line, whether or not anybody has asked for its status.
            let deadline = ContinuousClock.now + .seconds(20)
            while let line = FileManager.default.contents(atPath: "/proc/\(child)/cmdline"), !line.isEmpty, .now < deadline {
                await Task.yield()
            }
            #expect(FileManager.default.contents(atPath: "/proc/\(child)/cmdline")?.isEmpty != false)
        }
        try await withScript("exec yes") { configurations in
            let error = try await error(configurations, "a")
            #expect(error.code == .configuration)
        }
    }

    @Test("without ssh, names are taken literally")
    func missing() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let configurations = ClientConfigurations(file: folder.path + "/config", searchPath: folder.path)
        let configuration = try await configurations.configuration(of: "Somewhere.example")
        #expect(configuration.hostName.lowercased() == "somewhere.example" && configuration.port == 22)
        #expect(configuration.identityFiles.contains { $0.hasSuffix("/.ssh/id_ed25519") })
    }

    @Test("the real ssh says what a configuration file means")
    func realSSH() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let file = folder.write(
            """
            Host dev*
              HostName %h.Example.COM
              ProxyJump me@gate:2222,10.0.0.1
              IdentityFile ~/.ssh/%n
              HostKeyAlias same
            Host odd
              ProxyCommand nc %h %p
            Host *
              Port 2200
              UserKnownHostsFile /a /b
              StrictHostKeyChecking no
              ConnectTimeout 9

            """, to: "config")
        let configurations = ClientConfigurations(file: file)
        let device = try await configurations.configuration(of: "dev1")
        #expect(device.hostName == "dev1.example.com" && device.port == 2200 && device.hostKeyAlias == "same")
        #expect(device.hops.map(\.name) == ["gate", "10.0.0.1"] && device.hops.map(\.port) == [2222, nil])
        #expect(device.identityFiles.map { $0.suffix(10) } == ["/.ssh/dev1"])
        let other = try await configurations.configuration(of: "Other")
        #expect(other.hostName == "other" && other.port == 2200 && other.userKnownHostsFiles == ["/a", "/b"])
        #expect(other.strictHostKeyChecking == .no && other.connectTimeout == .seconds(9) && other.hops == [])
        #expect(other == (try await configurations.configuration(of: "OTHER")))
        let odd = try await error(configurations, "odd")
        #expect(odd.code == .unsupportedConfiguration)
        #expect(await configurations.processCount == 3)
        let bad = ClientConfigurations(file: folder.write("Nonsense yes\n", to: "bad"))
        let refused = try await error(bad, "x")
        #expect(refused.detail.hasSuffix("line 1: Bad configuration option: nonsense"))
    }
}
