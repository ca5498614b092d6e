internal import LedgerCore
internal import Wire

/// An answer made of telemetry blocks, a block at a time.
struct TelemetryStream {
    let request: UInt64
    private let sizeLimit: UInt64
    private var after: UInt64
    private let end: UInt64
    private var head: [UInt8]?
    private var isFinished = false
    private var sentByteCount: UInt64 = 0
    private var hash = SHA256()

    init(_ request: TelemetryRequest, _ recorder: TelemetryRecorder) {
        self.request = request.request
        sizeLimit = request.sizeLimit
        let range = recorder.range
        let isSameRing = !request.ring.isEmpty && request.ring == recorder.ringID
        after = isSameRing ? request.after : 0
        // Nothing beyond the block that is open now, or a slow controller could follow for ever.
        end = range.next
        head = TelemetryHead(ring: recorder.ringID, first: range.first, next: range.next).encoded
    }

    /// The next piece; nil at the end.
    mutating func next(_ recorder: TelemetryRecorder) -> [UInt8]? {
        guard let piece = piece(recorder) else { return nil }
        hash.update(piece)
        sentByteCount += UInt64(piece.count)
        return piece
    }

    private mutating func piece(_ recorder: TelemetryRecorder) -> [UInt8]? {
        if let head {
            self.head = nil
            return head
        }
        if isFinished { return nil }
        var writer = CBORWriter()
        writer.array(2)
        if sizeLimit == 0 {
            isFinished = true
            writer.unsigned(end)
            writer.byteString(recorder.presentBlock())
            return writer.bytes
        }
        guard sentByteCount < sizeLimit, let block = recorder.block(after: after), block.sequence <= end else { return nil }
        after = block.sequence
        writer.unsigned(block.sequence)
        writer.byteString(block.content)
        return writer.bytes
    }

    var done: Done {
        let finished = hash
        return Done(
            request: request, ending: .exited, sentByteCount: sentByteCount,
            digest: SHA256.answerDigest(output: finished.finish(), error: SHA256.hash([])))
    }
}
