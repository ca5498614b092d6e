internal import CSSH2
import NIOCore

/// What is known of a connection once it is open.
struct Established: Sendable {
    let hostKey: HostKey
    let algorithms: NegotiatedAlgorithms
    let serverVersion: String
    let handshakeDuration: Duration
    let authenticationDuration: Duration
}

/// The way from a TCP connection to an authenticated session, in order: key exchange, host key, user.
actor Establishment {
    private let bound: NIOLoopBound<Driver>
    private let address: Address
    private let user: String
    private let hostKeyPolicy: HostKeyPolicy
    private let identities: [Identity]
    private let deadlines: Deadlines
    private let executor: any SerialExecutor
    private var agentFailure: SSHError?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var driver: Driver { bound.value }

    init(
        driver: NIOLoopBound<Driver>, address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines
    ) {
        bound = driver
        self.address = address
        executor = driver.eventLoop.executor
        self.user = user
        hostKeyPolicy = hostKey
        self.identities = identities
        self.deadlines = deadlines
    }

    /// Goes the whole way; on failure the session is shut.
    func run() async throws(SSHError) -> Established {
        do {
            let start = ContinuousClock.now
            let hostKey = try await handshake()
            let handshakeDuration = ContinuousClock.now - start
            try await judge(hostKey)
            let resumed = ContinuousClock.now
            try await authenticate()
            return Established(
                hostKey: hostKey, algorithms: driver.session.algorithms, serverVersion: driver.greeting.version ?? "",
                handshakeDuration: handshakeDuration, authenticationDuration: ContinuousClock.now - resumed)
        } catch {
            driver.shut(error)
            throw error
        }
    }

    private func handshake() async throws(SSHError) -> HostKey {
        switch hostKeyPolicy {
        case .pinned(let keys): driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        case .decide: driver.session.prefer(hostKeys: AlgorithmPreference.hostKey)
        case .knownHosts(let hosts, let alias, _):
            let keys = await Self.keys(in: hosts, of: address, alias: alias)
            driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        }
        let session = driver.session
        try await driver.complete(.handshake, until: .after(deadlines.handshake)) { session.handshake() }
        guard let key = session.hostKey else {
            throw SSHError(.protocolViolation, phase: .handshake, detail: "the server showed no host key")
        }
        return key
    }

    private func judge(_ key: HostKey) async throws(SSHError) {
        switch hostKeyPolicy {
        case .pinned(let keys):
            if keys.contains(key) { return }
            let offered = "offered \(key.algorithm) \(key.fingerprint)"
            guard !keys.isEmpty else {
                throw SSHError(.hostKeyUnknown, phase: .handshake, detail: "no key is pinned; \(offered)", offeredHostKey: key)
            }
            let pinned = keys.map { "\($0.algorithm) \($0.fingerprint)" }.joined(separator: ", ")
            throw SSHError(.hostKeyChanged, phase: .handshake, detail: "pinned \(pinned); \(offered)", offeredHostKey: key)
        case .decide(let decide):
            if await decide(key) { return }
            throw SSHError(
                .hostKeyUnknown, phase: .handshake, detail: "not accepted: \(key.algorithm) \(key.fingerprint)", offeredHostKey: key)
        case .knownHosts(let hosts, let alias, let whenUnknown):
            try await hosts.check(key, of: address, alias: alias, whenUnknown: whenUnknown)
        }
    }

    /// Looked up away from the event loop: many hashed names take a while.
    private nonisolated static func keys(in hosts: KnownHosts, of address: Address, alias: String?) async -> [HostKey] {
        hosts.keys(of: address, alias: alias)
    }

    private func authenticate() async throws(SSHError) {
        let deadline = NIODeadline.after(deadlines.authentication)
        var tried: [String] = []
        for identity in identities {
            if let reason = identity.unsupportedReason {
                tried.append("\(identity.label) not tried (\(reason))")
                continue
            }
            if try await isAccepted(identity, until: deadline) { return }
            tried.append(identity.label)
            if let words = driver.session.buffers.disconnect { throw refusal("the server hung up: \(words)", tried: tried) }
        }
        if let agentFailure { throw agentFailure }
        throw refusal("the server accepts \(await methods(until: deadline))", tried: tried)
    }

    private func refusal(_ facts: String, tried: [String]) -> SSHError {
        let list = tried.isEmpty ? "no identity was given" : "tried \(tried.joined(separator: ", "))"
        return SSHError(.authenticationRefused, phase: .authentication, detail: "user \(printable(user.utf8)): \(list); \(facts)")
    }

    /// Asked only after a refusal, since it costs a round trip.
    private func methods(until deadline: NIODeadline) async -> String {
        let (session, user) = (driver.session, user)
        let list = try? await driver.complete(.authentication, until: deadline) { session.authenticationMethods(user: user) }
        return list.map { $0.isEmpty ? "no further method" : $0 } ?? "no answer about its methods"
    }

    private func isAccepted(_ identity: Identity, until deadline: NIODeadline) async throws(SSHError) -> Bool {
        switch identity {
        case .ed25519(let key):
            let request = SignatureRequest(publicKeyBlob: identity.publicKeyBlob) { key.sign($0) }
            return try await attempt(request, until: deadline) == .accepted
        case .agent(let path, let blob):
            let request = SignatureRequest(publicKeyBlob: blob, sign: nil)
            switch try await attempt(request, until: deadline) {
            case .accepted: return true
            case .refused: return false
            case .wantsSignature: break
            }
            try await askAgent(at: path, for: request, until: deadline)
            return try await attempt(request, until: deadline) == .accepted
        }
    }

    /// An agent that will not sign is remembered, and the next identity gets its turn.
    private func askAgent(at path: String, for request: SignatureRequest, until deadline: NIODeadline) async throws(SSHError) {
        let agent = KeyAgent(socketPath: path, loop: driver.loop)
        do throws(SSHError) {
            request.signature = try await agent.sign(request.message ?? [], with: request.publicKeyBlob, until: deadline)
        } catch {
            guard error.code == .agentUnavailable else { throw error }
            agentFailure = error
            request.isDeclined = true
        }
    }

    private enum Attempt {
        case accepted, refused, wantsSignature
    }

    private func attempt(_ request: SignatureRequest, until deadline: NIODeadline) async throws(SSHError) -> Attempt {
        let (session, user) = (driver.session, user)
        return try await driver.complete(.authentication, until: deadline) { () -> Step<Attempt> in
            switch session.authenticate(user: user, request: request) {
            case .done: return .done(.accepted)
            case .wantsInput where request.message != nil && request.signature == nil && !request.isDeclined: return .done(.wantsSignature)
            case .wantsInput: return .wantsInput
            case .refused(let error): return .refused(error)
            case .failed(let failure):
                let isRefusal = [LIBSSH2_ERROR_AUTHENTICATION_FAILED, LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED].contains(failure.code)
                return isRefusal ? .done(.refused) : .failed(failure)
            }
        }
    }
}
