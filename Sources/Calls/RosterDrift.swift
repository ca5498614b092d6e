internal import Catalogue
internal import SSH
public import Store
internal import Wire

/// How the roster that a device has in force differs from what this desk knows of its operators.
public struct RosterDrift: Sendable {
    /// What a device has.
    public enum Standing: Equatable, Sendable {
        /// Its agent never said: it was not seen, or knows no rosters.
        case unknown
        /// None: its keys are those that enrolment or its owner wrote.
        case none
        /// One that was not packed at this desk.
        case foreign(version: UInt64)
        /// An older one than the newest.
        case behind(version: UInt64)
        /// The newest.
        case newest(version: UInt64)
    }

    /// An operator whom the device's roster lets in, and this desk does not.
    public struct Leftover: Equatable, Sendable {
        /// The name in the device's roster.
        public let name: String
        /// `revoked` or `expired`.
        public let why: String
    }

    /// The device.
    public let device: Device
    /// What it has, by its last hello.
    public let standing: Standing
    /// Whom it still lets in, by name.
    public let leftovers: [Leftover]

    /// Whether something is to be done about it.
    public var isDrifting: Bool {
        if case .newest = standing { return !leftovers.isEmpty }
        return true
    }

    /// Looks at devices by what each said last; none is asked.
    ///
    /// - Parameter now: Microseconds UTC.
    public static func survey(_ devices: [Device], _ database: RollcallDatabase, now: Int64) throws -> [RosterDrift] {
        let (operators, rosters) = (try database.operators(), try database.rosters())
        return devices.map { device in
            guard let version = device.agent.rosterVersion else { return RosterDrift(device, .unknown) }
            if version == 0 { return RosterDrift(device, .none) }
            guard let packed = rosters.first(where: { $0.version == version }), let roster = try? Roster(decoding: packed.part) else {
                return RosterDrift(device, .foreign(version: version))
            }
            let isNewest = version == rosters.last?.version
            return RosterDrift(
                device, isNewest ? .newest(version: version) : .behind(version: version),
                roster.operators.compactMap { leftover($0, operators, now: now) })
        }
    }

    private init(_ device: Device, _ standing: Standing, _ leftovers: [Leftover] = []) {
        (self.device, self.standing, self.leftovers) = (device, standing, leftovers)
    }

    /// What is left of `one`; nil where this desk lets each of the keys in, or sshd on the device does no longer.
    private static func leftover(_ one: RosterOperator, _ operators: [Operator], now: Int64) -> Leftover? {
        if one.expiresAt != 0, Int64(clamping: one.expiresAt) <= now { return nil }
        let keys = one.keys.compactMap { HostKey(blob: $0)?.openSSH }
        let owners = keys.map { key in operators.filter { $0.keys.contains(key) } }
        if owners.allSatisfy({ $0.contains { $0.isLetIn(at: now) && $0.name == one.name.string } }) { return nil }
        let isExpired = owners.allSatisfy { $0.contains { $0.revokedAt == nil } }
        return Leftover(name: one.name.string, why: isExpired ? "expired" : "revoked")
    }
}
