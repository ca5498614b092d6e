public import Catalogue
internal import Wire

/// What can be asked of the agent, and who may: the one table that decides.
public enum Action: Sendable {
    /// Run a probe of this impact.
    case probe(Impact)
    /// Read the device's ledger.
    case entries
    /// Read what the device measured.
    case telemetry
    /// Put a catalogue or a roster in force.
    case push
    /// Put a signed agent in this one's place.
    case pushAgent
    /// Read a file.
    case get
    /// Write a file.
    case put
    /// Connect to a host and port.
    case tunnel
    /// Open a shell.
    case shell

    /// The least role that may, and whether it must be on the disk, and the catalogue in time, before it begins.
    private var row: (leastRole: Role, isChange: Bool) {
        switch self {
        case .probe(.observe): (.observe, false)
        case .probe(.disturb): (.repair, true)
        case .probe(.change): (.repair, true)
        case .entries, .telemetry: (.observe, false)
        // By these an agent and a catalogue are mended that have grown too old.
        case .push, .pushAgent: (.repair, false)
        case .get: (.repair, true)
        case .put, .tunnel, .shell: (.shell, true)
        }
    }

    /// What it may do to the device, as the owner limits it.
    var impact: Impact {
        switch self {
        case .probe(let impact): impact
        // The program that does everything else here is not replaced where nothing may be changed.
        case .put, .tunnel, .shell, .pushAgent: .change
        default: .observe
        }
    }

    /// Whether it needs an entry that is durable before it begins; a probe also a catalogue in time.
    public var isChange: Bool { row.isChange }

    /// Checks that `role` may.
    public func check(_ role: Role) throws(Refusal) {
        guard role.rawValue >= row.leastRole.rawValue else {
            throw Refusal(.rights, "The role " + role.name + " does not allow this; it takes the role " + row.leastRole.name + ".")
        }
    }
}
