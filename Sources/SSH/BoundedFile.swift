import Glibc

/// Whole files that are expected to be small.
enum BoundedFile {
    /// Why a file could not be read; printable.
    struct Failure: Error {
        let reason: String
    }

    /// All of the file; nothing if it is not there.
    static func contents(ofFile path: String, limitInBytes: Int) throws(Failure) -> [UInt8] {
        // A FIFO without a writer is empty then, and does not hold anybody up.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        if descriptor < 0, errno == ENOENT || errno == ENOTDIR { return [] }
        guard descriptor >= 0 else { throw Failure(reason: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= limitInBytes {
            let count = Glibc.read(descriptor, &piece, piece.count)
            if count == 0 { return bytes }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw Failure(reason: String(cString: strerror(errno))) }
            bytes += piece.prefix(count)
        }
        throw Failure(reason: "larger than \(limitInBytes) bytes")
    }
}

extension BoundedFile {
    /// Whether there is something by that name.
    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }
}
