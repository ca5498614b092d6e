internal import AgentClient
internal import Diagnosis
internal import SSH

/// Why a session failed, as it goes on record: a stable word and a sentence without secrets.
struct SessionFailure {
    /// Stable word, such as `hostKeyChanged` or `no-agent`.
    let code: String
    /// A sentence; what a device said in it is escaped.
    let sentence: String
    /// The same as the end of another sentence.
    let fragment: String

    init(_ error: any Error) {
        switch error {
        case let error as SSHError: self.init(ssh: error)
        case let error as AgentClientError:
            if let underlying = error.underlying as? SSHError { self.init(ssh: underlying) } else { self.init(agent: error) }
        default: self.init(code: "unexpected", sentence: displayed("\(error)"), fragment: "something unexpected happened")
        }
    }

    private init(code: String, sentence: String, fragment: String) {
        self.code = code
        self.sentence = sentence
        self.fragment = fragment
    }

    private init(ssh error: SSHError) {
        self.init(
            code: error.code.description, sentence: displayed(error.detail), fragment: "the connection failed (\(error.code.description))")
    }

    private init(agent error: AgentClientError) {
        let code = error.code == .refused && !error.rule.isEmpty ? displayed(error.rule, limit: 64) : error.code.name
        let detail = displayed(error.detail)
        let fragment: String =
            switch error.code {
            case .timedOut: "the agent did not answer in time"
            case .endedEarly: "the session ended before the answer did"
            case .tooMuchOutput: "the agent sent more than it may"
            default: detail.isEmpty ? code : detail
            }
        self.init(code: code, sentence: detail.isEmpty ? fragment : detail, fragment: fragment)
    }
}
