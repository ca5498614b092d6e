/// What is measured, by a number that never changes its meaning; docs/TELEMETRY.md has the table. Odd numbers are counters, whose steps
/// mean something, even ones gauges.
public struct Metric: Equatable, Hashable, Sendable {
    /// The number in blocks.
    public let rawValue: UInt64
    /// Makes a metric of its number.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// Whether it only grows, until it begins anew.
    public var isCounter: Bool { rawValue & 1 == 1 }

    /// Time of the tick, milliseconds UTC since 1970; every block has it once, for all of its ticks.
    public static let time = Metric(rawValue: 1)

    /// Time of the processors in user programs; hundredths of a second, as all of processors.
    public static let cpuUser = Metric(rawValue: 11)
    /// Time in user programs that give way to others.
    public static let cpuNice = Metric(rawValue: 5)
    /// Time in the kernel.
    public static let cpuSystem = Metric(rawValue: 13)
    /// Time with nothing to do.
    public static let cpuIdle = Metric(rawValue: 15)
    /// Time with nothing to do but wait for disks.
    public static let cpuWait = Metric(rawValue: 17)
    /// Time in interrupts, and in what they put off.
    public static let cpuInterrupt = Metric(rawValue: 19), cpuSoftInterrupt = Metric(rawValue: 7)
    /// Time that a hypervisor gave to others.
    public static let cpuSteal = Metric(rawValue: 21)
    /// Time of one processor with something to do; the subject is its number.
    public static let cpuBusy = Metric(rawValue: 23)
    /// Switches from one task to another, in 64.
    public static let contextSwitches = Metric(rawValue: 25)
    /// Interrupts, in 64.
    public static let interrupts = Metric(rawValue: 27)
    /// Processes and threads begun.
    public static let forks = Metric(rawValue: 29)
    /// Tasks that run or could.
    public static let tasksRunning = Metric(rawValue: 30)
    /// Tasks that the kernel holds (state D).
    public static let tasksBlocked = Metric(rawValue: 32)
    /// Tasks in all.
    public static let tasks = Metric(rawValue: 34)
    /// Mean number of tasks that wanted to run over 1, 5 and 15 minutes, in hundredths.
    public static let load1 = Metric(rawValue: 36), load5 = Metric(rawValue: 38), load15 = Metric(rawValue: 40)

    /// Memory in all, in 64 KiB, as all of memory.
    public static let memoryTotal = Metric(rawValue: 50)
    /// Memory that programs could still get.
    public static let memoryAvailable = Metric(rawValue: 52)
    /// Memory that nothing uses.
    public static let memoryFree = Metric(rawValue: 54)
    /// Memory that holds files.
    public static let memoryCached = Metric(rawValue: 56)
    /// Memory that is to be written to disks.
    public static let memoryDirty = Metric(rawValue: 58)
    /// Memory of the kernel's own objects.
    public static let memorySlab = Metric(rawValue: 60)
    /// Memory that is no file's.
    public static let memoryAnonymous = Metric(rawValue: 62)
    /// Memory shared between programs, and files of memory.
    public static let memoryShared = Metric(rawValue: 64)
    /// Swap in all and free.
    public static let swapTotal = Metric(rawValue: 66), swapFree = Metric(rawValue: 68)
    /// Pages that came from swap and went there.
    public static let swapIn = Metric(rawValue: 71), swapOut = Metric(rawValue: 73)
    /// Pages that had to be read from a disk.
    public static let majorFaults = Metric(rawValue: 75)
    /// Processes that the kernel ended for want of memory.
    public static let oomKills = Metric(rawValue: 77)

    /// Time in which some task waited for the processor, in 1,024 microseconds, as all pressure.
    public static let pressureCPU = Metric(rawValue: 81)
    /// Time in which some task, or every one, waited for memory.
    public static let pressureMemory = Metric(rawValue: 83), pressureMemoryFull = Metric(rawValue: 85)
    /// Time in which some task, or every one, waited for disks.
    public static let pressureDisk = Metric(rawValue: 87), pressureDiskFull = Metric(rawValue: 89)

