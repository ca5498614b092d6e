public import Wire

/// What agent.conf says.
public struct Configuration: Equatable, Sendable {
    /// `require-sandbox`: whether a probe is refused where the kernel cannot confine it.
    public var requiresSandbox = false
    /// `session-limit`: sessions at once, 1 to 64.
    public var sessionCountLimit = 16
    /// `ledger-size`: bytes of ledger beyond which the oldest half becomes one gap, 64 KiB to 64 MiB.
    public var ledgerSizeLimit: UInt64 = 1 << 20
    /// `read-path`: absolute paths beneath which the role repair reads files; the role shell reads everywhere. Empty: the usual ones.
    public var readPaths: [[UInt8]] = []
    /// `write-path`: absolute paths beneath which the role shell writes files. Empty: the usual ones.
    public var writePaths: [[UInt8]] = []
    /// `tunnel`: where the role shell may connect to, as `ADDRESS:PORT` with a numeric address, `[ADDRESS]:PORT` for IPv6.
    public var tunnels: [[UInt8]] = []
    /// `shell-user`: as whom shells run; nil: ``Settings/usualShellUser``.
    public var shellUser: Text?
    /// `telemetry`: whether the daemon samples the device.
    public var keepsTelemetry = true
    /// `telemetry-interval`: seconds between samples, 1 to 600.
    public var telemetrySeconds: UInt64 = 10

    /// Where the role repair reads.
    var readable: [[UInt8]] {
        let usual: Text = "/etc /proc /run/log /sys /var/log"
        return readPaths.isEmpty ? usual.bytes.split(separator: 32).map { Array($0) } : readPaths
    }

    /// Where the role shell writes.
    var writable: [[UInt8]] {
        let usual: Text = "/home /opt /srv /tmp /var/tmp"
        return writePaths.isEmpty ? usual.bytes.split(separator: 32).map { Array($0) } : writePaths
    }

    /// What holds where the file says nothing.
    public init() {}

    /// Every key of agent.conf; ``take(_:_:)`` goes by the places.
    private static var keys: [ConfigurationKey] {
        [
            ConfigurationKey(name: "require-sandbox", form: "yes, or no"),
            ConfigurationKey(name: "session-limit", form: "and a number from 1 to 64"),
            ConfigurationKey(name: "ledger-size", form: "and a size from 64KiB to 64MiB"),
            ConfigurationKey(name: "read-path", form: "and an absolute path, without . and .. in it", isRepeatable: true),
            ConfigurationKey(name: "write-path", form: "and an absolute path, without . and .. in it", isRepeatable: true),
            ConfigurationKey(name: "tunnel", form: "and an ADDRESS:PORT in numbers", isRepeatable: true),
            ConfigurationKey(name: "shell-user", form: "and the name of a user, not rollcall"),
            ConfigurationKey(name: "telemetry", form: "on, or off"),
            ConfigurationKey(name: "telemetry-interval", form: "and a number of seconds from 1 to 600"),
        ]
    }

    private mutating func take(_ key: Int, _ word: [UInt8]) -> Bool {
        switch key {
        case 0:
            let (yes, no): (Text, Text) = ("yes", "no")
            requiresSandbox = word == yes.bytes
            return requiresSandbox || word == no.bytes
        case 1:
            guard let count = Decimal.unsigned(word[...]), (1...64).contains(count) else { return false }
            sessionCountLimit = Int(count)
        case 3:
            readPaths.append(word)
            return FilePath.isPlain(word)
        case 4:
            writePaths.append(word)
            return FilePath.isPlain(word)
        case 5:
            tunnels.append(word)
            return TunnelTarget(word) != nil
        case 6:
            shellUser = Text(word)
            // Who is the relay's user may tell the agent who is at the door.
            return word.count <= 64 && word != Settings.doorUser.bytes
        case 7:
            let (on, off): (Text, Text) = ("on", "off")
            keepsTelemetry = word == on.bytes
            return keepsTelemetry || word == off.bytes
        case 8:
            guard let seconds = Decimal.unsigned(word[...]), (1...600).contains(seconds) else { return false }
            telemetrySeconds = seconds
        default:
            guard let size = Decimal.size(word), (64 << 10...64 << 20).contains(size) else { return false }
            ledgerSizeLimit = size
        }
        return true
    }

    /// Reads what stands in an agent.conf.
    ///
    /// - Throws: `.configuration` with the number of the first line that is not understood.
    public init(_ file: ConfigurationFile) throws(Refusal) {
        var reader = ConfigurationReader(file, keys: Self.keys)
        do throws(ConfigurationMistake) {
            while let (key, value) = try reader.next() {
                if !take(key, value) { throw reader.mistake(key) }
            }
        } catch {
            throw Refusal(.configuration, error.sentence("agent.conf") + "; correct it.")
        }
    }

    /// Reads the agent.conf at `path`; where there is none, everything is as it is without it.
    ///
    /// - Throws: `.configuration`, where it cannot be read too.
    init(kernel: Kernel, path: [UInt8]) throws(Refusal) {
        let file: ConfigurationFile
        do throws(Errno) { file = try ConfigurationFile(kernel: kernel, path: path) } catch {
            let problem: Text = .decimal(UInt64(error.rawValue.magnitude))
            throw Refusal(.configuration, "The agent cannot read its agent.conf (errno " + problem + "); mend its permissions or size.")
        }
        try self.init(file)
    }
}
