/// The lines of `ssh -G`: a keyword in lower case, a blank, a value.
struct ClientSettings: Sendable {
    /// What is read of them.
    private static let keywords: Set<String> = [
        "hostname", "port", "user", "identityfile", "identitiesonly", "proxyjump", "proxycommand", "connecttimeout", "userknownhostsfile",
        "globalknownhostsfile", "stricthostkeychecking", "hostkeyalias", "hashknownhosts",
    ]
    private static let valueLimitInBytes = 4096

    private let values: [String: [String]]

    /// - Throws: `.configuration` if a value is longer than 4096 bytes or holds control characters.
    init(_ output: [UInt8]) throws(SSHError) {
        var values: [String: [String]] = [:]
        for line in output.split(separator: UInt8(ascii: "\n")) {
            let word = line.prefix { $0 != UInt8(ascii: " ") }
            let keyword = String(decoding: word.prefix(64), as: UTF8.self).lowercased()
            guard Self.keywords.contains(keyword) else { continue }
            let value = line.dropFirst(word.count + 1)
            guard value.count <= Self.valueLimitInBytes, value.allSatisfy({ $0 >= 0x20 && $0 != 0x7f }),
                let text = String(validating: value, as: UTF8.self)
            else { throw Self.failure(keyword, value) }
            values[keyword, default: []].append(text)
        }
        self.values = values
    }

    /// Whether the same is said about every host that is not named: nothing but the host name comes from `name`, and no token waits to be
    /// replaced.
    func areShared(by name: String) -> Bool {
        guard values["hostname"] == [name] else { return false }
        return values.allSatisfy { keyword, values in
            keyword == "hostname" || values.allSatisfy { !$0.contains("%") && !$0.lowercased().contains(name) }
        }
    }

    func all(_ keyword: String) -> [String] { values[keyword] ?? [] }

    func first(_ keyword: String) -> String? { values[keyword]?.first }

    /// A value that has to be there, and to be one word.
    func text(_ keyword: String) throws(SSHError) -> String {
        guard let value = first(keyword), !value.isEmpty, !value.contains(where: \.isWhitespace) else { throw failure(keyword) }
        return value
    }

    func flag(_ keyword: String) throws(SSHError) -> Bool {
        switch first(keyword) {
        case "yes", "true": true
        case nil, "no", "false": false
        default: throw failure(keyword)
        }
    }

    func port() throws(SSHError) -> Int {
        guard let port = first("port").flatMap(Self.decimal), (1...65_535).contains(port) else { throw failure("port") }
        return port
    }

    /// `nil` for `none` and for no limit.
    func seconds(_ keyword: String) throws(SSHError) -> Int? {
        guard let value = first(keyword), value != "none" else { return nil }
        guard let seconds = Self.decimal(value) else { throw failure(keyword) }
        return seconds == 0 ? nil : seconds
    }

    func strictness() throws(SSHError) -> ClientConfiguration.StrictHostKeyChecking {
        switch first("stricthostkeychecking") {
        case "yes", "true": .yes
        case "no", "false", "off": .no
        case nil, "ask": .ask
        case "accept-new": .acceptNew
        default: throw failure("stricthostkeychecking")
        }
    }

    func paths(_ keyword: String) -> [String] {
        (first(keyword) ?? "").split(separator: " ").map(String.init).filter { $0 != "none" }
    }

    func hops(_ tokens: ConfigurationTokens) throws(SSHError) -> [ClientConfiguration.Hop] {
        guard let value = first("proxyjump"), value != "none" else { return [] }
        var hops: [ClientConfiguration.Hop] = []
        for word in value.split(separator: ",", omittingEmptySubsequences: false) {
            guard let hop = tokens.replaced(in: String(word)).flatMap(ClientConfiguration.Hop.init) else { throw failure("proxyjump") }
            hops.append(hop)
        }
        return hops
    }

    /// A number of at most nine digits, without a sign.
    static func decimal(_ text: some StringProtocol) -> Int? {
        guard (1...9).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return Int(text)
    }

    private func failure(_ keyword: String) -> SSHError {
        guard let value = first(keyword) else { return SSHError(.configuration, detail: "ssh -G said nothing of \(keyword)") }
        return Self.failure(keyword, value.utf8)
    }

    private static func failure(_ keyword: String, _ value: some Sequence<UInt8>) -> SSHError {
        SSHError(.configuration, detail: "ssh -G gave \(keyword) a value that cannot be: \(printable(value))")
    }
}

extension ClientConfiguration.Hop {
    /// Reads `[ssh://][user@]host[:port]`, with an address in brackets or not; `nil` if it is something else.
    init?(_ word: String) {
        var rest = Substring(word)
        if rest.hasPrefix("ssh://") {
            rest = rest.dropFirst("ssh://".count)
            if rest.hasSuffix("/") { rest = rest.dropLast() }
        }
        if let at = rest.lastIndex(of: "@") {
            user = String(rest[..<at])
            rest = rest[rest.index(after: at)...]
        }
        guard user != "", let (name, port) = Self.hostAndPort(rest) else { return nil }
        self.name = name
        self.port = port
    }

    private static func hostAndPort(_ text: Substring) -> (String, Int?)? {
        var (host, tail) = (text, Substring())
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            tail = text[text.index(after: end)...]
        } else if let colon = text.firstIndex(of: ":"), colon == text.lastIndex(of: ":") {
            (host, tail) = (text[..<colon], text[colon...])
        }
        guard !host.isEmpty else { return nil }
        if tail.isEmpty { return (String(host), nil) }
        guard tail.first == ":", let port = ClientSettings.decimal(tail.dropFirst()), (1...65_535).contains(port) else { return nil }
        return (String(host), port)
    }
}
