import Synchronization

/// What OpenSSH's known_hosts files say about the keys of hosts (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT"): read once, asked for many hosts.
///
/// A name without wildcards is found at once; each pattern and each hashed name is tried, which takes about a microsecond.
/// Names are compared without regard to case. A line that cannot be used is kept in ``defects`` and otherwise passed over, as OpenSSH does.
public final class KnownHosts: Sendable {
    /// One key, and where it stands.
    public struct Entry: Sendable, Hashable {
        /// The file's path as it was given.
        public let file: String
        /// The line in it, counted from 1; `nil` if this process wrote it.
        public let line: Int?
        /// The key.
        public let key: HostKey

        /// `file:line`, printable.
        public var place: String {
            let path = printable(file.utf8, limit: 300)
            return line.map { "\(path):\($0)" } ?? path
        }

        /// Algorithm, fingerprint and place, printable.
        var facts: String { "\(key.algorithm) \(key.fingerprint) (\(place))" }
    }

    /// A line that cannot be used.
    public struct Defect: Sendable, Hashable {
        /// The file's path as it was given.
        public let file: String
        /// The line in it, counted from 1.
        public let line: Int
        /// What is wrong with it; a few printable words.
        public let reason: String
    }

    /// What is known of a key that a host showed.
    public enum Judgement: Sendable, Hashable {
        /// It stands there.
        case accepted(Entry)
        /// Nothing is said about the host.
        case unknown
        /// Other keys are known of the host, and this is none of them.
        case changed(known: [Entry])
        /// It is marked `@revoked`.
        case revoked(Entry)
        /// The host is known only by keys that libssh2 1.10 cannot ask for, such as RSA, so that its having another says nothing.
        case otherKinds(known: [Entry])
        /// The only lines about the host are `@cert-authority`, and certificates are not supported.
        case onlyAuthorities([Entry])
    }

    private static let defectLimit = 1000

    /// The first 1,000 lines that cannot be used, in the order of the files.
    public let defects: [Defect]
    /// How many lines cannot be used.
    public let defectCount: Int
    private let table: Table
    /// Keys by their host's name in lower case.
    typealias Recorded = [[UInt8]: [Entry]]
    /// What was added since the files were read.
    let recorded = Mutex<Recorded>([:])

    /// Reads files in their order: the user's first, then the machine's. A file that is not there is an empty one.
    ///
    /// - Throws: `.knownHostsFile` with the path if one cannot be read or is larger than 16 MiB.
    public convenience init(files: [String]) throws(SSHError) {
        var contents: [(file: String, bytes: [UInt8])] = []
        for file in files { contents.append((file, try KnownHostsFile.contents(ofFile: file))) }
        self.init(contents: contents)
    }

    /// Takes what the files hold.
    package init(contents: [(file: String, bytes: [UInt8])]) {
        var table = Table()
        var defects: [Defect] = []
        var defectCount = 0
        for (file, bytes) in contents {
            let lines = bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            for (index, bytes) in lines.enumerated() {
                do throws(KnownHostsLine.Defect) {
                    guard let line = try KnownHostsLine(bytes) else { continue }
                    table.append(line, Entry(file: file, line: index + 1, key: line.key))
                } catch {
                    defectCount += 1
                    if defectCount <= Self.defectLimit { defects.append(Defect(file: file, line: index + 1, reason: error.reason)) }
                }
            }
        }
        self.table = table
        self.defects = defects
        self.defectCount = defectCount
    }

    /// The keys the host at `address` is known by, in the order of the files; revoked ones are left out.
    ///
    /// - Parameter alias: The name to look for instead of the address (`HostKeyAlias`), which then stands without a port.
    public func keys(of address: Address, alias: String? = nil) -> [HostKey] {
        let found = lookUp(address, alias, recorded: recorded.withLock { $0 })
        let revoked = Set(found.flatMap(\.revoked).map(\.key))
        let known = found.first { !$0.known.isEmpty }?.known ?? []
        return known.map(\.key).filter { !revoked.contains($0) }
    }

    /// What is known of `key`, which the host at `address` showed.
    ///
    /// As in OpenSSH, a host on another port than 22 that nothing is said about may show a key known of the same name on port 22.
    ///
    /// - Parameter alias: The name to look for instead of the address (`HostKeyAlias`), which then stands without a port.
    public func judge(_ key: HostKey, of address: Address, alias: String? = nil) -> Judgement {
        judge(key, of: address, alias: alias, recorded: recorded.withLock { $0 })
    }

    func judge(_ key: HostKey, of address: Address, alias: String?, recorded: Recorded) -> Judgement {
        let found = lookUp(address, alias, recorded: recorded)
        if let entry = found.flatMap(\.revoked).first(where: { $0.key == key }) { return .revoked(entry) }
        for (index, about) in found.enumerated() {
            if let entry = about.known.first(where: { $0.key == key }) { return .accepted(entry) }
            guard index == 0, !about.known.isEmpty else { continue }
            let canBeAsked = about.known.contains { AlgorithmPreference.hostKey.contains($0.key.algorithm) }
            return canBeAsked ? .changed(known: about.known) : .otherKinds(known: about.known)
        }
        let authorities = found.flatMap(\.authorities)
        return authorities.isEmpty ? .unknown : .onlyAuthorities(authorities)
    }

    /// A host's name as it is written in known_hosts: `host`, or `[host]:port` for a port other than 22, or the alias.
    public static func name(of address: Address, alias: String? = nil) -> String {
        if let alias { return alias }
        return address.port == 22 ? address.host : "[\(address.host)]:\(address.port)"
    }

    /// What is said about each name the host may stand under; what the first one says counts, the second can only help.
    private func lookUp(_ address: Address, _ alias: String?, recorded: Recorded) -> [About] {
        let first = Self.name(of: address, alias: alias)
        let names = alias == nil && address.port != 22 ? [first, address.host] : [first]
        return names.map { name in
            let name = HostPattern.lowercased(name.utf8)
            var about = table.lookUp(name)
            about.known += recorded[name] ?? []
            return about
        }
    }
}

/// What is said about one name, each in the order of the files.
private struct About {
    var known: [KnownHosts.Entry] = []
    var revoked: [KnownHosts.Entry] = []
    var authorities: [KnownHosts.Entry] = []
}

/// The lines of all files, and the ways to find those about one name.
private struct Table: Sendable {
    private var lines: [(marker: KnownHostsLine.Marker?, entry: KnownHosts.Entry)] = []
    private var byName: [[UInt8]: [Int]] = [:]
    private var patterns: [(list: [UInt8], index: Int)] = []
    private var hashed: [(name: HashedHostName, index: Int)] = []

    mutating func append(_ line: KnownHostsLine, _ entry: KnownHosts.Entry) {
        let index = lines.count
        lines.append((line.marker, entry))
        switch line.hosts {
        case .names(let names): for name in names where byName[name]?.last != index { byName[name, default: []].append(index) }
        case .patterns(let list): patterns.append((list, index))
        case .hashed(let name): hashed.append((name, index))
        }
    }

    func lookUp(_ name: [UInt8]) -> About {
        var found = byName[name] ?? []
        found += patterns.filter { HostPattern.listMatches($0.list, name) }.map(\.index)
        found += hashed.filter { $0.name.matches(name) }.map(\.index)
        var about = About()
        for index in found.sorted() {
            switch lines[index].marker {
            case nil: about.known.append(lines[index].entry)
            case .certificateAuthority: about.authorities.append(lines[index].entry)
            case .revoked: about.revoked.append(lines[index].entry)
            }
        }
        return about
    }
}
