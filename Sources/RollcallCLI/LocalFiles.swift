internal import CLinux
internal import Calls
internal import Diagnosis
internal import Foundation
internal import LedgerCore
internal import Synchronization
internal import Wire

/// Why a file of this desk cannot be read or written.
struct LocalFileError: Error {
    let path: String
    let number: Int32

    init(_ path: String) { (self.path, number) = (path, errno) }
    init(_ path: String, number: Int32) { (self.path, self.number) = (path, number) }
}

extension SHA256 {
    /// The hash of everything given so far; more may follow.
    var current: [UInt8] {
        let copy = self
        return copy.finish()
    }
}

/// A file that is being fetched: a part beside its place, named by when the device's file was changed, which takes the place once it is
/// whole.
final class FetchedFile: IncomingFile {
    private struct State {
        var descriptor: Int32 = -1
        var part = ""
        var hash = SHA256()
        var count: UInt64 = 0
        var size: UInt64 = 0
        var earlier: (path: String, offset: UInt64, time: UInt64)?
    }

    let path: String
    private let replaces: Bool
    private let progress: TransferProgress
    private let state = Mutex(State())
    /// Gives a file a second name, as link(2) does.
    private let link: @Sendable (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32

    private static let suffix = ".rollcall-part"

    /// Makes ready to fetch into `path`.
    ///
    /// - Throws: ``LocalFileError`` with `EEXIST` where something is there and is not to be replaced.
    init(
        path: String, replaces: Bool, progress: TransferProgress,
        link: @escaping @Sendable (UnsafePointer<CChar>, UnsafePointer<CChar>) -> Int32 = { Foundation.link($0, $1) }
    ) throws(LocalFileError) {
        (self.path, self.replaces, self.progress, self.link) = (path, replaces, progress, link)
        var status = stat()
        if lstat(path, &status) == 0 {
            if status.st_mode & S_IFMT == S_IFDIR { throw LocalFileError(path, number: EISDIR) }
            if !replaces { throw LocalFileError(path, number: EEXIST) }
        } else if errno != ENOENT {
            throw LocalFileError(path)
        }
    }

    deinit {
        state.withLock { if $0.descriptor >= 0 { close($0.descriptor) } }
    }

    private var folder: String { (path as NSString).deletingLastPathComponent }
    private var name: String { (path as NSString).lastPathComponent }

    private func part(time: UInt64) -> String {
        (folder as NSString).appendingPathComponent(".\(name).\(time)\(Self.suffix)")
    }

    /// The part with the latest time, opened and hashed.
    func known() throws -> (offset: UInt64, time: UInt64, digest: [UInt8])? {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.isEmpty ? "." : folder)) ?? []
        let times = names.compactMap { entry -> UInt64? in
            guard entry.hasPrefix(".\(name)."), entry.hasSuffix(Self.suffix) else { return nil }
            return UInt64(entry.dropFirst(name.count + 2).dropLast(Self.suffix.count))
        }
        guard let time = times.max() else { return nil }
        let path = part(time: time)
        let descriptor = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(),
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
        else {
            close(descriptor)
            return nil
        }
        // From here on it is closed with this object, whatever comes.
        state.withLock { $0.descriptor = descriptor }
        var (hash, count) = (SHA256(), UInt64(0))
        while let piece = try readPiece(descriptor, path, limit: 1 << 20, at: count) {
            hash.update(piece)
            count += UInt64(piece.count)
        }
        lseek(descriptor, 0, SEEK_END)
        state.withLock { state in
            (state.part, state.hash, state.count) = (path, hash, count)
            state.earlier = (path, count, time)
        }
        return count > 0 ? (count, time, hash.current) : nil
    }

    func begin(_ opened: StreamOpened) throws {
        try state.withLock { state in
            state.size = opened.size
            // A device decides how much of the file it sends, never where the bytes go.
            if opened.offset > 0, let earlier = state.earlier, opened.offset == earlier.offset, opened.time == earlier.time { return }
            guard opened.offset == 0 else { throw LocalFileError(path, number: EPROTO) }
            if let earlier = state.earlier {
                close(state.descriptor)
                unlink(earlier.path)
            }
            (state.hash, state.count, state.part) = (SHA256(), 0, part(time: opened.time))
            state.descriptor = open(state.part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
            guard state.descriptor >= 0 else { throw LocalFileError(state.part) }
            _ = flock(state.descriptor, LOCK_EX | LOCK_NB)
        }
        progress.begin(total: opened.size, at: opened.offset)
    }

    func take(_ bytes: [UInt8]) throws {
        let count = try state.withLock { state in
            var start = 0
            while start < bytes.count {
                let written = bytes[start...].withUnsafeBytes { write(state.descriptor, $0.baseAddress, $0.count) }
                if written < 0, errno == EINTR { continue }
                guard written > 0 else { throw LocalFileError(state.part) }
                start += written
            }
            state.hash.update(bytes)
            let before = state.count
            state.count += UInt64(bytes.count)
            // The disk begins with what there is, so that the end waits for little.
            if state.count >> 22 > before >> 22 { rc_begin_sync(state.descriptor) }
            return state.count
        }
        progress.reach(count)
    }

    var byteCount: UInt64 { state.withLock { $0.count } }
    var digest: [UInt8] { state.withLock { $0.hash.current } }

    /// Puts the whole file in its place, on the disk before it has its name.
    func finish() throws(LocalFileError) {
        try state.withLock { (state) throws(LocalFileError) in
            guard fsync(state.descriptor) == 0 else { throw LocalFileError(state.part) }
            if !replaces {
                // A link is never made over something that came in the meantime.
                if link(state.part, path) == 0 {
                    unlink(state.part)
                    return
                }
                // A memory stick's file system has none: there the name is taken first, by an empty file.
                guard [EPERM, EOPNOTSUPP, ENOSYS].contains(errno) else { throw LocalFileError(path) }
                let place = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
                guard place >= 0 else { throw LocalFileError(path) }
                close(place)
            }
            if rename(state.part, path) == 0 { return }
            let error = LocalFileError(path)
            if !replaces { unlink(path) }
            throw error
        }
    }

    /// Takes away what is no part of the device's file.
    func discard() { state.withLock { _ = unlink($0.part) } }
}

