internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Probes
internal import SSH
internal import Store

/// The inventory, and bringing devices under care.
struct DeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "device", abstract: "The inventory: add, list, show, enroll, upgrade, rekey, replace, remove.",
        subcommands: [Add.self, List.self, Show.self, EnrollCommand.self, UpgradeCommand.self, Rekey.self, Replace.self, Remove.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "add", abstract: "Add a device to the inventory; nothing is done to it yet.")

        @Argument(help: "A name for it: letters, digits and . _ -")
        var name: String

        @Option(help: "Host name, alias of ~/.ssh/config, or address of its sshd; the device's name otherwise.")
        var host: String?

        @Option(help: "Port of its sshd; what ~/.ssh/config says otherwise, or 22.")
        var port: Int?

        @Option(help: "Login name of its door.")
        var user = "rollcall"

        @Option(help: "Where it stands.")
        var site = ""

        @Option(help: "What it is.")
        var model = ""

        @Option(name: .customLong("tag"), help: "A free label; may be repeated.")
        var tags: [String] = []

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let person = try options.configuration().operatorName
            let device: Device
            do throws(StoreError) {
                device = try database.addDevice(
                    name: name, address: Device.Address(host: host ?? name, port: port, user: user),
                    labels: Device.Labels(site: site, model: model, tags: tags), operator: person)
            } catch {
                if error.code == .invalid {
                    throw CommandFailure(
                        .usage, kind: "invalid", "\"\(displayed(error.subject))\" cannot be a device's name or address.",
                        next: "A name has letters, digits and . _ -, and begins with none of . and -; a port is 1 to 65535.")
                }
                throw CommandFailure(error, what: "device \"\(displayed(name))\"")
            }
            if options.json { return try printJSON(DeviceBody(device)) }
            Terminal.current.line("Added \(device.name). `rollcall device enroll \(device.name)` installs the agent and pins its keys.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List devices.")

        @Flag(help: "Only those that still let in a revoked or expired key, or have an older roster or none, by what each said last.")
        var drift = false

        @OptionGroup var selection: SelectionOptions
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let devices = try database.devices(selection.selection)
            if drift {
                let drifting = try DriftText.drifting(devices, database)
                if options.json { return try printJSON(drifting.map(DriftBody.init)) }
                return DriftText.printTable(drifting)
            }
            if options.json { return try printJSON(devices.map(DeviceBody.init)) }
            if devices.isEmpty { return Terminal.current.line("No device matches.") }
            var table = TextTable(["NAME", "ADDRESS", "SITE", "MODEL", "AGENT", "CATALOGUE", "LAST SEEN"])
            for device in devices {
                let port = device.address.port.map { ":\($0)" } ?? ""
                table.add([
                    device.name, displayed(device.address.user + "@" + device.address.host + port, limit: 60),
                    displayed(device.labels.site, limit: 24), displayed(device.labels.model, limit: 24),
                    device.agent.enrolledAt == nil ? "not enrolled" : displayed(device.agent.version, limit: 16),
                    device.agent.catalogueVersion == 0 ? "-" : "\(device.agent.catalogueVersion)",
                    device.agent.lastSeenAt.map(timeText) ?? "never",
                ])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show all that is known of a device.")

        @Argument(help: "The device's name.")
        var device: String

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let found = try findDevice(device, database)
            if options.json { return try printJSON(DeviceBody(found)) }
            let terminal = Terminal.current
            terminal.line(
                terminal.styled(found.name, .bold)
                    + "  \(displayed(found.address.user))@\(displayed(found.address.place))")
            let labels = [("site", found.labels.site), ("model", found.labels.model), ("tags", found.labels.tags.joined(separator: " "))]
            let words = labels.filter { !$0.1.isEmpty }.map { "\($0.0) \(displayed($0.1))" }
            if !words.isEmpty { terminal.line("   " + words.joined(separator: ", ")) }
            for key in found.hostKeys.compactMap({ HostKey(openSSH: $0) }) {
                terminal.line("   host key pinned: \(displayed(key.algorithm)) \(key.fingerprint)")
            }
            if let at = found.agent.enrolledAt {
                terminal.line(
                    "   enrolled \(timeText(at)); agent \(displayed(found.agent.version)), catalogue \(found.agent.catalogueVersion)")
                terminal.line("   ledger key \(displayed(found.agent.verifierKey))")
            } else {
                terminal.line("   not enrolled: `rollcall device enroll \(found.name)`")
            }
            terminal.line("   last seen \(found.agent.lastSeenAt.map(timeText) ?? "never")")
            for call in try database.calls(CallSelection(device: found.id, limit: 5)) {
                terminal.line(
                    "   call \(timeText(call.openedAt))  \(displayed(call.symptom, limit: 60))  ->  \(call.closing?.outcome.rawValue ?? "open")"
                )
            }
        }
    }

    struct Rekey: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "rekey", abstract: "Pin another host key for a device, on purpose, because it was replaced or set up anew.")

        @Argument(help: "The device's name.")
        var device: String

        @Option(help: "Fingerprint of the new key (SHA256:...), read from the device or its paperwork.")
        var hostKey: String?

        @Option(help: "Why, for the record.")
        var reason = "replaced"

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let desk = try await options.desk()
            let found = try findDevice(device, desk.database)
            let shown = try await withDevice(found) { try await HostKeyCheck.shown(by: found, desk, expected: hostKey, isReplaced: true) }
            try desk.database.replaceHostKeys(
                device: found.id, hostKeys: [shown.openSSH], operator: desk.operatorName, reason: reason)
            Terminal.current.line("Pinned \(shown.fingerprint) for \(found.name).")
        }
    }

    struct Replace: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "replace",
            abstract: "Put other hardware in a device's place: its host key is confirmed and pinned, and it is to be enrolled anew.",
            discussion: "Name, labels and address stay. The old device leaves the inventory; its record and the head of its ledger stay.")

        @Argument(help: "The device's name.")
        var device: String

        @Option(help: "Host name, alias or address of the new hardware, where it is another.")
        var host: String?

        @Option(help: "Port of its sshd, where it is another.")
        var port: Int?

        @Option(help: "Fingerprint of the new key (SHA256:...), read from the device or its paperwork.")
        var hostKey: String?

        @Option(help: "Why, for the record.")
        var reason = "hardware replaced"

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let desk = try await options.desk()
            var found = try findDevice(device, desk.database)
            if let host { found.address.host = host }
            if host != nil || port != nil { found.address.port = port }
            let old = found.hostKeys
            let shown = try await withDevice(found) { try await HostKeyCheck.shown(by: found, desk, expected: hostKey, isReplaced: true) }
            // Hardware makes its own keys: the old one's key means that this is the old one, or a copy of its disk.
            guard !old.contains(shown.openSSH) else {
                throw CommandFailure(
                    .hostKeyChanged, kind: "host-key-same",
                    "\(found.name) shows the host key that is pinned already, \(shown.fingerprint), so it is the device that was there.",
                    next: "Where its disk was moved over, nothing is to be done; otherwise make new host keys on the new hardware first.")
            }
            let replaced = try desk.database.replaceDevice(
                id: found.id, address: found.address, hostKeys: [shown.openSSH], operator: desk.operatorName, reason: reason)
            if options.json { return try printJSON(DeviceBody(replaced)) }
            Terminal.current.line("Pinned \(shown.fingerprint) for \(replaced.name), which is other hardware now; the old record stays.")
            Terminal.current.line("`rollcall device enroll \(replaced.name)` installs the agent on it.")
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove",
            abstract: "Take a device out of the inventory; its record stays, and with --purge the agent goes from the device.")

        @Argument(help: "The device's name.")
        var device: String

        @Flag(help: "Take the agent off the device first, over a root login, and prove that nothing is left there.")
        var purge = false

        @Flag(help: "Do not ask.")
        var yes = false

        @OptionGroup var rootLogin: RootLoginOptions
        @OptionGroup var options: DeskOptions

        func run() async throws {
            guard purge else {
                let database = try options.database()
                let found = try findDevice(device, database)
                if !yes { try confirm("Remove \(found.name) from the inventory?") }
                try database.removeDevice(id: found.id, operator: try options.configuration().operatorName)
                return Terminal.current.line("Removed \(found.name) from the inventory; the agent stays on the device.")
            }
            let desk = try await options.desk()
            let configuration = try options.configuration()
            let found = try findDevice(device, desk.database)
            guard let packaging = configuration.packaging else {
                throw CommandFailure(
                    .missingTool, kind: "no-agent-binary", "The agent's packaging was not found.",
                    next: "Run from a checkout, or set ROLLCALL_HOME to one.")
            }
            try await withDevice(found) {
                var destination = try await desk.enrolment(
                    of: found, user: "root", fingerprint: nil, confirm: { HostKeyCheck.confirm($0, $1, of: found.name) })
                let root = try await rootLogin.identities(configuration, desk: desk, unnamed: destination.identities)
                destination.identities = root.identities
                if !yes {
                    try confirm(
                        "Take the agent off \(found.name) (\(found.address.host)), its ledger and keys included, and forget the device?")
                }
                // An encrypted key is signed with by an ssh-agent that lasts as long as this.
                defer { withExtendedLifetime(root) {} }
                let removal = Removal(desk: desk) { step in if !options.json { Self.say(step) } }
                try await removal.purge(found, over: destination, packagingFolder: packaging)
            }
            try desk.database.removeDevice(id: found.id, isPurged: true, operator: desk.operatorName)
            if options.json { return try printJSON(PurgeBody(name: found.name, left: [])) }
            Terminal.current.line("Removed \(found.name) from the inventory; nothing of the agent is left on it.")
        }

        private static func say(_ step: Removal.Step) {
            let terminal = Terminal.current
            switch step {
            case .surveyed(let survey):
                terminal.line("   reached as root: \(displayed(survey.system, limit: 60)), \(displayed(survey.architecture, limit: 20))")
            case .removed:
                terminal.line(
                    "   removed: agent, unit, sshd drop-in, user rollcall, keys, ledger; the device looked and found nothing left")
            case .shut: terminal.line("   proven: its sshd does not let this desk in any more")
            }
        }
    }
}

