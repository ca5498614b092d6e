public import LedgerCore
public import Wire

/// The device's own log of what was done through its door: an append-only file under a Merkle tree.
///
/// Appending may fail, as on a full disk. Then nothing half-written stays, the head that was durable last is still told, and the next
/// entry that does get in says how many did not.
public final class DeviceLedger {
    private let kernel: Kernel
    private let state: StateDirectory
    private let people: PeopleFile
    private let origin: Text
    private let key: SigningKey?
    /// Bytes of file beyond which the oldest half becomes one gap entry.
    var sizeLimit: UInt64

    private var file: Descriptor?
    private var header = LedgerHeader()
    private var range = CompactRange()
    private var end: UInt64 = 0
    private var durable = CompactRange()
    private var durableEnd: UInt64 = 0
    private var missedCount: UInt64 = 0
    /// Whether the file was put in its place and the disk has not confirmed that yet.
    private var isUnconfirmed = false
    /// Time of the last entry that was there when the ledger was opened, microseconds UTC; 0 without one.
    ///
    /// A device whose clock falls back to 1970 when it starts is at least this old.
    public private(set) var timeAtStart: UInt64 = 0

    private static let name: Text = "ledger"

    /// Opens the log in `state`, or begins it there; a torn end is cut off and said.
    ///
    /// - Parameters:
    ///   - key: Signs the log's heads; nil leaves the device without one.
    ///   - sizeLimit: ``sizeLimit`` to begin with.
    public init(kernel: Kernel, state: StateDirectory, origin: Text, key: SigningKey?, sizeLimit: UInt64 = 1 << 20) {
        self.kernel = kernel
        self.state = state
        people = PeopleFile(kernel: kernel, path: state.file("people"))
        self.origin = origin
        self.key = key
        self.sizeLimit = sizeLimit
        try? openFile()
    }

    /// Number of entries, those in gaps included.
    public var size: UInt64 { range.size }

    /// Number of entries that are on the disk.
    public var durableSize: UInt64 { durable.size }

    /// Index of the first entry that is still in the file.
    public var firstIndex: UInt64 { header.base.size }

    /// The head of what is on the disk, as a signed note; empty where there is no key or no log.
    public var checkpoint: [UInt8] {
        guard let key, durable.size > 0 else { return [] }
        let checkpoint = Checkpoint(origin: origin, size: durable.size, root: durable.root)
        return SignedNote.sign(text: checkpoint.body, name: origin, key: key)
    }

    /// Appends an entry, not yet durable.
    ///
    /// - Returns: The entry's index.
    /// - Throws: An errno; the log is as it was.
    @discardableResult
    public func append(_ entry: LedgerEntry) throws(Errno) -> UInt64 {
        do throws(Errno) {
            try openFile()
            try makeRoom()
            if missedCount > 0 {
                let missed = LedgerEntry(
                    kind: .repaired, time: kernel.realtime, detail: "entries could not be written", count: missedCount)
                try write(missed)
                missedCount = 0
            }
            try write(entry)
        } catch {
            missedCount += 1
            throw error
        }
        return range.size - 1
    }

    /// Waits until everything appended is on the disk.
    ///
    /// - Throws: An errno; then what was not durable is taken back, because Linux may have dropped it (fsync(2)), and counted as missing.
    public func sync() throws(Errno) {
        guard let file, end != durableEnd || isUnconfirmed else { return }
        do throws(Errno) {
            if isUnconfirmed { try state.syncNames() }
            isUnconfirmed = false
            try people.sync()
            try kernel.syncData(file)
        } catch {
            missedCount += range.size - durable.size
            (range, end) = (durable, durableEnd)
            try? kernel.truncate(file, to: durableEnd)
            throw error
        }
        (durable, durableEnd) = (range, end)
    }

    /// A person under a salt drawn for this session; the digest stands for the name in the session's entries.
    func person(_ name: Text) -> SaltedName? {
        guard !name.isEmpty, let salt = try? kernel.random(16) else { return nil }
        return SaltedName(salt: salt, name: name)
    }

    /// Keeps the name and salt beside the log, under the index of the first entry that holds the digest.
    ///
    /// They are on the disk before that entry is.
    func remember(_ person: SaltedName, at index: UInt64) { try? people.append(index: index, person) }

