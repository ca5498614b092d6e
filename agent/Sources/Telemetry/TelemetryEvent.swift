internal import Wire

/// Something that happened, beside the samples.
public struct TelemetryEvent: Equatable, Sendable {
    /// What; more may be added.
    public struct Kind: Equatable, Sendable {
        /// The number in blocks.
        public let rawValue: UInt64
        /// Makes a kind of its number.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// The device started anew; the subject says how it went down (`shutdown`, `panic`, `watchdog`, or nothing where that is not known),
        /// the value is the time of the last sample before, milliseconds UTC, or 0.
        public static let boot = Kind(rawValue: 1)
        /// The agent started.
        public static let agentStarted = Kind(rawValue: 2)
        /// The agent was asked to stop.
        public static let agentStopped = Kind(rawValue: 3)
        /// The kernel ended processes for want of memory; the value is how many.
        public static let oomKill = Kind(rawValue: 4)
        /// A file system became read-only; the subject is its mount point.
        public static let readOnly = Kind(rawValue: 5)
        /// An interface lost its link.
        public static let linkDown = Kind(rawValue: 6)
        /// An interface has its link again.
        public static let linkUp = Kind(rawValue: 7)
        /// The clock was set; the value is by how much, milliseconds, ahead where positive.
        public static let clockJump = Kind(rawValue: 8)
        /// A unit of systemd failed, or had when the agent started; the subject is its name.
        public static let unitFailed = Kind(rawValue: 9)
        /// Somebody logged in who did not come through the agent's door; the subject is the user, line and host.
        public static let login = Kind(rawValue: 10)
        /// A sensor is hotter than it may be; the value is in thousandths of a degree.
        public static let hot = Kind(rawValue: 11)
        /// A file system does not answer.
        public static let mountHangs = Kind(rawValue: 12)
        /// Blocks were lost because no disk took them; the value is how many.
        public static let lost = Kind(rawValue: 13)
        /// A sensor's alarm, or the kernel's word of voltage, temperature or current; the subject is the sensor or what the kernel said.
        public static let alarm = Kind(rawValue: 14)
        /// The kernel's watchdogs say that something hangs; the subject is what they said.
        public static let watchdog = Kind(rawValue: 15)
    }

    /// What happened.
    public let kind: Kind
    /// When, milliseconds UTC since 1970, by the device's clock.
    public let time: UInt64
    /// To what; foreign bytes, at most ``Series/subjectSizeLimit``.
    public let subject: [UInt8]
    /// A number; the kind says of what.
    public let value: Int64

    /// Makes an event; a subject that is too long is cut.
    public init(_ kind: Kind, time: UInt64, subject: [UInt8] = [], value: Int64 = 0) {
        self.kind = kind
        self.time = time
        self.subject = subject.count <= Series.subjectSizeLimit ? subject : Array(subject.prefix(Series.subjectSizeLimit))
        self.value = value
    }

    func write(to writer: inout CBORWriter) {
        writer.array(4)
        writer.unsigned(kind.rawValue)
        writer.unsigned(time)
        writer.byteString(subject)
        writer.integer(value)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        guard try reader.array(limit: 4) == 4 else { throw WireError(.malformed, UInt64(reader.offset)) }
        kind = Kind(rawValue: try reader.unsigned())
        time = try reader.unsigned()
        subject = try reader.byteString(limit: Series.subjectSizeLimit)
        value = try reader.integer()
    }
}
