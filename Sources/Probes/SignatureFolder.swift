internal import Catalogue
internal import Foundation

/// The signatures of something, as files `NAME.sig` that ssh-keygen wrote.
struct SignatureFolder {
    /// The folder, which need not exist yet.
    let path: String
    /// What is signed.
    let kind: DocumentKind

    /// Makes the folder, and removes signatures of another message than the one that is about to be written to `file`.
    ///
    /// - Throws: `.unwritable`.
    func prepare(for message: [UInt8], at file: String) throws(ProbesError) {
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            if FileManager.default.contents(atPath: file).map({ [UInt8]($0) }) != message {
                for name in try names() { try FileManager.default.removeItem(atPath: path + "/" + name) }
            }
        } catch {
            throw ProbesError(.unwritable, path, "The folder of signatures cannot be written.")
        }
    }

    /// The signatures in binary form, in the order of their files' names.
    ///
    /// - Throws: `.unreadable`, `.catalogue` for a file that is not what ssh-keygen writes.
    func blobs() throws(ProbesError) -> [[UInt8]] {
        var signatures: [[UInt8]] = []
        for name in (try? names()) ?? [] {
            guard let blob = SSHSignature.unarmour(try contents(of: path + "/" + name)) else {
                throw ProbesError(.catalogue, name, "The signature is not in the form that ssh-keygen writes.")
            }
            signatures.append(blob)
        }
        return signatures
    }

    /// Adds the signature of a reviewer, replacing one of the same name.
    ///
    /// - Parameters:
    ///   - key: A private key file, or a public key file whose key is in ssh-agent.
    ///   - name: Name of the signature's file: letters, digits, `.`, `_`, `-`; as a rule the reviewer's.
    /// - Throws: `.signing` with what ssh-keygen said; nothing is written then.
    func add(key: String, name: String, to message: [UInt8]) async throws(ProbesError) {
        let isPlain = name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8.contains($0) }
        guard isPlain, !name.isEmpty, name.utf8.count <= 64, name.utf8.first != 46 else {
            throw ProbesError(.signing, name, "A signature's name has only letters, digits and . _ - and does not begin with a dot.")
        }
        let armoured = try await KeySigner(key: key, kind: kind).sign(message)
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw ProbesError(.unwritable, path, "The folder of signatures cannot be written.")
        }
        try replace(armoured, at: path + "/\(name).sig")
    }

    private func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path).filter { $0.hasSuffix(".sig") }.sorted()
    }
}

/// Puts a file in its place as a whole.
///
/// - Throws: `.unwritable` naming it.
func replace(_ bytes: [UInt8], at path: String) throws(ProbesError) {
    do {
        try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
        throw ProbesError(.unwritable, path, "The file cannot be written.")
    }
}