    /// A reader that stands before the entry at `index`, or before the first one that is still there; nil beyond the end.
    func cursor(at index: UInt64) throws(Errno) -> (cursor: LedgerCursor, index: UInt64)? {
        guard let file, index < range.size else { return nil }
        var cursor = LedgerCursor(kernel: kernel, file: file, offset: UInt64(header.encoded.count))
        var current = header.base.size
        while current < index {
            guard try cursor.next() != nil else { return nil }
            current += 1
        }
        return (cursor, current)
    }

    /// The entries that are still in the file, oldest first, with the index of the first.
    public func entries() throws(Errno) -> (first: UInt64, entries: [[UInt8]]) {
        var entries: [[UInt8]] = []
        guard let start = try cursor(at: header.base.size) else { return (header.base.size, []) }
        var cursor = start.cursor
        while let record = try cursor.next() { entries.append(record.content) }
        return (start.index, entries)
    }

    private func write(_ entry: LedgerEntry) throws(Errno) {
        guard let file else { throw .inputOutput }
        let content = entry.encoded
        let record = LedgerRecord.encode(content)
        do throws(Errno) {
            try kernel.writeAll(file, record, at: end)
        } catch {
            try? kernel.truncate(file, to: end)
            throw error
        }
        range.append(leafHash: MerkleTree.leafHash(content))
        end += UInt64(record.count)
    }

    // MARK: Opening

    private func openFile() throws(Errno) {
        if file != nil { return }
        do throws(Errno) {
            try recover(try kernel.open(state.file(Self.name), [.read, .write, .noFollow]))
        } catch {
            guard error == .noEntry else { throw error }
            try begin(note: nil)
        }
    }

    private func begin(note: Text?) throws(Errno) {
        try state.create()
        let first = LedgerEntry(kind: .logCreated, time: kernel.realtime, subject: origin).encoded
        try state.replace(Self.name, LedgerHeader().encoded + LedgerRecord.encode(first))
        try recover(try kernel.open(state.file(Self.name), [.read, .write, .noFollow]))
        if let note {
            try write(LedgerEntry(kind: .repaired, time: kernel.realtime, detail: note))
            try sync()
        }
    }

    private func recover(_ found: Descriptor) throws(Errno) {
        let length = try kernel.status(found).size
        guard let header = LedgerHeader(try kernel.read(found, at: 0, limit: 4_096)) else {
            // The file says nothing any more: it is kept for whoever can read it, and the log begins anew.
            guard let place = freeDamagedPath() else {
                try kernel.unlink(state.file(Self.name))
                return try begin(note: "the log's file could not be read, and four such files are set aside already")
            }
            try kernel.rename(state.file(Self.name), to: place)
            return try begin(note: "the log's file could not be read and was set aside")
        }
        var range = header.base
        var cursor = LedgerCursor(kernel: kernel, file: found, offset: UInt64(header.encoded.count))
        var last: [UInt8] = []
        while let record = try cursor.next() {
            range.append(leafHash: record.leafHash)
            last = record.content
        }
        let cut = length - min(cursor.offset, length)
        var note: Text = "a torn end was cut off"
        if cut > 0 {
            if try !isTornEnd(found, from: cursor.offset, cut: cut) {
                let isKept = keepDamaged(found, length: length)
                note = isKept ? "damage was cut off, and the file as it was kept beside it" : "damage was cut off and could not be kept"
            }
            try kernel.truncate(found, to: cursor.offset)
        }
        try kernel.syncData(found)
        (self.header, self.range, durable) = (header, range, range)
        (end, durableEnd, file) = (cursor.offset, cursor.offset, found)
        timeAtStart = (try? LedgerEntry(decoding: last))?.time ?? 0
        if cut > 0 {
            try write(LedgerEntry(kind: .repaired, time: kernel.realtime, detail: note, count: cut))
            try sync()
        }
    }

    // MARK: Damage

