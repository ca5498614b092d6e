internal import Wire

/// Bytes on their way to a controller.
struct Outbound {
    /// What goes out, in order. Long pieces stay as they came; to copy them together would take the memory of all of them twice.
    private var pieces: [[UInt8]] = []
    /// Bytes of the first piece that are gone.
    private var start = 0
    private(set) var byteCount = 0

    /// Beyond this many bytes nothing more is read from the controller or from the children that answer it.
    static let highWater = 65_536
    /// The same for streams.
    static let streamWater = 16_384
    /// Short pieces are put together up to this length, to go out in one write.
    private static let pieceSize = 16_384

    var isEmpty: Bool { pieces.isEmpty }
    var hasRoom: Bool { byteCount < Self.highWater }

    mutating func append(_ more: [UInt8]) {
        byteCount += more.count
        if let last = pieces.last, last.count + more.count <= Self.pieceSize {
            pieces[pieces.count - 1] += more
        } else {
            pieces.append(more)
        }
    }

    /// What is to be written next.
    var pending: ArraySlice<UInt8> { pieces.first?[start...] ?? [] }

    /// Takes away the first `count` bytes of ``pending``.
    mutating func remove(_ count: Int) {
        byteCount -= count
        start += count
        guard let first = pieces.first, start == first.count else { return }
        pieces.removeFirst()
        start = 0
    }

    mutating func removeAll() { self = Outbound() }
}
