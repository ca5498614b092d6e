internal import Telemetry
internal import Wire

/// A file of fixed size that holds the newest blocks. Records begin at multiples of 4 KiB and are written one after the other, round and
/// round; one that a power cut damaged is passed over, and the older ones are whole.
struct TelemetryRing {
    /// One record that is whole.
    struct Place {
        let sequence: UInt64
        let slot: UInt64
        let slotCount: UInt64
    }

    private static let slotSize: UInt64 = 4_096

    private let kernel: Kernel
    private let file: Descriptor
    private let slotCount: UInt64
    /// What tells this ring's numbers from those of another that was here before it: 16 bytes.
    let id: [UInt8]
    /// Ascending by sequence.
    private var places: [Place] = []
    private var nextSlot: UInt64 = 1
    private(set) var nextSequence: UInt64 = 1

    /// Opens the ring, or makes it where there is none, or none of this size.
    ///
    /// - Parameter size: Bytes, a multiple of 4 KiB.
    init(kernel: Kernel, path: [UInt8], size: UInt64) throws(Errno) {
        self.kernel = kernel
        slotCount = size / Self.slotSize
        file = try kernel.open(path, [.read, .write, .create, .noFollow])
        let status = try kernel.status(file)
        guard status.kind == .regular else { throw .invalid }
        let head = try kernel.read(file, at: 0, limit: 64)
        if status.size <= size, let id = RingRecord.content(head), id.count == 16 {
            self.id = id
            // Cut off by whatever happened to the disk: what is left counts.
            if status.size < size {
                try kernel.truncate(file, to: size)
                try Self.fill(kernel, file, from: (status.size + Self.slotSize - 1) / Self.slotSize, to: slotCount)
            }
        } else {
            id = try kernel.random(16)
            try kernel.truncate(file, to: 0)
            // Written, not only made long, so that the disk has promised every block of it, and later writes change no map of blocks.
            try Self.fill(kernel, file, from: 0, to: slotCount)
            try kernel.writeAll(file, RingRecord.encode(id, sequence: 0), at: 0)
            try kernel.sync(file)
        }
        try scan()
    }

    private static func fill(_ kernel: Kernel, _ file: Descriptor, from start: UInt64, to end: UInt64) throws(Errno) {
        let zeros = [UInt8](repeating: 0, count: Int(slotSize))
        for slot in start..<max(start, end) { try kernel.writeAll(file, zeros, at: slot * slotSize) }
        try kernel.sync(file)
    }

    private mutating func scan() throws(Errno) {
        var slot: UInt64 = 1
        while slot < slotCount {
            let start = try kernel.read(file, at: slot * Self.slotSize, limit: RingRecord.headSize)
            guard let head = RingRecord.head(start[...]), let place = place(head, at: slot), content(of: place) != nil else {
                slot += 1
                continue
            }
            // They lie in order, but for the place where the newest meets the oldest.
            var index = places.count
            while index > 0, places[index - 1].sequence > place.sequence { index -= 1 }
            places.insert(place, at: index)
            slot += place.slotCount
        }
        if let last = places.last {
            nextSlot = last.slot + last.slotCount
            nextSequence = last.sequence &+ 1
        }
    }

    private func place(_ head: (size: UInt64, sequence: UInt64), at slot: UInt64) -> Place? {
        let count = slots(for: head.size)
        guard head.sequence > 0, head.sequence < .max, head.size <= UInt64(TelemetryBlock.sizeLimit), count <= slotCount - slot else {
            return nil
        }
        return Place(sequence: head.sequence, slot: slot, slotCount: count)
    }

    private func slots(for size: UInt64) -> UInt64 { (UInt64(RingRecord.headSize) + size + Self.slotSize - 1) / Self.slotSize }

    /// Sequence number of the oldest block; that of the next one where there is none.
    var firstSequence: UInt64 { places.first?.sequence ?? nextSequence }

    /// The content of the newest block.
    var newest: [UInt8]? { places.last.flatMap { content(of: $0) } }

    /// Writes a block in place of the oldest, and waits until it is on the disk.
    mutating func append(_ content: [UInt8]) throws(Errno) {
        let count = slots(for: UInt64(content.count))
        guard content.count <= TelemetryBlock.sizeLimit, count < slotCount else { throw .invalid }
        if count > slotCount - nextSlot { nextSlot = 1 }
        let end = nextSlot + count
        places.removeAll { $0.slot < end && nextSlot < $0.slot + $0.slotCount }
        try kernel.writeAll(file, RingRecord.encode(content, sequence: nextSequence), at: nextSlot * Self.slotSize)
        try kernel.syncData(file)
        places.append(Place(sequence: nextSequence, slot: nextSlot, slotCount: count))
        nextSlot = end
        nextSequence += 1
    }

    /// The first block after a sequence number; nil where there is none.
    func block(after sequence: UInt64) -> (sequence: UInt64, content: [UInt8])? {
        for place in places where place.sequence > sequence {
            if let content = content(of: place) { return (place.sequence, content) }
        }
        return nil
    }

    private func content(of place: Place) -> [UInt8]? {
        let size = Int(place.slotCount * Self.slotSize)
        var bytes: [UInt8] = []
        while bytes.count < size {
            guard
                let piece = try? kernel.read(
                    file, at: place.slot * Self.slotSize + UInt64(bytes.count), limit: min(size - bytes.count, 16_384)),
                !piece.isEmpty
            else { break }
            bytes += piece
        }
        return RingRecord.content(bytes)
    }
}
