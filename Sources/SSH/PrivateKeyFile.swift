import Glibc

/// OpenSSH's private key files: `openssh-key-v1`, as OpenSSH's PROTOCOL.key describes it.
enum PrivateKeyFile {
    private static let begin = "-----BEGIN OPENSSH PRIVATE KEY-----"
    private static let end = "-----END OPENSSH PRIVATE KEY-----"
    private static let magic = Array("openssh-key-v1\0".utf8)
    private static let sizeLimit = 64 * 1024

    /// The key in a regular file of at most 64 KiB that only its owner can read; parsed once for each state of the file.
    static func key(atPath path: String, cache: PrivateKeyCache) throws(SSHError) -> Ed25519Key {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw SSHError(.keyFile, detail: "\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            throw SSHError(.keyFile, detail: "\(path): not a regular file")
        }
        guard status.st_uid != getuid() || status.st_mode & 0o077 == 0 else {
            throw SSHError(.keyFile, detail: "\(path): readable by others (mode \(String(status.st_mode & 0o777, radix: 8)))")
        }
        guard status.st_size <= sizeLimit else { throw SSHError(.keyFile, detail: "\(path): larger than 64 KiB") }
        return try cache.key(path: path, status: status) { () throws(SSHError) in
            try parse(String(decoding: try contents(of: descriptor, path: path), as: UTF8.self), path: path)
        }
    }

    private static func contents(of descriptor: Int32, path: String) throws(SSHError) -> [UInt8] {
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while bytes.count <= sizeLimit {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { return bytes }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw SSHError(.keyFile, detail: "\(path): \(String(cString: strerror(errno)))") }
            bytes.append(contentsOf: piece.prefix(count))
        }
        throw SSHError(.keyFile, detail: "\(path): larger than 64 KiB")
    }

    static func parse(_ text: String, path: String) throws(SSHError) -> Ed25519Key {
        let lines = text.split(whereSeparator: \.isNewline).map(String.init)
        guard let first = lines.firstIndex(of: begin), let last = lines.firstIndex(of: end), first < last else {
            throw foreign(lines.first { $0.hasPrefix("-----BEGIN ") }, path: path)
        }
        guard let bytes = Cryptography.decodeBase64(lines[(first + 1)..<last].joined()) else {
            throw SSHError(.keyFile, detail: "\(path): not base64 between its BEGIN and END lines")
        }
        return try decode(bytes, path: path)
    }

    /// The error for a file that is something else than OpenSSH's own format.
    private static func foreign(_ header: String?, path: String) -> SSHError {
        guard let header, header.contains("PRIVATE KEY") else {
            return SSHError(.keyFile, detail: "\(path): not a private key file")
        }
        let kind = header.split(separator: "-").first.map { $0.dropFirst("BEGIN ".count) } ?? "unknown"
        return SSHError(.unsupportedKey, detail: "\(path): holds \(printable(kind.utf8)); add it to ssh-agent, or use an Ed25519 key")
    }

    private static func decode(_ bytes: [UInt8], path: String) throws(SSHError) -> Ed25519Key {
        let malformed = SSHError(.keyFile, detail: "\(path): not a whole OpenSSH private key")
        var reader = PacketReader(bytes)
        guard reader.bytes(magic.count) == magic, let cipher = reader.text(), let kdf = reader.text(), reader.string() != nil,
            let count = reader.uint32(), count == 1, let blob = reader.string(), let secret = reader.string()
        else { throw malformed }
        let algorithm = HostKey(blob: blob)?.algorithm ?? "unknown"
        guard cipher == "none", kdf == "none" else {
            throw SSHError(.keyFileEncrypted, detail: "\(path): encrypted with a passphrase; add it to ssh-agent with ssh-add")
        }
        guard algorithm == "ssh-ed25519" else {
            throw SSHError(.unsupportedKey, detail: "\(path): an \(algorithm) key; add it to ssh-agent, or use an Ed25519 key")
        }
        guard let key = decodeSecret(secret), key.publicKey.blob == blob else { throw malformed }
        return key
    }

    private static func decodeSecret(_ bytes: [UInt8]) -> Ed25519Key? {
        var reader = PacketReader(bytes)
        guard let check = reader.uint32(), reader.uint32() == check, reader.text() == "ssh-ed25519",
            let publicKey = reader.string(), let secretKey = reader.string(), reader.string() != nil
        else { return nil }
        return Ed25519Key(publicKey: publicKey, secretKey: secretKey)
    }

    static func armour(publicKeyBlob: [UInt8], secretKey: [UInt8], comment: String) -> String {
        let check = Cryptography.randomUInt32()
        var secret = PacketWriter()
        secret.append(uint32: check)
        secret.append(uint32: check)
        secret.append(string: Array("ssh-ed25519".utf8))
        secret.append(string: secretKey.suffix(32))
        secret.append(string: secretKey)
        secret.append(string: Array(comment.utf8))
        var padding: UInt8 = 1
        while secret.bytes.count % 8 != 0 {
            secret.append(byte: padding)
            padding += 1
        }
        var file = PacketWriter()
        file.append(raw: magic)
        file.append(string: Array("none".utf8))
        file.append(string: Array("none".utf8))
        file.append(string: [])
        file.append(uint32: 1)
        file.append(string: publicKeyBlob)
        file.append(string: secret.bytes)
        var lines = [begin]
        var text = Substring(Cryptography.base64(file.bytes))
        while !text.isEmpty {
            lines.append(String(text.prefix(70)))
            text = text.dropFirst(70)
        }
        return (lines + [end]).joined(separator: "\n") + "\n"
    }
}
