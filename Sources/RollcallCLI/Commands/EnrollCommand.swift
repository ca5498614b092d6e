internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Probes
internal import SSH
internal import Store
internal import Synchronization

/// Installs the agent on a device, pins its keys, pushes the catalogue and proves the door.
struct EnrollCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enroll",
        abstract: "Install the agent over a root login, pin both keys, push the catalogue, and prove that the door works.",
        discussion: "Safe to run again; it then brings the agent and the catalogue up to date.")

    @Argument(help: "The device's name.")
    var device: String

    @Option(help: "Fingerprint of the device's host key (SHA256:...), read from the device or its paperwork.")
    var hostKey: String?

    @Option(help: "Trust file for the device: whose signatures put a catalogue in force.")
    var trust: String?

    @Option(help: "Role of this operator on the device: observe, repair or shell.")
    var role = "repair"

    @Option(help: "Public key to let in as this operator; by default that of --identity.")
    var operatorKey: String?

    @Flag(help: "Replace a trust file that has reviewers whom --trust does not, or wants another number of them, without asking.")
    var replaceTrust = false

    @Flag(help: "The agent is installed already: only pin keys, push the catalogue, and prove the door.")
    var noInstall = false

    @Option(help: "With --no-install: what `rollcall-agent key` prints on the device.")
    var ledgerKey: String?

    @Flag(help: "Do not ask before the device is changed.")
    var yes = false

    @OptionGroup var rootLogin: RootLoginOptions
    @OptionGroup var options: DeskOptions

    func validate() throws {
        guard ["observe", "repair", "shell"].contains(role) else { throw ValidationError("A role is observe, repair or shell.") }
        if noInstall, ledgerKey == nil { throw ValidationError("With --no-install, give --ledger-key too.") }
        if !noInstall, trust == nil { throw ValidationError("Give --trust: the file that says whose signatures the device accepts.") }
    }

    func run() async throws {
        let desk = try await options.desk()
        let configuration = try options.configuration()
        var found = try findDevice(device, desk.database)
        let enrolment = Enrolment(desk: desk, catalogue: CatalogueFolder(configuration.catalogue)) { step in
            if !options.json { Self.say(step) }
        }
        try await withDevice(found) {
            let pinned: HostKey
            let ledger: String
            if noInstall {
                pinned = try await HostKeyCheck.shown(by: found, desk, expected: hostKey)
                ledger = ledgerKey ?? ""
            } else {
                (pinned, ledger) = try await install(found, enrolment, desk: desk, configuration: configuration)
            }
            if found.hostKeys != [pinned.openSSH] {
                try desk.database.replaceHostKeys(
                    device: found.id, hostKeys: [pinned.openSSH], operator: desk.operatorName, reason: "enrolment")
                found = try desk.database.device(id: found.id)
            }
            try await enrolment.prove(found, ledgerKey: ledger)
        }
        found = try desk.database.device(id: found.id)
        if options.json { return try printJSON(DeviceBody(found)) }
        Terminal.current.line("\(found.name) is enrolled; \(desk.operatorName) may \(role).")
    }

    private func install(
        _ device: Device, _ enrolment: Enrolment, desk: Desk, configuration: Configuration
    ) async throws -> (HostKey, String) {
        let trustBytes = [UInt8](try readFile(trust ?? ""))
        _ = try TrustPolicy(file: trustBytes)
        var destination = try await desk.enrolment(
            of: device, user: "root", fingerprint: hostKey, confirm: { HostKeyCheck.confirm($0, $1, of: device.name) })
        let root = try await rootLogin.identities(configuration, desk: desk, unnamed: destination.identities)
        destination.identities = root.identities
        let key = try await publicKey(device, desk)
        if !yes { try confirm("Install the agent on \(device.name) (\(device.address.host)) as root?") }
        // An encrypted key is signed with by an ssh-agent that lasts as long as this.
        defer { withExtendedLifetime(root) {} }
        return try await enrolment.install(
            device, over: destination, package: { survey in try Self.package(survey, configuration) }, trust: trustBytes,
            agree: { try agree($0, on: device) }, authorizedKeys: [(desk.operatorName, role, key)])
    }

    /// Asks before reviewers of another team lose their say, which a yes to the enrolment is not.
    private func agree(_ change: TrustChange, on device: Device) throws(CommandFailure) {
        let sentence = change.sentence(device.name)
        if replaceTrust { return Terminal.current.complain(sentence) }
        guard !yes, Terminal.current.canAsk else {
            throw CommandFailure(
                .declined, kind: "trust-replaced", sentence + " Nothing was changed.",
                next: "Add to \(displayed(trust ?? "")) what is missing, or say with --replace-trust that it is to be so.")
        }
        Terminal.current.complain(sentence)
        try confirm("Replace its trust file?")
    }

    /// The package for a device's architecture.
    private static func package(_ survey: Installation.Survey, _ configuration: Configuration) throws -> Enrolment.Package {
        guard let agent = configuration.agent, let packaging = configuration.packaging else {
            throw CommandFailure(
                .missingTool, kind: "no-agent-binary", "The agent's binary and packaging were not found.",
                next: "Run from a checkout, or set ROLLCALL_HOME to one.")
        }
        guard let architecture = survey.agentArchitecture else {
            throw CommandFailure(
                .enrolmentFailed, kind: "architecture",
                "There is no agent for the device's architecture, \(displayed(survey.architecture)).",
                next: "Rollcall has agents for x86_64, aarch64 and armv7.")
        }
        // The known place names its architecture; a path given on purpose is taken as it is.
        let path = agent.replacingOccurrences(of: "/x86_64/", with: "/\(architecture)/")
            .replacingOccurrences(of: "/aarch64/", with: "/\(architecture)/")
        guard FileManager.default.fileExists(atPath: path) else {
            throw CommandFailure(
                .enrolmentFailed, kind: "architecture",
                "The agent for the device's architecture, \(displayed(survey.architecture)), is not there: \(path).",
                next: "Build it with agent/build --arch \(architecture).")
        }
        if let package = debianPackage(survey, agent: path) {
            return try Enrolment.Package(debianPackage: package, packagingFolder: packaging)
        }
        return try Enrolment.Package(agentPath: path, packagingFolder: packaging)
    }

    /// The Debian package for a device that has dpkg, as scripts/package leaves it beside the builds; nil where there is none, or the agent
    /// was built anew since.
    private static func debianPackage(_ survey: Installation.Survey, agent: String) -> String? {
        let architecture = survey.debianArchitecture
        guard ["amd64", "arm64", "armhf", "armel"].contains(architecture) else { return nil }
        let builds = URL(fileURLWithPath: agent).deletingLastPathComponent().deletingLastPathComponent()
        let package = builds.appendingPathComponent("packages/rollcall-agent_\(Desk.version)-1_\(architecture).deb").path
        func written(_ path: String) -> Date? {
            (try? FileManager.default.attributesOfItem(atPath: path))?[.modificationDate] as? Date
        }
        guard let packed = written(package), let built = written(agent), packed >= built else { return nil }
        return package
    }

    /// The public key that is let in, as one OpenSSH line without options or line breaks.
    private func publicKey(_ device: Device, _ desk: Desk) async throws -> String {
        if let operatorKey {
            let text = String(decoding: try readFile(operatorKey), as: UTF8.self)
            guard let key = HostKey(openSSH: text) else {
                throw CommandFailure(.badData, kind: "public-key", "\(operatorKey) is not a public key.", next: "Name the .pub file.")
            }
            if let reason = Identity.agent(socketPath: "", publicKeyBlob: key.blob).unsupportedReason {
                throw CommandFailure(
                    .badData, kind: "public-key", "\(operatorKey) could not be used to log in: \(displayed(reason)).",
                    next: "Name an Ed25519 key.")
            }
            return key.openSSH
        }
        if let key = try await desk.door(of: device).identities.first(where: { $0.publicKey != nil && $0.unsupportedReason == nil })?
            .publicKey
        {
            return key.openSSH
        }
        throw CommandFailure(.notFound, kind: "public-key", "There is no public key to let in.", next: "Name one with --operator-key.")
    }

    private static func say(_ step: Enrolment.Step) {
        let terminal = Terminal.current
        switch step {
        case .surveyed(let survey):
            terminal.line("   reached as root: \(displayed(survey.system, limit: 60)), \(displayed(survey.architecture, limit: 20))")
        case .installed(let said):
            let isPackage = said.contains("Setting up rollcall-agent")
            terminal.line("   installed: agent, user rollcall, unit, sshd drop-in" + (isPackage ? ", as a Debian package" : ""))
        case .pinned: terminal.line("   pinned: the device's host key and the key of its ledger")
        case .pushed(let version): terminal.line("   pushed: catalogue \(version), accepted by the device's own check of its signatures")
        case .proven(let role, let answers):
            terminal.line("   proven: \(answers) probes answered through the door, role \(displayed(role, limit: 20))")
        }
    }
}

