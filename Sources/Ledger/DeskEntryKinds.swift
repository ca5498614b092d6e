public import LedgerCore
public import Wire

/// Kinds of entry that only a desk's log holds.
extension LedgerEntry.Kind {
    /// A device came into the inventory; the subject is its name, the digest that of its pinned host keys.
    public static let deviceAdded = LedgerEntry.Kind(name: "device.added")
    /// The agent is about to be installed over a root login; the subject is the device's name.
    public static let enrolmentStarted = LedgerEntry.Kind(name: "enrolment.started")
    /// A catalogue is about to be pushed; the subject is its version, the digest its header's.
    public static let catalogueOffered = LedgerEntry.Kind(name: "catalogue.offered")
    /// A roster is about to be pushed; the subject is its version, the digest its header's.
    public static let rosterOffered = LedgerEntry.Kind(name: "roster.offered")
    /// A roster was packed to be signed; the subject is its version, the digest its header's.
    public static let rosterPacked = LedgerEntry.Kind(name: "roster.packed")
    /// An operator was added for the rosters to come; the subject is the role, the digest that of the keys, the detail until when.
    public static let operatorAdded = LedgerEntry.Kind(name: "operator.added")
    /// An operator was revoked; the subject is the role, the digest that of the keys, the detail the reason.
    public static let operatorRevoked = LedgerEntry.Kind(name: "operator.revoked")
    /// An operator's expiry was set; the subject is the role, the digest that of the keys, the detail until when.
    public static let operatorExpirySet = LedgerEntry.Kind(name: "operator.expiry")
    /// The agent is about to be removed from a device with its ledger and keys; the subject is the device's name.
    public static let purgeStarted = LedgerEntry.Kind(name: "purge.started")
    /// Other hardware stands in a device's place under its name; the digest is that of the new host keys, the detail the reason, and the
    /// checkpoint the old ledger's head that was seen last.
    public static let deviceReplaced = LedgerEntry.Kind(name: "device.replaced")
    /// An agent is about to be pushed; the subject is its version, the digest its header's.
    public static let agentOffered = LedgerEntry.Kind(name: "agent.offered")
    /// A shell is about to be recorded; the subject is the file's name.
    public static let recordingOpened = LedgerEntry.Kind(name: "recording.opened")
    /// A recording ended; the subject is the file's name, the digest that of the file, the count its bytes, the detail what ended it early.
    public static let recordingClosed = LedgerEntry.Kind(name: "recording.closed")
    /// A device left the inventory; the subject is its name, the detail says whether the agent was taken off it.
    public static let deviceRemoved = LedgerEntry.Kind(name: "device.removed")
    /// A device's host keys were replaced on purpose; the digest is that of the new ones, the detail the reason.
    public static let hostKeysReplaced = LedgerEntry.Kind(name: "device.rekeyed")
    /// Findings were put together; the subject is the worst severity, the digest that of the verdict's JSON, the count the exit code.
    public static let verdictRecorded = LedgerEntry.Kind(name: "verdict.recorded")
    /// A remedy was judged by asking again; the subject is the remedy, the detail the finding and what became of it.
    public static let fixJudged = LedgerEntry.Kind(name: "fix.judged")
    /// A device was asked whether it is in use by what a remedy would disturb; the subject is the remedy, the detail `idle`, `in-use` or
    /// `unknown`, with by what, and why it was done all the same where somebody said so.
    public static let useJudged = LedgerEntry.Kind(name: "use.judged")
    /// A device was asked whether a remedy changes anything; the subject is the remedy, the detail `other`, `same` or `unknown`, with why.
    public static let priorJudged = LedgerEntry.Kind(name: "prior.judged")
    /// A remedy is about to be taken back; the subject is the remedy, the detail the session and request in which it had run.
    public static let undoStarted = LedgerEntry.Kind(name: "undo.started")
    /// A remedy was taken back; the subject is the remedy, the detail the session and request in which it had run.
    public static let remedyUndone = LedgerEntry.Kind(name: "remedy.undone")
    /// The caller was asked the questions of a probe; the subject is the probe, the digest that of a salt and the answers, the count how
    /// many were asked.
    public static let callerAnswered = LedgerEntry.Kind(name: "caller.answered")
    /// A sweep began; the subject is its id, the count its targets, the detail the selection.
    public static let sweepStarted = LedgerEntry.Kind(name: "sweep.started")
    /// A sweep's target came to its end; the subject is the sweep, the detail the state.
    public static let sweepTargetEnded = LedgerEntry.Kind(name: "sweep.target")
    /// A person's name was erased from beside the log; the count is the number of entries that lost it.
    public static let personErased = LedgerEntry.Kind(name: "person.erased")
}

extension Done.Ending {
    /// The word for the ending in the detail of `probe.answered`.
    public var word: Text {
        switch self {
        case .exited: "exited"
        case .signalled: "signalled"
        case .timedOut: "timed-out"
        case .abandoned: "abandoned"
        case .notStarted: "not-started"
        case .cancelled: "cancelled"
        default: "ending-" + Text.decimal(rawValue)
        }
    }
}
