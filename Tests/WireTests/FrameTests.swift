import Testing
import Wire

@Suite struct FrameTests {
    private let messages: [[UInt8]] = [[0xA0], [], Array(repeating: 7, count: 300), [1, 2, 3]]
    private var stream: [UInt8] { messages.flatMap(Frame.encode) }

    @Test("a frame is its length in four bytes, big-endian, then the message")
    func layout() {
        #expect(Frame.encode([9, 8]) == [0, 0, 0, 2, 9, 8])
        #expect(Frame.encode(Array(repeating: 0, count: 65_536)).prefix(4) == [0, 1, 0, 0])
    }

    @Test("a message is framed as its encoding is", arguments: [0, 1, 23, 24, 255, 256, 16_383, 16_384])
    func framedMessage(size: Int) {
        let messages: [Message] = [
            .chunk(Chunk(request: 7, stream: .output, bytes: [UInt8](repeating: 9, count: size))),
            .data(StreamData(request: 300, bytes: [UInt8](repeating: 9, count: size))),
            .control(StreamControl(request: 1, kind: .credit, value: UInt64(size))),
        ]
        for message in messages { #expect(message.frame == Frame.encode(message.encoded)) }
    }

    @Test("a stream cut at any byte gives the same messages")
    func cutEverywhere() throws {
        for cut in 0...stream.count {
            var reader = FrameReader()
            var found: [[UInt8]] = []
            for part in [stream[..<cut], stream[cut...]] {
                reader.append(part)
                while let message = try reader.next() { found.append(message) }
            }
            #expect(found == messages)
            #expect(reader.pendingByteCount == 0)
        }
    }

    @Test("one byte at a time gives the same messages")
    func oneByOne() throws {
        var reader = FrameReader()
        var found: [[UInt8]] = []
        for byte in stream {
            reader.append([byte])
            while let message = try reader.next() { found.append(message) }
        }
        #expect(found == messages)
    }

    @Test("a cut frame waits for its rest")
    func waits() throws {
        var reader = FrameReader()
        reader.append([0, 0, 0, 3, 1, 2])
        #expect(try reader.next() == nil)
        #expect(reader.pendingByteCount == 6)
        reader.append([3, 0])
        #expect(try reader.next() == [1, 2, 3])
        #expect(try reader.next() == nil)
        #expect(reader.pendingByteCount == 1)
    }

    @Test("a frame of 64 KiB passes, one byte more is refused as soon as its length is there")
    func oversize() throws {
        var reader = FrameReader()
        reader.append(Frame.encode(Array(repeating: 5, count: Frame.sizeLimit)))
        #expect(try reader.next()?.count == Frame.sizeLimit)
        reader.append([0, 1, 0, 1])
        #expect(throws: WireError(.oversizeFrame, 65_537)) { try reader.next() }
        #expect(throws: WireError(.oversizeFrame, 65_537)) { try reader.next() }
        var other = FrameReader()
        other.append([0xFF, 0xFF, 0xFF, 0xFF])
        #expect(throws: WireError(.oversizeFrame, 0xFFFF_FFFF)) { try other.next() }
    }

    @Test("what was read does not pile up")
    func forgets() throws {
        var reader = FrameReader()
        let frame = Frame.encode(Array(repeating: 1, count: 1_000))
        for _ in 0..<1_000 {
            reader.append(frame)
            #expect(try reader.next() != nil)
            #expect(reader.pendingByteCount == 0)
        }
    }
}
