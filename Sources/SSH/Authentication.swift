internal import CSSH2
import NIOCore

/// The user's part of the way: identities in their order until the server is content.
extension Establishment {
    private static let roundLimit = 16

    func authenticate() async throws(SSHError) {
        var tried: [String] = []
        for identity in identities {
            switch try await attempt(identity) {
            case .accepted: return
            case .refused: tried.append(identity.label)
            case .notTried(let reason): tried.append("\(identity.label) not tried (\(reason))")
            }
            if let words = driver.session.buffers.disconnect { throw refusal("the server hung up: \(words)", tried: tried) }
        }
        if let agentFailure { throw agentFailure }
        throw refusal(await methodFacts(), tried: tried)
    }

    /// What became of one identity. Where the server wants more than one proof, libssh2 calls one that is a part of it refused too.
    private enum Outcome {
        case accepted, refused, notTried(String)
    }

    private func attempt(_ identity: Identity) async throws(SSHError) -> Outcome {
        if let reason = identity.unsupportedReason { return .notTried(reason) }
        switch identity {
        case .ed25519(let key):
            return try await isSigned(SignatureRequest(publicKeyBlob: key.publicKey.blob) { key.sign($0) }) ? .accepted : .refused
        case .agent(let path, let blob):
            return try await isSigned(SignatureRequest(publicKeyBlob: blob, sign: nil), byAgentAt: path) ? .accepted : .refused
        case .password(let ask): return try await tryPassword(ask)
        case .keyboardInteractive(let answer): return try await isAnswered(answer) ? .accepted : .refused
        }
    }

    private func refusal(_ facts: String, tried: [String]) -> SSHError {
        let list = tried.isEmpty ? "no identity was given" : "tried \(tried.joined(separator: ", "))"
        return SSHError(
            .authenticationRefused, phase: .authentication, detail: "user \(printable(user.utf8)): \(list); \(facts)",
            offeredHostKey: driver.session.hostKey)
    }

    /// Asked only after a refusal, since it costs a round trip.
    private func methodFacts() async -> String {
        do throws(SSHError) {
            guard let methods = try await methods() else { return "the server lets the user in without any proof" }
            return "the server accepts \(methods.isEmpty ? "no further method" : methods.joined(separator: ", "))"
        } catch {
            // To sshd the question is one more failure, which may be one too many.
            return driver.session.buffers.disconnect.map { "the server hung up: \($0)" } ?? "no answer about the server's methods"
        }
    }

    private func methods() async throws(SSHError) -> [String]? {
        let (session, user) = (driver.session, user)
        return try await driver.complete(.authentication, until: deadline) { session.authenticationMethods(user: user) }
    }
}

/// Keys.
extension Establishment {
    private enum Reply {
        case accepted, refused, wantsMore
    }

    private func isSigned(_ request: SignatureRequest) async throws(SSHError) -> Bool {
        try await reply(to: request) == .accepted
    }

    private func isSigned(_ request: SignatureRequest, byAgentAt path: String) async throws(SSHError) -> Bool {
        if case let reply = try await reply(to: request), reply != .wantsMore { return reply == .accepted }
        try await askAgent(at: path, for: request)
        return try await reply(to: request) == .accepted
    }

    /// An agent that will not sign is remembered, and the next identity gets its turn.
    private func askAgent(at path: String, for request: SignatureRequest) async throws(SSHError) {
        let agent = KeyAgent(socketPath: path, loop: driver.loop)
        do throws(SSHError) {
            request.signature = try await agent.sign(request.message ?? [], with: request.publicKeyBlob, until: deadline)
        } catch {
            // With no time left the next key would only make it the server's time-out.
            guard error.code == .agentUnavailable, NIODeadline.now() < deadline else { throw error }
            agentFailure = error
            request.isDeclined = true
        }
    }

    private func reply(to request: SignatureRequest) async throws(SSHError) -> Reply {
        let (session, user) = (driver.session, user)
        return try await reply(wantsMore: { request.message != nil && request.signature == nil && !request.isDeclined }) {
            session.authenticate(user: user, request: request)
        }
    }

    /// What the server says to one request; `wantsMore` if libssh2 waits for something of this side's.
    private func reply(wantsMore: @escaping () -> Bool, to call: @escaping () -> Step<Void>) async throws(SSHError) -> Reply {
        try await driver.complete(.authentication, until: deadline) { () -> Step<Reply> in
            switch call() {
            case .done: return .done(.accepted)
            case .wantsInput: return wantsMore() ? .done(.wantsMore) : .wantsInput
            case .refused(let error): return .refused(error)
            case .failed(let failure):
                switch failure.code {
                case LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED: return .done(.refused)
                case LIBSSH2_ERROR_PASSWORD_EXPIRED: return .refused(Self.expired(self.user, failure))
                default: return .failed(failure)
                }
            }
        }
    }

    private static func expired(_ user: String, _ failure: LibraryFailure) -> SSHError {
        SSHError(
            .authenticationRefused, phase: .authentication,
            detail: "user \(printable(user.utf8)): the server wants the password changed first, which cannot be done here",
            libssh2Code: failure.code)
    }
}

/// What a person knows.
extension Establishment {
    private func tryPassword(_ ask: @Sendable () async -> Secret?) async throws(SSHError) -> Outcome {
        // A password is not shown to a server that has no use for it, and nobody is asked for it in vain.
        guard let methods = try await methods() else { return .accepted }
        guard methods.contains("password") else {
            return .notTried("the server accepts \(methods.isEmpty ? "no further method" : methods.joined(separator: ", "))")
        }
        let password = try await answer(to: "password") { await ask().map { [$0] } }[0]
        let (session, user) = (driver.session, user)
        let reply = try await reply(wantsMore: { false }) { session.authenticate(user: user, password: password) }
        return reply == .accepted ? .accepted : .refused
    }

    private func isAnswered(_ answer: @Sendable (KeyboardChallenge) async -> [Secret]?) async throws(SSHError) -> Bool {
        guard let interview = Interview() else {
            throw SSHError(.closed, phase: .authentication, detail: "no thread for keyboard-interactive")
        }
        // Where this throws the session is shut, which ends the interview too, after the point from where nothing is sent any more; but only
        // if libssh2 was called with it.
        let (session, user) = (driver.session, user)
        defer { if session.buffers.interview !== interview { interview.end() } }
        for _ in 0..<Self.roundLimit {
            let reply = try await reply(wantsMore: { interview.challenge != nil }) {
                session.authenticate(user: user, interview: interview)
            }
            guard reply == .wantsMore, let challenge = interview.challenge else {
                session.endInterview()
                return reply == .accepted
            }
            interview.answer(with: try await self.answer(to: "keyboard-interactive") { await answer(challenge) })
        }
        throw SSHError(.protocolViolation, phase: .authentication, detail: "more than \(Self.roundLimit) rounds of questions")
    }

    /// Asks outside the deadline, which moves on by the time it took.
    private func answer(to method: String, _ ask: @Sendable () async -> [Secret]?) async throws(SSHError) -> [Secret] {
        let start = NIODeadline.now()
        let answers = await Self.offLoop(ask)
        deadline = deadline + (.now() - start)
        guard let answers else { throw SSHError(.cancelled, phase: .authentication, detail: "\(method): given up when asked") }
        guard answers.allSatisfy({ $0.byteCount <= Secret.limitInBytes }) else {
            let facts = "\(method): more than \(Secret.limitInBytes) bytes, which are not sent"
            throw SSHError(.authenticationRefused, phase: .authentication, detail: facts)
        }
        return answers
    }
}
