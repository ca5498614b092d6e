internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Ledger
internal import LedgerCore
internal import Probes
internal import SSH
internal import Store
internal import Wire

/// Says what this desk, or a device, lacks to work with.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Say what is missing or wrong on this desk or a device, and what to do about each.",
        discussion:
            "Of a device it says too which ways lead into it beside the agent's door. Exits with 0 where all is well, 1 where something is to be looked at, 2 where something does not work."
    )

    @Argument(help: "A device's name; without one it is about this desk.")
    var device: String?

    @OptionGroup var options: DeskOptions

    func run() async throws {
        if let device {
            let desk = try await options.desk()
            return try report(try await DeviceCheckup(desk: desk, device: try findDevice(device, desk.database)).findings())
        }
        let configuration = try options.configuration()
        try report(
            [Self.tools(configuration)] + [await keys(configuration), await agent(configuration)] + store(configuration)
                + catalogue(configuration) + [Self.packaging(configuration)])
    }

    private func report(_ findings: [Checkup]) throws {
        if options.json {
            try printJSON(findings)
        } else {
            for finding in findings { Self.say(finding) }
        }
        let worst = findings.map(\.state.exit).max() ?? 0
        if worst > 0 { throw ExitCode(worst) }
    }

    private static func say(_ finding: Checkup) {
        let terminal = Terminal.current
        let style: Terminal.Style = finding.state == .ok ? .green : finding.state == .warning ? .yellow : .red
        let word = finding.state.rawValue.padding(toLength: 8, withPad: " ", startingAt: 0)
        terminal.line(terminal.styled(word, style) + finding.subject + ": " + finding.sentence)
        if let next = finding.next { terminal.line("        " + next) }
    }

    // MARK: What is looked at

    private static func tools(_ configuration: Configuration) -> Checkup {
        let path = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let missing = ["ssh", "ssh-keygen", "ssh-add", "ssh-agent"].filter { tool in
            !path.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(tool)") }
        }
        guard missing.isEmpty else {
            return Checkup(
                "OpenSSH", .problem, "\(missing.joined(separator: ", ")) is not in PATH",
                "Install OpenSSH's client (Debian: openssh-client).")
        }
        return Checkup("OpenSSH", .ok, "ssh, ssh-keygen, ssh-add and ssh-agent are there")
    }

    private func keys(_ configuration: Configuration) async -> Checkup {
        guard let path = configuration.identity else {
            return Checkup("keys", .ok, "none is named, so those of OpenSSH's configuration and of the ssh-agent are tried")
        }
        do throws(SSHError) {
            _ = try await LoginKeys.find(path: path, agentSocket: configuration.agentSocket, askPassphrase: { _ in nil })
            return Checkup("keys", .ok, "\(displayed(path)) can be used")
        } catch {
            if error.code == .keyFileEncrypted {
                return Checkup(
                    "keys", .warning, "\(displayed(path)) is encrypted and not in the ssh-agent, so its passphrase is asked for each time",
                    "`ssh-add \(displayed(path))` keeps it for the day.")
            }
            let failure = CommandFailure(error, device: "a device", address: "")
            return Checkup("keys", .problem, failure.sentence, failure.nextStep)
        }
    }

    private func agent(_ configuration: Configuration) async -> Checkup {
        guard let socket = configuration.agentSocket else {
            return Checkup("ssh-agent", .ok, "none runs; keys in files without a passphrase need none")
        }
        do throws(SSHError) {
            let count = try await agentIdentities(socketPath: socket).count
            return Checkup("ssh-agent", .ok, "it answers and holds \(count) key\(count == 1 ? "" : "s")")
        } catch {
            return Checkup(
                "ssh-agent", .warning, "SSH_AUTH_SOCK names one that does not answer (\(displayed(error.detail, limit: 120)))",
                "Start it anew, or unset SSH_AUTH_SOCK.")
        }
    }

    private func store(_ configuration: Configuration) -> [Checkup] {
        let file = configuration.data + "/rollcall.db"
        guard FileManager.default.fileExists(atPath: file) else {
            return [
                Checkup(
                    "store", .warning, "there is none yet at \(displayed(configuration.data))", "`rollcall device add NAME` makes one.")
            ]
        }
        do throws(StoreError) {
            let database = try RollcallDatabase(path: file)
            let report = try database.verifyLog()
            let newest = try database.entries(EntrySelection(limit: 1)).last?.entry.time ?? 0
            let space = try? URL(fileURLWithPath: configuration.data).resourceValues(forKeys: [.volumeAvailableCapacityKey])
            let record =
                report.isWhole
                ? Checkup("store", .ok, "the record is whole, \(report.entryCount) entries")
                : Checkup(
                    "store", .problem, "the record does not hold", "`rollcall audit verify` says where; keep the store as it is.")
            let free = Int64(space?.volumeAvailableCapacity ?? .max)
            let disk =
                free >= 64 << 20
                ? Checkup("disk", .ok, "there is room for the record")
                : Checkup("disk", .warning, "only \(free >> 20) MiB are left where the record lies", "Free some space, or move the store.")
            return [record, disk, Self.clock(after: newest)]
        } catch {
            let failure = CommandFailure(error, what: nil)
            return [Checkup("store", .problem, failure.sentence, failure.nextStep)]
        }
    }

    /// A desk whose clock is wrong signs heads and judges expiry wrongly; the record's own newest entry cannot be from the future.
    private static func clock(after newest: UInt64) -> Checkup {
        let now = UInt64(RollcallDatabase.systemTime())
        guard now >= newest else {
            return Checkup(
                "clock", .problem, "it is before the newest entry of the record, of \(timeText(Int64(clamping: newest)))",
                "Set the clock; `timedatectl` says whether it is kept by the network.")
        }
        return Checkup("clock", .ok, "\(timeText(Int64(clamping: now))), after the newest entry of the record")
    }

    private func catalogue(_ configuration: Configuration) -> [Checkup] {
        let path = configuration.catalogue
        guard FileManager.default.fileExists(atPath: path + "/header.cbor") else {
            return [
                Checkup(
                    "catalogue", .problem, "there is none at \(displayed(path))",
                    "`rollcall probes pack --version 1` packs one, `rollcall probes sign` signs it.")
            ]
        }
        do {
            let folder = CatalogueFolder(path)
            let signed = try folder.signed()
            let header = try DocumentHeader(decoding: signed.header)
            let probes = try folder.read().library(check: Diagnostician.ruleCheck).manifests.count
            return [Self.expiry(header, signatures: signed.signatures.count), Checkup("library", .ok, "\(probes) probes can be read")]
        } catch {
            let failure = CommandFailure(error)
            return [
                Checkup(
                    "catalogue", .problem, failure?.sentence ?? "\(displayed(path)) is not a catalogue",
                    failure?.nextStep ?? "Pack and sign it anew.")
            ]
        }
    }

    private static func expiry(_ header: DocumentHeader, signatures: Int) -> Checkup {
        let now = UInt64(RollcallDatabase.systemTime())
        let until = timeText(Int64(clamping: header.expiresAt))
        let what = "version \(header.version), \(signatures) signature\(signatures == 1 ? "" : "s")"
        if signatures == 0 {
            return Checkup("catalogue", .problem, "\(what): no device takes it", "Have reviewers sign it with `rollcall probes sign`.")
        }
        if header.expiresAt <= now {
            return Checkup(
                "catalogue", .problem, "\(what), expired on \(until): devices change nothing by it",
                "Pack a higher version, have it signed, and push it.")
        }
        if header.expiresAt - now < 14 * 86_400 * 1_000_000 {
            return Checkup(
                "catalogue", .warning, "\(what), expires on \(until)", "Pack a higher version in time, have it signed, and push it.")
        }
        return Checkup("catalogue", .ok, "\(what), holds until \(until)")
    }

    private static func packaging(_ configuration: Configuration) -> Checkup {
        guard let agent = configuration.agent, configuration.packaging != nil, FileManager.default.fileExists(atPath: agent) else {
            return Checkup(
                "agent", .warning, "its program and packaging were not found, so no device can be enrolled from here",
                "Build it with agent/build in a checkout, or set ROLLCALL_HOME to one.")
        }
        return Checkup("agent", .ok, "its program for this machine and its packaging are there")
    }
}

/// What was found of one thing; for `--json` too.
struct Checkup: Encodable {
    enum State: String, Encodable {
        case ok, warning, problem

        var exit: Int32 {
            switch self {
            case .ok: 0
            case .warning: 1
            case .problem: 2
            }
        }
    }

    let subject: String
    let state: State
    let sentence: String
    /// What to do; nil where nothing is.
    let next: String?

    init(_ subject: String, _ state: State, _ sentence: String, _ next: String? = nil) {
        (self.subject, self.state, self.sentence, self.next) = (subject, state, sentence, next)
    }
}
