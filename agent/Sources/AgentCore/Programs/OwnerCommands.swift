internal import Catalogue
internal import LedgerCore
internal import Wire

/// What the device's owner asks the agent at its own console.
extension AgentProgram {
    /// Says what is missing or wrong, one sentence a line.
    func check(_ settings: Settings) -> Int32 {
        let state = StateDirectory(kernel: kernel, path: settings.state)
        var problems: [Text] = []
        if kernel.isRoot {
            problems += stateProblems(state)
        } else {
            say("Run this as root to have everything checked; the state directory is root's alone.", to: 1)
        }
        let owner = Owner(kernel: kernel, settings: settings)
        do throws(Refusal) { _ = try owner.read() } catch { problems.append(error.sentence) }
        do throws(Refusal) { try owner.checkDoor() } catch { say(error.sentence + " Open it with: rollcall-agent on.", to: 1) }
        var configuration = Configuration()
        do throws(Refusal) { configuration = try Configuration(kernel: kernel, path: settings.configuration) } catch {
            problems.append(error.sentence)
        }
        if configuration.requiresSandbox, !kernel.sandbox.isSuperset(of: [.landlock, .systemCalls]) {
            problems.append("agent.conf requires the sandbox, and this kernel lacks Landlock or seccomp, so no probe can run.")
        }
        if (try? DeviceIdentity(kernel: kernel, root: settings.root)) == nil {
            problems.append("The device has no readable /etc/machine-id, so it has no name; run systemd-machine-id-setup.")
        }
        if UserDatabase(kernel: kernel, root: settings.root).user(Settings.doorUser) == nil {
            problems.append("The device has no user rollcall, so sshd cannot let support in; enrol the device again.")
        }
        problems += catalogueProblems(CatalogueStore(kernel: kernel, state: state, trust: settings.trust))
        let roster = RosterStore(kernel: kernel, state: state, trust: settings.trust, keys: nil)
        if roster.version == 0, (try? kernel.status(of: state.file("roster"))) != nil {
            problems.append("The roster is not one that the trust file's reviewers signed, so only sshd asks for keys; push it again.")
        }
        if (try? kernel.connect(settings.socket)) == nil {
            problems.append("The daemon does not answer on its socket; start it with: systemctl start rollcall-agent.")
        }
        let witness = Witness(kernel: kernel, state: state, desks: settings.desks, roster: nil, name: "", key: nil)
        if witness.verifiers().isEmpty { say("No desk's ledger is witnessed: the file of desks names none.", to: 1) }
        let ways = WaysIn(kernel: kernel, settings: settings)
        problems += ways.problems
        for problem in problems { say(problem, to: 1) }
        if problems.isEmpty { say("Everything the agent needs is in place.", to: 1) }
        for way in ways.ways { say(way, to: 1) }
        return problems.isEmpty ? Status.success : Status.failure
    }

    /// Says what is wrong with the door, and which other ways lead into the device, one sentence a line: what ``check(_:)`` says, without
    /// what lies in the agent's own directory, so that a probe may ask for it.
    func ways(_ settings: Settings) -> Int32 {
        let found = WaysIn(kernel: kernel, settings: settings)
        for problem in found.problems { say("Wrong: " + problem, to: 1) }
        for way in found.ways { say(way, to: 1) }
        return Status.success
    }

    private func stateProblems(_ state: StateDirectory) -> [Text] {
        let path = escaped(state.path, limit: 200)
        guard let found = try? kernel.status(of: state.path), found.kind == .directory else {
            return ["The state directory " + path + " is missing; the daemon makes it when it starts."]
        }
        if found.mode & 0o077 != 0 || found.owner != kernel.effectiveUser {
            return ["The state directory " + path + " is not for its owner alone; set it right with: chown root, chmod 700."]
        }
        return []
    }

    private func catalogueProblems(_ store: CatalogueStore) -> [Text] {
        do throws(CatalogueError) { _ = try store.policy() } catch { return [error.sentence] }
        if let problem = store.problem { return [problem.sentence] }
        guard let current = store.current else { return ["No catalogue is in force, so no probe can run; push one."] }
        if current.header.expiresAt <= kernel.realtime {
            return ["The catalogue expired on " + UTC.text(current.header.expiresAt) + ", so nothing may be changed; push one signed anew."]
        }
        return []
    }

    /// Prints the key that proves the device's ledger, as a line that a verifier reads.
    func key(_ settings: Settings) -> Int32 {
        let state = StateDirectory(kernel: kernel, path: settings.state)
        do throws(Errno) {
            let identity = try DeviceIdentity(kernel: kernel, root: settings.root)
            try state.create()
            let verifier = NoteVerifier(name: identity.origin, publicKey: try state.signingKey().publicKey)
            say(Text(verifier.vkey), to: 1)
            return Status.success
        } catch {
            say(
                "The agent's key cannot be read or made in " + escaped(settings.state, limit: 200) + " (errno " + number(error) + ").",
                to: 2)
            return Status.unavailable
        }
    }

    /// Shuts the door to support, or opens it.
    func moveDoor(_ invocation: Invocation) -> Int32 {
        let owner = Owner(kernel: kernel, settings: invocation.settings)
        do throws(Errno) {
            if invocation.part == .off {
                try owner.shut(reason: invocation.reason)
                say(
                    "The door is shut: no session opens, and those that are open get no further answer. Open it with: rollcall-agent on.",
                    to: 1)
            } else {
                say(try owner.open() ? "The door is open again." : "The door was open.", to: 1)
            }
            return Status.success
        } catch {
            say(
                "The door cannot be moved by " + escaped(invocation.settings.shutDoor, limit: 200) + " (errno " + number(error)
                    + "); run this as root, and check the disk.", to: 2)
            return Status.unavailable
        }
    }

