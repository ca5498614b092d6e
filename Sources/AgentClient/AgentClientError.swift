/// Why a conversation with an agent could not go on.
public struct AgentClientError: Error, Sendable {
    /// The kinds; more may be added.
    public struct Code: Equatable, Sendable {
        /// Stable name of the kind.
        public let name: String
        init(_ name: String) { self.name = name }

        /// The agent speaks another version of the protocol; the detail names both.
        public static let protocolVersion = Code("protocol-version")
        /// The agent refused the session; ``AgentClientError/rule`` says by which rule, the detail is its sentence.
        public static let refused = Code("refused")
        /// What came is not the protocol: the program behind the door is not an agent, or it is broken or hostile.
        public static let notAnAgent = Code("not-an-agent")
        /// Nothing came within the time allowed.
        public static let timedOut = Code("timed-out")
        /// The stream ended before the session did.
        public static let endedEarly = Code("ended-early")
        /// The agent sent more than was allowed.
        public static let tooMuchOutput = Code("too-much-output")
        /// The agent program could not be started.
        public static let notStarted = Code("not-started")
        /// The stream below broke; ``AgentClientError/underlying`` says how.
        public static let transport = Code("transport")
    }

    /// The kind.
    public let code: Code
    /// The agent's rule where it refused, such as `agent-down`; otherwise empty.
    public let rule: String
    /// Facts for a person, from our side or from the agent: not yet escaped for a terminal.
    public let detail: String
    /// The error of the stream below, if there is one.
    public let underlying: (any Error)?

    /// Makes an error of its parts.
    public init(_ code: Code, rule: String = "", detail: String = "", underlying: (any Error)? = nil) {
        self.code = code
        self.rule = rule
        self.detail = detail
        self.underlying = underlying
    }
}
