import Foundation
import SSH
import Testing

extension ServerTests {
    @Suite("Upload")
    struct UploadTests {
        @Test("a file arrives whole under its own name, whatever that is, or not at all", arguments: [ServerKind.openSSH, .dropbear])
        func upload(_ kind: ServerKind) async throws {
            try await Server.with(kind) { server in
                let connection = try await server.connect()
                let folder = try await connection.run("mktemp -d /tmp/ssh-upload.XXXXXX").standardOutput
                let path = String(decoding: folder, as: UTF8.self).trimmingCharacters(in: .newlines)
                let bytes = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
                for (name, content) in [("plain", bytes), ("it's $HOME; \"a\" `b` \\", bytes), ("-n", []), ("plain", [10])] {
                    try await connection.upload(content, to: "\(path)/\(name)", permissions: 0o750)
                    #expect(FileManager.default.contents(atPath: "\(path)/\(name)") == Data(content))
                    let mode = try FileManager.default.attributesOfItem(atPath: "\(path)/\(name)")[.posixPermissions] as? Int
                    #expect(mode == 0o750)
                }
                #expect(try FileManager.default.contentsOfDirectory(atPath: path).count == 3, "nothing half-written is left")
                let error = await #expect(throws: SSHError.self) { try await connection.upload(bytes, to: "\(path)/none/file") }
                #expect(error?.code == .uploadFailed && error?.detail.contains("none/file") == true, "\(error?.detail ?? "")")
                _ = try await connection.run("rm -rf '\(path)'")
                await connection.close()
            }
        }

        @Test("a full disk leaves the old file as it was")
        func full() async throws {
            try await Server.with { server in
                let connection = try await server.connect()
                let path = "\(server.folder)/file"
                try Scratch.write("old", to: path)
                try FileManager.default.createSymbolicLink(atPath: path + ".part", withDestinationPath: "/dev/full")
                let error = await #expect(throws: SSHError.self) {
                    try await connection.upload([UInt8](repeating: 1, count: 200_000), to: path)
                }
                #expect(error?.code == .uploadFailed && error?.detail.contains("No space left") == true, "\(error?.detail ?? "")")
                #expect(try Scratch.text(path) == "old" && !FileManager.default.fileExists(atPath: path + ".part"))
                await connection.close()
            }
        }
    }
}
