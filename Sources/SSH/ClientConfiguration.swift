/// What OpenSSH's client would do to reach one host (ssh_config(5)), as far as it matters here.
public struct ClientConfiguration: Sendable, Hashable {
    /// What to do with a host key that is not known.
    public enum StrictHostKeyChecking: String, Sendable {
        /// Refuse it.
        case yes
        /// Accept it, and write it down. OpenSSH accepts a changed key too.
        case no
        /// Ask a person.
        case ask
        /// Accept it, and write it down.
        case acceptNew = "accept-new"
    }

    /// A server on the way (`ProxyJump`), as it is named there; its own configuration is asked for by that name.
    public struct Hop: Sendable, Hashable {
        /// A host's name, an alias or an address.
        public var name: String
        /// The user, if it is given there.
        public var user: String?
        /// The port, if it is given there.
        public var port: Int?
    }

    /// The host's name or address, in lower case.
    public var hostName: String
    /// 1 to 65535.
    public var port: Int
    /// The user over there.
    public var user: String
    /// Paths, most wanted first, with `~`, tokens and variables replaced; those whose tokens are not known are left out. They need not exist.
    public var identityFiles: [String]
    /// Whether no keys of an ssh-agent are to be used but those that a file is named for.
    public var identitiesOnly: Bool
    /// The way there, the nearest hop first.
    public var hops: [Hop]
    /// How long connecting may take; `nil` where nothing is said.
    public var connectTimeout: Duration?
    /// Paths of the user's known_hosts files, in order. `ssh -G` does not tell a blank in a path from one between two.
    public var userKnownHostsFiles: [String]
    /// Paths of the machine's known_hosts files, in order.
    public var globalKnownHostsFiles: [String]
    /// What to do with a host key that is not known.
    public var strictHostKeyChecking: StrictHostKeyChecking
    /// The host's name in known_hosts, if it is not its own.
    public var hostKeyAlias: String?
    /// Whether names are hidden in the lines written to known_hosts.
    public var hashKnownHosts: Bool

    /// What OpenSSH does with `name` where no configuration says anything.
    init(literal name: String, account: LocalAccount) {
        let folder = "\(account.home)/.ssh"
        hostName = name
        port = 22
        user = account.name
        identityFiles = ["rsa", "ecdsa", "ecdsa_sk", "ed25519", "ed25519_sk"].map { "\(folder)/id_\($0)" }
        identitiesOnly = false
        hops = []
        connectTimeout = nil
        userKnownHostsFiles = ["\(folder)/known_hosts", "\(folder)/known_hosts2"]
        globalKnownHostsFiles = ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
        strictHostKeyChecking = .ask
        hostKeyAlias = nil
        hashKnownHosts = false
    }

    /// Takes over what `ssh -G` said about `name`.
    ///
    /// - Throws: `.unsupportedConfiguration` for a ProxyCommand, `.configuration` for a value that cannot be.
    init(_ settings: ClientSettings, name: String, account: LocalAccount) throws(SSHError) {
        self.init(literal: name, account: account)
        hostName = try settings.text("hostname")
        user = try settings.text("user")
        port = try settings.port()
        identitiesOnly = try settings.flag("identitiesonly")
        hashKnownHosts = try settings.flag("hashknownhosts")
        hostKeyAlias = try settings.first("hostkeyalias").map { _ throws(SSHError) in try settings.text("hostkeyalias") }
        connectTimeout = try settings.seconds("connecttimeout").map { .seconds($0) }
        strictHostKeyChecking = try settings.strictness()
        userKnownHostsFiles = settings.paths("userknownhostsfile")
        globalKnownHostsFiles = settings.paths("globalknownhostsfile")
        let tokens = ConfigurationTokens(
            name: name, hostName: hostName, port: port, user: user, hostKeyAlias: hostKeyAlias, account: account)
        identityFiles = settings.all("identityfile").filter { $0 != "none" }.compactMap(tokens.path)
        if let command = settings.first("proxycommand"), command != "none" {
            throw SSHError(
                .unsupportedConfiguration, detail: "ProxyCommand \(printable(command.utf8)) is not supported; ProxyJump is")
        }
        hops = try settings.hops(tokens)
    }

    /// Reads the output of `ssh -G -- name`.
    package init(sshOutput output: [UInt8], name: String, account: LocalAccount) throws(SSHError) {
        try self.init(ClientSettings(output), name: name, account: account)
    }

    /// The same about another host, for what is said about all hosts that are not named.
    func renamed(_ name: String) -> ClientConfiguration {
        var copy = self
        copy.hostName = name.lowercased()
        return copy
    }
}
