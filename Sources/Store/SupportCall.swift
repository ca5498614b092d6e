/// One support case: a customer, a device, and how it ended.
public struct SupportCall: Equatable, Sendable {
    /// How a call ends.
    public enum Outcome: String, CaseIterable, Sendable {
        /// It works again, by what was done from the desk.
        case fixedRemotely = "fixed-remotely"
        /// It works again, by what the customer was asked to do.
        case customerAction = "customer-action"
        /// Nothing was wrong.
        case noFaultFound = "no-fault-found"
        /// Somebody has to go there.
        case visitNeeded = "visit-needed"
        /// The device could not be reached, and nothing else was found out.
        case unreachable
        /// The call ended without an answer.
        case abandoned
    }

    /// Whether a truck would have rolled without Rollcall: asked once, when the call is opened, and never changed.
    public enum WouldRoll: String, CaseIterable, Sendable {
        /// It would.
        case yes
        /// It would not.
        case no
        /// Nobody knows.
        case unsure
    }

    /// How a call ended, and what the next one to look at it should know.
    public struct Closing: Equatable, Sendable {
        /// How it ended.
        public var outcome: Outcome
        /// Free text.
        public var notes: String
        /// What a visit must bring.
        public var parts: String
        /// What a visitor must be able to do.
        public var skill: String

        /// Makes a closing of its parts.
        public init(outcome: Outcome, notes: String = "", parts: String = "", skill: String = "") {
            (self.outcome, self.notes, self.parts, self.skill) = (outcome, notes, parts, skill)
        }
    }

    /// Id: a UUIDv7.
    public var id: String
    /// The device it is about.
    public var device: DeviceReference
    /// Number of the case in the ticket system, or empty.
    public var caseID: String
    /// What the customer says.
    public var symptom: String
    /// Whether a truck would have rolled.
    public var wouldRoll: WouldRoll
    /// Who took the call; empty once that person was erased.
    public var operatorName: String
    /// Microseconds UTC.
    public var openedAt: Int64
    /// Microseconds UTC; nil while the call is open.
    public var closedAt: Int64?
    /// How it ended; nil while it is open.
    public var closing: Closing?

    /// Whether the call claims an avoided truck roll: fixed remotely, and a truck would have rolled.
    public var claimsAvoidedRoll: Bool { closing?.outcome == .fixedRemotely && wouldRoll == .yes }

    /// Until when an avoided roll is provisional, microseconds UTC; nil where none is claimed.
    ///
    /// - Parameter window: How long the fix must hold.
    public func provisionalUntil(window: Duration) -> Int64? {
        guard claimsAvoidedRoll, let closedAt else { return nil }
        return closedAt + window.microseconds
    }
}

extension Duration {
    /// The duration in microseconds, rounded toward zero.
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}

/// Which calls are meant; what is nil does not matter.
public struct CallSelection: Equatable, Sendable {
    /// Id of the device.
    public var device: String?
    /// Opened at or after, microseconds UTC.
    public var since: Int64?
    /// Only calls that are open, or only closed ones.
    public var isOpen: Bool?
    /// At most so many.
    public var limit: Int

    /// Makes a selection of its parts.
    public init(device: String? = nil, since: Int64? = nil, isOpen: Bool? = nil, limit: Int = 1_000) {
        (self.device, self.since, self.isOpen, self.limit) = (device, since, isOpen, limit)
    }
}
