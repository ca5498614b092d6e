internal import Catalogue
internal import Wire

/// What the device's owner allows, whatever roles and catalogues say: owner.conf, and whether the door is shut.
///
/// The file is read for each question, so that what the owner writes holds at once. One that cannot be understood changes nothing: the last
/// one that could holds; where there was none yet, nobody gets in, for a limit the owner believes in must not be passed over.
public final class Owner {
    /// What owner.conf says.
    struct Policy {
        /// `highest-impact`; nil: any.
        var highestImpact: Impact?
        /// `hours`: minutes of the day, UTC, from the first to before the second, in which more than observing is allowed; nil: always.
        var hours: (from: UInt64, to: UInt64)?
    }

    private static let reasonSizeLimit = 200

    private let kernel: Kernel
    private let settings: Settings
    private var lastGood: Policy?

    /// Reads nothing yet.
    public init(kernel: Kernel, settings: Settings) {
        self.kernel = kernel
        self.settings = settings
    }

    /// Checks that the door is open, and that `action` is allowed now.
    public func check(_ action: Action) throws(Refusal) {
        try checkDoor()
        let policy = try policy()
        let impact: Impact
        switch action {
        case .probe(let wanted): impact = wanted
        // The program that does everything else here is not replaced where nothing may be changed.
        case .pushAgent: impact = .change
        case .entries, .pushCatalogue: return
        }
        if impact == .observe { return }
        if let highest = policy.highestImpact, impact.rawValue > highest.rawValue {
            throw Refusal(.owner, "The owner of this device allows nothing above " + highest.name + " (owner.conf).")
        }
        guard let hours = policy.hours else { return }
        let minute = kernel.realtime / 60_000_000 % 1_440
        let isWithin = hours.from < hours.to ? (hours.from..<hours.to).contains(minute) : minute >= hours.from || minute < hours.to
        if !isWithin {
            throw Refusal(
                .owner,
                "The owner of this device allows this only from " + UTC.time(ofDay: hours.from) + " to " + UTC.time(ofDay: hours.to)
                    + " UTC (owner.conf).")
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
    private func policy() throws(Refusal) -> Policy {
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
    func read() throws(Refusal) -> Policy {
        let file: ConfigurationFile
        do throws(Errno) { file = try ConfigurationFile(kernel: kernel, path: settings.ownersFile) } catch {
            throw Refusal(.owner, "This device's owner.conf cannot be read, so it allows nothing; mend its permissions or size.")
        }
        var policy = Policy()
        for line in file.lines {
            guard line.words.count == 2, Self.take(line.words[0], line.words[1], into: &policy) else {
                throw Refusal(
                    .owner,
                    "Line " + .decimal(line.number) + " of this device's owner.conf is not understood, or says a thing twice, so it "
                        + "allows nothing; known are: highest-impact observe|disturb|change, hours HH:MM-HH:MM.")
            }
        }
        return policy
    }

    private static func take(_ key: [UInt8], _ value: [UInt8], into policy: inout Policy) -> Bool {
        let (impact, hours): (Text, Text) = ("highest-impact", "hours")
        if key == impact.bytes, policy.highestImpact == nil {
            let impacts: [Impact] = [.observe, .disturb, .change]
            guard let found = impacts.first(where: { $0.name.bytes == value }) else { return false }
            policy.highestImpact = found
            return true
        }
        guard key == hours.bytes, policy.hours == nil, value.count == 11, value[5] == 45 else { return false }
        guard let from = minute(value[..<5]), let to = minute(value[6...]), from != to else { return false }
        policy.hours = (from, to)
        return true
    }

    /// The minute of the day that `HH:MM` says.
    private static func minute(_ text: ArraySlice<UInt8>) -> UInt64? {
        let start = text.startIndex
        guard text[start + 2] == 58, let hour = Decimal.unsigned(text[start..<start + 2]), hour < 24,
            let minute = Decimal.unsigned(text[(start + 3)...]), minute < 60
        else { return nil }
        return hour * 60 + minute
    }
}

/// The owner's own commands for the door.
extension Owner {
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
