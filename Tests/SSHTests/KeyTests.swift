import Foundation
import Testing

@testable import SSH

@Suite("User keys")
struct KeyTests {
    /// Runs `body` with the path of a file that holds `text` and that only its owner can read.
    private func withFile<Value>(_ text: String, mode: Int = 0o600, _ body: (String) throws -> Value) throws -> Value {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(UUID().uuidString)").path
        #expect(FileManager.default.createFile(atPath: path, contents: Data(text.utf8), attributes: [.posixPermissions: mode]))
        defer { try? FileManager.default.removeItem(atPath: path) }
        return try body(path)
    }

    private func code(of text: String, mode: Int = 0o600) throws -> SSHError.Code? {
        try withFile(text, mode: mode) { path in
            do throws(SSHError) {
                _ = try Ed25519Key(contentsOfFile: path)
                return nil
            } catch {
                return error.code
            }
        }
    }

    @Test("a key that is written is read back as the same key")
    func roundTrip() throws {
        let key = Ed25519Key.generate()
        let read = try withFile(key.openSSHPrivateKey(comment: "me")) { try Ed25519Key(contentsOfFile: $0) }
        #expect(read.publicKey == key.publicKey)
        #expect(read.sign([1, 2, 3]) == key.sign([1, 2, 3]))
    }

    @Test("ssh-keygen reads the key that is written, and derives the same public key")
    func keygen() throws {
        let key = Ed25519Key.generate()
        try withFile(key.openSSHPrivateKey(comment: "me")) { path in
            let derived = try keygen(["-y", "-f", path])
            #expect(derived.hasPrefix(key.publicKey.openSSH))
        }
    }

    private func keygen(_ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
        process.arguments = arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return text
    }

    @Test(
        "keys that need ssh-agent are refused with the hint", arguments: [["-t", "ed25519", "-N", "secret"], ["-t", "ecdsa", "-N", ""]])
    func unsupported(arguments: [String]) throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(UUID().uuidString)").path
        defer { for name in [path, path + ".pub"] { try? FileManager.default.removeItem(atPath: name) } }
        _ = try keygen(["-q"] + arguments + ["-f", path])
        let error = #expect(throws: SSHError.self) { _ = try Ed25519Key(contentsOfFile: path) }
        #expect(error?.code == (arguments.last == "" ? .unsupportedKey : .keyFileEncrypted))
        #expect(error?.detail.contains("ssh-agent") == true)
    }

    @Test("a file that is missing, open to others, or no key is a key file error")
    func files() throws {
        let key = Ed25519Key.generate().openSSHPrivateKey(comment: "")
        #expect(try code(of: key) == nil)
        #expect(try code(of: key, mode: 0o644) == .keyFile)
        #expect(try code(of: "hello") == .keyFile)
        #expect(try code(of: "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----\n") == .unsupportedKey)
        let error = #expect(throws: SSHError.self) { _ = try Ed25519Key(contentsOfFile: "/nonexistent") }
        #expect(error?.code == .keyFile)
    }

    @Test("a key file with any byte of its encoding changed or cut never traps, and never yields another key")
    func hostileFiles() throws {
        let key = Ed25519Key.generate()
        let lines = key.openSSHPrivateKey(comment: "c").split(separator: "\n")
        let body = Array(try #require(Cryptography.decodeBase64(lines.dropFirst().dropLast().joined())))
        func parse(_ bytes: [UInt8]) -> Ed25519Key? {
            let text = "\(lines[0])\n\(Cryptography.base64(bytes))\n\(lines[lines.count - 1])\n"
            return try? PrivateKeyFile.parse(text, path: "x")
        }
        #expect(parse(body)?.publicKey == key.publicKey)
        for index in body.indices {
            #expect(parse(Array(body.prefix(index))) == nil)
            var changed = body
            changed[index] ^= 0xff
            let read = parse(changed)
            #expect(read == nil || read?.publicKey == key.publicKey)
        }
    }
}
