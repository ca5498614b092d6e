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
    /// The owner's file of settings.
    public var configuration: [UInt8]
    /// `require-sandbox`: whether a probe is refused where the kernel cannot confine it.
    public var requiresSandbox = false

    /// Version of the agent program.
    public static let version: Text = "0.1.0"
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
        ]
        self.root = root
        state = root + paths[0].bytes
        trust = root + paths[1].bytes
        desks = root + paths[2].bytes
        socket = root + paths[3].bytes
        configuration = root + paths[4].bytes
    }
}

/// agent.conf: lines `key value`; empty ones and those that begin with `#` are passed over.
extension Settings {
    /// Longest agent.conf, bytes.
    private static let configurationSizeLimit = 65_536

    /// Reads the owner's file; where there is none everything stays as it is.
    ///
    /// - Throws: `.configuration` with the number of the first line that is not understood: a setting that is passed over would be a
    ///   limit the owner believes in.
    mutating func readConfiguration(_ kernel: Kernel) throws(Refusal) {
        let content: [UInt8]
        do throws(Errno) {
            content = try kernel.content(of: configuration, limit: Self.configurationSizeLimit)
        } catch {
            if error == .noEntry { return }
            let problem: Text = .decimal(UInt64(error.rawValue.magnitude))
            throw Refusal(.configuration, "The agent cannot read its agent.conf (errno " + problem + ").")
        }
        var number: UInt64 = 0
        var isSet = false
        for line in content.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
            guard let key = words.first, key.first != 35 else { continue }
            let (sandbox, yes, no): (Text, Text, Text) = ("require-sandbox", "yes", "no")
            guard Array(key) == sandbox.bytes else { throw Self.mistake(number, "names no setting that this agent knows") }
            if isSet { throw Self.mistake(number, "says require-sandbox for the second time") }
            guard words.count == 2, [yes.bytes, no.bytes].contains(Array(words[1])) else {
                throw Self.mistake(number, "should say require-sandbox yes, or require-sandbox no")
            }
            requiresSandbox = Array(words[1]) == yes.bytes
            isSet = true
        }
    }

    private static func mistake(_ line: UInt64, _ what: Text) -> Refusal {
        Refusal(.configuration, "Line " + .decimal(line) + " of agent.conf " + what + "; correct it and start the agent again.")
    }
}
