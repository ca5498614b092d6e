internal import Catalogue
internal import Foundation
internal import Subprocess
internal import Wire

/// Signs with an SSH key through ssh-keygen, which knows key files, ssh-agent and security keys.
struct KeySigner {
    /// A private key file, or a public key file whose key is in ssh-agent.
    let key: String
    /// What it signs.
    let kind: DocumentKind

    /// The armoured signature of `message` in the namespace of its kind.
    ///
    /// The message goes by a file in a scratch folder: one given as input would kill this process by SIGPIPE where ssh-keygen ends without
    /// reading it, and beside the header ssh-keygen would ask before replacing an earlier signature.
    ///
    /// - Throws: `.signing` with what ssh-keygen said last.
    func sign(_ message: [UInt8]) async throws(ProbesError) -> [UInt8] {
        let scratch = FileManager.default.temporaryDirectory.appending(path: "rollcall-sign-" + UUID().uuidString)
        defer { try? FileManager.default.removeItem(at: scratch) }
        let file = scratch.appending(path: "header.cbor").path()
        do {
            try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            try Data(message).write(to: URL(filePath: file))
        } catch {
            throw ProbesError(.signing, key, "A scratch folder for the signature could not be made.")
        }
        let said = try await run(["-Y", "sign", "-n", kind.namespace.string, "-f", key, file])
        guard let armoured = FileManager.default.contents(atPath: file + ".sig").map({ [UInt8]($0) }),
            SSHSignature.unarmour(armoured) != nil
        else {
            let line = said.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no reason given"
            throw ProbesError(.signing, key, "ssh-keygen did not sign: \(line)")
        }
        return armoured
    }

    /// What ssh-keygen wrote to standard error.
    private func run(_ arguments: [String]) async throws(ProbesError) -> String {
        do {
            return try await Subprocess.run(
                .name("ssh-keygen"), arguments: Arguments(arguments), output: .discarded, error: .string(limit: 16_384)
            ).standardError
        } catch {
            throw ProbesError(.signing, key, "ssh-keygen could not be run; it comes with OpenSSH's client.")
        }
    }
}
