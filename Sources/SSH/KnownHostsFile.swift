import Glibc

/// A known_hosts file on disk: read whole, and added to by one line.
enum KnownHostsFile {
    private static let sizeLimitInBytes = 16 << 20

    /// All of the file; nothing if it is not there.
    static func contents(ofFile path: String) throws(SSHError) -> [UInt8] {
        do throws(BoundedFile.Failure) {
            return try BoundedFile.contents(ofFile: path, limitInBytes: sizeLimitInBytes)
        } catch {
            throw failure(path, error.reason)
        }
    }

    /// Adds `line` in one write, after whatever other programs add, on a line of its own. A file that is missing is made with mode 0600,
    /// and so is its folder with mode 0700.
    static func append(_ line: String, toFile path: String) throws(SSHError) {
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex { mkdir(String(path[..<slash]), 0o700) }
        let descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        // /dev/null is how people say that nothing shall be kept.
        guard [S_IFREG, S_IFCHR].contains(status.st_mode & S_IFMT) else { throw failure(path, "not a file") }
        var last = UInt8(ascii: "\n")
        if status.st_mode & S_IFMT == S_IFREG, status.st_size > 0, pread(descriptor, &last, 1, status.st_size - 1) != 1 {
            throw failure(path)
        }
        let bytes = Array(((last == UInt8(ascii: "\n") ? "" : "\n") + line + "\n").utf8)
        var count = Glibc.write(descriptor, bytes, bytes.count)
        while count < 0 && errno == EINTR { count = Glibc.write(descriptor, bytes, bytes.count) }
        guard count >= 0 else { throw failure(path) }
        guard count == bytes.count else { throw failure(path, "only \(count) of \(bytes.count) bytes could be written") }
    }

    private static func failure(_ path: String, _ words: String? = nil) -> SSHError {
        let reason = words ?? String(cString: strerror(errno))
        return SSHError(.knownHostsFile, detail: "\(printable(path.utf8, limit: 300)): \(reason)")
    }
}
