/// One file that the `files` reader read, as an item of the answer's CBOR sequence: `[path, errno, content]`.
public struct FileRow: Equatable, Sendable {
    /// Longest path in a row, bytes; what is longer is cut (PATH_MAX is as much).
    public static let pathSizeLimit = 4_096

    /// Path as bytes, root prefix removed.
    public var path: [UInt8]
    /// 0, or the errno that kept it from being read.
    public var status: UInt64
    /// The content, at most what the probe's limit left.
    public var content: [UInt8]

    /// Makes a row of its fields.
    public init(path: [UInt8], status: UInt64, content: [UInt8]) {
        self.path = path
        self.status = status
        self.content = content
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(3)
        writer.byteString(Array(path.prefix(Self.pathSizeLimit)))
        writer.unsigned(status)
        writer.byteString(content)
        return writer.bytes
    }

    /// Reads the next row of a sequence.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 3) == 3 else { throw WireError(.malformed, UInt64(reader.offset)) }
        path = try reader.byteString(limit: Self.pathSizeLimit)
        status = try reader.unsigned()
        content = try reader.byteString()
    }
}

/// One mount that the `statfs` reader asked, as an item of the answer's CBOR sequence; fields in the order written here.
public struct MountRow: Equatable, Sendable {
    /// Longest mount point, source and options in a row, bytes; what is longer is cut, as an overlay's options can be.
    public static let fieldSizeLimit = 4_096
    /// Longest type in a row, bytes.
    public static let typeSizeLimit = 256

    /// Where it is mounted, unescaped.
    public var mount: [UInt8]
    /// The device or server.
    public var source: [UInt8]
    /// Type of the file system.
    public var type: [UInt8]
    /// Mount options, as /proc/self/mounts gives them.
    public var options: [UInt8]
    /// 0; an errno; or ETIMEDOUT (110) where the mount did not answer.
    public var status: UInt64
    /// Size of a block in bytes (f_frsize).
    public var blockSize: UInt64
    /// Blocks in all.
    public var blocks: UInt64
    /// Blocks free.
    public var freeBlocks: UInt64
    /// Blocks free for programs that are not root's.
    public var availableBlocks: UInt64
    /// Inodes in all; 0 where the file system has no fixed number.
    public var inodes: UInt64
    /// Inodes free.
    public var freeInodes: UInt64

    /// Makes a row of its fields.
    public init(
        mount: [UInt8], source: [UInt8], type: [UInt8], options: [UInt8], status: UInt64, blockSize: UInt64 = 0, blocks: UInt64 = 0,
        freeBlocks: UInt64 = 0, availableBlocks: UInt64 = 0, inodes: UInt64 = 0, freeInodes: UInt64 = 0
    ) {
        self.mount = mount
        self.source = source
        self.type = type
        self.options = options
        self.status = status
        self.blockSize = blockSize
        self.blocks = blocks
        self.freeBlocks = freeBlocks
        self.availableBlocks = availableBlocks
        self.inodes = inodes
        self.freeInodes = freeInodes
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(11)
        writer.byteString(Array(mount.prefix(Self.fieldSizeLimit)))
        writer.byteString(Array(source.prefix(Self.fieldSizeLimit)))
        writer.byteString(Array(type.prefix(Self.typeSizeLimit)))
        writer.byteString(Array(options.prefix(Self.fieldSizeLimit)))
        for number in [status, blockSize, blocks, freeBlocks, availableBlocks, inodes, freeInodes] { writer.unsigned(number) }
        return writer.bytes
    }

    /// Reads the next row of a sequence.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 11) == 11 else { throw WireError(.malformed, UInt64(reader.offset)) }
        mount = try reader.byteString(limit: Self.fieldSizeLimit)
        source = try reader.byteString(limit: Self.fieldSizeLimit)
        type = try reader.byteString(limit: Self.typeSizeLimit)
        options = try reader.byteString(limit: Self.fieldSizeLimit)
        status = try reader.unsigned()
        blockSize = try reader.unsigned()
        blocks = try reader.unsigned()
        freeBlocks = try reader.unsigned()
        availableBlocks = try reader.unsigned()
        inodes = try reader.unsigned()
        freeInodes = try reader.unsigned()
    }
}

/// One path that the `stat` reader looked at, as an item of the answer's CBOR sequence; fields in the order written here.
public struct StatusRow: Equatable, Sendable {
    /// Path as bytes, root prefix removed; cut as in ``FileRow``.
    public var path: [UInt8]
    /// 0, or the errno that kept it from being looked at; then the rest is 0.
    public var status: UInt64
    /// The upper four bits of st_mode: 1 FIFO, 2 character device, 4 directory, 6 block device, 8 file, 10 symbolic link, 12 socket.
    public var type: UInt64
    /// The lower twelve bits of st_mode.
    public var mode: UInt64
    /// Number of the owner.
    public var user: UInt64
    /// Number of the group.
    public var group: UInt64
    /// Size in bytes.
    public var size: UInt64
    /// Names it has.
    public var links: UInt64
    /// When its content was changed last, microseconds UTC.
    public var changedAt: UInt64
    /// The device it lies on (st_dev).
    public var device: UInt64

