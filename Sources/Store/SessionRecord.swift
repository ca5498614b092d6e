public import Wire

/// One session with a device's agent, as the desk knows it.
public struct SessionRecord: Equatable, Sendable {
    /// Id on both sides' ledgers: a UUIDv7.
    public var id: String
    /// Id of the device.
    public var device: String
    /// Id of the call; nil outside a call.
    public var call: String?
    /// Who opened it; empty once that person was erased.
    public var operatorName: String
    /// Why.
    public var reason: String
    /// Microseconds UTC.
    public var startedAt: Int64
    /// Microseconds UTC; nil while it lasts, or where this program ended before it did.
    public var endedAt: Int64?
    /// Version of the agent, from its hello.
    public var agentVersion: String?
    /// Boot id of the device, from its hello.
    public var agentBoot: String?
    /// The agent's clock at its hello, microseconds UTC.
    public var agentClock: Int64?
    /// The role in force.
    public var role: String?
    /// Size of our ledger that was offered last; nil before the first offer.
    public var offeredSize: UInt64?
    /// What the device made of it.
    public var witnessStatus: UInt64?
    /// The agent's ledger head before the session, a signed note.
    public var headBefore: [UInt8]?
    /// The agent's ledger head after the session, a signed note.
    public var headAfter: [UInt8]?
    /// Why it failed; nil where it did not.
    public var errorCode: String?
}

/// One request of a session.
public struct RequestRecord: Equatable, Sendable {
    /// Number within the session.
    public var number: UInt64
    /// Id of the probe.
    public var probe: String
    /// Its parameters as JSON: an array of `[name, value]`.
    public var parameters: String
    /// Microseconds UTC.
    public var requestedAt: Int64
    /// Microseconds UTC; nil while no answer is on record.
    public var answeredAt: Int64?
    /// How it ended: the words of `probe.answered`, or `refused`; nil while no answer is on record.
    public var ending: String?
    /// Exit status, signal or errno.
    public var code: UInt64?
    /// Digest of the answer, 32 bytes.
    public var digest: [UInt8]?
    /// Bytes of the answer.
    public var byteCount: UInt64?
    /// Bytes that the agent cut off.
    public var cutByteCount: UInt64?
    /// Wall time on the device, microseconds.
    public var duration: UInt64?
    /// The rule of a refusal.
    public var rule: String?
}

/// What came back for a request.
public enum RequestEnd: Sendable {
    /// The agent ran it. The digest to record is the one that this side computed.
    case done(Done, digest: [UInt8])
    /// The agent refused it.
    case refused(Refused)
}

/// What a look at a device's ledger head came to.
public struct HeadJudgement: Equatable, Sendable {
    /// The device's own head.
    public enum Head: String, Sendable {
        /// None came.
        case none
        /// Signed by the key pinned for the device, and not shorter than the one before.
        case verified
        /// The device is not enrolled, so that there is no key to check it with.
        case unknownKey = "unknown-key"
        /// Unreadable, or not signed by the key pinned for the device.
        case badSignature = "bad-signature"
        /// None came, though there is one on record: the device does not say any more what it said before.
        case withheld
        /// Shorter than the head seen before: the device lost or dropped its history.
        case shorter
        /// As long as the head seen before, with another root: the device's history was rewritten.
        case rewritten
    }

    /// What the device is as a witness of our log.
    public enum Witness: String, Sendable {
        /// It vouched for nothing, or was offered nothing.
        case none
        /// It cosigned our head, and the cosignature is valid.
        case cosigned
        /// It accepted our head without a cosignature that this side could check.
        case accepted
        /// It gave a cosignature that is not valid.
        case badCosignature = "bad-cosignature"
        /// The proof began at another size than it saw last; the next offer begins there.
        case otherSize = "other-size"
        /// It says that our log does not continue what it saw: history was rewritten, here or there.
        case inconsistent
    }

    /// The device's own head.
    public var head: Head
    /// Our head as the device sees it.
    public var witness: Witness

    /// Whether the device has a record of its own, and vouches for nothing of ours: it does not know this desk's key, as a rule.
    public var isUnwitnessed: Bool { witness == .none && head != .none }

    /// Whether nobody has to look into it.
    public var isQuiet: Bool {
        ![.badSignature, .withheld, .shorter, .rewritten].contains(head) && ![.badCosignature, .inconsistent].contains(witness)
    }
}
