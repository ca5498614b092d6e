internal import Catalogue
internal import Wire

/// What the device's owner allows, whatever roles and catalogues say: owner.conf, and whether the door is shut.
///
/// The file is read for each question, so that what the owner writes holds at once. One that cannot be understood changes nothing: the last
/// one that could holds; where there was none yet, nobody gets in, for a limit the owner believes in must not be passed over.
public final class Owner {
    private static let reasonSizeLimit = 200

    private let kernel: Kernel
    private let settings: Settings
    private var lastGood: OwnerPolicy?

    /// Reads nothing yet.
    public init(kernel: Kernel, settings: Settings) {
        self.kernel = kernel
        self.settings = settings
    }

    /// Checks that the door is open, and that `action` is allowed now.
    ///
    /// - Returns: Until when the owner's consent lasts, microseconds of the monotonic clock, where it took one.
    @discardableResult
    public func check(_ action: Action) throws(Refusal) -> UInt64? {
        try checkDoor()
        let policy = try policy()
        if case .get = action { try Self.check(policy.files, "files") }
        if case .put = action { try Self.check(policy.files, "files") }
        if case .tunnel = action { try Self.check(policy.tunnel, "tunnel") }
        if case .shell = action { try Self.check(policy.shell, "shell") }
        let impact = action.impact
        guard impact != .observe else { return nil }
        if let highest = policy.highestImpact, impact.rawValue > highest.rawValue {
            throw Refusal(.owner, "The owner of this device allows nothing above " + highest.name + " (owner.conf).")
        }
        try checkHours(policy.hours)
        guard let least = policy.consent, impact.rawValue >= least.rawValue else { return nil }
        if let until = consentEnd { return until }
        throw Refusal(
            .owner,
            "The owner of this device is asked before this: have \"rollcall-agent allow\" run on it as root, then try again (consent in"
                + " owner.conf).")
    }

    private func checkHours(_ hours: (from: UInt64, to: UInt64)?) throws(Refusal) {
        guard let hours else { return }
        let minute = kernel.realtime / 60_000_000 % 1_440
        let isWithin = hours.from < hours.to ? (hours.from..<hours.to).contains(minute) : minute >= hours.from || minute < hours.to
        if !isWithin {
            throw Refusal(
                .owner,
                "The owner of this device allows this only from " + UTC.time(ofDay: hours.from) + " to " + UTC.time(ofDay: hours.to)
                    + " UTC (owner.conf).")
        }
    }

    private static func check(_ isAllowed: Bool?, _ key: Text) throws(Refusal) {
        if isAllowed ?? true { return }
        throw Refusal(.owner, "The owner of this device does not allow this (" + key + " off in owner.conf).")
    }

    /// Checks that a file may be read.
    func checkReading(_ path: [UInt8]) throws(Refusal) {
        for hidden in try policy().neverRead where FilePath.isBeneath(path, hidden) {
            throw Refusal(.owner, "The owner of this device lets nobody read this file (never-read in owner.conf).")
        }
    }

    /// Checks that the owner has not shut the door.
    public func checkDoor() throws(Refusal) {
        let reason: [UInt8]
        do throws(Errno) {
            reason = try kernel.content(of: settings.shutDoor, limit: Self.reasonSizeLimit + 1)
        } catch {
            if error == .noEntry { return }
            throw Refusal(.owner, "The owner of this device has shut the door to support.")
        }
        let line = escaped(Array(reason.prefix { $0 != 10 }), limit: Self.reasonSizeLimit)
        throw Refusal(.owner, "The owner of this device has shut the door to support" + (line.isEmpty ? "." : ": " + line + "."))
    }

    /// What owner.conf says; the last good one where it says something that is not understood.
    private func policy() throws(Refusal) -> OwnerPolicy {
        do throws(Refusal) {
            let policy = try read()
            lastGood = policy
            return policy
        } catch {
            guard let lastGood else { throw error }
            return lastGood
        }
    }

    /// Reads owner.conf.
    ///
    /// - Throws: A refusal that names the first line that is not understood.
    func read() throws(Refusal) -> OwnerPolicy {
        let file: ConfigurationFile
        do throws(Errno) { file = try ConfigurationFile(kernel: kernel, path: settings.ownersFile) } catch {
            throw Refusal(.owner, "This device's owner.conf cannot be read, so it allows nothing; mend its permissions or size.")
        }
        return try OwnerPolicy(file)
    }
}

/// The owner's own commands for the door.
extension Owner {
    /// When a consent that lasts ends, by the monotonic clock: a clock that is set moves it neither way, and a restart ends it.
    private var consentEnd: UInt64? {
        guard let content = try? kernel.content(of: consentFile, limit: 20), let end = Decimal.unsigned(content[...]),
            end > kernel.monotonic
        else { return nil }
        return end
    }

    /// In memory, beside the socket.
    private var consentFile: [UInt8] { FilePath.parts(settings.socket).directory + ("/consent" as Text).bytes }

    /// Consents for some minutes, from now on; 0 takes it back.
    func consent(minutes: UInt64) throws(Errno) {
        let file = try kernel.open(consentFile, [.write, .create, .truncate, .noFollow])
        try kernel.writeAll(file, Text.decimal(kernel.monotonic + minutes * 60_000_000).bytes)
    }

    /// Shuts the door, from the next request on.
    func shut(reason: Text) throws(Errno) {
        // Whatever stands there already, the door is shut while this is written.
        let file = try kernel.open(settings.shutDoor, [.write, .create, .truncate, .noFollow], permissions: 0o644)
        try kernel.writeAll(file, Array(reason.bytes.prefix(Self.reasonSizeLimit)))
        try kernel.sync(file)
    }

    /// Opens the door; false where it was open.
    func open() throws(Errno) -> Bool {
        do throws(Errno) { try kernel.unlink(settings.shutDoor) } catch {
            if error == .noEntry { return false }
            throw error
        }
        return true
    }
}
