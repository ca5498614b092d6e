import Synchronization

/// Writing down a key that was accepted.
extension KnownHosts {
    /// The line that makes `key` known as a key of the host called `name`, without a line's end.
    ///
    /// - Parameters:
    ///   - name: As ``name(of:alias:)`` gives it.
    ///   - isHashed: Whether the name is hidden (`HashKnownHosts`).
    /// - Throws: `.knownHostsFile` if the name cannot stand there: it is empty, or holds blanks, commas, wildcards or what is not ASCII.
    public static func line(for name: String, key: HostKey, isHashed: Bool = false) throws(SSHError) -> String {
        let bytes = HostPattern.lowercased(name.utf8)
        let isPlain = bytes.allSatisfy { (0x21..<0x7f).contains($0) && !"*?!,|@#".utf8.contains($0) }
        guard isPlain, !bytes.isEmpty else {
            throw SSHError(.knownHostsFile, detail: "\(printable(name.utf8)) cannot be written as a name to known_hosts")
        }
        guard isHashed else { return "\(String(decoding: bytes, as: UTF8.self)) \(key.openSSH)" }
        let salt = (0..<5).flatMap { _ in withUnsafeBytes(of: Cryptography.randomUInt32()) { Array($0) } }
        return "\(HashedHostName.word(hiding: bytes, salt: salt)) \(key.openSSH)"
    }

    /// Makes `key` known as a key of the host at `address`, here and in the file at `path`, unless it is known already.
    ///
    /// The line is added in one write; a missing file is made with mode 0600, and its folder with 0700. Of two keys that are recorded for
    /// one host at once, the second is a changed one.
    ///
    /// - Throws: `.hostKeyChanged` or `.hostKeyRevoked`, or `.knownHostsFile` if the line cannot be written.
    public func record(
        _ key: HostKey, of address: Address, alias: String? = nil, inFile path: String, isHashed: Bool = false
    ) async throws(SSHError) {
        let name = Self.name(of: address, alias: alias)
        let line = try Self.line(for: name, key: key, isHashed: isHashed)
        try recorded.withLock { recorded throws(SSHError) in
            let judgement = judge(key, of: address, alias: alias, recorded: recorded)
            if case .accepted = judgement { return }
            try refuseAlways(judgement, key, name)
            try KnownHostsFile.append(line, toFile: path)
            recorded[HostPattern.lowercased(name.utf8), default: []].append(Entry(file: path, line: nil, key: key))
        }
    }
}
