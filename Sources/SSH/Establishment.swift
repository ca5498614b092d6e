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
    let user: String
    private let hostKeyPolicy: HostKeyPolicy
    let identities: [Identity]
    private let deadlines: Deadlines
    private let executor: any SerialExecutor
    /// When the user must be proven.
    var deadline = NIODeadline.distantFuture
    /// Why an ssh-agent could not be used, if that was so.
    var agentFailure: SSHError?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    var driver: Driver { bound.value }

    init(driver: NIOLoopBound<Driver>, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines) {
        bound = driver
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
            driver.session.isGuarded = identities.contains(where: \.asksQuestions)
            let hostKey = try await handshake()
            let handshakeDuration = ContinuousClock.now - start
            try await judge(hostKey)
            let resumed = ContinuousClock.now
            deadline = .after(deadlines.authentication)
            try await authenticate()
            driver.session.isGuarded = false
            return Established(
                hostKey: hostKey, algorithms: driver.session.algorithms, serverVersion: driver.greeting.version ?? "",
                handshakeDuration: handshakeDuration, authenticationDuration: ContinuousClock.now - resumed)
        } catch {
            driver.shut(error)
            throw error
        }
    }

    private func handshake() async throws(SSHError) -> HostKey {
        if case .pinned(let keys) = hostKeyPolicy {
            driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        } else {
            driver.session.prefer(hostKeys: AlgorithmPreference.hostKey)
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
        }
    }
}
