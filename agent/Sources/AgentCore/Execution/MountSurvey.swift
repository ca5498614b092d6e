internal import Wire

/// One line of /proc/self/mounts.
struct MountEntry: Equatable {
    var mount: [UInt8]
    var source: [UInt8]
    var type: [UInt8]
    var options: [UInt8]

    /// Reads a line of proc_mounts(5): fields between blanks, blanks within them as three octal digits.
    init?(line: ArraySlice<UInt8>) {
        let fields = line.split(separator: 32)
        guard fields.count >= 4 else { return nil }
        source = Self.unescaped(fields[0])
        mount = Self.unescaped(fields[1])
        type = Array(fields[2].prefix(256))
        options = Array(fields[3].prefix(4_096))
        guard mount.first == 47, mount.count <= 4_096, source.count <= 4_096 else { return nil }
    }

    static func unescaped(_ field: ArraySlice<UInt8>) -> [UInt8] {
        var bytes: [UInt8] = []
        var index = field.startIndex
        while index < field.endIndex {
            if field[index] == 92, field.endIndex - index >= 4, let byte = octal(field[(index + 1)..<(index + 4)]) {
                bytes.append(byte)
                index += 4
            } else {
                bytes.append(field[index])
                index += 1
            }
        }
        return bytes
    }

    private static func octal(_ digits: ArraySlice<UInt8>) -> UInt8? {
        var value = 0
        for digit in digits {
            guard digit >= 48, digit <= 55 else { return nil }
            value = value * 8 + Int(digit - 48)
        }
        return UInt8(exactly: value)
    }

    /// A mount point of autofs mounts something when it is asked, which may take for ever; the others have no blocks to tell of.
    private static let passedOver: [StaticString] = [
        "autofs", "proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "securityfs", "debugfs", "tracefs", "configfs", "pstore", "bpf",
        "fusectl", "binfmt_misc", "nsfs", "rpc_pipefs",
    ]
    private static let ofMemory: [StaticString] = ["tmpfs", "devtmpfs", "ramfs"]

    var isAsked: Bool { !isType(of: Self.passedOver) }
    /// Whether the answer comes out of memory, unless the way there is through a mount whose answers do not.
    var isOfMemory: Bool { isType(of: Self.ofMemory) }

    private func isType(of names: [StaticString]) -> Bool {
        names.contains { name in name.withUTF8Buffer { $0.count == type.count && $0.elementsEqual(type) } }
    }

    func row(status: Errno) -> MountRow {
        MountRow(mount: mount, source: source, type: type, options: options, status: UInt64(status.rawValue.magnitude))
    }

    func row(_ space: FileSystemSpace) -> MountRow {
        MountRow(
            mount: mount, source: source, type: type, options: options, status: 0, blockSize: space.blockSize, blocks: space.blocks,
            freeBlocks: space.freeBlocks, availableBlocks: space.availableBlocks, inodes: space.inodes, freeInodes: space.freeInodes)
    }
}

/// Asks the mounts one after the other through a forked child, and goes on with another child where one does not answer.
///
/// The child writes one byte when it is ready to ask, then answers each mount with a record: length (2 bytes, little-endian; 0 for a
/// file system without blocks), then the row. What it knows goes out before it asks a mount that may not answer; answers out of memory
/// wait for the next, because each write wakes the agent.
struct MountSurvey {
    let mounts: [MountEntry]
    /// Index of the mount that is being asked.
    private(set) var next = 0
    /// When the child began to ask that mount; nil until it is ready, so that no mount pays for the start of a child.
    private var askedAt: UInt64?
    private var pending: [UInt8] = []

    /// Microseconds that one mount has for its answer while the child sleeps in the kernel.
    static let patience: UInt64 = 300_000
    /// Microseconds that it has while the child could run and has no processor.
    static let starvedPatience: UInt64 = 1_000_000
    /// Microseconds between looks at which of the two it is.
    private static let patrol: UInt64 = 20_000
    private static let ready: UInt8 = 1
    private static let tableSizeLimit = 1 << 20

    /// Reads the table of mounts below `root`; this never asks a mount itself.
    init(kernel: Kernel, root: [UInt8]) throws(Errno) {
        let path: Text = "/proc/self/mounts"
        let table = try kernel.content(of: root + path.bytes, limit: Self.tableSizeLimit)
        mounts = table.split(separator: 10).compactMap { MountEntry(line: $0) }.filter { $0.isAsked }
    }

    var isFinished: Bool { next >= mounts.count }
    /// The mount whose answer is awaited.
    var current: MountEntry? { isFinished ? nil : mounts[next] }

    /// Goes on to the next mount without an answer.
    mutating func skip() {
        next += 1
        pending = []
    }

    /// Takes note that a child was started, which is not ready yet.
    mutating func restart() { askedAt = nil }

    /// Whether the current mount was asked at least `patience` microseconds ago.
    func hasWaited(_ patience: UInt64, at now: UInt64) -> Bool {
        guard !isFinished, let askedAt else { return false }
        return now >= askedAt + patience
    }

    /// When the child is to be looked at; nil while nothing is awaited of a mount.
    func nextLook(after now: UInt64) -> UInt64? {
        guard !isFinished, let askedAt else { return nil }
        return max(askedAt + Self.patience, now + (now >= askedAt + Self.patience ? Self.patrol : 0))
    }

    /// Takes bytes of the child that came at `now`, and returns the rows that are whole.
    mutating func take(_ bytes: [UInt8], at now: UInt64) -> [[UInt8]] {
        // The first byte of a child says that it is ready.
        pending += askedAt == nil ? bytes.dropFirst() : bytes[...]
        askedAt = now
        var rows: [[UInt8]] = []
        while pending.count >= 2, !isFinished {
            let length = Int(pending[0]) | Int(pending[1]) << 8
            guard pending.count >= 2 + length else { break }
            if length > 0 { rows.append(Array(pending[2..<2 + length])) }
            pending.removeFirst(2 + length)
            next += 1
        }
        return rows
    }

    /// The child's work: asks the mounts from the current one on, and answers at once for those whose names are in `hung`.
    func ask(_ kernel: Kernel, root: [UInt8], hung: [Text]) -> Int32 {
        let output = Descriptor(1, isOwned: false)
        var held: [UInt8] = [Self.ready]
        var slow: [[UInt8]] = []
        for mount in mounts[min(next, mounts.count)...] {
            var row: [UInt8] = []
            if !mount.isOfMemory || slow.contains(where: { mount.mount.starts(with: $0) }) {
                do throws(Errno) { try kernel.writeAll(output, held) } catch { return 1 }
                held = []
                if mount.mount.count > 1 { slow.append(mount.mount) }
            }
            do throws(Errno) {
                if hung.contains(StuckChild.name(of: mount)) { throw .timedOut }
                let space = try kernel.space(at: root + mount.mount)
                if space.blocks > 0 { row = mount.row(space).encoded }
            } catch {
                row = mount.row(status: error).encoded
            }
            let head = [UInt8(truncatingIfNeeded: row.count), UInt8(truncatingIfNeeded: row.count >> 8)]
            held += head + row
        }
        do throws(Errno) { try kernel.writeAll(output, held) } catch { return 1 }
        return 0
    }
}
