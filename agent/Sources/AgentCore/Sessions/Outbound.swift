/// Bytes on their way to a controller.
struct Outbound {
    private var bytes: [UInt8] = []
    private var start = 0

    /// Beyond this many bytes nothing more is read from the controller or from the children that answer it.
    static let highWater = 65_536

    var byteCount: Int { bytes.count - start }
    var isEmpty: Bool { byteCount == 0 }
    var hasRoom: Bool { byteCount < Self.highWater }

    mutating func append(_ more: [UInt8]) {
        if start == bytes.count {
            bytes.removeAll(keepingCapacity: bytes.capacity <= Self.highWater)
            start = 0
        }
        bytes += more
    }

    /// What is to be written next.
    var pending: ArraySlice<UInt8> { bytes[start...] }

    mutating func remove(_ count: Int) {
        start += count
        if start == bytes.count {
            bytes = []
            start = 0
        } else if start >= Self.highWater {
            // What never runs empty would keep all that was ever written.
            bytes.removeFirst(start)
            start = 0
        }
    }
}
