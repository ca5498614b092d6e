internal import Foundation
public import SSH

/// Which keys a person logs in with.
public struct LoginKeys: Sendable {
    /// The key that was named, to be used alone; nil where none was named, and OpenSSH's configuration says which files are tried.
    public let named: [Identity]?
    /// What the person's ssh-agent holds.
    public let held: [Identity]
    /// Why the ssh-agent said nothing of its keys, if that was so.
    public let agentFailure: SSHError?
    /// Holds the named key where its file is encrypted; it ends with the last copy of this.
    private let ownAgent: PrivateKeyAgent?

    private init(named: [Identity]?, held: [Identity], agentFailure: SSHError? = nil, ownAgent: PrivateKeyAgent? = nil) {
        (self.named, self.held, self.agentFailure, self.ownAgent) = (named, held, agentFailure, ownAgent)
    }

    /// These and no others.
    public init(only identities: [Identity]) { self.init(named: identities, held: []) }

    /// The keys of the person at the desk.
    ///
    /// - Parameters:
    ///   - path: A private key file to use alone, or nil. One that is encrypted, or of another kind than Ed25519, is looked for in the
    ///     ssh-agent first, by the `.pub` file beside it; then it is given to an ssh-agent of this process's own.
    ///   - agentSocket: SSH_AUTH_SOCK, or nil.
    ///   - askPassphrase: Asks for the passphrase of the file it is given; nil where nobody can be asked.
    /// - Throws: Why the named file cannot be used.
    public static func find(
        path: String?, agentSocket: String?, askPassphrase: @Sendable (String) async -> Secret?
    ) async throws(SSHError) -> LoginKeys {
        var held: [Identity] = []
        var agentFailure: SSHError?
        if let agentSocket {
            do throws(SSHError) {
                let keys = try await SSH.agentIdentities(socketPath: agentSocket)
                held = keys.map { .agent(socketPath: agentSocket, publicKeyBlob: $0.blob) }
            } catch {
                agentFailure = error
            }
        }
        guard let path else { return LoginKeys(named: nil, held: held, agentFailure: agentFailure) }
        do throws(SSHError) {
            return LoginKeys(named: [.ed25519(try Ed25519Key(contentsOfFile: path))], held: held)
        } catch {
            guard error.code == .keyFileEncrypted || error.code == .unsupportedKey else { throw error }
            if let key = publicKey(inFile: path + ".pub"), let identity = held.first(where: { $0.publicKey == key }) {
                return LoginKeys(named: [identity], held: held)
            }
            // A file of another kind may need none, and then nobody is asked for it.
            let passphrase = error.code == .keyFileEncrypted ? await askPassphrase(path) : Secret("")
            guard let passphrase else { throw error }
            let agent = try await PrivateKeyAgent.open(keyFile: path, passphrase: passphrase)
            return LoginKeys(named: agent.identities, held: held, ownAgent: agent)
        }
    }

    private static func publicKey(inFile path: String) -> HostKey? {
        (try? String(contentsOfFile: path, encoding: .utf8)).flatMap { HostKey(openSSH: $0) }
    }
}
