internal import Telemetry
internal import Wire

/// Takes a sample every few seconds, keeps the block they go into, and puts it into the ring from time to time.
///
/// The open block also lies in /run, in memory, so that an agent that is killed loses a minute of it and no more; a power cut loses what
/// was not sealed yet.
final class TelemetryRecorder {
    /// How often what is done.
    struct Schedule {
        /// Milliseconds between samples.
        var interval: UInt64 = 10_000
        /// Milliseconds after which a block is sealed: so long, because the flash wears by the write (docs/decisions/0006). Beside the
        /// block ext4 writes 16 KiB for each, of its journal and for the time of the change; twice as often would be above 1 MiB a day.
        var sealInterval: UInt64 = 3_600_000
        /// Milliseconds after a block was sealed for an alarm in which none is for another: one that comes and goes must not wear the
        /// flash.
        var alarmInterval: UInt64 = 600_000
        /// Milliseconds between looks at mounts, sensors and logins, and between copies to /run.
        var slowInterval: UInt64 = 60_000
        /// Bytes of the ring on the disk.
        var ringSize: UInt64 = 2 << 20
    }

    private let kernel: Kernel
    private let schedule: Schedule
    /// Milliseconds between samples; a block that is open keeps the interval it began with.
    var interval: UInt64
    private let executor: Executor
    private let state: StateDirectory
    private let copyPath: [UInt8]
    private let boot: [UInt8]
    private var ring: TelemetryRing?
    private var sampler: Sampler
    private let slow: SlowReadings
    private let alerts: Alerts
    private var block: OpenTelemetryBlock
    private var nextTick: UInt64
    private var nextSlow: UInt64
    private var sealBy: UInt64
    private var isAlarmed = false
    private var alarmsFrom: UInt64 = 0
    /// Blocks that no disk has taken yet, oldest first.
    private var waiting: [[UInt8]] = []
    private var lostCount: Int64 = 0
    /// What happened lately, for whoever asks only for now.
    private var recent: [TelemetryEvent] = []
    private var present: (block: [UInt8], takenAt: UInt64)?

    private static let name: Text = "telemetry"
    private static let waitingCountLimit = 4
    private static let recentCountLimit = 32
    /// Bytes at which a block is sealed whatever its age.
    private static let blockSizeLimit = 65_536

    init(kernel: Kernel, settings: Settings, state: StateDirectory, boot: Text, executor: Executor) {
        self.kernel = kernel
        self.executor = executor
        self.state = state
        schedule = settings.telemetry
        interval = schedule.interval
        copyPath = Array(settings.socket.prefix(upTo: settings.socket.lastIndex(of: 47) ?? 0)) + [47] + Self.name.bytes
        self.boot = Self.binary(boot)
        sampler = Sampler(kernel: kernel, root: settings.root, keepsFiles: settings.root.isEmpty)
        slow = SlowReadings(executor: executor, kernel: kernel)
        alerts = Alerts(kernel: kernel, root: settings.root)
        block = OpenTelemetryBlock(boot: self.boot, interval: schedule.interval)
        nextTick = kernel.monotonic
        nextSlow = nextTick
        sealBy = nextTick + schedule.sealInterval * 1_000
        openRing()
        begin()
    }

