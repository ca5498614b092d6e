/// One line of a known_hosts file: whom it is about, and which key (sshd(8), "SSH_KNOWN_HOSTS FILE FORMAT").
struct KnownHostsLine {
    enum Marker {
        /// `@cert-authority`: the key signs certificates of hosts.
        case certificateAuthority
        /// `@revoked`: the key must never be accepted.
        case revoked
    }

    enum Hosts {
        /// Names without wildcards, in lower case.
        case names([[UInt8]])
        /// A comma-separated list with wildcards or negations, in lower case.
        case patterns([UInt8])
        case hashed(HashedHostName)
    }

    let marker: Marker?
    let hosts: Hosts
    let key: HostKey

    /// Why a line cannot be used.
    struct Defect: Error, Equatable {
        let reason: String

        init(_ reason: String) { self.reason = reason }
    }

    static let lengthLimitInBytes = 64 * 1024

    /// Reads a line without its end; `nil` if it is blank or a comment.
    init?(_ line: ArraySlice<UInt8>) throws(Defect) {
        let line = line.last == UInt8(ascii: "\r") ? line.dropLast() : line
        var words = Words(line)
        guard let first = words.next(), first.first != UInt8(ascii: "#") else { return nil }
        guard line.count <= Self.lengthLimitInBytes else { throw Defect("longer than \(Self.lengthLimitInBytes) bytes") }
        // A C string ends here, so that OpenSSH reads another line than we would.
        guard !line.contains(0) else { throw Defect("a zero byte") }
        marker = try Self.marker(first)
        guard let names = marker == nil ? first : words.next() else { throw Defect("no host") }
        hosts = try Self.hosts(names)
        guard let algorithm = words.next(), let base64 = words.next() else { throw Defect("no key") }
        key = try Self.key(algorithm, base64)
    }

    private static func marker(_ word: ArraySlice<UInt8>) throws(Defect) -> Marker? {
        guard word.first == UInt8(ascii: "@") else { return nil }
        switch printable(word, limit: 40) {
        case "@cert-authority": return .certificateAuthority
        case "@revoked": return .revoked
        case let other: throw Defect("unknown marker \(other)")
        }
    }

    private static func hosts(_ word: ArraySlice<UInt8>) throws(Defect) -> Hosts {
        if word.first == UInt8(ascii: "|") {
            guard let name = HashedHostName(word) else { throw Defect("a hashed name that is not |1|salt|hash") }
            return .hashed(name)
        }
        let lower = HostPattern.lowercased(word)
        if lower.contains(where: { [UInt8(ascii: "*"), UInt8(ascii: "?"), UInt8(ascii: "!")].contains($0) }) { return .patterns(lower) }
        return .names(lower.split(separator: UInt8(ascii: ",")).map(Array.init))
    }

    private static func key(_ algorithm: ArraySlice<UInt8>, _ base64: ArraySlice<UInt8>) throws(Defect) -> HostKey {
        guard base64.allSatisfy({ (0x21..<0x7f).contains($0) }),
            let blob = Cryptography.decodeBase64(String(decoding: base64, as: UTF8.self))
        else {
            throw Defect("a key that is not base64")
        }
        guard let key = HostKey(blob: blob), Array(key.algorithm.utf8) == Array(algorithm) else {
            throw Defect("a key that is not the \(printable(algorithm, limit: 40)) it is said to be")
        }
        // Kept, it would look like a key that the server has changed.
        if let size = sizesInBytes[key.algorithm], size != blob.count { throw Defect("a key cut short or with bytes too many") }
        return key
    }

    /// How large a key blob is, for algorithms whose keys are all of one size (RFC 8709, RFC 5656).
    private static let sizesInBytes = [
        "ssh-ed25519": 51, "ecdsa-sha2-nistp256": 104, "ecdsa-sha2-nistp384": 136, "ecdsa-sha2-nistp521": 172,
    ]

    /// What stands between blanks and tabs.
    private struct Words {
        private var rest: ArraySlice<UInt8>

        init(_ line: ArraySlice<UInt8>) { rest = line }

        private static func isBlank(_ byte: UInt8) -> Bool { byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") }

        mutating func next() -> ArraySlice<UInt8>? {
            rest = rest.drop(while: Self.isBlank)
            let word = rest.prefix { !Self.isBlank($0) }
            rest = rest.dropFirst(word.count)
            return word.isEmpty ? nil : word
        }
    }
}

/// A host's name as `|1|salt|hash`: the salt keys HMAC-SHA1 over the name in lower case.
struct HashedHostName {
    private static let sizeInBytes = 20

    private let authentication: MessageAuthenticationSHA1
    private let hash: [UInt8]

    init?(_ word: ArraySlice<UInt8>) {
        let parts = word.split(separator: UInt8(ascii: "|"), omittingEmptySubsequences: false)
        guard parts.count == 4, parts[0].isEmpty, Array(parts[1]) == [UInt8(ascii: "1")],
            let salt = Cryptography.decodeBase64(String(decoding: parts[2], as: UTF8.self)), salt.count == Self.sizeInBytes,
            let hash = Cryptography.decodeBase64(String(decoding: parts[3], as: UTF8.self)), hash.count == Self.sizeInBytes
        else { return nil }
        authentication = MessageAuthenticationSHA1(key: salt)
        self.hash = hash
    }

    /// - Parameter name: In lower case.
    func matches(_ name: [UInt8]) -> Bool {
        authentication.code(for: name) == hash
    }

    /// The word that hides `name`, in lower case, under `salt` of 20 bytes.
    static func word(hiding name: [UInt8], salt: [UInt8]) -> String {
        let hash = MessageAuthenticationSHA1(key: salt).code(for: name)
        return "|1|\(Cryptography.base64(salt))|\(Cryptography.base64(hash))"
    }
}
