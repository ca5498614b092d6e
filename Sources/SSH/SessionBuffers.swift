internal import CSSH2
import Glibc
import NIOCore

/// The bytes between libssh2 and the network: what its SEND and RECV callbacks write to and read from.
///
/// SEND always takes everything, so a packet is never half-sent; RECV says EAGAIN when nothing is there and never reports the
/// end of the stream, so that packets libssh2 has already taken in are read before the end is.
final class SessionBuffers {
    /// What has come, in the pieces in which it came, small ones put together; none of them is empty.
    private var inbound = CircularBuffer<ByteBuffer>()
    /// Bytes below which a piece is small: the memory around it may be a page and more, and a server decides how many there are.
    private static let smallSize = 4 * 1024
    /// Bytes that have come and that libssh2 has not taken in.
    private(set) var inboundCount = 0
    private var outbound = ByteBuffer()
    /// Bytes libssh2 has taken in so far: if a call raised it, others that wait may have got something too.
    private(set) var consumedCount: UInt64 = 0
    /// From here on libssh2 is only being freed: what it sends is dropped, and what it asks for has failed.
    var isAbandoned = false
    /// How the stream is cut to pieces, for tests; `nil`: not at all.
    var delivery: Delivery?
    private var allowance = Int.max
    private var pauseCount = 0
    /// The keyboard-interactive authentication under way, for its callback.
    var interview: Interview?
    /// What the server said when it disconnected.
    private(set) var disconnect: String?

    /// How libssh2 is given what has come.
    struct Delivery: Sendable {
        /// Bytes that one call may take in.
        var limit: Int
        /// Calls before that which get nothing.
        var pauses = 0
    }

    var hasInput: Bool { inboundCount > 0 }

    /// Whether the call under way gets nothing although there is something.
    var isPausing: Bool { allowance == 0 && pauseCount > 0 && hasInput }

    func append(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0 else { return }
        inboundCount += bytes.readableBytes
        guard bytes.readableBytes < Self.smallSize, let last = inbound.indices.last, inbound[last].readableBytes < 4 * Self.smallSize else {
            return inbound.append(bytes)
        }
        inbound[last].writeImmutableBuffer(bytes)
    }

    /// Bytes of memory that what has come lies in.
    var inboundStorage: Int { inbound.reduce(0) { $0 + $1.storageCapacity } }

    /// Takes everything libssh2 has sent since the last call.
    func takeOutbound() -> ByteBuffer? {
        guard outbound.readableBytes > 0 else { return nil }
        defer { outbound = ByteBuffer() }
        return outbound
    }

    func beginCall() {
        guard let delivery else { return }
        let isPausing = hasInput && pauseCount < delivery.pauses
        pauseCount = isPausing ? pauseCount + 1 : 0
        allowance = isPausing ? 0 : delivery.limit
    }

    fileprivate func send(_ bytes: UnsafeRawBufferPointer) -> Int {
        if !isAbandoned { outbound.writeBytes(bytes) }
        return bytes.count
    }

    fileprivate func receive(into target: UnsafeMutableRawBufferPointer) -> Int {
        guard !isAbandoned else { return -Int(ECONNRESET) }
        let limit = min(target.count, allowance)
        var count = 0
        while count < limit, !inbound.isEmpty {
            let room = UnsafeMutableRawBufferPointer(rebasing: target[count..<limit])
            count += inbound[inbound.startIndex].readWithUnsafeReadableBytes { source in
                let piece = UnsafeRawBufferPointer(rebasing: source.prefix(room.count))
                room.copyMemory(from: piece)
                return piece.count
            }
            if inbound[inbound.startIndex].readableBytes == 0 { inbound.removeFirst() }
        }
        guard count > 0 else { return -Int(EAGAIN) }
        inboundCount -= count
        allowance -= count
        consumedCount += UInt64(count)
        return count
    }

    fileprivate func disconnected(reason: Int32, message: UnsafeRawBufferPointer) {
        disconnect = "\(printable(message)) (reason \(reason))"
    }
}

/// The callbacks as libssh2 takes them: `abstract` points to the session's own pointer to its `cssh2_context`.
enum SessionCallbacks {
    typealias Abstract = UnsafeMutablePointer<UnsafeMutableRawPointer?>?

    static let send: @convention(c) (Int32, UnsafeRawPointer?, Int, Int32, Abstract) -> Int = { _, bytes, count, _, abstract in
        guard let buffers = SessionCallbacks.buffers(abstract) else { return -Int(EPIPE) }
        return buffers.send(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    static let receive: @convention(c) (Int32, UnsafeMutableRawPointer?, Int, Int32, Abstract) -> Int = { _, bytes, count, _, abstract in
        guard let buffers = SessionCallbacks.buffers(abstract) else { return -Int(ECONNRESET) }
        return buffers.receive(into: UnsafeMutableRawBufferPointer(start: bytes, count: count))
    }

    static let disconnect:
        @convention(c) (OpaquePointer?, Int32, UnsafePointer<CChar>?, Int32, UnsafePointer<CChar>?, Int32, Abstract) -> Void = {
            _, reason, message, length, _, _, abstract in
            let text = UnsafeRawBufferPointer(start: message, count: message == nil ? 0 : max(0, Int(length)))
            SessionCallbacks.buffers(abstract)?.disconnected(reason: reason, message: text)
        }

    static func buffers(_ abstract: Abstract) -> SessionBuffers? {
        let context = abstract?.pointee?.assumingMemoryBound(to: cssh2_context.self)
        return context?.pointee.buffers.map { Unmanaged<SessionBuffers>.fromOpaque($0).takeUnretainedValue() }
    }
}