    /// Consents to what waits for the owner, for some minutes.
    func allow(_ invocation: Invocation) -> Int32 {
        do throws(Errno) {
            try Owner(kernel: kernel, settings: invocation.settings).consent(minutes: invocation.minutes)
            let minutes: Text = .decimal(invocation.minutes)
            say(
                invocation.minutes == 0
                    ? "What waits for the owner's consent is allowed no longer."
                    : "What waits for the owner's consent is allowed for " + minutes + " minutes from now on.", to: 1)
            return Status.success
        } catch {
            say(
                "The consent cannot be written beside the daemon's socket (errno " + number(error)
                    + "); run this as root, with the daemon.", to: 2)
            return Status.unavailable
        }
    }

    /// Prints the newest entries of the device's ledger, oldest first.
    func log(_ invocation: Invocation) -> Int32 {
        let state = StateDirectory(kernel: kernel, path: invocation.settings.state)
        do throws(Errno) {
            let found = try LedgerReading.entries(kernel: kernel, state: state)
            let content = (try? kernel.content(of: state.file("people"), limit: Int(PeopleFile.sizeLimit) * 2)) ?? []
            let people = PeopleFile.names(in: content)
            let skipped = found.entries.count - min(found.entries.count, Int(clamping: invocation.count))
            for (offset, bytes) in found.entries.enumerated().dropFirst(skipped) {
                say(line(found.first + UInt64(offset), bytes, people), to: 1)
            }
            return Status.success
        } catch {
            say(
                "The ledger in " + escaped(invocation.settings.state, limit: 200) + " cannot be read (errno " + number(error)
                    + "); run this as root.", to: 2)
            return Status.unavailable
        }
    }

    private func line(_ index: UInt64, _ bytes: [UInt8], _ people: [(digest: [UInt8], name: Text)]) -> Text {
        guard let entry = try? LedgerEntry(decoding: bytes) else { return .decimal(index) + "  (not readable)" }
        var line: Text = .decimal(index) + "  " + UTC.text(entry.time) + "  " + escaped(entry.kind.name.bytes, limit: 40)
        for part in [entry.subject, entry.detail] where !part.isEmpty { line = line + "  " + escaped(part.bytes, limit: 200) }
        if let count = entry.count { line = line + "  n=" + .decimal(count) }
        if let request = entry.request { line = line + "  request=" + .decimal(request) }
        if !entry.session.isEmpty { line = line + "  session=" + escaped(entry.session.bytes, limit: 40) }
        if !entry.call.isEmpty { line = line + "  call=" + escaped(entry.call.bytes, limit: 40) }
        guard !entry.person.isEmpty else { return line }
        if let known = people.first(where: { $0.digest == entry.person }) {
            return line + "  operator=" + escaped(known.name.bytes, limit: 64)
        }
        return line + "  person=" + Text(Array(hexadecimal(entry.person).prefix(12)))
    }
}

/// Reads a ledger's file that another process may be writing.
enum LedgerReading {
    static func entries(kernel: Kernel, state: StateDirectory) throws(Errno) -> (first: UInt64, entries: [[UInt8]]) {
        let file = try kernel.open(state.file("ledger"), [.read, .noFollow])
        guard let header = LedgerHeader(try kernel.read(file, at: 0, limit: 4_096)) else { throw .inputOutput }
        var cursor = LedgerCursor(kernel: kernel, file: file, offset: UInt64(header.encoded.count))
        var entries: [[UInt8]] = []
        while let record = try cursor.next() { entries.append(record.content) }
        return (header.base.size, entries)
    }
}

/// `bytes` for a terminal: what is not printable ASCII stands as `\xNN`, so that nothing foreign drives it.
func escaped(_ bytes: [UInt8], limit: Int) -> Text {
    var text: [UInt8] = []
    for byte in bytes.prefix(limit) {
        if byte >= 32, byte < 127, byte != 92 { text.append(byte) } else { text += [92, 120] + hexadecimal([byte]) }
    }
    if bytes.count > limit { text += [46, 46, 46] }
    return Text(text)
}

/// Times for people.
enum UTC {
    /// `2026-11-22T21:31:41Z` of microseconds since 1970, by the proleptic Gregorian calendar.
    static func text(_ microseconds: UInt64) -> Text {
        let seconds = microseconds / 1_000_000
        // Days are counted from 1 March of the year 0, so that a leap day is the last of its year.
        let days = seconds / 86_400 + 719_468
        let era = days / 146_097
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let date = .decimal(year) + "-" + two(month) + "-" + two(dayOfYear - (153 * shifted + 2) / 5 + 1)
        return date + "T" + two(seconds / 3_600 % 24) + ":" + two(seconds / 60 % 60) + ":" + two(seconds % 60) + "Z"
    }

    /// `20261122213141`, the digits of ``text(_:)`` alone.
    static func digits(_ microseconds: UInt64) -> Text { Text(text(microseconds).bytes.filter { (48...57).contains($0) }) }

    /// `HH:MM` of a minute of the day.
    static func time(ofDay minute: UInt64) -> Text { two(minute / 60) + ":" + two(minute % 60) }

    private static func two(_ number: UInt64) -> Text { (number < 10 ? "0" : "") + .decimal(number) }
}