    /// Reads and writes of a disk; the subject is its name, as for all of disks.
    public static let diskReads = Metric(rawValue: 101), diskWrites = Metric(rawValue: 103)
    /// What was read and written, KiB.
    public static let diskRead = Metric(rawValue: 105), diskWritten = Metric(rawValue: 107)
    /// Time with something to do, milliseconds.
    public static let diskBusy = Metric(rawValue: 109)
    /// Time that requests took, all together, milliseconds.
    public static let diskWait = Metric(rawValue: 111)

    /// What an interface received and sent, in 256 bytes; the subject is its name, as for all of interfaces.
    public static let received = Metric(rawValue: 121), sent = Metric(rawValue: 123)
    /// Packets received and sent.
    public static let packetsReceived = Metric(rawValue: 125), packetsSent = Metric(rawValue: 127)
    /// Packets received and sent with errors.
    public static let receiveErrors = Metric(rawValue: 129), sendErrors = Metric(rawValue: 131)
    /// Packets dropped on the way in and out.
    public static let receiveDrops = Metric(rawValue: 133), sendDrops = Metric(rawValue: 135)
    /// Whether it has a link: 1 or 0.
    public static let link = Metric(rawValue: 136)
    /// Strength of a radio signal, dBm.
    public static let signal = Metric(rawValue: 138)
    /// TCP segments sent, and sent again.
    public static let segmentsSent = Metric(rawValue: 141), retransmits = Metric(rawValue: 143)
    /// TCP connections that stand.
    public static let connections = Metric(rawValue: 144)
    /// UDP datagrams that were lost on the way to their program.
    public static let datagramErrors = Metric(rawValue: 147)

    /// Space of a file system, all and still to be had, in 64 KiB; the subject is its mount point, as for all of file systems.
    public static let space = Metric(rawValue: 150), spaceAvailable = Metric(rawValue: 152)
    /// Inodes of a file system, all and free.
    public static let inodes = Metric(rawValue: 154), inodesFree = Metric(rawValue: 156)
    /// Whether it is read-only: 1 or 0.
    public static let readOnly = Metric(rawValue: 158)
    /// Whether it did not answer: 1 or 0.
    public static let mountHangs = Metric(rawValue: 160)

    /// A temperature, thousandths of a degree Celsius; the subject is the sensor.
    public static let temperature = Metric(rawValue: 170)
    /// Voltage of a sensor, millivolts.
    public static let voltage = Metric(rawValue: 172)
    /// Charge of a battery, percent.
    public static let charge = Metric(rawValue: 174)
    /// Whether a power supply is there: 1 or 0.
    public static let supply = Metric(rawValue: 176)
    /// Wear of an eMMC device, in tenths of its life: the higher of its two figures.
    public static let wear = Metric(rawValue: 178)

    /// Whether the clock is synchronised: 1 or 0.
    public static let clockSynchronised = Metric(rawValue: 190)
    /// How far the clock is known to be off, milliseconds.
    public static let clockOffset = Metric(rawValue: 192)
    /// Open files of the machine.
    public static let openFiles = Metric(rawValue: 194)
    /// Children of the agent that the kernel holds.
    public static let stuckChildren = Metric(rawValue: 196)
}

/// One metric of one thing.
public struct Series: Equatable, Hashable, Sendable {
    /// What is measured.
    public let metric: Metric
    /// Of what: a disk, an interface, a mount point, a sensor; empty where there is only one. At most ``subjectSizeLimit`` foreign bytes.
    public let subject: [UInt8]

    /// Longest subject, bytes.
    public static let subjectSizeLimit = 64

    /// Names a series; a subject that is too long is cut.
    public init(_ metric: Metric, _ subject: [UInt8] = []) {
        self.metric = metric
        self.subject = subject.count <= Self.subjectSizeLimit ? subject : Array(subject.prefix(Self.subjectSizeLimit))
    }
}
