internal import LedgerCore
internal import Wire

/// One stream under way: a child that reads or writes a file, and what is on its way to and from it.
final class FileStream {
    let open: OpenStream
    let session: Session
    let pid: Int32
    /// What the child is given to write; nil once there is no more.
    var sink: Descriptor?
    /// What comes from the child; nil at its end.
    var source: Descriptor?
    private let status: Descriptor
    /// Bytes that the child has not taken yet.
    var backlog: [UInt8] = []
    var backlogStart = 0
    /// What the child said first, as far as it has come.
    var head: [UInt8] = []
    var report: FileReport?
    /// Bytes that may be sent to the controller.
    var credit: UInt64
    /// Bytes that the controller may still send, and those that it sent since it got credit last.
    var granted: UInt64 = 0
    var taken: UInt64 = 0
    /// Bytes carried in this session.
    var count: UInt64 = 0
    /// Whether the controller has nothing more to send.
    var isInputEnded = false
    /// Why it was ended before its end, and when.
    var endedBecause: (refusal: Refusal?, at: UInt64)?
    /// Microseconds of the monotonic clock when something happened last.
    var activeAt: UInt64
    var sourcePlace: Int?
    var sinkPlace: Int?

    /// Bytes the controller may send ahead: beyond the product of rate and round trip of any link the agent is used over. They do not wait
    /// here: the agent reads nothing more of a session while the child is behind.
    static let window: UInt64 = 4 << 20
    /// Bytes waiting for the child beyond which nothing more is read from the session.
    static let backlogLimit = 32_768

    init(_ open: OpenStream, session: Session, child: StartedChild, now: UInt64) {
        self.open = open
        self.session = session
        pid = child.pid
        sink = child.input
        source = child.output
        status = child.status
        credit = open.credit
        activeAt = now
    }

    var isPut: Bool { sink != nil || open.kind == "put" }
    var backlogCount: Int { backlog.count - backlogStart }

    /// What the child said at its end; nil where it said nothing.
    func finalReport(_ kernel: Kernel) -> FileReport? {
        var bytes: [UInt8] = []
        let size = 8 + FileReport.byteCount
        while bytes.count < size, let more = try? kernel.read(status, limit: size - bytes.count), !more.isEmpty { bytes += more }
        return FileReport(bytes.dropFirst(8))
    }
}

/// How a stream ended.
enum StreamEnd {
    /// As it should, with the digest of the whole and the bytes carried.
    case done(digest: [UInt8], count: UInt64)
    /// The controller cancelled it, or is gone.
    case cancelled(count: UInt64)
    /// It could not go on.
    case refused(Refusal)
}
