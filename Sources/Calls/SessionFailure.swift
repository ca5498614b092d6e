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
        if let error = error as? AgentClientError {
            if let underlying = error.underlying as? SSHError {
                self.init(underlying)
                return
            }
            code = error.code == .refused && !error.rule.isEmpty ? displayed(error.rule, limit: 64) : error.code.name
            let detail = displayed(error.detail)
            switch error.code {
            case .timedOut: fragment = "the agent did not answer in time"
            case .endedEarly: fragment = "the session ended before the answer did"
            default: fragment = detail.isEmpty ? code : detail
            }
            sentence = detail.isEmpty ? fragment : detail
        } else if let error = error as? SSHError {
            code = error.code.description
            sentence = displayed(error.detail)
            fragment = "the connection failed (\(code))"
        } else {
            code = "unexpected"
            sentence = displayed("\(error)")
            fragment = "something unexpected happened"
        }
    }
}
