import Catalogue
import Foundation
import Testing
import Wire

/// Signatures made by the real ssh-keygen, in a scratch folder.
@Suite struct SSHKeygenTests {
    private func keygen(_ arguments: [String], in folder: URL) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/ssh-keygen")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        process.standardInput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "ssh-keygen \(arguments.joined(separator: " ")) failed; is openssh-client installed?")
    }

    private func scratch(_ body: (URL) throws -> Void) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("rollcall-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        defer { try? FileManager.default.removeItem(at: folder) }
        try body(folder)
    }

    /// The binary signature that ssh-keygen makes of `message` with a fresh key of `type`, and the key's line.
    private func sign(_ message: [UInt8], type: String, options: [String], in folder: URL) throws -> (blob: [UInt8], line: String) {
        let key = folder.appendingPathComponent("key")
        let file = folder.appendingPathComponent("header")
        try keygen(["-q", "-t", type, "-N", "", "-C", "reviewer", "-f", key.path], in: folder)
        try Data(message).write(to: file)
        try keygen(["-Y", "sign", "-f", key.path, "-n", "rollcall-catalogue"] + options + [file.path], in: folder)
        let armoured = try Data(contentsOf: folder.appendingPathComponent("header.sig"))
        let blob = try #require(SSHSignature.unarmour(Array(armoured)))
        return (blob, try String(contentsOf: folder.appendingPathComponent("key.pub"), encoding: .utf8))
    }

    @Test("a signature of ssh-keygen counts, with either hash", arguments: [[], ["-O", "hashalg=sha256"], ["-O", "hashalg=sha512"]])
    func accepted(options: [String]) throws {
        try scratch { folder in
            let message: [UInt8] = Array("a header".utf8)
            let (blob, line) = try sign(message, type: "ed25519", options: options, in: folder)
            let signature = try SSHSignature(blob: blob)
            #expect(signature.isValid(message: message, namespace: DocumentKind.catalogue.namespace))
            #expect(!signature.isValid(message: message + [0], namespace: DocumentKind.catalogue.namespace))
            #expect(!signature.isValid(message: message, namespace: "file"))
            let trust = try TrustPolicy(file: Array("threshold 1\n\(line)".utf8))
            #expect(trust.signerCount(of: [signature, signature], message: message, namespace: DocumentKind.catalogue.namespace) == 1)
            #expect(trust.keys.first == signature.key)
        }
    }

    @Test("other kinds of key are refused by name", arguments: [("rsa", "ssh-rsa"), ("ecdsa", "ecdsa-sha2-nistp256")])
    func otherKeys(type: String, name: String) throws {
        try scratch { folder in
            let (blob, line) = try sign([1], type: type, options: [], in: folder)
            for attempt in [{ _ = try SSHSignature(blob: blob) }, { _ = try TrustPolicy(file: Array("threshold 1\n\(line)".utf8)) }] {
                do {
                    try attempt()
                    Issue.record("accepted")
                } catch let error as CatalogueError {
                    #expect(error.rule == .unsupportedSignature)
                    #expect(error.sentence.string.contains(name))
                }
            }
        }
    }
}