    /// Whether what would be cut is one record that was not written to its end; anything else is damage with records behind it.
    private func isTornEnd(_ found: Descriptor, from offset: UInt64, cut: UInt64) throws(Errno) -> Bool {
        if cut < UInt64(LedgerRecord.headSize) { return true }
        // Unsigned and wide: 4 damaged bytes may say more than 31 bits hold.
        var length: UInt64 = 0
        for byte in try kernel.read(found, at: offset, limit: 4) { length = length << 8 | UInt64(byte) }
        return length <= UInt64(RollcallProtocol.entrySizeLimit) && UInt64(LedgerRecord.headSize) + length > cut
    }

    /// Where a damaged file may go without replacing an earlier one; nil where four lie there, for the disk is not theirs.
    private func freeDamagedPath() -> [UInt8]? {
        let names: [Text] = ["ledger.damaged", "ledger.damaged.2", "ledger.damaged.3", "ledger.damaged.4"]
        for name in names {
            do throws(Errno) { _ = try kernel.status(of: state.file(name)) } catch {
                if error == .noEntry { return state.file(name) }
            }
        }
        return nil
    }

    /// Copies the damaged file aside; false where there is no room for it, which does not keep the log from going on.
    private func keepDamaged(_ found: Descriptor, length: UInt64) -> Bool {
        guard let path = freeDamagedPath() else { return false }
        do throws(Errno) {
            let copy = try kernel.open(path, [.write, .create, .noFollow])
            var offset = UInt64(0)
            try copyRange(of: found, from: 0, to: length, into: copy, &offset)
            try kernel.sync(copy)
            return true
        } catch {
            try? kernel.unlink(path)
            return false
        }
    }

    private func copyRange(
        of source: Descriptor, from start: UInt64, to end: UInt64, into target: Descriptor, _ offset: inout UInt64
    ) throws(Errno) {
        var start = start
        while start < end {
            let piece = try kernel.read(source, at: start, limit: Int(min(16_384, end - start)))
            if piece.isEmpty { throw .inputOutput }
            try put(piece, to: target, &offset)
            start += UInt64(piece.count)
        }
    }

    // MARK: Staying within bounds

    private func makeRoom() throws(Errno) {
        if end < sizeLimit { return }
        do throws(Errno) {
            try dropOldestHalf()
        } catch {
            state.discard(Self.name)
            // A full disk must not stop the log at once, but it does not grow without bound either.
            if end >= sizeLimit &* 2 { throw error }
        }
    }

    private func dropOldestHalf() throws(Errno) {
        // What the new file begins with is on the disk, so that a failure further on takes back the gap entry alone.
        try sync()
        guard let old = file else { return }
        var header = header
        var cursor = LedgerCursor(kernel: kernel, file: old, offset: UInt64(self.header.encoded.count))
        while cursor.offset < end / 2, let record = try cursor.next() {
            header.base.append(leafHash: record.leafHash)
            header.lastTime = (try? LedgerEntry(decoding: record.content))?.time ?? header.lastTime
            if header.firstTime == 0 { header.firstTime = header.lastTime }
        }
        let span: Text = .decimal(header.firstTime) + "-" + .decimal(header.lastTime)
        let gap = LedgerEntry(
            kind: .gap, time: kernel.realtime, digest: header.base.root, detail: span, count: header.base.size
        ).encoded
        let path = state.file(Self.name + ".new")
        let new = try kernel.open(path, [.read, .write, .create, .truncate, .noFollow])
        var target = UInt64(0)
        try put(header.encoded, to: new, &target)
        try copyRange(of: old, from: cursor.offset, to: end, into: new, &target)
        let endBeforeGap = target
        try put(LedgerRecord.encode(gap), to: new, &target)
        try people.sync()
        try kernel.sync(new)
        try state.putInPlace(Self.name)
        // From here on the old file has no name, and whatever was written to it would be lost.
        (self.header, file, durable, durableEnd) = (header, new, range, endBeforeGap)
        range.append(leafHash: MerkleTree.leafHash(gap))
        end = target
        isUnconfirmed = (try? state.syncNames()) == nil
        if !isUnconfirmed { (durable, durableEnd) = (range, end) }
    }

    private func put(_ bytes: [UInt8], to file: Descriptor, _ offset: inout UInt64) throws(Errno) {
        try kernel.writeAll(file, bytes, at: offset)
        offset += UInt64(bytes.count)
    }
}
