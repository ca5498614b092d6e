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
    /// The daemon's socket.
    public var socket: [UInt8]
    /// What the owner allows.
    public var ownersFile: [UInt8]
    /// Stands there while the owner has shut the door, and may say why.
    public var shutDoor: [UInt8]
    /// The file of settings.
    public var configuration: [UInt8]
    /// The agent's own program, which an upgrade replaces.
    public var program: [UInt8]
    /// `require-sandbox`: whether a probe is refused where the kernel cannot confine it.
    public var requiresSandbox = false

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
    /// Sessions at once.
    public static let sessionCountLimit = 16
    /// Microseconds a connection may take to say who is at the door, and as long again until it opens a session.
    public static let openingTimeLimit: UInt64 = 30_000_000
    /// Microseconds a controller has to take the last words of a session that has ended.
    public static let drainTimeLimit: UInt64 = 60_000_000
    /// Microseconds after which an open session ends in which nothing runs and no byte went either way; a running probe counts only as
    /// long as the controller takes what it is sent.
    public static let idleTimeLimit: UInt64 = 600_000_000

    /// The standard places below `root`.
    public init(root: [UInt8] = []) {
        let paths: [Text] = [
            "/var/lib/rollcall", "/etc/rollcall/trust", "/etc/rollcall/desks", "/run/rollcall/agent.sock", "/etc/rollcall/agent.conf",
            "/etc/rollcall/owner.conf", "/etc/rollcall/shut", "/usr/bin/rollcall-agent",
        ]
        self.root = root
        state = root + paths[0].bytes
        trust = root + paths[1].bytes
        desks = root + paths[2].bytes
        socket = root + paths[3].bytes
        configuration = root + paths[4].bytes
        ownersFile = root + paths[5].bytes
        shutDoor = root + paths[6].bytes
        program = root + paths[7].bytes
    }
}

/// agent.conf.
extension Settings {
    /// Reads the file; where there is none everything stays as it is.
    ///
    /// - Throws: `.configuration` with the number of the first line that is not understood: a setting that is passed over would be a
    ///   limit the owner believes in.
    mutating func readConfiguration(_ kernel: Kernel) throws(Refusal) {
        let file: ConfigurationFile
        do throws(Errno) { file = try ConfigurationFile(kernel: kernel, path: configuration) } catch {
            let problem: Text = .decimal(UInt64(error.rawValue.magnitude))
            throw Refusal(.configuration, "The agent cannot read its agent.conf (errno " + problem + ").")
        }
        let (sandbox, yes, no): (Text, Text, Text) = ("require-sandbox", "yes", "no")
        var isSet = false
        for line in file.lines {
            guard line.words[0] == sandbox.bytes else { throw Self.mistake(line.number, "names no setting that this agent knows") }
            if isSet { throw Self.mistake(line.number, "says require-sandbox for the second time") }
            guard line.words.count == 2, [yes.bytes, no.bytes].contains(line.words[1]) else {
                throw Self.mistake(line.number, "should say require-sandbox yes, or require-sandbox no")
            }
            requiresSandbox = line.words[1] == yes.bytes
            isSet = true
        }
    }

    private static func mistake(_ line: UInt64, _ what: Text) -> Refusal {
        Refusal(.configuration, "Line " + .decimal(line) + " of agent.conf " + what + "; correct it and start the agent again.")
    }
}