    /// Makes a row of its fields.
    public init(
        path: [UInt8], status: UInt64, type: UInt64 = 0, mode: UInt64 = 0, user: UInt64 = 0, group: UInt64 = 0, size: UInt64 = 0,
        links: UInt64 = 0, changedAt: UInt64 = 0, device: UInt64 = 0
    ) {
        self.path = path
        self.status = status
        self.type = type
        self.mode = mode
        self.user = user
        self.group = group
        self.size = size
        self.links = links
        self.changedAt = changedAt
        self.device = device
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(10)
        writer.byteString(Array(path.prefix(FileRow.pathSizeLimit)))
        for number in [status, type, mode, user, group, size, links, changedAt, device] { writer.unsigned(number) }
        return writer.bytes
    }

    /// Reads the next row of a sequence.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 10) == 10 else { throw WireError(.malformed, UInt64(reader.offset)) }
        path = try reader.byteString(limit: FileRow.pathSizeLimit)
        status = try reader.unsigned()
        type = try reader.unsigned()
        mode = try reader.unsigned()
        user = try reader.unsigned()
        group = try reader.unsigned()
        size = try reader.unsigned()
        links = try reader.unsigned()
        changedAt = try reader.unsigned()
        device = try reader.unsigned()
    }
}

/// What the `clock` reader tells, the one item of its answer; fields in the order written here.
public struct ClockRow: Equatable, Sendable {
    /// The clock, microseconds UTC since 1970.
    public var time: UInt64
    /// Microseconds since the start of the machine, its sleep included.
    public var uptime: UInt64
    /// Whether the kernel's clock counts as synchronised (adjtimex(2)); 1 or 0.
    public var isSynchronised: Bool
    /// What is still to be corrected, microseconds.
    public var offset: Int64
    /// Estimated error, microseconds.
    public var error: Int64
    /// Correction of the frequency, millionths over 65,536.
    public var frequency: Int64

    /// Makes a row of its fields.
    public init(time: UInt64, uptime: UInt64, isSynchronised: Bool, offset: Int64, error: Int64, frequency: Int64) {
        self.time = time
        self.uptime = uptime
        self.isSynchronised = isSynchronised
        self.offset = offset
        self.error = error
        self.frequency = frequency
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(6)
        for number in [time, uptime, isSynchronised ? 1 : 0] { writer.unsigned(number) }
        for number in [offset, error, frequency] { writer.integer(number) }
        return writer.bytes
    }

    /// Reads the row.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 6) == 6 else { throw WireError(.malformed, UInt64(reader.offset)) }
        time = try reader.unsigned()
        uptime = try reader.unsigned()
        isSynchronised = try reader.unsigned(limit: 1) == 1
        offset = try reader.integer()
        error = try reader.integer()
        frequency = try reader.integer()
    }
}

/// What one name server answered the reader `resolve`; fields in the order written here.
public struct NameRow: Equatable, Sendable {
    /// Longest name in a row, bytes.
    public static let nameSizeLimit = 255
    /// Longest address of a server in a row, bytes.
    public static let serverSizeLimit = 64
    /// Longest reply that is asked for, bytes.
    public static let replySizeLimit = 1_232

    /// What was asked for, as the manifest writes it.
    public var name: [UInt8]
    /// The server's address, as /etc/resolv.conf writes it.
    public var server: [UInt8]
    /// The type of what was asked for (RFC 1035 section 3.2.2): 1 or 28.
    public var type: UInt64
    /// 0, or the errno it came to; ETIMEDOUT (110) for no answer.
    public var status: UInt64
    /// Microseconds until that was known.
    public var duration: UInt64
    /// What the server answered, as it came.
    public var reply: [UInt8]

    /// Makes a row of its fields.
    public init(name: [UInt8], server: [UInt8], type: UInt64, status: UInt64, duration: UInt64, reply: [UInt8] = []) {
        self.name = name
        self.server = server
        self.type = type
        self.status = status
        self.duration = duration
        self.reply = reply
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(6)
        writer.byteString(name)
        writer.byteString(server)
        for number in [type, status, duration] { writer.unsigned(number) }
        writer.byteString(reply)
        return writer.bytes
    }

    /// Reads the next row of a sequence.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 6) == 6 else { throw WireError(.malformed, UInt64(reader.offset)) }
        name = try reader.byteString(limit: Self.nameSizeLimit)
        server = try reader.byteString(limit: Self.serverSizeLimit)
        type = try reader.unsigned()
        status = try reader.unsigned()
        duration = try reader.unsigned()
        reply = try reader.byteString(limit: Self.replySizeLimit)
    }
}

/// What came of one attempt of the reader `connect`; fields in the order written here.
public struct ConnectionRow: Equatable, Sendable {
    /// Longest target, bytes: what a path of a Unix socket may have (unix(7)).
    public static let targetSizeLimit = 107

    /// An address and a port, or the path of a Unix socket, as the manifest writes it.
    public var target: [UInt8]
    /// 0 where somebody took the connection, or the errno it came to; ETIMEDOUT (110) for no answer.
    public var status: UInt64
    /// Microseconds until that was known, from when the first attempt of the probe began.
    public var duration: UInt64

    /// Makes a row of its fields.
    public init(target: [UInt8], status: UInt64, duration: UInt64) {
        self.target = target
        self.status = status
        self.duration = duration
    }

    /// The row's encoding.
    public var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(3)
        writer.byteString(target)
        writer.unsigned(status)
        writer.unsigned(duration)
        return writer.bytes
    }

    /// Reads the next row of a sequence.
    public init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 3) == 3 else { throw WireError(.malformed, UInt64(reader.offset)) }
        target = try reader.byteString(limit: Self.targetSizeLimit)
        status = try reader.unsigned()
        duration = try reader.unsigned()
    }
}
