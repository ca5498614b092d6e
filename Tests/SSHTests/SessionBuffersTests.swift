import NIOCore
import Testing

@testable import SSH

@Suite("Bytes that wait for libssh2")
struct SessionBuffersTests {
    /// A piece of the network's, in more memory than it needs.
    private func piece(_ count: Int, capacity: Int) -> ByteBuffer {
        var buffer = ByteBufferAllocator().buffer(capacity: capacity)
        buffer.writeRepeatingByte(7, count: count)
        return buffer
    }

    @Test("bytes that come one by one take little more memory than they are")
    func small() {
        let buffers = SessionBuffers()
        for _ in 0..<100_000 { buffers.append(piece(1, capacity: 1_024)) }
        #expect(buffers.inboundCount == 100_000)
        #expect(buffers.inboundStorage <= 300_000)
    }

    @Test("large pieces stay as they came")
    func large() {
        let buffers = SessionBuffers()
        let large = piece(65_536, capacity: 65_536)
        for _ in 0..<3 { buffers.append(large) }
        #expect(buffers.inboundCount == 3 * 65_536 && buffers.inboundStorage == 3 * 65_536)
    }
}
