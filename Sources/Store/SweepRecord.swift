/// One sweep: the same questions to many devices.
public struct SweepRecord: Equatable, Sendable {
    /// How a target of a sweep ends: every target in exactly one of these.
    public enum State: String, CaseIterable, Sendable {
        /// Answered; nothing found.
        case healthy
        /// Answered; warnings, or something that could not be found out.
        case degraded
        /// Answered; something critical.
        case failed
        /// The agent refused.
        case refused
        /// sshd took none of the keys.
        case authFailed = "auth-failed"
        /// Another host key than the pinned one.
        case hostKeyChanged = "host-key-changed"
        /// No answer in time.
        case timedOut = "timed-out"
        /// Nothing there to connect to.
        case unreachable
        /// What leads there, such as a jump host, is down.
        case pathDown = "path-down"
        /// Not visited, by a limit of the sweep.
        case skipped
        /// Not visited, because the sweep was ended.
        case cancelled
    }

    /// Id: a UUIDv7.
    public var id: String
    /// What was asked for, in words.
    public var selection: String
    /// Who started it; empty once that person was erased.
    public var operatorName: String
    /// Microseconds UTC.
    public var startedAt: Int64
    /// Microseconds UTC; nil while targets are left.
    public var endedAt: Int64?
    /// Number of targets.
    public var targetCount: Int
    /// How many targets ended in each state; a state without any is left out.
    public var sums: [State: Int]

    /// Targets that have no state yet.
    public var pendingCount: Int { targetCount - sums.values.reduce(0, +) }
}

/// One device in a sweep.
public struct SweepTarget: Equatable, Sendable {
    /// How a target ended.
    public struct Ending: Equatable, Sendable {
        /// The state.
        public var state: SweepRecord.State
        /// What a person should know of it.
        public var detail: String
        /// Id of the session, if there was one.
        public var session: String?
        /// Id of the verdict, if there is one.
        public var verdict: String?

        /// Makes an ending of its parts.
        public init(_ state: SweepRecord.State, detail: String = "", session: String? = nil, verdict: String? = nil) {
            (self.state, self.detail, self.session, self.verdict) = (state, detail, session, verdict)
        }
    }

    /// The device.
    public var device: DeviceReference
    /// How it ended; nil while it is pending.
    public var ending: Ending?
    /// Microseconds UTC; nil while it is pending.
    public var endedAt: Int64?
}
