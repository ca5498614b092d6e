public import Wire

/// Numbers of a user and its groups.
public struct UserIdentity: Equatable, Sendable {
    /// User id.
    public var user: UInt32
    /// Primary group id.
    public var group: UInt32
    /// Supplementary group ids.
    public var groups: [UInt32]
}

/// A user as who logs in.
struct Account {
    var identity: UserIdentity
    /// Absolute path.
    var home: [UInt8]
    /// Absolute path of the login shell, or of the one that every system has.
    var shell: [UInt8]
}

/// Users and groups of this device, from its own files: a static program has no other name service.
public struct UserDatabase {
    private let kernel: Kernel
    private let root: [UInt8]

    /// Longest passwd or group file that is read, in bytes.
    private static let sizeLimit = 1 << 20

    /// Reads /etc/passwd and /etc/group below `root`, when asked.
    public init(kernel: Kernel, root: [UInt8] = []) {
        self.kernel = kernel
        self.root = root
    }

    private func line(of name: Text, in file: Text) -> [ArraySlice<UInt8>]? {
        guard let content = try? kernel.content(of: root + file.bytes, limit: Self.sizeLimit) else { return nil }
        for line in content.split(separator: 10) where line.starts(with: name.bytes + [58]) {
            return line.split(separator: 58, omittingEmptySubsequences: false)
        }
        return nil
    }

    /// An id; nil for the highest number too, which setresuid(2) takes for "leave it as it is".
    private func number(_ field: ArraySlice<UInt8>) -> UInt32? {
        guard let number = Decimal.unsigned(field), number < UInt64(UInt32.max) else { return nil }
        return UInt32(number)
    }

    /// User id of `name`; nil where there is none.
    public func user(_ name: Text) -> UInt32? {
        guard let fields = line(of: name, in: "/etc/passwd"), fields.count > 3 else { return nil }
        return number(fields[2])
    }

    /// The user `name` with those of `groups` that the device has; nil where there is no such user.
    public func identity(_ name: Text, groups: [Text]) -> UserIdentity? {
        guard let fields = line(of: name, in: "/etc/passwd"), fields.count > 3 else { return nil }
        guard let user = number(fields[2]), let group = number(fields[3]) else { return nil }
        var numbers: [UInt32] = []
        for name in groups {
            guard let fields = line(of: name, in: "/etc/group"), fields.count > 2, let number = number(fields[2]) else { continue }
            numbers.append(number)
        }
        return UserIdentity(user: user, group: group, groups: numbers)
    }

    /// The user `name` with all its groups, and with those of `groups` that the device has; nil where there is no such user.
    ///
    /// A login shell that only says no is for those who come in as that user; this one was named by the device's owner.
    func account(_ name: Text, groups: [Text]) -> Account? {
        guard let fields = line(of: name, in: "/etc/passwd"), fields.count > 6, var identity = identity(name, groups: groups) else {
            return nil
        }
        let file: Text = "/etc/group"
        for line in ((try? kernel.content(of: root + file.bytes, limit: Self.sizeLimit)) ?? []).split(separator: 10) {
            let fields = line.split(separator: 58, omittingEmptySubsequences: false)
            guard fields.count > 3, let number = number(fields[2]), identity.groups.count < 64 else { continue }
            for member in fields[3].split(separator: 44) where Array(member) == name.bytes { identity.groups.append(number) }
        }
        let (usual, top, nologin, no): (Text, Text, Text, Text) = ("/bin/sh", "/", "nologin", "false")
        var (home, shell) = (Array(fields[5]), Array(fields[6]))
        let program = FilePath.parts(shell).name
        if shell.first != 47 || program == nologin.bytes || program == no.bytes { shell = usual.bytes }
        if home.first != 47 { home = top.bytes }
        return Account(identity: identity, home: home, shell: shell)
    }
}
