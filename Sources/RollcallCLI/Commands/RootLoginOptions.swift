internal import ArgumentParser
internal import Calls
internal import Fleet
internal import SSH

/// How root logs in to a device, for what only root may do there.
struct RootLoginOptions: ParsableArguments {
    @Option(help: "Private key of root on the device.")
    var rootIdentity: String?

    @Option(help: "File whose first line is root's password; without it, and where keys do not do, a person is asked.")
    var rootPasswordFile: String?

    /// What root logs in by: keys first, then a password, from a file or from a person.
    ///
    /// - Parameter unnamed: The keys to try where none was named.
    /// - Returns: The identities, and the keys whose ssh-agent is to last as long as they do.
    func identities(
        _ configuration: Configuration, desk: Desk, unnamed: [Identity]
    ) async throws -> (identities: [Identity], keys: LoginKeys) {
        var keys = desk.keys
        if let rootIdentity {
            keys = try await LoginKeys.find(
                path: rootIdentity, agentSocket: configuration.agentSocket, askPassphrase: Questions.passphrase)
        }
        // A server hangs up on the sixth key that does not do: where a password is given, only a key that is named goes before it.
        let isGiven = rootPasswordFile != nil && rootIdentity == nil
        let identities = (isGiven ? [] : keys.named ?? unnamed) + (try Questions.passwords(file: rootPasswordFile))
        guard !identities.isEmpty else {
            throw SSHError(.keyFile, phase: .authentication, detail: "none for root: no key, and nobody to ask for a password")
        }
        return (identities, keys)
    }
}
