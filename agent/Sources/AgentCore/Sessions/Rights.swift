public import Catalogue
public import Wire

/// What sshd's `command=` says an operator may do, from less to more.
public enum Role: UInt8, Sendable {
    /// Ask.
    case observe = 1
    /// Also change, by vetted probes, and renew what is signed.
    case repair = 2
    /// Also what no catalogue vetted.
    case shell = 3

    /// Reads a role's word; nil for any other.
    public init?(_ word: Text) {
        let words: [(Text, Role)] = [("observe", .observe), ("repair", .repair), ("shell", .shell)]
        for (name, role) in words where name == word {
            self = role
            return
        }
        return nil
    }

    /// The role's word.
    public var name: Text {
        switch self {
        case .observe: "observe"
        case .repair: "repair"
        case .shell: "shell"
        }
    }
}

/// What can be asked of the agent, and who may: the one table that decides.
public enum Action: Sendable {
    /// Run a probe of this impact.
    case probe(Impact)
    /// Read the device's ledger.
    case entries
    /// Put a signed catalogue in force.
    case pushCatalogue
    /// Put a signed agent in this one's place.
    case pushAgent

    /// The least role that may, and whether it must be on the disk, and the catalogue in time, before it begins.
    private var row: (leastRole: Role, isChange: Bool) {
        switch self {
        case .probe(.observe): (.observe, false)
        case .probe(.disturb): (.repair, true)
        case .probe(.change): (.repair, true)
        case .entries: (.observe, false)
        // By these an agent and a catalogue are mended that have grown too old.
        case .pushCatalogue, .pushAgent: (.repair, false)
        }
    }

    /// Whether it needs a catalogue in time and an entry that is durable before it begins.
    public var isChange: Bool { row.isChange }

    /// Checks that `role` may.
    public func check(_ role: Role) throws(Refusal) {
        guard role.rawValue >= row.leastRole.rawValue else {
            throw Refusal(.rights, "The role " + role.name + " does not allow this; it takes the role " + row.leastRole.name + ".")
        }
    }
}
