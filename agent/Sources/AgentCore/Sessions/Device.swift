internal import Catalogue
internal import LedgerCore
internal import Wire

/// Everything that the sessions of one agent share.
public final class Device {
    let kernel: Kernel
    let settings: Settings
    /// What agent.conf said when it was last understood.
    public private(set) var configuration: Configuration
    /// Who the device is.
    public let identity: DeviceIdentity
    /// Its own log.
    public let ledger: DeviceLedger
    /// What may be run.
    public let catalogue: CatalogueStore
    /// Who may come in.
    public let roster: RosterStore
    /// Another agent in place of this one.
    let upgrade: AgentUpgrade
    let witness: Witness
    /// What the owner allows.
    public let owner: Owner
    /// What runs it.
    public let executor: Executor
    /// What the device measured; nil where it is not a daemon that goes on measuring.
    private(set) var telemetry: TelemetryRecorder?
    private let startsTelemetry: () -> TelemetryRecorder?
    /// What carries files.
    public let streams: StreamTable
    private var lock: Descriptor?
    private var sessionCount: UInt64 = 0

    /// Opens the state directory and everything in it.
    ///
    /// A disk that takes nothing does not keep the agent from starting: then there is no ledger, and nothing may be changed.
    ///
    /// - Parameters:
    ///   - adoptsStrays: As ``Executor/init(kernel:root:state:requiresSandbox:adoptsStrays:)`` takes it.
    ///   - keepsTelemetry: Whether to sample the device and keep what was found.
    /// - Throws: `.configuration` for a mistake in agent.conf; `.stateInUse` where another agent has the directory; `.storage` where the device has no machine id.
    public init(kernel: Kernel, settings: Settings, adoptsStrays: Bool, keepsTelemetry: Bool = false) throws(Refusal) {
        self.kernel = kernel
        self.settings = settings
        configuration = try Configuration(kernel: kernel, path: settings.configuration)
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
        ledger = DeviceLedger(kernel: kernel, state: state, origin: identity.origin, key: key, sizeLimit: configuration.ledgerSizeLimit)
        catalogue = CatalogueStore(kernel: kernel, state: state, trust: settings.trust)
        let roster = RosterStore(kernel: kernel, state: state, trust: settings.trust, keys: settings.keys)
        self.roster = roster
        upgrade = AgentUpgrade(kernel: kernel, state: state, trust: settings.trust, program: settings.program)
        owner = Owner(kernel: kernel, settings: settings)
        witness = Witness(kernel: kernel, state: state, desks: settings.desks, roster: roster, name: identity.origin, key: key)
        executor = Executor(
            kernel: kernel, root: settings.root, state: settings.state, requiresSandbox: configuration.requiresSandbox,
            adoptsStrays: adoptsStrays)
        streams = StreamTable(kernel: kernel, executor: executor, settings: settings)
        let (executor, boot) = (executor, identity.boot)
        startsTelemetry = {
            keepsTelemetry ? TelemetryRecorder(kernel: kernel, settings: settings, state: state, boot: boot, executor: executor) : nil
        }
        upgrade.conclude(ledger)
        applyToTelemetry()
    }

    /// Gives the state directory up to another agent; nothing is written after.
    func release() { lock = nil }

    /// Reads agent.conf anew and puts it in force.
    ///
    /// - Throws: `.configuration`; then what was in force stays so.
    func reload() throws(Refusal) {
        configuration = try Configuration(kernel: kernel, path: settings.configuration)
        executor.requiresSandbox = configuration.requiresSandbox
        ledger.sizeLimit = configuration.ledgerSizeLimit
        applyToTelemetry()
    }

    private func applyToTelemetry() {
        if !configuration.keepsTelemetry {
            telemetry?.stop()
            telemetry = nil
        } else if telemetry == nil {
            telemetry = startsTelemetry()
        }
        telemetry?.interval = configuration.telemetrySeconds * 1_000
    }

    /// The time that decides about expiry, microseconds UTC: the clock, but no earlier than catalogue and roster were signed or the ledger was
    /// last written before this start, for a clock without a battery falls back.
    var decidingTime: UInt64 {
        max(kernel.realtime, catalogue.current?.header.signedAt ?? 0, ledger.timeAtStart, roster.current?.header.signedAt ?? 0)
    }

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
            stuck: Array(executor.stuckNames.prefix(Executor.stuckCountLimit)), rosterVersion: roster.version)
    }
}
