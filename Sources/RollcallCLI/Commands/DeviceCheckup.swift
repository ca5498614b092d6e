internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

/// What is missing on one device, or wrong with it, and which ways lead into it beside the agent's door.
struct DeviceCheckup {
    private let desk: Desk
    private let device: Device

    /// The probe that says how people get in.
    private static let waysProbe = "access.ways"

    init(desk: Desk, device: Device) {
        (self.desk, self.device) = (desk, device)
    }

    /// Opens a session, and looks at what the agent says of itself and at how people get in.
    ///
    /// - Throws: What keeps the store from being used; a device that cannot be looked at is a finding.
    func findings() async throws -> [Checkup] {
        let manifest = try? await desk.library().manifest(Self.waysProbe)
        let questions = manifest.map { [DeviceSession.Question(probe: $0.id)] } ?? []
        do {
            let taken = try await withDevice(device) {
                try await DeviceSession.with(device, desk: desk, reason: "doctor", questions: { questions }) { session in
                    (session.hello, session.opened, try await session.firstAnswers())
                }
            }
            let (hello, opened, answers) = taken.result
            let now = UInt64(RollcallDatabase.systemTime())
            return [door(opened), program(hello), Self.clock(hello, now: now), catalogue(hello, now: now), try roster()]
                + [record(taken.parting?.judgement)] + hanging(hello) + ways(answers.first, manifest)
        } catch let failure as CommandFailure {
            return [Checkup("door", .problem, failure.sentence, failure.nextStep)]
        }
    }

    // MARK: What the agent says of itself

    private func door(_ opened: Opened) -> Checkup {
        Checkup("door", .ok, "it lets \(displayed(opened.operatorName.string)) in, with the role \(displayed(opened.role.string))")
    }

    private func program(_ hello: Hello) -> Checkup {
        let version = displayed(hello.agentVersion.string)
        if !hello.isRoot {
            return Checkup(
                "agent", .problem, "version \(version), which does not run as root, so much cannot be asked or mended",
                "Start it as root: `systemctl restart rollcall-agent` on the device.")
        }
        guard hello.agentVersion.string == Desk.version else {
            return Checkup(
                "agent", .warning, "version \(version); this desk is \(Desk.version)",
                "`rollcall agent upgrade \(device.name) FOLDER` brings another that reviewers signed.")
        }
        return Checkup("agent", .ok, "version \(version), as this desk")
    }

    private static func clock(_ hello: Hello, now: UInt64) -> Checkup {
        let difference = Int64(clamping: hello.clock) - Int64(clamping: now)
        let seconds = difference.magnitude / 1_000_000
        guard seconds >= 60 else { return Checkup("clock", .ok, "it agrees with this desk's to \(max(seconds, 1)) s") }
        return Checkup(
            "clock", .warning, "it is \(seconds) s \(difference > 0 ? "ahead of" : "behind") this desk's",
            "`timedatectl` on either says whether it is kept by the network; what expires is judged by it.")
    }

    private func catalogue(_ hello: Hello, now: UInt64) -> Checkup {
        let push = "`rollcall probes push \(device.name)` pushes this desk's."
        if hello.catalogueVersion == 0 { return Checkup("catalogue", .problem, "none is in force, so no probe can run", push) }
        let version = "version \(hello.catalogueVersion)"
        if hello.catalogueExpiry <= now {
            let since = timeText(Int64(clamping: hello.catalogueExpiry))
            return Checkup("catalogue", .problem, "\(version), expired on \(since): nothing is changed by it", push)
        }
        if !desk.catalogueDigest.isEmpty, hello.catalogueDigest != desk.catalogueDigest {
            return Checkup("catalogue", .warning, "\(version), another than this desk's", push)
        }
        return Checkup("catalogue", .ok, "\(version), until \(timeText(Int64(clamping: hello.catalogueExpiry)))")
    }

    private func roster() throws -> Checkup {
        let known = try findDevice(device.name, desk.database)
        guard let drift = try RosterDrift.survey([known], desk.database, now: RollcallDatabase.systemTime()).first else {
            return Checkup("roster", .ok, "nothing is known of it")
        }
        let push = "`rollcall operator push` brings the newest."
        switch drift.standing {
        case .unknown, .none: return Checkup("roster", .ok, "none: who gets in stands in the device's own file of keys")
        case .foreign(let version): return Checkup("roster", .warning, "version \(version), which this desk did not pack", push)
        case .behind(let version): return Checkup("roster", .warning, "version \(version), which is not the newest", push)
        case .newest(let version):
            guard let left = drift.leftovers.first else { return Checkup("roster", .ok, "version \(version), the newest") }
            return Checkup("roster", .warning, "it still lets in \(displayed(left.name)), who is \(left.why)", push)
        }
    }

    private func record(_ judgement: HeadJudgement?) -> Checkup {
        guard let judgement else {
            return Checkup("record", .warning, "the session ended before both sides' heads were exchanged", "Run it again.")
        }
        if judgement.isQuiet, judgement.isUnwitnessed {
            return Checkup(
                "record", .warning, "the device does not vouch for this desk's, because it does not know the desk's key",
                "Add what `rollcall audit key` prints to /etc/rollcall/desks on it, or enrol it again.")
        }
        guard let alarm = VerdictText.alarms(judgement).first else {
            return Checkup("record", .ok, "nothing is missing or altered on either side")
        }
        return Checkup("record", .problem, alarm, "`rollcall audit verify --device \(device.name)` says where.")
    }

    private func hanging(_ hello: Hello) -> [Checkup] {
        hello.stuck.map { Checkup("hanging", .problem, displayed($0.string), "It is not asked again until it returns.") }
    }

    // MARK: Ways in

    private func ways(_ answer: Answer?, _ manifest: Manifest?) -> [Checkup] {
        let unknown = "how people get in beside the agent's door cannot be told"
        guard let answer, let manifest else {
            return [Checkup("ways in", .warning, "\(unknown): this desk's catalogue lacks \(Self.waysProbe)", "Pack one that has it.")]
        }
        if let failure = CommandFailure(answer, accepted: manifest.acceptedExitCodes, device: device.name) {
            return [Checkup("ways in", .warning, "\(unknown): \(failure.sentence)", failure.nextStep)]
        }
        guard let rows = FactListing(answer, manifest: manifest)?.values else {
            return [Checkup("ways in", .warning, "\(unknown): its answer cannot be read", "Push this desk's agent and try again.")]
        }
        if rows.isEmpty { return [Checkup("ways in", .ok, "none beside the agent's door")] }
        return rows.map { row in
            let (kind, what) = (row[0].text, displayed(row[1].text, limit: 400))
            switch kind {
            case "Wrong": return Checkup("sshd", .problem, what, "`rollcall-agent check` on the device says the same.")
            case "Another way in":
                return Checkup("way in", .warning, what, "What is done by it is in no record of Rollcall's; shut it if nobody needs it.")
            case "Open to the network": return Checkup("open", .ok, what)
            default: return Checkup("unknown", .warning, what, "`rollcall-agent check` on the device, as root, may see more.")
            }
        }
    }
}
