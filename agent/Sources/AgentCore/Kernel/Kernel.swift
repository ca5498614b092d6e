internal import CLinux
internal import Wire

/// The system calls a test can make fail; more may be added.
public enum SystemCall: Sendable {
    case open, read, write, sync, truncate, rename, makeDirectory, space, fork, hasExited, landlock, seccomp
}

/// An open file descriptor, closed with the last reference to it.
public final class Descriptor {
    /// The descriptor's number.
    public let number: Int32
    private let isOwned: Bool

    /// Takes over an open descriptor.
    ///
    /// - Parameter isOwned: Whether it is closed with this object; false for the standard streams.
    public init(_ number: Int32, isOwned: Bool = true) {
        self.number = number
        self.isOwned = isOwned
    }

    deinit { if isOwned { _ = rc_close(number) } }
}

/// How a file is opened.
public struct OpenMode: OptionSet, Sendable {
    /// The bits, as CLinux.h numbers them.
    public let rawValue: UInt32
    /// Makes a set of its bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// For reading.
    public static let read = OpenMode(rawValue: 1)
    /// For writing.
    public static let write = OpenMode(rawValue: 2)
    /// Made where it is missing.
    public static let create = OpenMode(rawValue: 4)
    /// Only where nothing is there yet.
    public static let exclusive = OpenMode(rawValue: 8)
    /// Emptied.
    public static let truncate = OpenMode(rawValue: 16)
    /// Only a directory.
    public static let directory = OpenMode(rawValue: 32)
    /// Not through a symbolic link at the end of the path.
    public static let noFollow = OpenMode(rawValue: 64)
    /// Only to look at, O_PATH: opening does nothing to what is opened.
    public static let path = OpenMode(rawValue: 128)
}

/// What kind of file stands at a path.
public enum FileKind: Sendable {
    case regular, directory, symlink, other
}

/// What stat(2) tells that the agent uses.
public struct FileStatus: Sendable {
    /// Size in bytes.
    public let size: UInt64
    /// Kind of file.
    public let kind: FileKind
    /// Permission bits.
    public let mode: UInt32
    /// Owner.
    public let owner: UInt32
    /// Group.
    public let group: UInt32
    /// Names it has.
    public let links: UInt32
    /// When its content was changed last, microseconds UTC.
    public let changedAt: UInt64
    /// The upper four bits of st_mode.
    public let type: UInt32
    /// The device it lies on (st_dev).
    public let device: UInt64

    init(_ raw: rc_stat) {
        size = raw.size
        mode = raw.mode
        owner = raw.uid
        group = raw.gid
        links = raw.links
        changedAt = raw.changed_us
        type = raw.type
        device = raw.device
        switch raw.kind {
        case 1: kind = .regular
        case 2: kind = .directory
        case 3: kind = .symlink
        default: kind = .other
        }
    }
}

/// All system calls of the agent go through here, so that a test can make each of them fail and set the clocks.
///
/// Calls that a signal interrupts are made again in CLinux, so no caller sees EINTR.
public final class Kernel {
    /// Asked before a call is made; an error is thrown in its place.
    public var fault: ((SystemCall) -> Errno?)?
    /// Microseconds UTC in place of the machine's clock.
    public var realtimeClock: (() -> UInt64)?
    /// Microseconds since some start in place of the machine's clock.
    public var monotonicClock: (() -> UInt64)?

    /// Where reads go first: what may be long seldom is, and an array as long as it may be would be memory that the kernel gives and takes
    /// back each time. Pages that no read reached take no memory.
    private let readBuffer = UnsafeMutablePointer<UInt8>.allocate(capacity: readBufferSize)
    private static let readBufferSize = 16_384

    /// Makes a kernel that does what Linux does.
    public init() {}

    deinit { readBuffer.deallocate() }

    func check(_ call: SystemCall) throws(Errno) {
        if let problem = fault?(call) { throw problem }
    }

    func number(_ result: Int64) throws(Errno) -> UInt64 {
        if result < 0 { throw Errno(rawValue: Int32(truncatingIfNeeded: -result)) }
        return UInt64(result)
    }

    func success(_ result: Int32) throws(Errno) {
        if result < 0 { throw Errno(rawValue: -result) }
    }

