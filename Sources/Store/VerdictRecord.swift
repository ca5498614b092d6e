/// What was found out about a device at one time.
public struct VerdictRecord: Equatable, Sendable {
    /// Id: a UUIDv7.
    public var id: String
    /// Id of the device.
    public var device: String
    /// Id of the session it was taken in; nil where there was none.
    public var session: String?
    /// Id of the call; nil outside a call.
    public var call: String?
    /// Microseconds UTC.
    public var takenAt: Int64
    /// By the monitoring convention: 0 ok, 1 warning, 2 critical, 3 unknown.
    public var exitCode: Int
    /// Worst severity.
    public var severity: String
    /// The whole verdict as JSON.
    public var json: String
}

/// One remedy that was tried against one finding.
public struct FixRecord: Equatable, Sendable {
    /// What asking again came to.
    public enum Result: String, CaseIterable, Sendable {
        /// The finding is gone.
        case gone
        /// The finding is still there.
        case still
        /// It could not be found out.
        case unknown
    }

    /// A remedy against a finding, and what came of it.
    public struct Attempt: Equatable, Sendable {
        /// Id of the finding.
        public var finding: String
        /// What the finding is about, as JSON; together with the id it is the finding's identity.
        public var subject: String
        /// Id of the remedy.
        public var remedy: String
        /// Parameters of the remedy, as JSON.
        public var parameters: String
        /// What asking again came to.
        public var result: Result

        /// Makes an attempt of its parts.
        public init(finding: String, subject: String = "{}", remedy: String, parameters: String = "[]", result: Result) {
            (self.finding, self.subject, self.remedy) = (finding, subject, remedy)
            (self.parameters, self.result) = (parameters, result)
        }
    }

    /// Id: a UUIDv7.
    public var id: String
    /// Id of the device.
    public var device: String
    /// Id of the session; nil where there was none.
    public var session: String?
    /// Id of the call; nil outside a call.
    public var call: String?
    /// What was tried, and what came of it.
    public var attempt: Attempt
    /// Microseconds UTC.
    public var judgedAt: Int64
}

/// What a remedy did before against a finding.
public struct RemedyHistory: Equatable, Sendable {
    /// Id of the remedy.
    public var remedy: String
    /// How often it was tried and asking again gave an answer.
    public var triedCount: Int
    /// How often the finding was gone, and did not come back on the same device within the window.
    public var heldCount: Int
}
