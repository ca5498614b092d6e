internal import Foundation
public import SSH

/// Which keys a person logs in with.
public enum LoginKeys {
    /// The keys to try, in order.
    ///
    /// With a path, that file alone, or, where it is encrypted or of another kind than Ed25519, the same key from the ssh-agent. Without
    /// one, what the ssh-agent holds, then `~/.ssh/id_ed25519`.
    ///
    /// - Parameters:
    ///   - path: A private key file, or nil.
    ///   - agentSocket: SSH_AUTH_SOCK, or nil.
    ///   - home: The user's home directory.
    /// - Throws: Why the named file cannot be used; `.keyFile` where there is no key at all.
    public static func find(path: String?, agentSocket: String?, home: String) async throws(SSHError) -> [Identity] {
        if let path {
            do throws(SSHError) {
                return [.ed25519(try Ed25519Key(contentsOfFile: path))]
            } catch {
                guard error.code != .keyFile || error.detail.contains("encrypted"), let agentSocket,
                    let held = try? await identity(ofPublicKeyFile: path + ".pub", agentSocket: agentSocket)
                else { throw error }
                return [held]
            }
        }
        var identities: [Identity] = []
        if let agentSocket, let held = try? await SSH.agentIdentities(socketPath: agentSocket) {
            identities += held.map { .agent(socketPath: agentSocket, publicKeyBlob: $0.blob) }
        }
        let usual = home + "/.ssh/id_ed25519"
        if FileManager.default.fileExists(atPath: usual), let key = try? Ed25519Key(contentsOfFile: usual) {
            identities.append(.ed25519(key))
        }
        guard !identities.isEmpty else {
            throw SSHError(.keyFile, detail: "no key: the ssh-agent holds none, and \(usual) is not an unencrypted Ed25519 key")
        }
        return identities
    }

    private static func identity(ofPublicKeyFile path: String, agentSocket: String) async throws -> Identity? {
        let line = try String(contentsOfFile: path, encoding: .utf8)
        guard let key = HostKey(openSSH: line) else { return nil }
        let held = try await SSH.agentIdentities(socketPath: agentSocket)
        return held.contains { $0.blob == key.blob } ? .agent(socketPath: agentSocket, publicKeyBlob: key.blob) : nil
    }
}
