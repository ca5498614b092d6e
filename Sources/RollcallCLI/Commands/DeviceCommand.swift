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
        commandName: "device", abstract: "The inventory: add, list, show, enroll, rekey, remove.",
        subcommands: [Add.self, List.self, Show.self, EnrollCommand.self, Rekey.self, Remove.self])

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
            let database = try options.database()
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
            let database = try options.database()
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

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "remove", abstract: "Take a device out of the inventory; its record stays, and the agent stays on the device.")

        @Argument(help: "The device's name.")
        var device: String

        @Flag(help: "Do not ask.")
        var yes = false

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let found = try findDevice(device, database)
            if !yes { try confirm("Remove \(found.name) from the inventory?") }
            try database.removeDevice(id: found.id, operator: try options.configuration().operatorName)
            Terminal.current.line("Removed \(found.name) from the inventory.")
        }
    }
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
