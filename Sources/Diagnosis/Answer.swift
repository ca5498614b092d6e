public import Wire

/// What a device answered to one probe.
public struct Answer: Equatable, Sendable {
    /// How it ended.
    public enum Ending: Equatable, Sendable {
        /// The agent ran the probe.
        case done(Done)
        /// The agent would not.
        case refused(Refused)
        /// Nothing came, for the reason given as a fragment such as `the connection was lost`.
        case none(reason: String)
    }

    /// Id of the probe.
    public var probe: String
    /// The parameters it was run with.
    public var parameters: [Parameter]
    /// How it ended.
    public var ending: Ending
    /// Standard output, or a reader's rows.
    public var output: [UInt8]
    /// Standard error.
    public var errorOutput: [UInt8]

    /// Makes an answer of its fields.
    public init(probe: String, parameters: [Parameter] = [], ending: Ending, output: [UInt8] = [], errorOutput: [UInt8] = []) {
        self.probe = probe
        self.parameters = parameters
        self.ending = ending
        self.output = output
        self.errorOutput = errorOutput
    }
}

/// How much of a fact table is known.
enum TableState: Equatable {
    /// All of it: rules may be asked.
    case complete
    /// Not all of it, for a reason given as the end of a sentence after the probe's id.
    case incomplete(String)
    /// The device has nothing there to read.
    case nothing(String)
    /// The probe was not asked.
    case notAsked
}

extension Answer {
    /// What keeps the answer from being an answer, before its bytes are looked at; nil where nothing does.
    func obstacle(acceptedExitCodes: [UInt64]) -> TableState? {
        switch ending {
        case .refused(let refused): return .incomplete("was refused: " + displayed(refused.sentence.string))
        case .none(let reason): return .incomplete("gave no answer: " + displayed(reason))
        case .done(let done): return obstacle(done, acceptedExitCodes)
        }
    }

    private func obstacle(_ done: Done, _ acceptedExitCodes: [UInt64]) -> TableState? {
        switch done.ending {
        case .exited where !acceptedExitCodes.contains(done.code): return .incomplete("ended with exit code \(done.code)\(lastWords)")
        case .exited:
            if done.cutByteCount > 0 { return .incomplete("gave more output than it may; \(done.cutByteCount) bytes were cut") }
            return nil
        // ENOENT: the program, and with it what it would tell about, is not on this device.
        case .notStarted where done.code == 2: return .nothing("the device does not have the program it runs")
        case .notStarted: return .incomplete("could not be started (errno \(done.code))")
        case .signalled: return .incomplete("was ended by signal \(done.code)\(lastWords)")
        case .timedOut: return .incomplete("took longer than it may and was ended")
        case .abandoned: return .incomplete("hangs in the kernel and was abandoned")
        case .cancelled: return .incomplete("was cancelled")
        default: return .incomplete("ended in a way this version does not know")
        }
    }

    /// The last line of standard error, for reasons.
    private var lastWords: String {
        guard let line = errorOutput.split(separator: 10).last else { return "" }
        return ": " + displayed(String(decoding: line, as: UTF8.self), limit: 160)
    }
}
