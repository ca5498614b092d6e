internal import LedgerCore
internal import Wire

/// An answer made of ledger entries, read from the file a piece at a time.
struct EntryStream {
    let request: UInt64
    private var cursor: LedgerCursor?
    private var remaining: UInt64
    private var first: UInt64
    private var sentByteCount: UInt64 = 0
    private var hash = SHA256()
    private let base: UInt64

    /// Begins at the entry asked for, or at the first that is still there.
    init(_ entries: Entries, ledger: DeviceLedger) {
        request = entries.request
        let start = (try? ledger.cursor(at: entries.first)) ?? nil
        cursor = start?.cursor
        first = start?.index ?? ledger.size
        base = ledger.firstIndex
        // Nothing beyond the end of now, or an answer could chase the entries that it causes.
        remaining = min(entries.count, ledger.size - min(first, ledger.size))
    }

    /// The next piece, whole entries; nil at the end.
    mutating func next(_ ledger: DeviceLedger) -> [UInt8]? {
        // The file changed under the cursor: old entries were dropped, and the answer ends early.
        if ledger.firstIndex != base { cursor = nil }
        var writer = CBORWriter()
        while remaining > 0, writer.bytes.count < 4_096, let record = (try? cursor?.next()) ?? nil {
            writer.byteString(record.content)
            remaining -= 1
        }
        let piece = writer.bytes
        if piece.isEmpty { return nil }
        hash.update(piece)
        sentByteCount += UInt64(piece.count)
        return piece
    }

    /// The end of the answer; its code is the index of the first entry in it.
    var done: Done {
        let finished = hash
        return Done(
            request: request, ending: .exited, code: first, sentByteCount: sentByteCount, cutByteCount: remaining,
            digest: SHA256.answerDigest(output: finished.finish(), error: SHA256.hash([])))
    }
}