/// A file that is sent: hashed once from end to end before anything is said, while the device is being reached.
final class SentFile: OutgoingFile {
    let path: String
    /// Whether it may take longer to hash than a device waits for a desk to say something.
    let isLarge: Bool
    private let descriptor: Int32
    private let hashing: Task<(byteCount: UInt64, digest: [UInt8]), any Error>
    /// Bytes of the whole, once they are counted; and how many of them were sent.
    private let counts = Mutex<(whole: UInt64, sent: UInt64)>((0, 0))
    private let progress: TransferProgress

    /// Bytes: a disk that gives 20 MiB in a second needs more than three minutes for as many.
    private static let largeSize = 4 << 30

    init(path: String, progress: TransferProgress) throws(LocalFileError) {
        (self.path, self.progress) = (path, progress)
        let descriptor = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { throw LocalFileError(path) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            let error = status.st_mode & S_IFMT == 0 ? LocalFileError(path) : LocalFileError(path, number: EISDIR)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        isLarge = status.st_size >= Self.largeSize
        hashing = Task.detached {
            var (hash, count) = (SHA256(), UInt64(0))
            while let piece = try readPiece(descriptor, path, limit: 1 << 20, at: count) {
                try Task.checkCancellation()
                hash.update(piece)
                count += UInt64(piece.count)
                // With one processor nothing else would go on, and the device would be taken for silent.
                await Task.yield()
            }
            return (count, hash.finish())
        }
    }

    deinit {
        // The descriptor is the hashing task's until that has ended.
        hashing.cancel()
        let (hashing, descriptor) = (hashing, descriptor)
        Task.detached {
            _ = await hashing.result
            close(descriptor)
        }
    }

    func whole() async throws -> (byteCount: UInt64, digest: [UInt8]) {
        let whole = try await withTaskCancellationHandler {
            try await hashing.value
        } onCancel: {
            hashing.cancel()
        }
        counts.withLock { $0.whole = whole.byteCount }
        return whole
    }

    func begin(_ opened: StreamOpened) throws -> Bool {
        let whole = counts.withLock { $0.whole }
        guard opened.offset <= whole else { return false }
        var (hash, count) = (SHA256(), UInt64(0))
        while count < opened.offset {
            let limit = Int(min(1 << 20, opened.offset - count))
            guard let piece = try readPiece(descriptor, path, limit: limit, at: count) else { return false }
            hash.update(piece)
            count += UInt64(piece.count)
        }
        if opened.offset > 0, hash.finish() != opened.digest { return false }
        counts.withLock { $0.sent = count }
        progress.begin(total: whole, at: count)
        return true
    }

    func next(_ limit: Int) throws -> [UInt8] {
        // What was added since it was hashed is no part of it.
        let (whole, sent) = counts.withLock { $0 }
        let room = Int(min(whole - sent, UInt64(limit)))
        guard room > 0, let piece = try readPiece(descriptor, path, limit: room, at: sent) else { return [] }
        counts.withLock { $0.sent = sent + UInt64(piece.count) }
        progress.reach(sent + UInt64(piece.count))
        return piece
    }
}

/// The bytes from `offset` on; nil at the end.
private func readPiece(_ descriptor: Int32, _ path: String, limit: Int, at offset: UInt64) throws(LocalFileError) -> [UInt8]? {
    while true {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, filled in
            count = pread(descriptor, buffer.baseAddress, limit, off_t(offset))
            filled = max(count, 0)
        }
        if count > 0 { return bytes }
        if count == 0 { return nil }
        if errno != EINTR { throw LocalFileError(path) }
    }
}

