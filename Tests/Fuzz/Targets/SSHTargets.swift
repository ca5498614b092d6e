import SSH

/// The key of a server that no file vouches for.
private let stranger = "AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH"

/// A known_hosts file: it makes no key acceptable that does not stand in it, has something to say about no more lines than it has, and its
/// reasons can go to any terminal.
public func fuzzKnownHosts(_ bytes: [UInt8]) -> Bool {
    guard let key = HostKey(openSSH: "ssh-ed25519 \(stranger)") else { return false }
    let hosts = KnownHosts(contents: [("known_hosts", bytes)])
    for address in [Address(host: "device"), Address(host: "192.0.2.7", port: 2200), Address(host: "a.example.com")] {
        guard !hosts.keys(of: address).contains(key) || contains(bytes, Array(stranger.utf8)) else { return false }
        if case .accepted = hosts.judge(key, of: address), !contains(bytes, Array(stranger.utf8)) { return false }
    }
    let lineCount = bytes.split(separator: 10, omittingEmptySubsequences: false).count
    return hosts.defectCount <= lineCount && hosts.defects.allSatisfy { isShowable($0.reason) && (1...lineCount).contains($0.line) }
}

/// What `ssh -G` writes, and the same bytes as a client configuration file: what is taken over can be used, and refusals can be shown.
public func fuzzClientConfiguration(_ bytes: [UInt8]) -> Bool {
    let named = NamedHosts(text: bytes)
    guard named.mayName("device") == named.mayName("DEVICE") else { return false }
    let account = LocalAccount(name: "me", home: "/home/me", number: 1000)
    do throws(SSHError) {
        let configuration = try ClientConfiguration(sshOutput: bytes, name: "device", account: account)
        let ports = [configuration.port] + configuration.hops.compactMap(\.port)
        let names = [configuration.hostName, configuration.user] + configuration.hops.map(\.name)
        return ports.allSatisfy { (1...65_535).contains($0) } && names.allSatisfy { !$0.isEmpty && !$0.utf8.contains(0) }
    } catch {
        return isShowable(error.detail)
    }
}

private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    bytes.indices.contains { bytes[$0...].starts(with: part) }
}

private func isShowable(_ text: String) -> Bool {
    !text.isEmpty && text.utf8.allSatisfy { (0x20..<0x7f).contains($0) }
}
