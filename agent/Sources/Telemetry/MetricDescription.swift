#if !ROLLCALL_DEVICE
    /// A metric as people read it: its name, and what its values become.
    public struct MetricDescription: Equatable, Sendable {
        /// The metric.
        public let metric: Metric
        /// Its name, such as `memory.available`; `metric.N` where this version does not know it.
        public let name: String
        /// The unit of a value that was multiplied with ``scale``; of a counter, of its steps over the seconds they took.
        public let unit: Unit
        /// What a value, or a step a second, is multiplied with.
        public let scale: Double

        /// Units of values.
        public enum Unit: String, Sendable {
            case number = "", perSecond = "/s", percent = "%", bytes = "B", bytesPerSecond = "B/s", celsius = "°C", volts = "V"
            case milliseconds = "ms", decibelMilliwatts = "dBm", yes = "yes/no", time = "s since 1970"
        }

        /// Describes a metric.
        public init(_ metric: Metric) {
            self.metric = metric
            guard let row = Self.rows.first(where: { $0.number == metric.rawValue }) else {
                (name, unit, scale) = ("metric.\(metric.rawValue)", metric.isCounter ? .perSecond : .number, 1)
                return
            }
            (name, unit, scale) = (row.name, row.unit, row.scale)
        }

        /// Every metric that this version knows, in the order of docs/TELEMETRY.md.
        public static var all: [MetricDescription] { rows.map { MetricDescription(Metric(rawValue: $0.number)) } }

        private static let rows: [(number: UInt64, name: String, unit: Unit, scale: Double)] = [
            (1, "time", .time, 0.001), (11, "cpu.user", .percent, 1), (5, "cpu.nice", .percent, 1), (13, "cpu.system", .percent, 1),
            (15, "cpu.idle", .percent, 1), (17, "cpu.wait", .percent, 1), (19, "cpu.interrupt", .percent, 1),
            (7, "cpu.soft-interrupt", .percent, 1), (21, "cpu.steal", .percent, 1), (23, "cpu.busy", .percent, 1),
            (25, "cpu.context-switches", .perSecond, 64), (27, "cpu.interrupts", .perSecond, 64), (29, "tasks.forks", .perSecond, 1),
            (30, "tasks.running", .number, 1), (32, "tasks.blocked", .number, 1), (34, "tasks.all", .number, 1),
            (36, "load.1", .number, 0.01), (38, "load.5", .number, 0.01), (40, "load.15", .number, 0.01),
            (50, "memory.total", .bytes, 65_536), (52, "memory.available", .bytes, 65_536), (54, "memory.free", .bytes, 65_536),
            (56, "memory.cached", .bytes, 65_536), (58, "memory.dirty", .bytes, 65_536), (60, "memory.slab", .bytes, 65_536),
            (62, "memory.anonymous", .bytes, 65_536), (64, "memory.shared", .bytes, 65_536), (66, "swap.total", .bytes, 65_536),
            (68, "swap.free", .bytes, 65_536), (71, "swap.in", .perSecond, 1), (73, "swap.out", .perSecond, 1),
            (75, "memory.major-faults", .perSecond, 1), (77, "memory.oom-kills", .perSecond, 1),
            (81, "pressure.cpu", .percent, 0.1024), (83, "pressure.memory", .percent, 0.1024),
            (85, "pressure.memory-full", .percent, 0.1024), (87, "pressure.disk", .percent, 0.1024),
            (89, "pressure.disk-full", .percent, 0.1024), (101, "disk.reads", .perSecond, 1), (103, "disk.writes", .perSecond, 1),
            (105, "disk.read", .bytesPerSecond, 1_024), (107, "disk.written", .bytesPerSecond, 1_024), (109, "disk.busy", .percent, 0.1),
            (111, "disk.wait", .percent, 0.1), (121, "net.received", .bytesPerSecond, 256), (123, "net.sent", .bytesPerSecond, 256),
            (125, "net.packets-received", .perSecond, 1), (127, "net.packets-sent", .perSecond, 1),
            (129, "net.receive-errors", .perSecond, 1), (131, "net.send-errors", .perSecond, 1),
            (133, "net.receive-drops", .perSecond, 1), (135, "net.send-drops", .perSecond, 1), (136, "net.link", .yes, 1),
            (138, "net.signal", .decibelMilliwatts, 1), (141, "tcp.segments-sent", .perSecond, 1), (143, "tcp.retransmits", .perSecond, 1),
            (144, "tcp.connections", .number, 1), (147, "udp.errors", .perSecond, 1), (150, "space.total", .bytes, 65_536),
            (152, "space.available", .bytes, 65_536), (154, "inodes.total", .number, 1), (156, "inodes.free", .number, 1),
            (158, "mount.read-only", .yes, 1), (160, "mount.hangs", .yes, 1), (170, "temperature", .celsius, 0.001),
            (172, "voltage", .volts, 0.001), (174, "battery.charge", .percent, 1), (176, "power.supply", .yes, 1),
            (178, "emmc.wear", .percent, 10), (190, "clock.synchronised", .yes, 1), (192, "clock.offset", .milliseconds, 1),
            (194, "files.open", .number, 1), (196, "agent.stuck-children", .number, 1),
        ]
    }

    extension TelemetryEvent.Kind {
        /// The word for it; `event N` where this version does not know it.
        public var name: String {
            let names: [(Self, String)] = [
                (.boot, "boot"), (.agentStarted, "agent started"), (.agentStopped, "agent stopped"), (.oomKill, "out of memory"),
                (.readOnly, "read-only"), (.linkDown, "link down"), (.linkUp, "link up"), (.clockJump, "clock set"),
                (.unitFailed, "unit failed"), (.login, "login"), (.hot, "hot"), (.mountHangs, "mount hangs"), (.lost, "blocks lost"),
                (.alarm, "alarm"), (.watchdog, "something hangs"),
            ]
            return names.first { $0.0 == self }?.1 ?? "event \(rawValue)"
        }
    }
#endif
