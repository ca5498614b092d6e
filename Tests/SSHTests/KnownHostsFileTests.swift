import Foundation
import Testing

@testable import SSH

/// A folder for one test, and ssh-keygen in it.
struct ScratchFolder {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("ssh-\(UUID().uuidString)").path

    init() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    @discardableResult
    func write(_ text: String, to name: String, mode: Int = 0o600) -> String {
        #expect(
            FileManager.default.createFile(atPath: "\(path)/\(name)", contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
        return "\(path)/\(name)"
    }

    func text(_ name: String) throws -> String { try String(contentsOfFile: "\(path)/\(name)", encoding: .utf8) }

    /// What ssh-keygen writes to its standard output.
    func keygen(_ arguments: String...) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }
}

@Suite("known_hosts files")
struct KnownHostsFileTests {
    private let key = Ed25519Key.generate().publicKey
    private let address = Address(host: "Device", port: 2200)

    private func mode(_ path: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
    }

    @Test("ssh-keygen -F finds the lines that are found here, hashed by ssh-keygen -H or not")
    func keygen() throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let keys = (0..<8).map { _ in Ed25519Key.generate().publicKey }
        let names = [
            "alpha", "beta,192.0.2.7", "[gamma]:2200", "*.example.com,!bad.example.com", "host-?", "[*.lab]:22", "2001:db8::1",
            "gamma,alpha",
        ]
        let text = zip(names, keys).map { "\($0) \($1.openSSH)\n" }.joined()
        let path = folder.write(text, to: "known_hosts")
        let asked: [(name: String, address: Address)] = [
            ("alpha", Address(host: "alpha")), ("beta", Address(host: "beta")), ("192.0.2.7", Address(host: "192.0.2.7")),
            ("[gamma]:2200", Address(host: "gamma", port: 2200)), ("gamma", Address(host: "gamma")),
            ("a.example.com", Address(host: "a.example.com")), ("bad.example.com", Address(host: "bad.example.com")),
            (".example.com", Address(host: ".example.com")), ("host-1", Address(host: "host-1")), ("host-", Address(host: "host-")),
            ("[x.lab]:22", Address(host: "[x.lab]:22")), ("2001:db8::1", Address(host: "2001:db8::1")),
            ("absent", Address(host: "absent")),
        ]
        for isHashed in [false, true] {
            if isHashed { _ = try folder.keygen("-H", "-f", path) }
            let hosts = try KnownHosts(files: [path])
            #expect(hosts.defects.isEmpty)
            for (name, address) in asked {
                let said = try folder.keygen("-F", name, "-f", path)
                let theirs = said.split(separator: "\n").filter { !$0.hasPrefix("#") }.map {
                    $0.split(separator: " ").suffix(2).joined(separator: " ")
                }
                #expect(hosts.keys(of: address).map(\.openSSH) == theirs, "\(name), hashed: \(isHashed)")
            }
        }
        #expect(try folder.text("known_hosts").hasPrefix("|1|"))
    }

    @Test("a recorded key is known at once, is found by ssh-keygen, and stands once", arguments: [false, true])
    func recorded(isHashed: Bool) async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let path = folder.path + "/new/known_hosts"
        let hosts = try KnownHosts(files: [path])
        for _ in 0..<2 { try await hosts.record(key, of: address, inFile: path, isHashed: isHashed) }
        #expect(hosts.keys(of: address) == [key])
        #expect(try KnownHosts(files: [path]).keys(of: address) == [key])
        #expect(try folder.keygen("-F", "[device]:2200", "-f", path).contains(key.openSSH))
        let text = try folder.text("new/known_hosts")
        #expect(text.split(separator: "\n").count == 1 && text.hasSuffix("\n") && text.hasPrefix("|1|") == isHashed)
        #expect(try mode(path) == 0o600)
        #expect(try mode(folder.path + "/new") == 0o700)
    }

    @Test("a second key for the same host is a changed one, also when both are recorded at once")
    func race() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let path = folder.path + "/known_hosts"
        let hosts = try KnownHosts(files: [path])
        let codes = await withTaskGroup(of: SSHError.Code?.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    do throws(SSHError) {
                        try await hosts.record(Ed25519Key.generate().publicKey, of: address, inFile: path)
                        return nil
                    } catch {
                        return error.code
                    }
                }
            }
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(codes.filter { $0 == nil }.count == 1)
        #expect(codes.compactMap { $0 } == Array(repeating: .hostKeyChanged, count: 7))
        #expect(try folder.text("known_hosts").split(separator: "\n").count == 1)
    }

    @Test("a line is added on a line of its own where the file does not end with one")
    func appended() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let path = folder.write("other \(key.openSSH)", to: "known_hosts", mode: 0o644)
        try await KnownHosts(files: [path]).record(key, of: address, inFile: path)
        #expect(try folder.text("known_hosts") == "other \(key.openSSH)\n[device]:2200 \(key.openSSH)\n")
        #expect(try mode(path) == 0o644)
    }

    @Test("/dev/null knows nobody and takes everything; a folder or a file too large is an error that names it")
    func files() async throws {
        let folder = try ScratchFolder()
        defer { folder.remove() }
        let hosts = try KnownHosts(files: ["/dev/null", folder.path + "/absent", "/dev/null/known_hosts"])
        try await hosts.record(key, of: address, inFile: "/dev/null")
        #expect(hosts.keys(of: address) == [key])
        for path in [folder.path, "/dev/zero"] {
            let error = #expect(throws: SSHError.self) { _ = try KnownHosts(files: [path]) }
            #expect(error?.code == .knownHostsFile)
            #expect(error?.detail.hasPrefix(path) == true)
        }
        let error = await #expect(throws: SSHError.self) { try await hosts.record(key, of: Address(host: "h"), inFile: folder.path) }
        #expect(error?.code == .knownHostsFile)
    }

    @Test(
        "a name that would say something else in the file is not written",
        arguments: ["", "a b", "a,b", "*", "!a", "|1|a", "@revoked", "#a", "a\nb", "é"])
    func names(name: String) {
        let error = #expect(throws: SSHError.self) { _ = try KnownHosts.line(for: name, key: key) }
        #expect(error?.code == .knownHostsFile)
    }
}
