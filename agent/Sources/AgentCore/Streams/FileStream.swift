internal import LedgerCore
internal import Wire

/// One stream under way: a child that reads or writes a file, a connection or a shell, and what is on its way to and from it.
final class FileStream {
    let open: OpenStream
    let session: Session
    /// The child; 0 where it is a connection.
    let pid: Int32
    /// The shell's control group, where it has one; nil for what is no shell.
    var scope: ShellScope?
    let isShell: Bool
    /// When a shell, and all that it left behind, is ended by force.
    var killAt: UInt64?
    /// When the shell was seen to have exited, and how, once it is reaped.
    var exitedAt: UInt64?
    var exit: ProcessEnding?
    /// When it is asked next whether what goes both ways is still allowed.
    var reviewAt: UInt64
    /// When the end of its input was typed to a shell last.
    var typedEndAt: UInt64?
    /// Hashes of what a connection or a shell gave, and what came for it.
    var hashes = (given: SHA256(), taken: SHA256())
    /// What the child is given to write; nil once there is no more. Of a connection and a shell it is the same as ``source``.
    var sink: Descriptor?
    /// What comes from the child; nil at its end.
    var source: Descriptor?
    private let status: Descriptor?
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
    private static let fileWindow: UInt64 = 4 << 20
    /// The same for a connection or a shell, whose bytes do wait here: one that does not take them must not hold up the others. So only the
    /// first connections have room for what a link of 100 ms carries meanwhile.
    static func twoWayWindow(beside openCount: Int) -> UInt64 { openCount < 2 ? 131_072 : 32_768 }
    /// Bytes that the controller may have on the way; 0 where it sends none.
    let window: UInt64
    /// Bytes of the backlog that are gone, beyond which their memory goes too though it never runs empty.
    static let goneLimit = 16_384

    /// Makes a stream of what was opened for it.
    ///
    /// - Parameter openCount: Streams that are open already, where it is a connection.
    init(
        _ open: OpenStream, session: Session, pid: Int32, sink: Descriptor?, source: Descriptor, status: Descriptor?, _ kernel: Kernel,
        beside openCount: Int = .max
    ) {
        self.open = open
        self.session = session
        (self.pid, self.sink, self.source, self.status) = (pid, sink, source, status)
        isShell = open.kind == "shell"
        let isTwoWay = isShell || pid == 0
        window = isTwoWay ? Self.twoWayWindow(beside: openCount) : open.kind == "put" ? Self.fileWindow : 0
        credit = open.credit
        activeAt = kernel.monotonic
        reviewAt = activeAt + Settings.reviewInterval
    }

    var isPut: Bool { open.kind == "put" }
    var isConnection: Bool { pid == 0 }
    var isTwoWay: Bool { isConnection || isShell }
    var backlogCount: Int { backlog.count - backlogStart }

    /// What both sides hash of what goes both ways.
    var twoWayDigest: [UInt8] {
        let hashes = hashes
        return SHA256.answerDigest(output: hashes.given.finish(), error: hashes.taken.finish())
    }

    /// What the child said at its end; nil where it said nothing.
    func finalReport(_ kernel: Kernel) -> FileReport? {
        guard let status else { return nil }
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
    /// A shell, in whatever way: nil where it was ended, because of `refusal` or because the controller cancelled it or is gone.
    case shell(ProcessEnding?, refusal: Refusal?, digest: [UInt8], count: UInt64)
    /// The controller cancelled it, or is gone.
    case cancelled(count: UInt64)
    /// It could not go on.
    case refused(Refusal)
}
