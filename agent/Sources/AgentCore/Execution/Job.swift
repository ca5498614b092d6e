internal import Catalogue
internal import Wire

/// One probe that was asked for, from its place in the queue to its last byte.
final class Job {
    /// Where a job stands.
    enum Phase: Equatable {
        /// Waits for a place.
        case queued
        /// Its child runs.
        case running
        /// Its child was sent SIGKILL at this time.
        case killed(at: UInt64)
        /// Its child was reaped at this time; what is left in the pipes and of its descendants is dealt with.
        case draining(since: UInt64)
    }

    let definition: ProbeDefinition
    let arguments: [Text]
    let limits: ChildLimits
    let answering: Answering
    var phase = Phase.queued
    var meter: AnswerMeter
    var child: StartedChild?
    /// Reading ends that have not come to their end.
    var output: Descriptor?
    var error: Descriptor?
    var status: StatusPipe?
    var survey: MountSurvey?
    var startedAt: UInt64 = 0
    var deadline: UInt64 = 0
    var ending: ProcessEnding?
    var cpuTime: UInt64 = 0
    /// Why it was killed; nil where it was not.
    var killedBecause: Done.Ending?
    var note: Text = ""

    init(definition: ProbeDefinition, arguments: [Text], limits: ChildLimits, answering: Answering) {
        self.definition = definition
        self.arguments = arguments
        self.limits = limits
        self.answering = answering
        meter = AnswerMeter(limit: definition.outputLimit)
    }

    /// Whether its child counts against the number that may run at once.
    var isRunning: Bool {
        switch phase {
        case .running, .killed: true
        case .queued, .draining: false
        }
    }

    /// Sends bytes of the answer, cutting what is over the limit, in pieces that fit a chunk.
    func send(_ bytes: [UInt8], _ stream: Chunk.Stream) {
        var rest = meter.admit(bytes, stream)[...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(RollcallProtocol.chunkSizeLimit))
            rest = rest.dropFirst(piece.count)
            answering.deliver(Chunk(request: answering.request, stream: stream, bytes: piece))
        }
    }

    /// The end of the answer, told at `now`.
    func done(at now: UInt64) -> Done {
        var (kind, code): (Done.Ending, UInt64) = (.exited, ending?.code ?? 0)
        if let killedBecause {
            kind = killedBecause
            if kind == .signalled { code = 9 } else if kind != .notStarted { code = 0 }
        } else if let problem = status?.execProblem {
            (kind, code) = (.notStarted, UInt64(problem))
        } else if ending?.wasSignalled == true {
            kind = .signalled
        }
        return Done(
            request: answering.request, ending: kind, code: code, sentByteCount: meter.sentByteCount,
            cutByteCount: meter.cutByteCount &+ (status?.cutByteCount ?? 0), duration: startedAt == 0 ? 0 : now - min(startedAt, now),
            cpuTime: cpuTime, measures: status?.measures ?? [], digest: meter.digest(), note: note)
    }
}

/// What a child says of itself: which measures are in force, whether execve failed, and how much a reader had to cut.
struct StatusPipe {
    private let pipe: Descriptor
    private var bytes: [UInt8] = []

    init(_ pipe: Descriptor) { self.pipe = pipe }

    /// Takes what the child has written; at most the 24 bytes that mean something.
    mutating func read(_ kernel: Kernel) {
        while bytes.count < 24, let more = try? kernel.read(pipe, limit: 24 - bytes.count), !more.isEmpty { bytes += more }
    }

    private func number(at offset: Int) -> UInt32? {
        guard bytes.count >= offset + 4 else { return nil }
        var value: UInt32 = 0
        for index in (offset..<offset + 4).reversed() { value = value << 8 | UInt32(bytes[index]) }
        return value
    }

    /// The measures in force.
    var measures: Done.Measures { Done.Measures(rawValue: UInt64(number(at: 0) ?? 0)) }

    /// The errno of execve; nil where the program was started.
    var execProblem: UInt32? { number(at: 12).flatMap { $0 == 0 ? nil : $0 } }

    /// Bytes that a reader did not put into its answer for want of room.
    var cutByteCount: UInt64 {
        guard number(at: 12) == 0, let low = number(at: 16), let high = number(at: 20) else { return 0 }
        return UInt64(high) << 32 | UInt64(low)
    }

    /// What a reader writes to its status pipe at its end.
    static func encode(cutByteCount: UInt64) -> [UInt8] {
        var bytes: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0]
        for shift in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: cutByteCount >> UInt64(shift * 8))) }
        return bytes
    }
}
