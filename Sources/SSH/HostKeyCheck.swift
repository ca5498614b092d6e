/// What happens where known_hosts says nothing about a host. A changed and a revoked key are refused whatever this says.
public enum UnknownHostKey: Sendable {
    /// It is refused (`StrictHostKeyChecking yes`).
    case refuse
    /// It is accepted and written to this file (`StrictHostKeyChecking accept-new`), with its name hidden if `isHashed`; refused if that fails.
    case record(file: String, isHashed: Bool = false)
    /// The closure decides, and writes down what it wants. It runs outside every deadline, since it may ask a person.
    case decide(@Sendable (UnknownHost) async -> Bool)
}

/// A host whose key nobody vouches for.
public struct UnknownHost: Sendable {
    /// Where it was reached.
    public let address: Address
    /// Its name as it is written in known_hosts.
    public let name: String
    /// The key it showed.
    public let key: HostKey
    /// `.unknown`, `.otherKinds` or `.onlyAuthorities`: what a person should know before saying yes.
    public let judgement: KnownHosts.Judgement
    /// The same as words: "no key is known", or which ones are that do not help.
    public var facts: String { KnownHosts.facts(about: judgement) }
}

extension KnownHosts {
    /// How many known keys an error names.
    private static let namedEntryLimit = 8

    /// Returns if `key` is accepted for the host at `address`.
    func check(_ key: HostKey, of address: Address, alias: String?, whenUnknown: UnknownHostKey) async throws(SSHError) {
        let judgement = judge(key, of: address, alias: alias)
        if case .accepted = judgement { return }
        let name = Self.name(of: address, alias: alias)
        try refuseAlways(judgement, key, name)
        switch whenUnknown {
        case .record(let file, let isHashed) where judgement == .unknown:
            return try await record(key, of: address, alias: alias, inFile: file, isHashed: isHashed)
        case .decide(let decide):
            if await decide(UnknownHost(address: address, name: name, key: key, judgement: judgement)) { return }
        case .refuse, .record: break
        }
        throw Self.error(.hostKeyUnknown, name, Self.facts(about: judgement), offered: key)
    }

    /// Throws if `key` is marked as revoked for the host at `address`.
    func refuseRevoked(_ key: HostKey, of address: Address, alias: String?) throws(SSHError) {
        let judgement = judge(key, of: address, alias: alias)
        if case .revoked = judgement { try refuseAlways(judgement, key, Self.name(of: address, alias: alias)) }
    }

    /// Throws for what nothing can make acceptable.
    func refuseAlways(_ judgement: Judgement, _ key: HostKey, _ name: String) throws(SSHError) {
        switch judgement {
        case .changed(let known): throw Self.error(.hostKeyChanged, name, "known \(Self.list(known))", offered: key)
        case .revoked(let entry): throw Self.error(.hostKeyRevoked, name, "revoked by \(entry.place)", offered: key)
        case .accepted, .unknown, .otherKinds, .onlyAuthorities: return
        }
    }

    fileprivate static func facts(about judgement: Judgement) -> String {
        switch judgement {
        case .otherKinds(let known): "known only by keys that libssh2 1.10 cannot ask for, \(list(known))"
        case .onlyAuthorities(let entries): "only @cert-authority stands for it, and certificates are not supported: \(list(entries))"
        default: "no key is known"
        }
    }

    private static func list(_ entries: [Entry]) -> String {
        let more = entries.count > namedEntryLimit ? " and \(entries.count - namedEntryLimit) more" : ""
        return entries.prefix(namedEntryLimit).map(\.facts).joined(separator: ", ") + more
    }

    private static func error(_ code: SSHError.Code, _ name: String, _ facts: String, offered key: HostKey) -> SSHError {
        let name = printable(name.utf8)
        return SSHError(
            code, phase: .handshake, detail: "\(name): \(facts); offered \(key.algorithm) \(key.fingerprint)", offeredHostKey: key)
    }
}
