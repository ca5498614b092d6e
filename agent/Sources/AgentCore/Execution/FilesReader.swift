public import Wire

/// Reads the files that patterns name, in a forked child: what blocks blocks only that child.
///
/// Nothing but regular files is ever opened for reading, because opening a device can do something (a watchdog starts), and a FIFO waits.
public struct FilesReader {
    private let kernel: Kernel
    private let root: [UInt8]
    private let rootDirectory: Descriptor

    /// Bytes of encoded rows that may still be written.
    private var room: UInt64
    /// Bytes that were not put into a row for want of room.
    public private(set) var cutByteCount: UInt64 = 0

    /// Files that one answer names at most.
    public static let fileCountLimit = 1_024
    private static let nameCountLimit = 4_096
    /// How far beyond the limit the rest of a file is counted.
    private static let countingFactor: UInt64 = 16

    /// Reads below `root`, a recorded tree or empty, at most `limit` bytes of rows.
    public init(kernel: Kernel, root: [UInt8], limit: UInt64) throws(Errno) {
        self.kernel = kernel
        self.root = root
        room = limit
        rootDirectory = try kernel.open(root.isEmpty ? [47] : root, [.path, .directory])
    }

    /// Reads all files that `patterns` name, in order, and gives each row's encoding to `emit`.
    public mutating func read(_ patterns: [Text], emit: ([UInt8]) throws(Errno) -> Void) throws(Errno) {
        try forEach(patterns, emit) { reader, path in reader.row(of: path).encoded }
    }

    /// Looks at all that `patterns` name, in order, without reading or following anything, and gives each row's encoding to `emit`.
    public mutating func look(_ patterns: [Text], emit: ([UInt8]) throws(Errno) -> Void) throws(Errno) {
        try forEach(patterns, emit) { reader, path in reader.status(of: path).encoded }
    }

    private mutating func forEach(
        _ patterns: [Text], _ emit: ([UInt8]) throws(Errno) -> Void, _ row: (inout FilesReader, [UInt8]) -> [UInt8]
    ) throws(Errno) {
        var count = 0
        for pattern in patterns {
            for path in expand(pattern.bytes) {
                count += 1
                if count > Self.fileCountLimit {
                    cutByteCount += 1
                    continue
                }
                let row = row(&self, path)
                if UInt64(row.count) > room {
                    cutByteCount += UInt64(row.count)
                    continue
                }
                room -= UInt64(row.count)
                try emit(row)
            }
        }
    }

    /// The paths that a pattern stands for: itself where it has no `*`, otherwise what is there, in the order of the bytes.
    func expand(_ pattern: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = [[]]
        var mayBeMissing = true
        for component in pattern.split(separator: 47) {
            guard component.contains(42) else {
                for index in found.indices { found[index] += [47] + component }
                continue
            }
            mayBeMissing = false
            var next: [[UInt8]] = []
            for directory in found {
                guard let opened = try? open(directory.isEmpty ? [47] : directory, [.read, .directory]),
                    let names = try? kernel.names(in: opened, limit: Self.nameCountLimit)
                else { continue }
                for name in names where next.count < Self.fileCountLimit && Self.matches(name[...], component) {
                    next.append(directory + [47] + name)
                }
            }
            found = next
        }
        return mayBeMissing ? found : found.filter { exists($0) }
    }

    private func exists(_ path: [UInt8]) -> Bool {
        do throws(Errno) {
            _ = try open(path, [.path, .noFollow])
            return true
        } catch {
            return error != .noEntry
        }
    }

    /// Whether `name` matches `pattern`, in which `*` stands for any bytes; a leading dot is matched only by a dot.
    static func matches(_ name: ArraySlice<UInt8>, _ pattern: ArraySlice<UInt8>) -> Bool {
        if name.first == 46, pattern.first != 46 { return false }
        var (at, within) = (name.startIndex, pattern.startIndex)
        var retry: (name: Int, pattern: Int)?
        while at < name.endIndex {
            if within < pattern.endIndex, pattern[within] == 42 {
                within += 1
                retry = (at, within)
            } else if within < pattern.endIndex, pattern[within] == name[at] {
                at += 1
                within += 1
            } else if let last = retry {
                retry = (last.name + 1, last.pattern)
                (at, within) = (last.name + 1, last.pattern)
            } else {
                return false
            }
        }
        return pattern[within...].allSatisfy { $0 == 42 }
    }

    /// /proc and /sys are full of links that the kernel itself makes; elsewhere a link may be anybody's.
    private func open(_ path: [UInt8], _ mode: OpenMode) throws(Errno) -> Descriptor {
        let (proc, sys): (Text, Text) = ("/proc/", "/sys/")
        if path.starts(with: proc.bytes) || path.starts(with: sys.bytes) { return try kernel.open(root + path, mode) }
        let relative = Array(path.drop { $0 == 47 })
        return try kernel.openWithoutSymlinks(relative.isEmpty ? [46] : relative, mode, in: rootDirectory)
    }

    private mutating func row(of path: [UInt8]) -> FileRow {
        do throws(Errno) {
            let looked = try open(path, [.path, .noFollow])
            let status = try kernel.status(looked)
            switch status.kind {
            case .regular: break
            case .symlink: throw .symlink
            case .directory: throw .isDirectory
            case .other: throw .invalid
            }
            let content = try content(of: try kernel.reopen(looked), room: room - min(room, UInt64(path.count) + 24))
            return FileRow(path: path, status: 0, content: content)
        } catch {
            return FileRow(path: path, status: UInt64(error.rawValue.magnitude), content: [])
        }
    }

    private func status(of path: [UInt8]) -> StatusRow {
        do throws(Errno) {
            let found = try kernel.status(try open(path, [.path, .noFollow]))
            return StatusRow(
                path: path, status: 0, type: UInt64(found.type), mode: UInt64(found.mode), user: UInt64(found.owner),
                group: UInt64(found.group), size: found.size, links: UInt64(found.links), changedAt: found.changedAt, device: found.device)
        } catch {
            return StatusRow(path: path, status: UInt64(error.rawValue.magnitude))
        }
    }

    private mutating func content(of file: Descriptor, room: UInt64) throws(Errno) -> [UInt8] {
        var content: [UInt8] = []
        var counted: UInt64 = 0
        while counted <= room &* Self.countingFactor {
            let piece = try kernel.read(file, limit: 16_384)
            if piece.isEmpty { break }
            let fits = Int(min(UInt64(piece.count), room - UInt64(content.count)))
            content += piece.prefix(fits)
            counted += UInt64(piece.count)
        }
        cutByteCount += counted - UInt64(content.count)
        return content
    }
}
