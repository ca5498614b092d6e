/// Finds out how OpenSSH's client would reach hosts, and keeps what they share: known_hosts files, parsed once, and jump hosts.
public actor Destinations {
    private static let depthLimit = 8

    /// What makes two ways the same: how the last server is reached and judged, and what lies before it.
    private struct Way: Hashable {
        let hop: ClientConfiguration
        let next: ObjectIdentifier?
    }

    private let configurations: ClientConfigurations
    private let agentIdentities: [Identity]
    private let whenAsked: UnknownHostKey
    private let deadlines: Deadlines
    private let limits: JumpHost.Limits
    private var knownHosts: [[String]: KnownHosts] = [:]
    private var jumpHosts: [Way: JumpHost] = [:]

    /// Finds out nothing yet.
    ///
    /// - Parameters:
    ///   - agentIdentities: An agent's keys, to be tried after those of files.
    ///   - whenAsked: What to do with an unknown host key where the configuration says `ask`, as it does by default.
    ///   - deadlines: For all hosts; a ConnectTimeout in the configuration goes before.
    ///   - limits: What each jump host is asked to bear.
    public init(
        configurations: ClientConfigurations = ClientConfigurations(), agentIdentities: [Identity] = [],
        whenAsked: UnknownHostKey = .refuse, deadlines: Deadlines = Deadlines(), limits: JumpHost.Limits = JumpHost.Limits()
    ) {
        self.configurations = configurations
        self.agentIdentities = agentIdentities
        self.whenAsked = whenAsked
        self.deadlines = deadlines
        self.limits = limits
    }

    /// How to reach `name`: an alias, a host's name, or an address.
    ///
    /// `StrictHostKeyChecking no` is taken as `accept-new`: a changed key is refused.
    ///
    /// - Parameters:
    ///   - user: Goes before the configuration's.
    ///   - port: Goes before the configuration's.
    /// - Throws: What ``ClientConfigurations/configuration(of:)`` throws, for a jump host too; `.unsupportedConfiguration` where jump hosts
    ///   lead in a circle; `.knownHostsFile`.
    public func destination(of name: String, user: String? = nil, port: Int? = nil) async throws(SSHError) -> Destination {
        let configuration = try await configurations.configuration(of: name, user: user, port: port)
        let jumpHost = try await jumpHost(before: configuration, path: [name.lowercased()])
        let (identities, unused) = identities(for: configuration)
        return Destination(
            address: Address(host: configuration.hostName, port: configuration.port), user: configuration.user,
            hostKey: try hostKeyPolicy(for: configuration), identities: identities, unusedKeyFiles: unused,
            deadlines: deadlines(for: configuration), jumpHost: jumpHost, configuration: configuration)
    }

    /// Closes all jump hosts, and with them the connections that go through.
    public func close() async {
        let open = jumpHosts.values
        jumpHosts = [:]
        for jumpHost in open { await jumpHost.close() }
    }

    /// The last jump host on the way to what `configuration` describes. As with `ssh -J`, what the configuration says about the way to a
    /// hop holds for the first one only; the others are reached through the one before.
    ///
    /// - Parameter path: The names that led here.
    private func jumpHost(before configuration: ClientConfiguration, path: [String]) async throws(SSHError) -> JumpHost? {
        var last: JumpHost?
        for (index, hop) in configuration.hops.enumerated() {
            let name = hop.name.lowercased()
            let facts = "ProxyJump leads \((path + [name]).map { printable($0.utf8) }.joined(separator: " to "))"
            guard !path.contains(name) else { throw SSHError(.unsupportedConfiguration, detail: "\(facts), in a circle") }
            guard path.count <= Self.depthLimit else {
                throw SSHError(.unsupportedConfiguration, detail: "\(facts), more than \(Self.depthLimit) deep")
            }
            let described = try await configurations.configuration(of: hop.name, user: hop.user, port: hop.port)
            if index == 0 { last = try await jumpHost(before: described, path: path + [name]) }
            last = try makeJumpHost(described, through: last)
        }
        return last
    }

    private func makeJumpHost(_ configuration: ClientConfiguration, through next: JumpHost?) throws(SSHError) -> JumpHost {
        var hop = configuration
        hop.hops = []
        let way = Way(hop: hop, next: next.map(ObjectIdentifier.init))
        if let jumpHost = jumpHosts[way] { return jumpHost }
        let jumpHost = JumpHost(
            address: Address(host: hop.hostName, port: hop.port), user: hop.user, hostKey: try hostKeyPolicy(for: hop),
            identities: identities(for: hop).usable, deadlines: deadlines(for: hop), limits: limits, through: next)
        jumpHosts[way] = jumpHost
        return jumpHost
    }

    private func deadlines(for configuration: ClientConfiguration) -> Deadlines {
        var deadlines = deadlines
        deadlines.connect = configuration.connectTimeout ?? deadlines.connect
        return deadlines
    }

    private func hostKeyPolicy(for configuration: ClientConfiguration) throws(SSHError) -> HostKeyPolicy {
        let files = configuration.userKnownHostsFiles + configuration.globalKnownHostsFiles
        let hosts = try knownHosts(files)
        let whenUnknown: UnknownHostKey
        switch configuration.strictHostKeyChecking {
        case .yes: whenUnknown = .refuse
        case .ask: whenUnknown = whenAsked
        case .acceptNew, .no:
            let file = configuration.userKnownHostsFiles.first ?? "/dev/null"
            whenUnknown = .record(file: file, isHashed: configuration.hashKnownHosts)
        }
        return .knownHosts(hosts, alias: configuration.hostKeyAlias, whenUnknown: whenUnknown)
    }

    private func knownHosts(_ files: [String]) throws(SSHError) -> KnownHosts {
        if let hosts = knownHosts[files] { return hosts }
        let hosts = try KnownHosts(files: files)
        knownHosts[files] = hosts
        return hosts
    }

    private func identities(for configuration: ClientConfiguration) -> (usable: [Identity], unused: [SSHError]) {
        var usable: [Identity] = []
        var unused: [SSHError] = []
        for file in configuration.identityFiles where BoundedFile.exists(file) {
            do throws(SSHError) {
                usable.append(.ed25519(try Ed25519Key(contentsOfFile: file)))
            } catch {
                unused.append(error)
            }
        }
        usable += configuration.identitiesOnly ? agentIdentities(named: configuration.identityFiles) : agentIdentities
        var seen: Set<[UInt8]> = []
        return (usable.filter { $0.publicKeyBlob.map { seen.insert($0).inserted } ?? true }, unused)
    }

    /// The agent's keys whose public half one of the files holds, or the `.pub` file beside it.
    private func agentIdentities(named files: [String]) -> [Identity] {
        guard !agentIdentities.isEmpty else { return [] }
        let named = Set(files.flatMap { [$0 + ".pub", $0] }.compactMap(Self.publicKey).map(\.blob))
        return agentIdentities.filter { $0.publicKeyBlob.map(named.contains) ?? false }
    }

    private static func publicKey(inFile path: String) -> HostKey? {
        guard let bytes = try? BoundedFile.contents(ofFile: path, limitInBytes: 64 * 1024), !bytes.isEmpty else { return nil }
        return HostKey(openSSH: String(decoding: bytes, as: UTF8.self))
    }
}