    func descriptor(_ result: Int32) throws(Errno) -> Descriptor {
        if result < 0 { throw Errno(rawValue: -result) }
        return Descriptor(result)
    }
}

extension Kernel {
    /// Opens a file, never blocking; what is made gets `permissions`.
    public func open(
        _ path: [UInt8], _ mode: OpenMode, permissions: UInt32 = 0o600, in directory: Descriptor? = nil
    ) throws(Errno) -> Descriptor {
        try check(.open)
        return try descriptor(rc_open(directory?.number ?? -1, path + [0], mode.rawValue, permissions))
    }

    /// Opens a path without following a symbolic link anywhere in it (openat2(2), RESOLVE_NO_SYMLINKS).
    public func openWithoutSymlinks(_ path: [UInt8], _ mode: OpenMode, in directory: Descriptor) throws(Errno) -> Descriptor {
        try check(.open)
        return try descriptor(rc_open_without_symlinks(directory.number, path + [0], mode.rawValue))
    }

    /// Opens for reading what was opened with `.path`.
    public func reopen(_ file: Descriptor) throws(Errno) -> Descriptor {
        let directory: Text = "/proc/self/fd/"
        return try open(directory.bytes + Text.decimal(UInt64(file.number)).bytes, .read)
    }

    /// Reads at most `limit` bytes; none at the end.
    public func read(_ file: Descriptor, limit: Int) throws(Errno) -> [UInt8] {
        try read(limit: limit) { rc_read(file.number, $0, UInt64(limit)) }
    }

    /// Reads at most `limit` bytes behind those in `buffer`.
    ///
    /// - Returns: How many were read; none at the end.
    func read(_ file: Descriptor, behind buffer: inout [UInt8], limit: Int) throws(Errno) -> Int {
        try check(.read)
        return try read(behind: &buffer, limit: limit) { rc_read_at_once(file.number, $0, UInt64(limit)) }
    }

    /// Lets `call` write at most `limit` bytes behind those in `buffer`.
    func read(behind buffer: inout [UInt8], limit: Int, _ call: (UnsafeMutablePointer<UInt8>) -> Int64) throws(Errno) -> Int {
        var result: Int64 = 0
        buffer.append(addingCapacity: limit) { span in
            span.withUnsafeMutableBufferPointer { room, count in
                guard let base = room.baseAddress else { return }
                result = call(base + count)
                count += result > 0 ? Int(result) : 0
            }
        }
        return Int(try number(result))
    }

    /// Reads at most `limit` bytes, and as many as `buffer` has, to its front.
    ///
    /// - Returns: How many were read; none at the end.
    func read(_ file: Descriptor, into buffer: inout [UInt8], atMost limit: UInt64) throws(Errno) -> Int {
        try check(.read)
        let room = min(UInt64(buffer.count), limit)
        return Int(try number(rc_read(file.number, &buffer, room)))
    }

    /// Passes over what can be read now.
    func seekEnd(_ file: Descriptor) { rc_seek_end(file.number) }

    /// Reads at most `limit` bytes from `offset`.
    public func read(_ file: Descriptor, at offset: UInt64, limit: Int) throws(Errno) -> [UInt8] {
        try read(limit: limit) { rc_pread(file.number, $0, UInt64(limit), offset) }
    }

