internal import Foundation

/// A database file that can be read without locks: nobody has it open for writing, and its folder lets nobody of this process' rights
/// make the files that SQLite would need beside it.
///
/// Somebody else may still come and write it. What they write stands in a log of its own first, so that the file stays one whole state of the
/// database until they carry the log over into it; whether they did is looked for after every reading.
struct StillFile: Sendable {
    /// What tells one state of a file from another.
    private struct State: Equatable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let changedAt: [Int]

        init?(_ path: String) {
            var status = stat()
            guard stat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            changedAt = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
    }

    /// What SQLite opens it by.
    let name: String
    private let path: String
    private let state: State

    /// Looks at a database file; nil where SQLite is to read it with its locks.
    ///
    /// - Parameter isWritable: Whether files can be made in a folder; tests pass their own.
    init?(_ path: String, isWritable: (_ folder: String) -> Bool = { access($0, W_OK) == 0 }) {
        // SQLite's own files stand beside the file itself, not beside a link to it.
        guard let resolved = realpath(path, nil) else { return nil }
        defer { free(resolved) }
        let file = String(cString: resolved)
        // The state comes first: a writer who comes between this and the next line has changed it, or stands beside it.
        guard let state = State(file),
            !["-wal", "-shm", "-journal"].contains(where: { FileManager.default.fileExists(atPath: file + $0) }),
            !isWritable((file as NSString).deletingLastPathComponent),
            let encoded = file.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed)
        else { return nil }
        name = "file:\(encoded)?immutable=1"
        (self.path, self.state) = (file, state)
    }

    /// Checks that nobody wrote the file since.
    ///
    /// - Throws: `.locked`: what was read may be of two states.
    func check() throws(StoreError) {
        guard State(path) == state else { throw StoreError(.locked, path) }
    }
}
