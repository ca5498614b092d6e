public import Catalogue
internal import LedgerCore
internal import Wire

/// The roster in force: who may come in. Replaced only by one that reviewers signed; sshd's file of keys is written from it.
///
/// Without one, sshd's file of keys alone says who may, as enrolment or the owner wrote it.
public final class RosterStore {
    private let store: DocumentStore
    /// sshd's file of keys: its folder, which is none of this process's where it is nil, and its name.
    private let folder: StateDirectory?
    private let keysFile: Text

    /// The roster in force; nil without one.
    public private(set) var current: VerifiedRoster?
    /// How often it was replaced since the start: sessions look whether they may go on.
    private(set) var changeCount: UInt64 = 0
    private var staged: VerifiedRoster?

    /// Loads the roster that lies in `state`, judged by the owner's file `trust`.
    ///
    /// - Parameter keys: sshd's file of keys; nil where it is not this process's to write.
    public init(kernel: Kernel, state: StateDirectory, trust: [UInt8], keys: [UInt8]?) {
        store = DocumentStore(kernel: kernel, state: state, trust: trust, kind: .roster)
        let path = keys ?? []
        let slash = path.lastIndex(of: 47) ?? 0
        folder = keys == nil ? nil : StateDirectory(kernel: kernel, path: Array(path[..<slash]))
        keysFile = Text(Array(path[slash...].dropFirst()))
        if let found = try? store.load(), let policy = try? store.policy() { current = try? found.roster(trust: policy) }
    }

    /// Version of the roster in force; 0 without one.
    public var version: UInt64 { current?.header.version ?? 0 }

    // MARK: Replacing it

    /// Judges a pushed roster, and writes it and the file of keys down beside those in force.
    ///
    /// - Returns: Its version and digest, and what it changes, in words without names.
    func stage(_ bytes: [UInt8], now: UInt64) throws(Refusal) -> (version: UInt64, digest: [UInt8], changes: Text) {
        guard let folder else { throw Refusal(.push, "This agent keeps no keys file, so it takes no roster; push it to the daemon.") }
        let new: VerifiedRoster
        do throws(CatalogueError) {
            new = try store.decoded(bytes).roster(trust: try store.policy())
            try new.header.check(now: max(now, current?.header.signedAt ?? 0), versionInForce: current?.header.version)
        } catch {
            throw Refusal(error)
        }
        try store.stage(bytes)
        do throws(Errno) {
            try folder.stage(keysFile, AuthorizedKeys.file(of: new.roster, version: new.header.version), permissions: 0o644)
        } catch {
            store.discard()
            throw store.storage
        }
        staged = new
        return (new.header.version, new.digest, changes(by: new.roster))
    }

    /// Puts the staged roster in force, as ``DocumentStore/commit()`` says.
    ///
    /// The keys come first: a device that loses its power in between says the old version, and is pushed to again.
    func commit() throws(Refusal) -> Bool {
        guard let folder else { throw store.storage }
        do throws(Errno) {
            try folder.putInPlace(keysFile)
            try folder.syncNames()
        } catch {
            discard()
            throw store.storage
        }
        let isConfirmed = try store.commit()
        current = staged
        changeCount &+= 1
        return isConfirmed
    }

    /// Throws away what is staged.
    func discard() {
        store.discard()
        folder?.discard(keysFile)
    }

    /// How many operators a roster adds and takes away, and how many it keeps.
    private func changes(by new: Roster) -> Text {
        let before = current?.roster
        var kept: UInt64 = 0
        for one in new.operators where before?.named(one.name) != nil { kept += 1 }
        let (old, count) = (UInt64(before?.operators.count ?? 0), UInt64(new.operators.count))
        return .decimal(count - kept) + " added, " + .decimal(old - kept) + " revoked, " + .decimal(kept) + " kept"
    }

    // MARK: Asking it

    /// Checks that the roster, if there is one, lets in who is at the door.
    ///
    /// sshd has looked at its file of keys only when the session began, and user rollcall could say any name.
    ///
    /// - Parameter now: Microseconds UTC.
    func check(_ door: Door, _ role: Role, now: UInt64) throws(Refusal) {
        guard let current else { return }
        if let found = current.roster.named(door.operatorName), found.role.rawValue >= role.rawValue,
            found.expiresAt == 0 || now < found.expiresAt,
            Self.isOne(of: found.keys, door.key)
        {
            return
        }
        throw Refusal(
            .revoked, "The roster of this device does not let this key in as it came, or does no longer; ask who keeps the roster.")
    }

    /// Whether the key that sshd names, `publickey TYPE BASE64`, is one of `keys`; where sshd named none, the name has to do.
    private static func isOne(of keys: [[UInt8]], _ said: Text) -> Bool {
        if said.isEmpty { return true }
        let words = said.bytes.split(separator: 32)
        return words.count >= 3 && keys.contains { Base64.encode($0).elementsEqual(words[2]) }
    }
}

/// sshd's file of keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT), made from a roster.
public enum AuthorizedKeys {
    /// The whole file.
    ///
    /// What comes from the roster was checked when it was read: a name that no shell minds, a known type, and base64 of our own making.
    public static func file(of roster: Roster, version: UInt64) -> [UInt8] {
        let head: Text = "# Written by rollcall-agent from roster " + .decimal(version) + "; the next roster replaces it.\n"
        var file = head.bytes
        for one in roster.operators {
            let command: Text = "restrict,command=\"/usr/bin/rollcall-agent serve --operator " + one.name + " --role " + one.role.name
            let expiry: Text = one.expiresAt == 0 ? "\" " : "\",expiry-time=\"" + UTC.digits(one.expiresAt) + "Z\" "
            for key in one.keys {
                let type: Text = RosterOperator.keyType(key) ?? ""
                file += (command + expiry + type + " " + Text(Base64.encode(key)) + "\n").bytes
            }
        }
        return file
    }
}
