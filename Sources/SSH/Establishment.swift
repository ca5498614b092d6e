import NIOCore

/// What is known of a connection once it is open.
struct Established: Sendable {
    let driver: NIOLoopBound<Driver>
    let executor: LoopExecutor
    let hostKey: HostKey
    let algorithms: NegotiatedAlgorithms
    let serverVersion: String
    let handshakeDuration: Duration
    let authenticationDuration: Duration
}

/// The way from a TCP connection to an authenticated session, in order: key exchange, host key, user.
actor Establishment {
    /// What leads to the server.
    enum Way: Sendable {
        case socket(any NIOCore.Channel)
        case tunnel(NIOLoopBound<TunnelTransport>)
    }

    private let address: Address
    let user: String
    private let hostKeyPolicy: HostKeyPolicy
    let identities: [Identity]
    private let deadlines: Deadlines
    private let isCompressed: Bool
    private let delivery: SessionBuffers.Delivery?
    private var attached: Driver?
    private let loopExecutor: LoopExecutor
    private let executor: any SerialExecutor
    /// When the user must be proven.
    var deadline = NIODeadline.distantFuture
    /// Why an ssh-agent could not be used, if that was so.
    var agentFailure: SSHError?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    var driver: Driver {
        guard let attached else { preconditionFailure("there is nothing to drive before run(over:)") }
        return attached
    }

    init(
        address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines,
        isCompressed: Bool, delivery: SessionBuffers.Delivery?, on executor: LoopExecutor
    ) {
        loopExecutor = executor
        self.executor = executor.loop.executor
        self.address = address
        self.user = user
        hostKeyPolicy = hostKey
        self.identities = identities
        self.deadlines = deadlines
        self.isCompressed = isCompressed
        self.delivery = delivery
    }

    /// Goes the whole way; on failure the session is shut.
    func run(over way: Way) async throws(SSHError) -> Established {
        let driver = try attach(way)
        attached = driver
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
            driver.startWatch(deadlines)
            return Established(
                driver: NIOLoopBound(driver, eventLoop: loopExecutor.loop), executor: loopExecutor, hostKey: hostKey,
                algorithms: driver.session.algorithms, serverVersion: driver.greeting.version ?? "",
                handshakeDuration: handshakeDuration, authenticationDuration: ContinuousClock.now - resumed)
        } catch {
            driver.shut(error)
            throw error
        }
    }

    /// Makes a driver and gives it what arrives from now on.
    private func attach(_ way: Way) throws(SSHError) -> Driver {
        let transport: any Transport =
            switch way {
            case .socket(let channel): SocketTransport(channel: channel)
            case .tunnel(let tunnel): tunnel.value
            }
        guard let driver = Driver(transport: transport, on: loopExecutor) else {
            transport.close(lastWords: nil)
            throw SSHError(.closed, phase: .handshake, detail: "libssh2 could not be set up")
        }
        driver.session.buffers.delivery = delivery
        transport.attach(driver)
        return driver
    }

    private func handshake() async throws(SSHError) -> HostKey {
        switch hostKeyPolicy {
        case .pinned(let keys, _, _): driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        case .decide, .fingerprint: driver.session.prefer(hostKeys: AlgorithmPreference.hostKey)
        case .knownHosts(let hosts, let alias, _):
            let keys = await Self.offLoop { hosts.keys(of: self.address, alias: alias) }
            driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        }
        if isCompressed { driver.session.offerCompression() }
        let session = driver.session
        try await driver.complete(.handshake, until: .after(deadlines.handshake)) { session.handshake() }
        guard let key = session.hostKey else {
            throw SSHError(.protocolViolation, phase: .handshake, detail: "the server showed no host key")
        }
        return key
    }

    private func judge(_ key: HostKey) async throws(SSHError) {
        let offered = "offered \(key.algorithm) \(key.fingerprint)"
        switch hostKeyPolicy {
        case .pinned(let keys, let hosts, let alias):
            try await refuseRevoked(key, by: hosts, alias)
            if keys.contains(key) { return }
            guard !keys.isEmpty else {
                throw SSHError(.hostKeyUnknown, phase: .handshake, detail: "no key is pinned; \(offered)", offeredHostKey: key)
            }
            let pinned = keys.map { "\($0.algorithm) \($0.fingerprint)" }.joined(separator: ", ")
            throw SSHError(.hostKeyChanged, phase: .handshake, detail: "pinned \(pinned); \(offered)", offeredHostKey: key)
        case .fingerprint(let fingerprint, let hosts, let alias):
            try await refuseRevoked(key, by: hosts, alias)
            if key.fingerprint == fingerprint { return }
            let facts = "expected \(printable(fingerprint.utf8)); \(offered)"
            throw SSHError(.hostKeyChanged, phase: .handshake, detail: facts, offeredHostKey: key)
        case .decide(let decide):
            if await Self.offLoop({ await decide(key) }) { return }
            throw SSHError(
                .hostKeyUnknown, phase: .handshake, detail: "not accepted: \(key.algorithm) \(key.fingerprint)", offeredHostKey: key)
        case .knownHosts(let hosts, let alias, let whenUnknown):
            try await Self.offLoop { () async throws(SSHError) in
                try await hosts.check(key, of: self.address, alias: alias, whenUnknown: whenUnknown)
            }
        }
    }

    private func refuseRevoked(_ key: HostKey, by hosts: KnownHosts?, _ alias: String?) async throws(SSHError) {
        guard let hosts else { return }
        try await Self.offLoop { () async throws(SSHError) in try hosts.refuseRevoked(key, of: self.address, alias: alias) }
    }

    /// What takes its time, a person's answer or the search through many hashed names, is kept off the event loop.
    nonisolated static func offLoop<Value: Sendable, Failure: Error>(
        _ body: @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await withTaskExecutorPreference(globalConcurrentExecutor, operation: body)
    }
}