    private func read(limit: Int, _ call: (UnsafeMutablePointer<UInt8>) -> Int64) throws(Errno) -> [UInt8] {
        try check(.read)
        if limit <= Self.readBufferSize {
            return Array(UnsafeBufferPointer(start: readBuffer, count: Int(try number(call(readBuffer)))))
        }
        var result: Int64 = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            guard let base = buffer.baseAddress else { return }
            result = call(base)
            count = result > 0 ? Int(result) : 0
        }
        _ = try number(result)
        return bytes
    }

    /// Reads a file from its beginning into `buffer`, which grows as far as `limit` where it is too small for it.
    ///
    /// - Returns: The number of bytes read; what lies behind them in the buffer is of earlier.
    /// - Throws: An errno; `.invalid` where the file is longer.
    func read(_ file: Descriptor, into buffer: inout [UInt8], limit: Int) throws(Errno) -> Int {
        try check(.read)
        var end = 0
        while true {
            if end == buffer.count {
                if end >= limit { throw .invalid }
                buffer += [UInt8](repeating: 0, count: min(max(end, 4_096), limit - end))
            }
            let count = buffer.withUnsafeMutableBufferPointer { buffer in
                buffer.baseAddress.map { rc_pread(file.number, $0 + end, UInt64(buffer.count - end), UInt64(end)) } ?? 0
            }
            if try number(count) == 0 { return end }
            end += Int(count)
        }
    }

    /// Writes some of `bytes`, and returns how many.
    public func write(_ file: Descriptor, _ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        try check(.write)
        let result = bytes.withUnsafeBufferPointer { rc_write(file.number, $0.baseAddress, UInt64($0.count)) }
        return Int(try number(result))
    }

    /// Writes some of `bytes` to what carries a session, without waiting, and returns how many.
    func writeAtOnce(_ stream: Descriptor, _ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        try check(.write)
        let result = bytes.withUnsafeBufferPointer { rc_write_at_once(stream.number, $0.baseAddress, UInt64($0.count)) }
        return Int(try number(result))
    }

    /// Writes all of `bytes`, or the first `count`; for files and for a child's own pipe.
    public func writeAll(_ file: Descriptor, _ bytes: [UInt8], count: Int? = nil) throws(Errno) {
        var rest = bytes[..<(count ?? bytes.count)]
        while !rest.isEmpty {
            let count = try write(file, rest)
            rest = rest.dropFirst(count)
        }
    }

    /// Writes all of `bytes` at `offset`.
    public func writeAll(_ file: Descriptor, _ bytes: [UInt8], at offset: UInt64) throws(Errno) {
        var done = 0
        while done < bytes.count {
            try check(.write)
            let result = bytes[done...].withUnsafeBufferPointer {
                rc_pwrite(file.number, $0.baseAddress, UInt64($0.count), offset &+ UInt64(done))
            }
            let count = Int(try number(result))
            if count == 0 { throw .noSpace }
            done += count
        }
    }

    /// Waits until the file's content is on the disk (fdatasync(2)).
    public func syncData(_ file: Descriptor) throws(Errno) {
        try check(.sync)
        try success(rc_datasync(file.number))
    }

    /// Lets the disk begin with what was written, so that less is to be waited for in the end.
    func beginSync(_ file: Descriptor) { rc_begin_sync(file.number) }

    /// Waits until the file and its directory entry's own data are on the disk (fsync(2)).
    public func sync(_ file: Descriptor) throws(Errno) {
        try check(.sync)
        try success(rc_sync(file.number))
    }

    /// Cuts the file.
    public func truncate(_ file: Descriptor, to size: UInt64) throws(Errno) {
        try check(.truncate)
        try success(rc_truncate(file.number, size))
    }

    /// Locks the file for this process alone; `.again` where another has it.
    public func lock(_ file: Descriptor) throws(Errno) { try success(rc_lock(file.number)) }

    /// Renames a file over another.
    public func rename(_ from: [UInt8], to: [UInt8]) throws(Errno) {
        try check(.rename)
        try success(rc_rename(from + [0], to + [0]))
    }

    /// Gives a file a second name; `.exists` where that is taken.
    public func link(_ from: [UInt8], to: [UInt8]) throws(Errno) {
        try check(.rename)
        try success(rc_link(from + [0], to + [0]))
    }

    /// Sets the permission bits of a file, whatever the umask.
    func setPermissions(_ file: Descriptor, _ permissions: UInt32) throws(Errno) { try success(rc_set_mode(file.number, permissions)) }

    /// Removes a file.
    public func unlink(_ path: [UInt8]) throws(Errno) { try success(rc_unlink(path + [0])) }

    /// Renames a file within a directory.
    ///
    /// - Throws: An errno; `.exists` where the name is taken and is not to be replaced.
    public func rename(_ from: [UInt8], to: [UInt8], in directory: Descriptor, replacing: Bool) throws(Errno) {
        try check(.rename)
        try success(rc_rename_in(directory.number, from + [0], to + [0], replacing ? 1 : 0))
    }

    /// Removes a file from a directory.
    public func unlink(_ name: [UInt8], in directory: Descriptor) throws(Errno) {
        try success(rc_unlink_in(directory.number, name + [0]))
    }

    /// Gives an open file the owner, group and permission bits of `other`, without the bits that give rights away when it is run.
    public func copyAccess(of other: FileStatus, to file: Descriptor) throws(Errno) {
        try success(rc_set_access(file.number, other.owner, other.group, other.mode & 0o777))
    }

    /// Takes an empty directory away; false where it is not empty, or cannot be taken away. One that is not there is.
    func removeDirectory(_ path: [UInt8]) -> Bool {
        let problem = rc_remove_directory(path + [0])
        return problem == 0 || problem == -Errno.noEntry.rawValue
    }

    /// Makes a directory for its owner alone; one that is there already is left as it is.
    public func makeDirectory(_ path: [UInt8], permissions: UInt32 = 0o700) throws(Errno) {
        try check(.makeDirectory)
        let result = rc_make_directory(path + [0], permissions)
        if result != -Errno.exists.rawValue { try success(result) }
    }

    /// What an open file is.
    public func status(_ file: Descriptor) throws(Errno) -> FileStatus {
        var raw = rc_stat()
        try success(rc_stat_fd(file.number, &raw))
        return FileStatus(raw)
    }

    /// What stands at a path, not following a symbolic link.
    public func status(of path: [UInt8]) throws(Errno) -> FileStatus {
        var raw = rc_stat()
        try success(rc_stat_path(path + [0], &raw))
        return FileStatus(raw)
    }

    /// Reads a whole file of at most `limit` bytes.
    ///
    /// - Throws: An errno; `.invalid` where the file is longer.
    public func content(of path: [UInt8], limit: Int) throws(Errno) -> [UInt8] {
        let file = try open(path, .read)
        var content: [UInt8] = []
        while true {
            let piece = try read(file, limit: min(16_384, limit + 1 - content.count))
            if piece.isEmpty { return content }
            content += piece
            if content.count > limit { throw .invalid }
        }
    }

    /// Names in a directory without `.` and `..`, in the order of their bytes; at most `limit` are returned.
    public func names(in directory: Descriptor, limit: Int) throws(Errno) -> [[UInt8]] {
        var names: [[UInt8]] = []
        var buffer = [UInt8](repeating: 0, count: 8_192)
        while names.count < limit {
            let count = Int(try number(rc_list(directory.number, &buffer, 8_192)))
            if count == 0 { break }
            var start = 0
            // struct linux_dirent64: inode and offset of 8 bytes each, length of the record in 2, type in 1, then the name.
            while start + 19 <= count {
                let length = Int(UInt16(littleEndian: UInt16(buffer[start + 16]) | UInt16(buffer[start + 17]) << 8))
                guard length >= 20, start + length <= count else { break }
                let name = Array(buffer[start + 19..<start + length].prefix { $0 != 0 })
                start += length
                if name != [46], name != [46, 46], names.count < limit { names.append(name) }
            }
        }
        names.sort { $0.lexicographicallyPrecedes($1) }
        return names
    }

    /// The first 64 bytes of what a symbolic link points to; none where it is none.
    func target(of path: [UInt8]) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = rc_target(path + [0], &buffer, 64)
        return count > 0 ? Array(buffer.prefix(Int(count))) : []
    }

    /// Space and inodes of the file system at `path`; blocks as long as the file system does.
    public func space(at path: [UInt8]) throws(Errno) -> FileSystemSpace {
        try check(.space)
        var raw = rc_space()
        try success(rc_statfs(path + [0], &raw))
        return FileSystemSpace(
            blockSize: raw.block_size, blocks: raw.blocks, freeBlocks: raw.free_blocks, availableBlocks: raw.available_blocks,
            inodes: raw.inodes, freeInodes: raw.free_inodes)
    }
}

/// What statfs(2) tells.
public struct FileSystemSpace: Sendable {
    /// Bytes in a block.
    public let blockSize: UInt64
    /// Blocks in all.
    public let blocks: UInt64
    /// Blocks free.
    public let freeBlocks: UInt64
    /// Blocks free for programs that are not root's.
    public let availableBlocks: UInt64
    /// Inodes in all.
    public let inodes: UInt64
    /// Inodes free.
    public let freeInodes: UInt64
}
