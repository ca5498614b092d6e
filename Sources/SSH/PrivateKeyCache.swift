import Glibc
import Synchronization

/// The key files this process has parsed, by path: a file is parsed again once it is another file or has changed.
///
/// The file is opened and its permissions are checked every time; only reading and parsing are saved.
final class PrivateKeyCache: Sendable {
    /// What tells one state of a file from the next.
    struct Stamp: Equatable {
        let device: UInt64
        let inode: UInt64
        let size: Int64
        let modified: [Int]
        let changed: [Int]

        init(_ status: stat) {
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
            size = Int64(status.st_size)
            modified = [status.st_mtim.tv_sec, status.st_mtim.tv_nsec]
            changed = [status.st_ctim.tv_sec, status.st_ctim.tv_nsec]
        }
    }

    private struct State {
        var entries: [String: (stamp: Stamp, key: Ed25519Key)] = [:]
        var parseCount = 0
    }

    static let shared = PrivateKeyCache()
    private static let entryLimit = 64

    private let settleSeconds: Int
    private let state = Mutex(State())

    /// - Parameter settleSeconds: A file that changed less than this long ago is not kept: all Ed25519 files are about the same size, and
    ///   two edits within one tick of the kernel's clock leave the same times.
    init(settleSeconds: Int = 2) {
        self.settleSeconds = settleSeconds
    }

    /// How many files were parsed so far.
    var parseCount: Int { state.withLock { $0.parseCount } }

    /// The key in the file that `status` describes; `parse` runs if it is not held.
    func key(path: String, status: stat, parse: () throws(SSHError) -> Ed25519Key) throws(SSHError) -> Ed25519Key {
        let stamp = Stamp(status)
        if let held = state.withLock({ $0.entries[path] }), held.stamp == stamp { return held.key }
        let key = try parse()
        let isSettled = time(nil) - status.st_ctim.tv_sec >= settleSeconds
        state.withLock { state in
            state.parseCount += 1
            if state.entries.count >= Self.entryLimit { state.entries.removeAll() }
            state.entries[path] = isSettled ? (stamp, key) : nil
        }
        return key
    }
}
