public import Wire

/// What an operator may do, from less to more.
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