extension TrustChange {
    /// What a device loses, safe for a terminal.
    func sentence(_ device: String) -> String {
        var parts: [String] = []
        if !dropped.isEmpty {
            let names = dropped.prefix(8).map { key in
                key.fingerprint + (key.comment.isEmpty ? "" : " (\(displayed(key.comment, limit: 60)))")
            }
            let more = dropped.count > 8 ? " and \(dropped.count - 8) more" : ""
            parts.append("would no longer trust the reviewers \(names.joined(separator: ", "))\(more)")
        }
        if thresholds.before != thresholds.after {
            func words(_ number: Int?) -> String { number.map(String.init) ?? "no number" }
            parts.append("would want signatures of \(words(thresholds.after)) in place of \(words(thresholds.before))")
        }
        return "\(device) \(parts.joined(separator: " and "))."
    }
}

/// Reads a file that a flag named.
func readFile(_ path: String) throws(CommandFailure) -> Data {
    do {
        return try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
        throw CommandFailure(
            .notFound, kind: "unreadable", "\(displayed(path)) cannot be read.", next: "Check the path and its permissions.")
    }
}

/// How a host key comes to be trusted: by its fingerprint, by a pin or a known_hosts file, or by a typed yes; never in silence.
enum HostKeyCheck {
    /// Asks a person; no where nobody can be asked.
    static func confirm(_ key: HostKey, _ facts: String, of device: String) -> Bool {
        Terminal.current.confirm(
            "\(device) shows the host key \(displayed(key.algorithm)) \(key.fingerprint) (\(displayed(facts, limit: 400))). Is that its key?"
        )
    }

    /// The key that a device shows, if it is the expected one, a known one, or a person says yes to it.
    ///
    /// - Parameter isReplaced: Whether only a person can say yes where nothing is expected.
    /// - Throws: `.hostKeyUnknown`, `.hostKeyChanged`, and what keeps the device from being reached.
    static func shown(
        by device: Device, _ desk: Desk, expected: String?, isReplaced: Bool = false
    ) async throws(SSHError) -> HostKey {
        var destination = try await desk.enrolment(
            of: device, user: device.address.user, fingerprint: expected, isReplaced: isReplaced,
            confirm: { confirm($0, $1, of: device.name) })
        // Nobody is to log in here: the key exchange alone shows the key.
        destination.identities = [.ed25519(Ed25519Key.generate())]
        do throws(SSHError) {
            let connection = try await Connection.open(to: destination, attempts: 3)
            await connection.close()
            return connection.hostKey
        } catch {
            guard error.code == .authenticationRefused, error.jumpHost == nil, let key = error.offeredHostKey else { throw error }
            return key
        }
    }
}
