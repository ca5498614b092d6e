import Foundation
import Testing

@testable import SSH

@Suite("Parsed key files")
struct PrivateKeyCacheTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("key-\(UUID().uuidString)").path

    /// Writes `key` in place, so that the inode stays.
    private func write(_ key: Ed25519Key) throws {
        if !FileManager.default.fileExists(atPath: path) {
            #expect(FileManager.default.createFile(atPath: path, contents: nil, attributes: [.posixPermissions: 0o600]))
        }
        let file = try #require(FileHandle(forWritingAtPath: path))
        try file.write(contentsOf: Data(key.openSSHPrivateKey(comment: "me").utf8))
        try file.close()
    }

    @Test("a file that has not changed is parsed once")
    func once() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let key = Ed25519Key.generate()
        try write(key)
        let cache = PrivateKeyCache(settleSeconds: 0)
        for _ in 0..<3 { #expect(try PrivateKeyFile.key(atPath: path, cache: cache).publicKey == key.publicKey) }
        #expect(cache.parseCount == 1)
    }

    @Test("edits of the same size in the same instant are each seen")
    func edited() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let cache = PrivateKeyCache()
        for _ in 0..<50 {
            let key = Ed25519Key.generate()
            try write(key)
            #expect(try PrivateKeyFile.key(atPath: path, cache: cache).publicKey == key.publicKey)
        }
    }

    @Test("a held key is not given out once others can read its file")
    func exposed() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        try write(.generate())
        let cache = PrivateKeyCache(settleSeconds: 0)
        _ = try PrivateKeyFile.key(atPath: path, cache: cache)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(throws: SSHError.self) { _ = try PrivateKeyFile.key(atPath: path, cache: cache) }
    }
}
