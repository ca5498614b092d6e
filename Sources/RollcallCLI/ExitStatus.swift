internal import Diagnosis

/// Exit codes: one for each kind of trouble, stable, listed in docs/EXIT-CODES.md.
///
/// `diagnose`, `call`, `sweep` and `probes try` exit with the monitoring convention when they could do their work: 0 ok, 1 warning, 2 critical, 3 unknown.
public struct ExitStatus: Equatable, Sendable {
    /// The number given to the shell.
    public let rawValue: Int32

    init(_ rawValue: Int32) { self.rawValue = rawValue }

    /// Everything asked for was done.
    public static let success = ExitStatus(0)
    /// The command line cannot be understood.
    public static let usage = ExitStatus(64)
    /// A file that was to be read is not in its format.
    public static let badData = ExitStatus(65)
    /// No such device, call, probe or file.
    public static let notFound = ExitStatus(66)
    /// The device's sshd did not accept what was offered: a key, a password or answers.
    public static let authenticationRefused = ExitStatus(67)
    /// The device cannot be reached: name, route, port or network.
    public static let unreachable = ExitStatus(68)
    /// The device shows another host key than the pinned one.
    public static let hostKeyChanged = ExitStatus(69)
    /// A defect in Rollcall.
    public static let internalError = ExitStatus(70)
    /// No host key is pinned, and none was accepted.
    public static let hostKeyUnknown = ExitStatus(71)
    /// Nothing at the door speaks Rollcall's protocol, or the agent is down.
    public static let noAgent = ExitStatus(72)
    /// The agent speaks another version of the protocol.
    public static let protocolVersion = ExitStatus(73)
    /// The time allowed passed without an answer.
    public static let timedOut = ExitStatus(74)
    /// The connection broke during a session.
    public static let connectionLost = ExitStatus(75)
    /// The store is locked by another process.
    public static let storeLocked = ExitStatus(76)
    /// The store cannot be written: disk full, read-only or an I/O error.
    public static let storeFull = ExitStatus(77)
    /// The store is damaged, or written by a newer version.
    public static let storeUnusable = ExitStatus(78)
    /// The role of the key used does not allow it.
    public static let notAllowed = ExitStatus(79)
    /// A parameter is missing, unknown or out of its range.
    public static let parameter = ExitStatus(80)
    /// Too few trusted reviewers signed the catalogue or roster.
    public static let catalogueUnsigned = ExitStatus(81)
    /// The catalogue or roster has expired.
    public static let catalogueExpired = ExitStatus(82)
    /// The catalogue's or roster's version is not above the one in force.
    public static let catalogueRolledBack = ExitStatus(83)
    /// The catalogue's or roster's content is not what was signed.
    public static let catalogueTampered = ExitStatus(84)
    /// The catalogue or roster was refused for another reason.
    public static let catalogueRefused = ExitStatus(85)
    /// The probe ran into its time limit.
    public static let probeTimedOut = ExitStatus(86)
    /// The probe wrote more than its limit; the answer is incomplete.
    public static let probeOutputCut = ExitStatus(87)
    /// A signal ended the probe, or it exited with a status that is no answer.
    public static let probeFailed = ExitStatus(88)
    /// The probe is stuck in the device's kernel.
    public static let probeStuck = ExitStatus(89)
    /// The agent refused the request for another reason.
    public static let refused = ExitStatus(90)
    /// The record does not hold: an entry is altered or missing, or the two sides disagree.
    public static let recordBroken = ExitStatus(91)
    /// The remedy ran, but what it should have mended is still there, or cannot be told.
    public static let notFixed = ExitStatus(92)
    /// A person said no.
    public static let declined = ExitStatus(93)
    /// A tool or package that is needed is not installed.
    public static let missingTool = ExitStatus(94)
    /// The device could not be enrolled.
    public static let enrolmentFailed = ExitStatus(95)
    /// The roster would lock out everyone, or who pushes it.
    public static let lockOut = ExitStatus(96)
    /// A shell did not come to its own end: the owner, the agent or the operator ended it.
    public static let shellEnded = ExitStatus(97)
    /// A local file cannot be read or written, or is there already.
    public static let localFile = ExitStatus(98)
    /// A file of the device cannot be read or written.
    public static let deviceFile = ExitStatus(99)
    /// The device is in use by what a remedy would disturb, or that could not be found out.
    public static let inUse = ExitStatus(100)
}

/// An error ready for a person: what happened, to what, and what to do next.
public struct CommandFailure: Error, Sendable {
    /// How the process exits.
    public let status: ExitStatus
    /// Stable word for the kind, for `--json`.
    public let kind: String
    /// What happened, one sentence, safe for a terminal.
    public let sentence: String
    /// What to do next, one sentence; empty where there is nothing to do.
    public let nextStep: String

    /// Makes a failure of its parts.
    ///
    /// A sentence that ends in another's words keeps one full stop. What stands in either that a terminal would obey is escaped.
    public init(_ status: ExitStatus, kind: String, _ sentence: String, next: String) {
        self.status = status
        self.kind = kind
        let plain = Self.plain(sentence)
        self.sentence = plain.hasSuffix("..") ? String(plain.dropLast()) : plain
        self.nextStep = Self.plain(next)
    }

    private static func plain(_ text: String) -> String {
        text.split(separator: "\n", omittingEmptySubsequences: false).map { displayed(String($0), limit: 2_000) }.joined(separator: "\n")
    }
}
