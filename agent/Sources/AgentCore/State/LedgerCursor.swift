internal import LedgerCore
internal import Wire

/// Reads a ledger's file record by record, a window at a time.
struct LedgerCursor {
    private let kernel: Kernel
    private let file: Descriptor
    private var window: [UInt8] = []
    private var windowStart: UInt64
    private var position = 0

    /// Bytes read at once; at least one whole record.
    private static let windowSize = LedgerRecord.headSize + RollcallProtocol.entrySizeLimit

    /// Starts at `offset`, where a record begins.
    init(kernel: Kernel, file: Descriptor, offset: UInt64) {
        self.kernel = kernel
        self.file = file
        windowStart = offset
    }

    /// Where the next record begins.
    var offset: UInt64 { windowStart + UInt64(position) }

    /// The next record; nil at the end, and where the file is torn or damaged.
    mutating func next() throws(Errno) -> LedgerRecord? {
        if let record = LedgerRecord(window[position...]) { return taken(record) }
        windowStart += UInt64(position)
        position = 0
        window = try kernel.read(file, at: windowStart, limit: Self.windowSize)
        guard let record = LedgerRecord(window[...]) else { return nil }
        return taken(record)
    }

    private mutating func taken(_ record: LedgerRecord) -> LedgerRecord {
        position += LedgerRecord.headSize + record.content.count
        return record
    }
}
