internal import Catalogue
internal import LedgerCore
internal import Wire

/// Everything that the sessions of one agent share.
public final class Device {
    let kernel: Kernel
    let settings: Settings
    /// Who the device is.
    public let identity: DeviceIdentity
    /// Its own log.
    public let ledger: DeviceLedger
    /// What may be run.
    public let catalogue: CatalogueStore
    /// Another agent in place of this one.
    let upgrade: AgentUpgrade
    let witness: Witness
    /// What the owner allows.
    public let owner: Owner
    /// What runs it.
    public let executor: Executor
    private var lock: Descriptor?
    private var sessionCount: UInt64 = 0

    /// Opens the state directory and everything in it.
    ///
    /// A disk that takes nothing does not keep the agent from starting: then there is no ledger, and nothing may be changed.
    ///
    /// - Parameter adoptsStrays: As ``Executor/init(kernel:root:adoptsStrays:)`` takes it.
    /// - Throws: `.configuration` for a mistake in agent.conf; `.stateInUse` where another agent has the directory; `.storage` where the device has no machine id.
    public init(kernel: Kernel, settings: Settings, adoptsStrays: Bool) throws(Refusal) {
        self.kernel = kernel
        var settings = settings
        try settings.readConfiguration(kernel)
        self.settings = settings
        do throws(Errno) {
            identity = try DeviceIdentity(kernel: kernel, root: settings.root)
        } catch {
            throw Refusal(.storage, "The device has no readable /etc/machine-id, so it has no name; run systemd-machine-id-setup.")
        }
        let state = StateDirectory(kernel: kernel, path: settings.state)
        try? state.create()
        lock = try? kernel.open(state.file("lock"), [.read, .write, .create, .noFollow])
        if let lock {
            do throws(Errno) { try kernel.lock(lock) } catch {
                throw Refusal(
                    .stateInUse, "Another rollcall-agent uses the state directory; stop it, or name another one with --state.")
            }
        }
        let key = try? state.signingKey()
        ledger = DeviceLedger(kernel: kernel, state: state, origin: identity.origin, key: key)
        catalogue = CatalogueStore(kernel: kernel, state: state, trust: settings.trust)
        upgrade = AgentUpgrade(kernel: kernel, state: state, program: settings.program)
        owner = Owner(kernel: kernel, settings: settings)
        witness = Witness(kernel: kernel, state: state, desks: settings.desks, name: identity.origin, key: key)
        executor = Executor(
            kernel: kernel, root: settings.root, state: settings.state, requiresSandbox: settings.requiresSandbox,
            adoptsStrays: adoptsStrays)
        upgrade.conclude(ledger)
    }

    /// Gives the state directory up to another agent; nothing is written after.
    func release() { lock = nil }

    /// The time that decides about expiry, microseconds UTC: the clock, but no earlier than the catalogue was signed or the ledger was
    /// last written before this start, for a clock without a battery falls back.
    var decidingTime: UInt64 { max(kernel.realtime, catalogue.current?.header.signedAt ?? 0, ledger.timeAtStart) }

    /// Number of a new session.
    func nextSessionNumber() -> UInt64 {
        sessionCount &+= 1
        return sessionCount
    }

    /// The agent's first message.
    func hello(isStandalone: Bool) -> Hello {
        Hello(
            agentVersion: Settings.version, device: identity.device, boot: identity.boot, architecture: kernel.architecture,
            clock: kernel.realtime, catalogueVersion: catalogue.current?.header.version ?? 0,
            catalogueDigest: catalogue.current?.digest ?? [], catalogueExpiry: catalogue.current?.header.expiresAt ?? 0,
            checkpoint: ledger.checkpoint, isStandalone: isStandalone, isRoot: kernel.isRoot,
            stuck: Array(executor.stuckNames.prefix(Executor.stuckCountLimit)))
    }
}
