internal import Catalogue
internal import Subprocess
internal import Wire

/// Signs with an SSH key through ssh-keygen, which knows key files, ssh-agent and security keys.
struct KeySigner {
    /// A private key file, or a public key file whose key is in ssh-agent.
    let key: String

    /// The armoured signature of `message` in the catalogue's namespace.
    ///
    /// - Throws: `.signing` with what ssh-keygen said last.
    func sign(_ message: [UInt8]) async throws(ProbesError) -> [UInt8] {
        let arguments = ["-Y", "sign", "-n", CatalogueHeader.namespace.string, "-f", key]
        do {
            // Without a file ssh-keygen signs its input and writes the signature to its output, so nothing lies about half-written.
            let result = try await Subprocess.run(
                .name("ssh-keygen"), arguments: Arguments(arguments), input: .array(message), output: .bytes(limit: 16_384),
                error: .string(limit: 16_384))
            guard result.terminationStatus.isSuccess, SSHSignature.unarmour(result.standardOutput) != nil else {
                throw ProbesError(.signing, key, Self.sentence(result.standardError))
            }
            return result.standardOutput
        } catch let error as ProbesError {
            throw error
        } catch {
            throw ProbesError(.signing, key, "ssh-keygen could not be run; it comes with OpenSSH's client.")
        }
    }

    private static func sentence(_ said: String) -> String {
        let line = said.split(whereSeparator: \.isNewline).last.map(String.init) ?? "no reason given"
        return "ssh-keygen did not sign: \(line)"
    }
}
