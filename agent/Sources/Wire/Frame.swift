/// The framing of the wire: a length of 4 bytes, big-endian, then that many bytes of one message.
public enum Frame {
    /// Longest message, in bytes, without its length prefix.
    public static let sizeLimit = 65_536

    /// `message` with its length in front.
    ///
    /// - Precondition: `message` is not longer than ``sizeLimit``.
    public static func encode(_ message: [UInt8]) -> [UInt8] {
        var frame: [UInt8] = [0, 0, 0, 0]
        frame.append(contentsOf: message)
        write(length: message.count, to: &frame)
        return frame
    }

    /// Writes the length of a message to the front of its frame.
    static func write(length: Int, to frame: inout [UInt8]) {
        precondition(length <= sizeLimit, "a message fits in one frame")
        for index in 0..<4 { frame[index] = UInt8(truncatingIfNeeded: length >> (24 - 8 * index)) }
    }
}

/// Cuts a byte stream into messages, holding back what is not yet whole.
///
/// It keeps at most one unfinished frame beyond what was appended last, so its memory is bounded by the reader's own read size.
public struct FrameReader: Sendable {
    private var buffer: [UInt8] = []
    private var start = 0

    /// Starts at the beginning of a stream.
    public init() {}

    /// How many bytes wait for the rest of their frame.
    public var pendingByteCount: Int { buffer.count - start }

    /// Takes the next bytes of the stream.
    public mutating func append(_ bytes: [UInt8]) {
        makeRoom()
        buffer.append(contentsOf: bytes)
    }

    /// Lets `read` add the next bytes of the stream to those that wait.
    public mutating func append<Failure>(_ read: (inout [UInt8]) throws(Failure) -> Void) throws(Failure) {
        makeRoom()
        try read(&buffer)
    }

    /// Moves what waits to the front.
    private mutating func makeRoom() {
        let pending = buffer.count - start
        if start > 0 {
            buffer.withUnsafeMutableBytes { bytes in
                UnsafeMutableRawBufferPointer(rebasing: bytes[..<pending]).copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[start...]))
            }
            buffer.removeLast(start)
        }
        start = 0
    }

    /// Takes the next bytes of the stream.
    public mutating func append(_ bytes: ArraySlice<UInt8>) { append(Array(bytes)) }

    /// The next whole message, or nil until more bytes come.
    ///
    /// - Throws: `.oversizeFrame` if the length is over ``Frame/sizeLimit``; the stream cannot be read on from there.
    public mutating func next() throws(WireError) -> [UInt8]? {
        guard buffer.count - start >= 4 else { return nil }
        var length: UInt32 = 0
        for index in start..<start + 4 { length = length << 8 | UInt32(buffer[index]) }
        guard length <= UInt32(Frame.sizeLimit) else { throw WireError(.oversizeFrame, UInt64(length)) }
        let end = start + 4 + Int(length)
        guard buffer.count >= end else { return nil }
        let message = Array(buffer[start + 4..<end])
        start = end
        // A session waits most of the time, and then keeps nothing of what came.
        if start == buffer.count { (buffer, start) = ([], 0) }
        return message
    }
}
