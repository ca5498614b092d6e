internal import Calls
internal import Foundation
internal import Store

/// What `device list --drift` and the end of a sweep say of devices' rosters.
enum DriftText {
    /// The devices that do not have what this desk's list says.
    static func drifting(_ devices: [Device], _ database: RollcallDatabase) throws -> [RosterDrift] {
        let devices = devices.filter { $0.name != ThisMachine.name }
        return try RosterDrift.survey(devices, database, now: RollcallDatabase.systemTime()).filter(\.isDrifting)
    }

    /// What a device has.
    static func standing(_ drift: RosterDrift) -> String {
        switch drift.standing {
        case .unknown: "never said"
        case .none: "none"
        case .foreign(let version): "\(version), not of this desk"
        case .behind(let version): "\(version), older"
        case .newest(let version): "\(version), newest"
        }
    }

    /// Whom it still lets in, or what may be done about it.
    static func leftovers(_ drift: RosterDrift) -> String {
        if !drift.leftovers.isEmpty { return drift.leftovers.map { "\($0.name) (\($0.why))" }.joined(separator: ", ") }
        switch drift.standing {
        case .unknown, .none: return "whoever enrolment or its owner let in"
        case .foreign: return "whoever that roster lets in"
        default: return "-"
        }
    }

    /// Prints the table.
    static func printTable(_ drifting: [RosterDrift]) {
        if drifting.isEmpty { return Terminal.current.line("Every device has the newest roster, and lets in nobody who was revoked.") }
        var table = TextTable(["NAME", "ROSTER", "STILL LETS IN", "LAST SEEN"])
        for drift in drifting {
            table.add([drift.device.name, standing(drift), leftovers(drift), drift.device.agent.lastSeenAt.map(timeText) ?? "never"])
        }
        for line in table.lines(.current) { Terminal.current.line(line) }
    }
}

/// A device that drifts, for `--json`.
struct DriftBody: Encodable {
    let device: String
    /// Absent where the agent never said; 0 without a roster.
    let rosterVersion: UInt64?
    /// `unknown`, `none`, `foreign`, `behind` or `newest`.
    let standing: String
    let stillLetsIn: [Leftover]
    let lastSeenAt: String?

    struct Leftover: Encodable {
        let name: String
        let why: String
    }

    init(_ drift: RosterDrift) {
        device = drift.device.name
        rosterVersion = drift.device.agent.rosterVersion
        standing =
            switch drift.standing {
            case .unknown: "unknown"
            case .none: "none"
            case .foreign: "foreign"
            case .behind: "behind"
            case .newest: "newest"
            }
        stillLetsIn = drift.leftovers.map { Leftover(name: $0.name, why: $0.why) }
        lastSeenAt = drift.device.agent.lastSeenAt.map(timeText)
    }
}
