import NIOCore

/// A channel of another session as the transport of this one: how a server behind a jump host is reached.
final class TunnelTransport: Transport {
    private static let outboundLimit = 256 * 1024
    private static let lingerLimit = TimeAmount.seconds(2)

    let loop: any EventLoop
    private let channel: Channel
    /// Kept so that the jump host's connection lives as long as what goes through it.
    private let connection: Connection
    private let executor: LoopExecutor
    /// The jump host, for messages.
    private let address: Address
    private weak var driver: Driver?
    private var outbound: [UInt8] = []
    private var wantsInput = false
    private var isClosing = false
    private let demand: WaitList
    private let supply: WaitList
    private let closed: EventLoopPromise<Void>

    /// Takes over `channel` of `connection` to the jump host at `address`, on whose loop everything runs.
    init(channel: Channel, connection: Connection, at address: Address, on executor: LoopExecutor) {
        self.address = address
        self.channel = channel
        self.connection = connection
        self.executor = executor
        loop = executor.loop
        demand = WaitList(on: executor)
        supply = WaitList(on: executor)
        closed = loop.makePromise()
    }

    var isWritable: Bool { outbound.count < Self.outboundLimit }
    var closeFuture: EventLoopFuture<Void> { closed.futureResult }

    /// Gives what arrives to `driver` from now on.
    func attach(_ driver: Driver) {
        self.driver = driver
        let pump = TunnelPump(transport: NIOLoopBound(self, eventLoop: loop), channel: channel)
        Task(executorPreference: executor) { await pump.run() }
        read()
    }

    func write(_ bytes: ByteBuffer) {
        guard !isClosing else { return }
        outbound.append(contentsOf: bytes.readableBytesView)
        supply.signalAll()
    }

    func read() {
        wantsInput = true
        demand.signalAll()
    }

    func close(lastWords: ByteBuffer?) {
        guard loop.inEventLoop else {
            // A connection that was dropped unclosed, by whoever held it last.
            nonisolated(unsafe) let transport = self
            return loop.execute { transport.close(lastWords: lastWords) }
        }
        guard !isClosing else { return }
        if let lastWords { outbound.append(contentsOf: lastWords.readableBytesView) } else { outbound = [] }
        isClosing = true
        supply.signalAll()
        guard driver != nil || !outbound.isEmpty else { return finish() }
        let bound = NIOLoopBound(self, eventLoop: loop)
        let late = loop.scheduleTask(in: Self.lingerLimit) { bound.value.finish() }
        closed.futureResult.whenComplete { _ in late.cancel() }
    }

    private func finish() {
        let (channel, closed) = (channel, closed)
        demand.signalAll()
        Task {
            await channel.close()
            closed.succeed()
        }
    }
}

/// What the pump asks of the transport, on its loop.
extension TunnelTransport {
    /// Waits until the driver wants bytes; false once there is no driver to give them to.
    fileprivate func isWanted(isolation: isolated any Actor) async -> Bool {
        _ = await demand.wait(until: .distantFuture, for: { self.wantsInput || self.isClosing }, isolation: isolation)
        return !isClosing && driver != nil
    }

    fileprivate func deliver(_ bytes: [UInt8]) {
        wantsInput = false
        driver?.received(ByteBuffer(bytes: bytes))
        if driver?.inputCompleted() == true { wantsInput = true }
    }

    fileprivate func ended(_ reason: String) {
        driver?.transportEnded(reason)
    }

    /// The jump host broke, unless it was closed here.
    fileprivate func ended(_ error: SSHError) {
        let reason = "the connection to the jump host ended: \(error.detail)"
        driver?.transportEnded(reason, onTheWayThrough: error.code == .closed ? nil : address)
    }

    /// Waits for bytes to send; `nil` once all are sent and no more will come.
    fileprivate func nextOutbound(isolation: isolated any Actor) async -> [UInt8]? {
        _ = await supply.wait(until: .distantFuture, for: { !self.outbound.isEmpty || self.isClosing }, isolation: isolation)
        if outbound.isEmpty { return nil }
        defer { outbound = [] }
        return outbound
    }

    fileprivate func sent() { driver?.wakeAll() }

    fileprivate func outboundEnded() { finish() }
}

/// Moves the bytes of one tunnel in both directions until one side ends.
private actor TunnelPump {
    private let bound: NIOLoopBound<TunnelTransport>
    private let channel: Channel
    private let executor: any SerialExecutor

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }
    private var transport: TunnelTransport { bound.value }

    init(transport: NIOLoopBound<TunnelTransport>, channel: Channel) {
        bound = transport
        self.channel = channel
        executor = transport.eventLoop.executor
    }

    func run() async {
        async let sending: Void = send()
        await receive()
        await sending
    }

    private func receive() async {
        do {
            while await transport.isWanted(isolation: self) {
                guard let output = try await channel.read(until: .distantFuture) else {
                    return transport.ended("the jump host closed the channel")
                }
                // What a jump host writes beside it, such as why it failed, is no part of the stream.
                if case .standardOutput(let bytes) = output { transport.deliver(bytes) }
            }
        } catch {
            transport.ended(error)
        }
    }

    private func send() async {
        while let bytes = await transport.nextOutbound(isolation: self) {
            do {
                try await channel.write(bytes)
            } catch {
                transport.ended(error)
                break
            }
            transport.sent()
        }
        transport.outboundEnded()
    }
}
