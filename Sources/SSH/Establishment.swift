internal import CSSH2
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
    private let user: String
    private let hostKeyPolicy: HostKeyPolicy
    private let identities: [Identity]
    private let deadlines: Deadlines
    private let deliveryLimit: Int?
    private let loopExecutor: LoopExecutor
    private let executor: any SerialExecutor
    private var agentFailure: SSHError?

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(
        address: Address, user: String, hostKey: HostKeyPolicy, identities: [Identity], deadlines: Deadlines, deliveryLimit: Int?,
        on executor: LoopExecutor
    ) {
        loopExecutor = executor
        self.executor = executor.loop.executor
        self.address = address
        self.user = user
        hostKeyPolicy = hostKey
        self.identities = identities
        self.deadlines = deadlines
        self.deliveryLimit = deliveryLimit
    }

    /// Goes the whole way; on failure the session is shut.
    func run(over way: Way) async throws(SSHError) -> Established {
        let driver = try attach(way)
        do {
            let start = ContinuousClock.now
            let hostKey = try await handshake(driver)
            let handshakeDuration = ContinuousClock.now - start
            try await judge(hostKey)
            let resumed = ContinuousClock.now
            try await authenticate(driver)
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
        driver.session.buffers.deliveryLimit = deliveryLimit
        transport.attach(driver)
        return driver
    }

    private func handshake(_ driver: Driver) async throws(SSHError) -> HostKey {
        switch hostKeyPolicy {
        case .pinned(let keys): driver.session.prefer(hostKeys: AlgorithmPreference.hostKeys(pinned: keys))
        case .decide: driver.session.prefer(hostKeys: AlgorithmPreference.hostKey)
        case .knownHosts(let hosts, let alias, _):
            let keys = await Self.offLoop { hosts.keys(of: self.address, alias: alias) }
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
            if await Self.offLoop({ await decide(key) }) { return }
            throw SSHError(
                .hostKeyUnknown, phase: .handshake, detail: "not accepted: \(key.algorithm) \(key.fingerprint)", offeredHostKey: key)
        case .knownHosts(let hosts, let alias, let whenUnknown):
            try await Self.offLoop { () async throws(SSHError) in
                try await hosts.check(key, of: self.address, alias: alias, whenUnknown: whenUnknown)
            }
        }
    }

    /// What takes its time, a person's answer or the search through many hashed names, is kept off the event loop.
    private nonisolated static func offLoop<Value: Sendable, Failure: Error>(
        _ body: @Sendable () async throws(Failure) -> Value
    ) async throws(Failure) -> Value {
        try await withTaskExecutorPreference(globalConcurrentExecutor, operation: body)
    }

    private func authenticate(_ driver: Driver) async throws(SSHError) {
        let deadline = NIODeadline.after(deadlines.authentication)
        var tried: [String] = []
        for identity in identities {
            if let reason = identity.unsupportedReason {
                tried.append("\(identity.label) not tried (\(reason))")
                continue
            }
            if try await isAccepted(identity, driver, until: deadline) { return }
            tried.append(identity.label)
            if let words = driver.session.buffers.disconnect { throw refusal("the server hung up: \(words)", tried: tried) }
        }
        if let agentFailure { throw agentFailure }
        throw refusal("the server accepts \(await methods(driver, until: deadline))", tried: tried)
    }

    private func refusal(_ facts: String, tried: [String]) -> SSHError {
        let list = tried.isEmpty ? "no identity was given" : "tried \(tried.joined(separator: ", "))"
        return SSHError(.authenticationRefused, phase: .authentication, detail: "user \(printable(user.utf8)): \(list); \(facts)")
    }

    /// Asked only after a refusal, since it costs a round trip.
    private func methods(_ driver: Driver, until deadline: NIODeadline) async -> String {
        let (session, user) = (driver.session, user)
        let list = try? await driver.complete(.authentication, until: deadline) { session.authenticationMethods(user: user) }
        return list.map { $0.isEmpty ? "no further method" : $0 } ?? "no answer about its methods"
    }

    private func isAccepted(_ identity: Identity, _ driver: Driver, until deadline: NIODeadline) async throws(SSHError) -> Bool {
        switch identity {
        case .ed25519(let key):
            let request = SignatureRequest(publicKeyBlob: identity.publicKeyBlob) { key.sign($0) }
            return try await attempt(request, driver, until: deadline) == .accepted
        case .agent(let path, let blob):
            let request = SignatureRequest(publicKeyBlob: blob, sign: nil)
            switch try await attempt(request, driver, until: deadline) {
            case .accepted: return true
            case .refused: return false
            case .wantsSignature: break
            }
            try await askAgent(at: path, for: request, until: deadline)
            return try await attempt(request, driver, until: deadline) == .accepted
        }
    }

    /// An agent that will not sign is remembered, and the next identity gets its turn.
    private func askAgent(at path: String, for request: SignatureRequest, until deadline: NIODeadline) async throws(SSHError) {
        let agent = KeyAgent(socketPath: path, loop: loopExecutor.loop)
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

    private func attempt(_ request: SignatureRequest, _ driver: Driver, until deadline: NIODeadline) async throws(SSHError) -> Attempt {
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