/// How far a transfer has come, shown on a terminal and nowhere else.
final class TransferProgress: Sendable {
    private struct State {
        var total: UInt64 = 0
        var start: UInt64 = 0
        var count: UInt64 = 0
        var began = ContinuousClock.now
        var shownAt: ContinuousClock.Instant?
    }

    private let name: String
    private let isShown: Bool
    private let state = Mutex(State())

    /// Makes a progress that is shown only where standard error is a terminal.
    init(name: String, isQuiet: Bool) {
        self.name = displayed(name, limit: 40)
        isShown = !isQuiet && isatty(STDERR_FILENO) == 1
    }

    func begin(total: UInt64, at start: UInt64) {
        state.withLock { ($0.total, $0.start, $0.count, $0.began) = (total, start, start, .now) }
    }

    func reach(_ count: UInt64) {
        guard isShown else { return }
        let line: String? = state.withLock { state in
            state.count = count
            let now = ContinuousClock.now
            if let shownAt = state.shownAt, now - shownAt < .milliseconds(200) { return nil }
            state.shownAt = now
            return text(state, at: now)
        }
        if let line { write("\r" + line + "\u{1B}[K") }
    }

    private func text(_ state: State, at now: ContinuousClock.Instant) -> String {
        let seconds = max((now - state.began) / .seconds(1), 0.001)
        let rate = Double(state.count - state.start) / seconds / 1_048_576
        let share = state.total > 0 ? " \(min(100, state.count * 100 / state.total))%" : ""
        return "\(name):\(share) \(state.count) bytes, \(String(format: "%.1f", rate)) MiB/s"
    }

    /// Takes the line away.
    func end() {
        guard isShown, state.withLock({ $0.shownAt != nil }) else { return }
        write("\r\u{1B}[K")
    }

    private func write(_ text: String) { writeOut(text.utf8, to: STDERR_FILENO) }
}
