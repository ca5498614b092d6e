internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Probes
internal import Store

/// This very machine as a device: its agent a child of this process, its catalogue packed from the manifests at hand and signed by a key
/// that this desk made for itself and this machine alone trusts.
struct ThisMachine {
    let device: Device
    let desk: Desk
    let way: DeviceSession.Way

    /// Name of this machine in the inventory.
    static let name = "here"

    /// Makes what is missing, and opens it.
    ///
    /// - Parameter probes: Folder of the manifests; nil for those that ship with Rollcall.
    static func open(_ options: DeskOptions, probes chosen: String? = nil) async throws -> ThisMachine {
        let configuration = try options.configuration()
        guard let agent = configuration.agent, FileManager.default.isExecutableFile(atPath: agent) else {
            throw CommandFailure(
                .missingTool, kind: "no-agent-binary", "The agent's binary is not at \(configuration.agent ?? "any known place").",
                next: "Build it with agent/build, or name it with ROLLCALL_AGENT.")
        }
        guard let probes = chosen ?? configuration.probes else {
            throw CommandFailure(.notFound, kind: "no-probes", "The folder of probes was not found.", next: "Name it with ROLLCALL_PROBES.")
        }
        let folder = configuration.data + "/here"
        let library = try ManifestLibrary(directory: probes, check: Diagnostician.ruleCheck)
        let catalogue = CatalogueFolder(folder + "/catalogue")
        try await prepare(folder, library: library, catalogue: catalogue)
        let state = folder + "/state"
        let signed = try catalogue.signed()
        try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        try Data(signed.encoded).write(to: URL(fileURLWithPath: state + "/catalogue"), options: .atomic)
        let database = try options.database()
        try Data((database.verifierKey + "\n").utf8).write(to: URL(fileURLWithPath: folder + "/desks"), options: .atomic)
        let desk = Desk(
            database: database, library: { [language = configuration.language] in library.spoken(in: language) },
            catalogueDigest: signed.digest, operatorName: configuration.operatorName,
            keys: LoginKeys(only: []))
        let device = try enrolled(database, agent: agent, state: state, operatorName: configuration.operatorName)
        let arguments = [
            "serve", "--standalone", "--operator", configuration.operatorName, "--role", "repair", "--state", state, "--trust",
            folder + "/trust", "--desks", folder + "/desks",
        ]
        return ThisMachine(device: device, desk: desk, way: .child(path: agent, arguments: arguments))
    }

    /// Packs and signs the manifests, unless that was done and none has changed since.
    private static func prepare(_ folder: String, library: ManifestLibrary, catalogue: CatalogueFolder) async throws {
        let now = UInt64(RollcallDatabase.systemTime())
        let year: UInt64 = 365 * 86_400 * 1_000_000
        let keyPath = folder + "/reviewer"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        if !FileManager.default.fileExists(atPath: keyPath) {
            try runTool("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", "this-desk", "-f", keyPath])
        }
        let key = try String(contentsOfFile: keyPath + ".pub", encoding: .utf8)
        try Data("threshold 1\n\(key)".utf8).write(to: URL(fileURLWithPath: folder + "/trust"), options: .atomic)
        let trust = try TrustPolicy(file: [UInt8](Data(contentsOf: URL(fileURLWithPath: folder + "/trust"))))
        let verified = try? catalogue.verify(trust: trust, now: now)
        if let verified, let old = try? catalogue.read().library(), old == library, verified.header.expiresAt > now + year / 12 { return }
        let version = (verified?.header.version ?? 0) + 1
        try catalogue.write(
            PackedCatalogue(library, name: "this-machine", version: version, signedAt: now, expiresAt: now + year))
        try await catalogue.sign(key: keyPath, name: "this-desk")
    }

    /// The ledger key of the agent, which it makes where there is none.
    private static func key(of agent: String, _ state: String) throws(CommandFailure) -> String {
        do { return try runTool(agent, ["key", "--state", state]) } catch {
            guard let next = adviceOnMachineID(FileManager.default.contents(atPath: "/etc/machine-id")) else { throw error }
            throw CommandFailure(error.status, kind: error.kind, error.sentence, next: next)
        }
    }

    /// What to do about a machine without a machine id, from which its agent's name comes; nil where it has one.
    static func adviceOnMachineID(_ content: Data?) -> String? {
        if let content, content.contains(where: { $0 > 32 }) { return nil }
        return "/etc/machine-id \(content == nil ? "cannot be read" : "is empty"), and the agent's key is named after it; "
            + "run systemd-machine-id-setup as root."
    }

    private static func enrolled(_ database: RollcallDatabase, agent: String, state: String, operatorName: String) throws -> Device {
        let ledgerKey = try key(of: agent, state).trimmingCharacters(in: .whitespacesAndNewlines)
        var device =
            try database.devices(DeviceSelection(names: [name])).first
            ?? database.addDevice(
                name: name, address: Device.Address(host: "localhost"), labels: Device.Labels(site: ProcessInfo.processInfo.hostName),
                operator: operatorName)
        if device.agent.verifierKey != ledgerKey {
            let id = ledgerKey.split(separator: "+").first?.split(separator: "/").last.map(String.init) ?? ""
            try database.recordEnrolled(device: device.id, verifierKey: ledgerKey, deviceID: id, operator: operatorName)
            device = try database.device(named: name)
        }
        return device
    }
}

/// Runs a program found in PATH, or at a path, to its end, and returns its standard output.
///
/// - Throws: `.missingTool` where it cannot be started or fails.
@discardableResult
func runTool(_ program: String, _ arguments: [String]) throws(CommandFailure) -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: program.hasPrefix("/") ? program : "/usr/bin/env")
    process.arguments = program.hasPrefix("/") ? arguments : [program] + arguments
    let (output, complaint) = (Pipe(), Pipe())
    process.standardOutput = output
    process.standardError = complaint
    process.standardInput = FileHandle.nullDevice
    do { try process.run() } catch {
        throw CommandFailure(.missingTool, kind: "missing-tool", "\(program) could not be started.", next: "Install it, or check its path.")
    }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    let said = complaint.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    guard process.terminationStatus == 0 else {
        let words = displayed(String(decoding: said.suffix(400), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
        throw CommandFailure(.missingTool, kind: "tool-failed", "\(program) failed: \(words).", next: "Run it by hand to see why.")
    }
    return String(decoding: bytes, as: UTF8.self)
}
