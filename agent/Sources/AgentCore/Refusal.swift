public import Catalogue
public import Wire

/// Why the agent will not do something: the rule goes over the wire and into ledgers, the sentence is for people.
public struct Refusal: Error, Equatable, Sendable {
    /// The rules of the agent beside those of ``CatalogueError``; more may be added. docs/PROTOCOL.md lists them.
    public struct Rule: Equatable, Sendable {
        /// Stable name of the rule.
        public let name: Text

        /// Makes a rule of its name.
        public init(_ name: Text) { self.name = name }

        /// The controller speaks another version of the protocol.
        public static let protocolVersion = Rule("protocol")
        /// A frame that is not in the protocol's encoding; the session ends.
        public static let malformed = Rule("malformed")
        /// A message this agent does not know.
        public static let unknownMessage = Rule("unknown-message")
        /// A message that does not belong here, such as a request before `open`.
        public static let order = Rule("order")
        /// The role is not one of the three.
        public static let role = Rule("role")
        /// The role does not allow it.
        public static let rights = Rule("rights")
        /// Too much at once.
        public static let busy = Rule("busy")
        /// The number of a request that is still running.
        public static let duplicateRequest = Rule("duplicate-request")
        /// No catalogue is in force.
        public static let noCatalogue = Rule("no-catalogue")
        /// The agent keeps no telemetry.
        public static let noTelemetry = Rule("no-telemetry")
        /// It, or what it would ask, has not returned from the kernel.
        public static let stuck = Rule("stuck")
        /// The probe runs as root, and the agent does not.
        public static let needsRoot = Rule("needs-root")
        /// The probe runs as a user that the device does not have.
        public static let unknownUser = Rule("unknown-user")
        /// The device's own ledger cannot be written, so nothing may be changed.
        public static let ledger = Rule("ledger")
        /// The device's disk does not take it.
        public static let storage = Rule("storage")
        /// A push that is not in order, or of an unknown kind.
        public static let push = Rule("push")
        /// Something stands in SSH_ORIGINAL_COMMAND that is not a first batch.
        public static let command = Rule("command")
        /// What sshd gave the session as input and output cannot be handed to the daemon.
        public static let noStream = Rule("no-stream")
        /// The daemon does not run.
        public static let agentDown = Rule("agent-down")
        /// Another process uses the state directory.
        public static let stateInUse = Rule("state-in-use")
        /// The user at the other end of the socket may not come in.
        public static let peer = Rule("peer")
        /// The device's owner does not allow it.
        public static let owner = Rule("owner")
        /// The roster in force does not let the key in.
        public static let revoked = Rule("revoked")
        /// Nothing happened in the session for so long that it was ended.
        public static let idle = Rule("idle")
        /// The owner wants every probe confined, and the kernel cannot.
        public static let sandbox = Rule("sandbox")
        /// The owner's agent.conf has a mistake, so the agent does not start.
        public static let configuration = Rule("configuration")
        /// The path is none that is read or written here.
        public static let path = Rule("path")
        /// The file cannot be read or written; the sentence says why.
        public static let file = Rule("file")
        /// The device cannot connect to it, or the connection broke.
        public static let tunnel = Rule("tunnel")
        /// The device cannot start a shell, or its terminal is not one that it knows.
        public static let shell = Rule("shell")
        /// A stream of an unknown kind, or more than its credit.
        public static let stream = Rule("stream")
        /// The agent is being stopped.
        public static let stopping = Rule("stopping")
    }

    /// The rule's name.
    public let rule: Text
    /// One sentence for people.
    public let sentence: Text

    /// Makes a refusal by a rule of the agent.
    public init(_ rule: Rule, _ sentence: Text) {
        self.rule = rule.name
        self.sentence = sentence
    }

    /// Takes over the catalogue's refusal.
    public init(_ error: CatalogueError) {
        rule = error.rule.name
        sentence = error.sentence
    }

    /// The refusal as a message about `request`.
    public func message(_ request: UInt64) -> Message { .refused(Refused(request: request, rule: rule, sentence: sentence)) }
}
