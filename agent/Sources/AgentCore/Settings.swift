public import Wire

/// Where things lie on the device. Every path has a prefix, so that tests run in a scratch directory.
public struct Settings: Sendable {
    /// Prefix of every path that is looked at: the recorded tree of a test, or empty.
    public var root: [UInt8]
    /// Directory of the agent's own state.
    public var state: [UInt8]
    /// The owner's trust file.
    public var trust: [UInt8]
    /// The controllers whose ledger heads this device witnesses, one verifier key a line.
    public var desks: [UInt8]
    /// sshd's file of keys, which a roster replaces; nil where it is not this process's to write.
    public var keys: [UInt8]?
    /// The daemon's socket.
    public var socket: [UInt8]
    /// What the owner allows.
    public var ownersFile: [UInt8]
    /// Stands there while the owner has shut the door, and may say why.
    public var shutDoor: [UInt8]
    /// agent.conf, which ``Configuration`` reads.
    public var configuration: [UInt8]
    /// The agent's own program, which an upgrade replaces.
    public var program: [UInt8]
    /// How often telemetry is taken and kept.
    var telemetry = TelemetryRecorder.Schedule()

    /// Version of the agent program.
    public static let version: Text = "0.1.0"
    /// Architecture of the program, as agent/build names it.
    #if arch(x86_64)
        static let architecture: Text = "x86_64"
    #elseif arch(arm64)
        static let architecture: Text = "aarch64"
    #else
        static let architecture: Text = "armv7"
    #endif
    /// The user as whom sshd starts `serve`.
    public static let doorUser: Text = "rollcall"
    /// The user as whom shells run where agent.conf names none.
    static var usualShellUser: Text { "nobody" }
    /// Groups that read logs: of who reads files with the role repair, and of the usual user of shells.
    static var logReaders: [Text] { ["adm", "systemd-journal"] }
    /// Microseconds a connection may take to say who is at the door, and as long again until it opens a session.
    public static let openingTimeLimit: UInt64 = 30_000_000
    /// Microseconds a controller has to take the last words of a session that has ended.
    public static let drainTimeLimit: UInt64 = 60_000_000
    /// Microseconds between looks at whether a stream that goes both ways is still allowed.
    static let reviewInterval: UInt64 = 5_000_000
    /// Microseconds after which an open session ends in which nothing runs and no byte went either way; a running probe counts only as
    /// long as the controller takes what it is sent.
    public static let idleTimeLimit: UInt64 = 600_000_000

    /// The standard places below `root`.
    public init(root: [UInt8] = []) {
        let paths: [Text] = [
            "/var/lib/rollcall", "/etc/rollcall/trust", "/etc/rollcall/desks", "/run/rollcall/agent.sock", "/etc/rollcall/agent.conf",
            "/etc/rollcall/owner.conf", "/etc/rollcall/shut", "/etc/rollcall/authorized_keys", "/usr/bin/rollcall-agent",
        ]
        self.root = root
        state = root + paths[0].bytes
        trust = root + paths[1].bytes
        desks = root + paths[2].bytes
        socket = root + paths[3].bytes
        configuration = root + paths[4].bytes
        ownersFile = root + paths[5].bytes
        shutDoor = root + paths[6].bytes
        keys = root + paths[7].bytes
        program = root + paths[8].bytes
    }
}