/// A purged device for `--json`.
private struct PurgeBody: Encodable {
    let name: String
    /// What is left of the agent: always nothing, for anything else is a failure.
    let left: [String]
}

/// Which devices are meant.
struct SelectionOptions: ParsableArguments {
    @Argument(help: "Names, with * and ? as wildcards.")
    var names: [String] = []

    @Option(name: .customLong("site"), help: "Only at this site; * and ? as wildcards; may be repeated.")
    var sites: [String] = []

    @Option(name: .customLong("model"), help: "Only of this model.")
    var models: [String] = []

    @Option(name: .customLong("tag"), help: "Only with this tag.")
    var tags: [String] = []

    /// The selection; without any option, every device.
    var selection: DeviceSelection { DeviceSelection(names: names, sites: sites, models: models, tags: tags) }

    /// The selection in words, for the record.
    var words: String {
        let parts = names + sites.map { "site=\($0)" } + models.map { "model=\($0)" } + tags.map { "tag=\($0)" }
        return parts.isEmpty ? "all devices" : parts.joined(separator: " ")
    }
}

extension Device.Address {
    /// Host and port, as a sentence has them.
    var place: String { port.map { "\(host) port \($0)" } ?? host }
}

/// A device for `--json`.
struct DeviceBody: Encodable {
    let id: String
    let name: String
    let host: String
    /// Absent where OpenSSH's configuration says it.
    let port: Int?
    let user: String
    let site: String
    let model: String
    let tags: [String]
    let hostKeys: [String]
    let agentVersion: String
    let catalogueVersion: UInt64
    /// Absent where the agent never said; 0 without a roster.
    let rosterVersion: UInt64?
    let ledgerKey: String
    let enrolledAt: String?
    let lastSeenAt: String?

    init(_ device: Device) {
        id = device.id
        name = device.name
        host = device.address.host
        port = device.address.port
        user = device.address.user
        site = device.labels.site
        model = device.labels.model
        tags = device.labels.tags
        hostKeys = device.hostKeys.compactMap { HostKey(openSSH: $0)?.fingerprint }
        agentVersion = device.agent.version
        catalogueVersion = device.agent.catalogueVersion
        rosterVersion = device.agent.rosterVersion
        ledgerKey = device.agent.verifierKey
        enrolledAt = device.agent.enrolledAt.map(timeText)
        lastSeenAt = device.agent.lastSeenAt.map(timeText)
    }
}