    /// The 16 bytes that the 32 digits of a boot id stand for; none where it is not such an id.
    private static func binary(_ boot: Text) -> [UInt8] {
        var bytes: [UInt8] = []
        var high: UInt8?
        for digit in boot.bytes where digit != 45 {
            let value: UInt8
            switch digit {
            case 48...57: value = digit - 48
            case 97...102: value = digit - 87
            default: return []
            }
            if let first = high {
                bytes.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        return bytes.count == 16 ? bytes : []
    }

    private func openRing() {
        if ring == nil { ring = try? TelemetryRing(kernel: kernel, path: state.file(Self.name), size: schedule.ringSize) }
    }

    private var now: UInt64 { kernel.realtime / 1_000 }

    // MARK: Beginning and end

    /// Takes over what an agent before this one left, and notes how it ended.
    private func begin() {
        if let ring, let copy = try? kernel.content(of: copyPath, limit: TelemetryBlock.sizeLimit + RingRecord.headSize),
            let head = RingRecord.head(copy[...]), head.sequence == ring.nextSequence, let content = RingRecord.content(copy)
        {
            keep(content)
        }
        let last = waiting.last ?? ring?.newest
        if let summary = last.flatMap({ TelemetrySummary($0) }), summary.boot != boot {
            let reason = BootReason(kernel: kernel, wasStopped: summary.wasStopped).word
            note(TelemetryEvent(.boot, time: now, subject: reason.bytes, value: Int64(clamping: summary.lastTime)))
        }
        // A ring that ends in a stop would tell a power cut of the next hour as a shutdown.
        if last.flatMap({ TelemetrySummary($0) })?.wasStopped == true { sealBy = nextTick }
        note(TelemetryEvent(.agentStarted, time: now))
    }

    /// Puts on the disk what there is; for the agent's own end.
    func stop() {
        note(TelemetryEvent(.agentStopped, time: now))
        seal()
    }

    private func note(_ event: TelemetryEvent) {
        block.note(event)
        remember([event])
    }

    private func remember(_ events: [TelemetryEvent]) {
        recent += events
        if recent.count > Self.recentCountLimit { recent.removeFirst(recent.count - Self.recentCountLimit) }
    }

    // MARK: One round of the loop

    /// Microseconds until the next sample.
    func timeout(at now: UInt64) -> UInt64 { nextTick > now ? nextTick - now : 0 }

    /// Adds what can be read now.
    func prepare(_ polls: inout PollSet) { alerts.prepare(&polls) }

    /// Takes a sample where it is time.
    func turn(_ polls: PollSet = PollSet()) {
        alerts.turn(polls)
        let monotonic = kernel.monotonic
        guard monotonic >= nextTick else { return }
        // Ticks that were missed, in a machine that slept, are not made up for.
        nextTick = max(nextTick + interval * 1_000, monotonic + interval * 500)
        let eventCount = block.events.count
        let isSlowTurn = monotonic >= nextSlow
        take(into: &block)
        if isSlowTurn {
            nextSlow = monotonic + schedule.slowInterval * 1_000
            sampler.people(into: &block, at: now)
            sampler.lookAgain()
            slow.ask()
            alerts.ask()
        }
        for event in slow.takeNews() + alerts.takeNews() { block.note(event) }
        let events = Array(block.events.dropFirst(eventCount))
        remember(events)
        if events.contains(where: { [.oomKill, .readOnly, .hot, .alarm, .watchdog].contains($0.kind) }) {
            isAlarmed = true
            sealBy = min(sealBy, max(monotonic, alarmsFrom))
        }
        if monotonic >= sealBy || block.isFull {
            if isAlarmed { alarmsFrom = monotonic + schedule.alarmInterval * 1_000 }
            isAlarmed = false
            seal()
        } else if isSlowTurn {
            copy()
        }
    }

    private func take(into block: inout OpenTelemetryBlock) {
        let time = now
        block.tick(at: time)
        sampler.sample(into: &block, at: time)
        for (series, value) in slow.values { block.set(series, value) }
        block.set(Series(.stuckChildren), Int64(executor.stuckNames.count))
    }

    private func copy() {
        let content = block.encoded
        if content.count >= Self.blockSizeLimit { return seal() }
        guard let ring else { return }
        // Memory that is full keeps the older copy from being replaced, not the sampler from going on.
        let path = copyPath + [46, 110]
        guard let file = try? kernel.open(path, [.write, .create, .truncate, .noFollow]) else { return }
        do throws(Errno) {
            try kernel.writeAll(file, RingRecord.encode(content, sequence: ring.nextSequence))
            try kernel.rename(path, to: copyPath)
        } catch {
            try? kernel.unlink(path)
        }
    }

    private func seal() {
        sealBy = kernel.monotonic + schedule.sealInterval * 1_000
        if block.isEmpty { return }
        keep(block.encoded)
        block = OpenTelemetryBlock(boot: boot, interval: interval)
        if lostCount > 0, waiting.isEmpty {
            block.note(TelemetryEvent(.lost, time: now, value: lostCount))
            lostCount = 0
        }
        try? kernel.unlink(copyPath)
    }

    /// Puts a block into the ring; it waits in memory while no disk takes it.
    private func keep(_ content: [UInt8]) {
        waiting.append(content)
        openRing()
        while let first = waiting.first {
            do throws(Errno) {
                guard ring != nil else { throw .noEntry }
                try ring?.append(first)
            } catch { break }
            waiting.removeFirst()
        }
        while waiting.count > Self.waitingCountLimit {
            waiting.removeFirst()
            lostCount += 1
        }
    }

    // MARK: What a controller asks for

    /// What tells this ring's sequence numbers from another's.
    var ringID: [UInt8] { ring?.id ?? [] }

    /// Sequence numbers of the oldest block and of the one that is still open.
    var range: (first: UInt64, next: UInt64) { (ring?.firstSequence ?? 1, ring?.nextSequence ?? 1) }

    /// The first block after a sequence number, the open one at last; nil where there is none.
    func block(after sequence: UInt64) -> (sequence: UInt64, content: [UInt8])? {
        if let sealed = ring?.block(after: sequence) { return sealed }
        let open = range.next
        return sequence < open && !block.isEmpty ? (open, block.encoded) : nil
    }

    /// A block of one tick, taken now or in the last second, with what happened lately.
    func presentBlock() -> [UInt8] {
        let monotonic = kernel.monotonic
        if let present, monotonic < present.takenAt + 1_000_000 { return present.block }
        var taken = OpenTelemetryBlock(boot: boot, interval: interval)
        for event in recent { taken.note(event) }
        // What happens between two ticks is noted at the second, in the block that is kept.
        let before = sampler
        take(into: &taken)
        sampler = before
        present = (taken.encoded, monotonic)
        return taken.encoded
    }
}

/// What the agent needs to know of a block that was sealed.
struct TelemetrySummary {
    var boot: [UInt8] = []
    /// Time of the last tick, milliseconds UTC.
    var lastTime: UInt64 = 0
    /// Whether the agent was stopped at its end.
    var wasStopped = false

    init?(_ content: [UInt8]) {
        var reader = CBORReader(content)
        var summary = TelemetrySummary()
        do throws(WireError) {
            try reader.fields { (reader, field) throws(WireError) in
                switch field {
                case 1: summary.boot = try reader.byteString(limit: 16)
                case 7: summary.lastTime = try reader.unsigned()
                case 8: summary.wasStopped = try reader.unsigned() == 1
                default: return false
                }
                return true
            }
        } catch { return nil }
        self = summary
    }

    private init() {}
}

/// Why the device was started anew, as far as the kernel tells.
struct BootReason {
    /// `shutdown`, `panic`, `watchdog`; empty where nothing tells, as after a power cut.
    let word: Text

    init(kernel: Kernel, wasStopped: Bool) {
        let (pstore, watchdog): (Text, Text) = ("/sys/fs/pstore", "/sys/class/watchdog/watchdog0/bootstatus")
        if let status = try? kernel.content(of: watchdog.bytes, limit: 32), WordScanner.number(status[...]) & 0x20 != 0 {
            word = "watchdog"
        } else if let directory = try? kernel.open(pstore.bytes, [.read, .directory]),
            let names = try? kernel.names(in: directory, limit: 64), names.contains(where: { $0.starts(with: [100, 109, 101, 115, 103]) })
        {
            // What a kernel wrote that went down by itself; it stays until somebody removes it, so a clean end outweighs it.
            word = wasStopped ? "shutdown" : "panic"
        } else {
            word = wasStopped ? "shutdown" : ""
        }
    }
}
