/// One piece of equipment of the inventory.
public struct Device: Equatable, Sendable {
    /// Id of the row: a UUIDv7, never used again for another device.
    public var id: String
    /// The name that people use; unique among the devices that were not removed.
    public var name: String
    /// Where it is reached.
    public var address: Address
    /// What is said of it for selection.
    public var labels: Labels
    /// Host keys pinned for it, as OpenSSH writes them: `type base64`.
    public var hostKeys: [String]
    /// When it was added, microseconds UTC.
    public var addedAt: Int64
    /// What is known of its agent.
    public var agent: Agent
    /// When it was removed, microseconds UTC; nil while it is in the inventory.
    public var removedAt: Int64?

    /// How sshd on the device is reached.
    public struct Address: Equatable, Sendable {
        /// Host name or address.
        public var host: String
        /// TCP port, 1 to 65535; nil: as OpenSSH's configuration says for the host, which is 22 where it says nothing.
        public var port: Int?
        /// Login name.
        public var user: String

        /// Makes an address of its parts.
        public init(host: String, port: Int? = nil, user: String = "rollcall") {
            (self.host, self.port, self.user) = (host, port, user)
        }
    }

    /// What selections go by.
    public struct Labels: Equatable, Sendable {
        /// Where it stands.
        public var site: String
        /// What it is.
        public var model: String
        /// Free labels, in the order given.
        public var tags: [String]

        /// Makes labels of their values.
        public init(site: String = "", model: String = "", tags: [String] = []) {
            (self.site, self.model, self.tags) = (site, model, tags)
        }
    }

    /// What enrolment and the last hello said.
    public struct Agent: Equatable, Sendable {
        /// Verifier key of the agent's ledger, as C2SP signed-note writes it; empty before enrolment.
        public var verifierKey: String
        /// The device's own id from its hello; empty before the first.
        public var deviceID: String
        /// Version of the program; empty before the first hello.
        public var version: String
        /// Version of the catalogue in force; 0 without one.
        public var catalogueVersion: UInt64
        /// Version of the roster in force; 0 without one, nil where the agent never said.
        public var rosterVersion: UInt64?
        /// Microseconds UTC; nil before enrolment.
        public var enrolledAt: Int64?
        /// Microseconds UTC of the last hello; nil before the first.
        public var lastSeenAt: Int64?
    }

    /// Whether `name` may be a device's name: letters, digits, dot, underscore and dash, not beginning with dash or dot, at most 128.
    public static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, first != UInt8(ascii: "-"), first != UInt8(ascii: "."), name.utf8.count <= 128 else {
            return false
        }
        return name.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
            case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
            default: false
            }
        }
    }
}

/// A device that something else is about.
public struct DeviceReference: Hashable, Sendable {
    /// Id of the device.
    public var id: String
    /// Its name.
    public var name: String

    /// Makes a reference of its parts.
    public init(id: String, name: String) { (self.id, self.name) = (id, name) }
}

/// Which devices are meant: one pattern of each list that is not empty must match.
///
/// Patterns are SQLite's GLOB: `*`, `?` and `[...]`, letters as they are.
public struct DeviceSelection: Equatable, Sendable {
    /// Patterns of names.
    public var names: [String]
    /// Patterns of sites.
    public var sites: [String]
    /// Patterns of models.
    public var models: [String]
    /// Patterns of tags; any tag of a device may match.
    public var tags: [String]

    /// Makes a selection; without any pattern it means every device.
    public init(names: [String] = [], sites: [String] = [], models: [String] = [], tags: [String] = []) {
        (self.names, self.sites, self.models, self.tags) = (names, sites, models, tags)
    }

    /// Every device.
    public static let all = DeviceSelection()
}
