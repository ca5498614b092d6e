import Glibc

/// The user this process runs as, as the password database has it: OpenSSH goes by that, and not by `HOME` or `USER`.
package struct LocalAccount: Sendable, Hashable {
    let name: String
    let home: String
    let number: UInt32

    package init(name: String, home: String, number: UInt32) {
        self.name = name
        self.home = home
        self.number = number
    }

    /// `nil` if the user has no entry.
    static var current: LocalAccount? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var text = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(getuid(), &entry, &text, text.count, &found) == 0, found != nil, let name = entry.pw_name, let home = entry.pw_dir
        else { return nil }
        return LocalAccount(name: String(cString: name), home: String(cString: home), number: entry.pw_uid)
    }
}
