internal import LedgerCore
internal import Wire

/// One file, read or written in a forked child: what blocks blocks only that child.
///
/// No symbolic link is followed anywhere in the path, and nothing but a regular file is opened.
struct FileTransfer {
    let kernel: Kernel
    /// Prefix of every path.
    let root: [UInt8]
    /// The request.
    let stream: OpenStream

    /// What lies in memory of a file at a time: always the same memory, which costs more to get than to fill.
    private struct Piece {
        private(set) var bytes = [UInt8](repeating: 0, count: 65_536)
        private(set) var count = 0

        /// Reads the next piece, of at most `limit` bytes; false at the end.
        mutating func read(_ file: Descriptor, atMost limit: UInt64 = .max, _ kernel: Kernel) throws(Errno) -> Bool {
            count = try kernel.read(file, into: &bytes, atMost: limit)
            return count > 0
        }
    }

    /// Bytes that are read of a file that does not tell its size, as in /proc.
    private static let unsizedLimit: UInt64 = 64 << 20

    private var output: Descriptor { Descriptor(1, isOwned: false) }

    /// Does it, and returns the child's exit status.
    func run(_ work: (FileTransfer) throws(Errno) -> [UInt8]) -> Int32 {
        kernel.keepFreed(true)
        var end = FileReport()
        do throws(Errno) { end.digest = try work(self) } catch { end.problem = error }
        return (try? kernel.writeAll(Descriptor(3, isOwned: false), end.encoded)) == nil ? 1 : 0
    }

    private func open(_ path: [UInt8], _ mode: OpenMode) throws(Errno) -> Descriptor {
        let top = try kernel.open(root.isEmpty ? [47] : root, [.path, .directory])
        let relative = Array(path.drop { $0 == 47 })
        return try kernel.openWithoutSymlinks(relative.isEmpty ? [46] : relative, mode, in: top)
    }

    private static func check(_ status: FileStatus) throws(Errno) {
        switch status.kind {
        case .regular: return
        case .symlink: throw .symlink
        case .directory: throw .isDirectory
        case .other: throw .invalid
        }
    }

    /// The hash of the first `count` bytes; nil where there are fewer.
    private func hash(of file: Descriptor, first count: UInt64) throws(Errno) -> SHA256? {
        var (hash, piece) = (SHA256(), Piece())
        var rest = count
        while rest > 0 {
            if !(try piece.read(file, atMost: rest, kernel)) { return nil }
            hash.update(piece.bytes, count: piece.count)
            rest -= UInt64(piece.count)
        }
        return hash
    }

    private static func digest(_ hash: SHA256) -> [UInt8] {
        let finished = hash
        return finished.finish()
    }

    // MARK: Get

    /// Writes the file to standard output after a report of it, and returns the digest of the whole.
    func get() throws(Errno) -> [UInt8] {
        let looked = try open(stream.target.bytes, [.path, .noFollow])
        let status = try kernel.status(looked)
        try Self.check(status)
        var file = try kernel.reopen(looked)
        var hash = SHA256()
        var report = FileReport()
        (report.size, report.time) = (status.size, status.changedAt)
        if stream.offset > 0, stream.offset <= status.size, stream.time == status.changedAt {
            if let prefix = try self.hash(of: file, first: stream.offset), Self.digest(prefix) == stream.digest {
                (hash, report.offset) = (prefix, stream.offset)
            } else {
                file = try kernel.reopen(looked)
            }
        }
        try kernel.writeAll(output, report.encoded)
        // Of a file that grows it is what was there when it was opened.
        var rest = status.size > 0 ? status.size - report.offset : Self.unsizedLimit
        var piece = Piece()
        while rest > 0, try piece.read(file, atMost: rest, kernel) {
            hash.update(piece.bytes, count: piece.count)
            try kernel.writeAll(output, piece.bytes, count: piece.count)
            rest -= UInt64(piece.count)
        }
        return hash.finish()
    }

    // MARK: Put

    /// Writes standard input to a file beside its place and, once it is whole, renames it there; returns the digest.
    ///
    /// What is not whole stays under a name made of the digest that the whole will have, for the next one to go on with.
    func put() throws(Errno) -> [UInt8] {
        let (path, name) = FilePath.parts(stream.target.bytes)
        let directory = try open(path, [.read, .directory])
        let replaced = try status(of: name, in: directory)
        let prefix: Text = ".rollcall-"
        let partName = prefix.bytes + hexadecimal(Array(stream.digest.prefix(16)))
        let part = try openPart(partName, in: directory)
        do throws(Errno) {
            let digest = try fill(part)
            if let replaced { try kernel.copyAccess(of: replaced, to: part) }
            try kernel.sync(part)
            try kernel.rename(partName, to: name, in: directory, replacing: stream.flags.contains(.replace))
            try? kernel.sync(directory)
            return digest
        } catch {
            // A device that is full is to be as it was; what cannot become whole is no use to anybody.
            if error != .cancelled { try? kernel.unlink(partName, in: directory) }
            throw error
        }
    }

    /// What is there already under the name; nil where nothing is.
    private func status(of name: [UInt8], in directory: Descriptor) throws(Errno) -> FileStatus? {
        let found: FileStatus
        do throws(Errno) { found = try kernel.status(try kernel.open(name, [.path, .noFollow], in: directory)) } catch {
            if error == .noEntry { return nil }
            throw error
        }
        guard stream.flags.contains(.replace) else { throw .exists }
        try Self.check(found)
        return found
    }

    /// Opens what an earlier `put` of the same content left, or begins anew: never a file that somebody else may have put there.
    private func openPart(_ name: [UInt8], in directory: Descriptor) throws(Errno) -> Descriptor {
        if !stream.flags.contains(.afresh), let part = try? kernel.open(name, [.read, .write, .noFollow], in: directory),
            let status = try? kernel.status(part)
        {
            let isOwn = status.kind == .regular && status.owner == kernel.effectiveUser && status.links == 1 && status.mode == 0o600
            if isOwn, status.size <= stream.size {
                try kernel.lock(part)
                return part
            }
        }
        do throws(Errno) { try kernel.unlink(name, in: directory) } catch {
            if error != .noEntry { throw error }
        }
        let part = try kernel.open(name, [.read, .write, .create, .exclusive, .noFollow], in: directory)
        try kernel.lock(part)
        return part
    }

    private func fill(_ part: Descriptor) throws(Errno) -> [UInt8] {
        var report = FileReport()
        report.offset = try kernel.status(part).size
        guard var hash = try hash(of: part, first: report.offset) else { throw .inputOutput }
        let place: Text = "/proc/self/fd/" + .decimal(UInt64(part.number))
        let space = try kernel.space(at: place.bytes)
        if (stream.size - report.offset) / max(space.blockSize, 1) >= space.availableBlocks, stream.size > report.offset { throw .noSpace }
        if report.offset > 0 { report.digest = Self.digest(hash) }
        try kernel.writeAll(output, report.encoded)
        var count = report.offset
        var piece = Piece()
        while try piece.read(Descriptor(0, isOwned: false), kernel) {
            guard UInt64(piece.count) <= stream.size - count else { throw .tooLarge }
            try kernel.writeAll(part, piece.bytes, count: piece.count)
            hash.update(piece.bytes, count: piece.count)
            let before = count
            count += UInt64(piece.count)
            if count >> 22 > before >> 22 { kernel.beginSync(part) }
        }
        // The agent closes the pipe early where the controller is gone or has cancelled.
        guard count == stream.size else { throw .cancelled }
        let digest = hash.finish()
        guard digest == stream.digest else { throw .badMessage }
        return digest
    }
}
