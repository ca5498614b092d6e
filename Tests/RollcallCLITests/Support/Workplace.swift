import Foundation
import Glibc
import Testing

/// A desk with a record, and a device behind the shared door, both fresh copies of a template: one for each test.
struct Workplace: Sendable {
    /// What stands behind the door of this test.
    enum Behind: Sendable {
        /// The real agent, with the device's own state.
        case agent(role: String)
        /// A shell script, made when the test's folder is known.
        case script(@Sendable (_ folder: String) throws -> String)
    }

    let folder: String
    let door: Door
    /// What was on record before the test began: hash of each entry, oldest first.
    let entriesBefore: [String]

    /// The store's folder.
    var data: String { folder + "/data" }
    /// The store.
    var store: String { data + "/rollcall.db" }
    /// The device's own folder.
    var state: String { folder + "/state" }
    /// The signed catalogue that the device has.
    var catalogue: String { data + "/catalogue" }
    /// Whose signatures count: two of Anna, Bruno and Carla.
    var trust: String { door.folder + "/template/trust" }
    /// The folder of manifests.
    var probes: String { door.folder + "/template/probes" }
    /// A private key of a reviewer: anna, bruno or carla; or of mallory, whom nobody trusts.
    func reviewer(_ name: String) -> String { "\(door.folder)/template/\(name)" }

    /// Name of the device in the inventory.
    static let device = "kiosk-1"

    /// Tests under way at once: each runs several processes on a machine that may have two cores.
    private static let turns = Turns(4)

    /// Gives `body` a workplace, then checks that the record is whole and still begins with what was there before.
    ///
    /// - Parameter keepsRecord: False where the test itself destroyed the store.
    static func with(
        _ behind: Behind = .agent(role: "repair"), keepsRecord: Bool = true, _ body: (Workplace) async throws -> Void
    ) async throws {
        await turns.enter()
        do {
            let place = try await make(behind)
            try await body(place)
            if keepsRecord { try await place.expectRecordWhole() }
            Scratch.remove(place.folder)
        } catch {
            await turns.leave()
            throw error
        }
        await turns.leave()
    }

    private static func make(_ behind: Behind) async throws -> Workplace {
        let template = try await Template.shared.value
        let folder = "\(template.door.folder)/\(UUID().uuidString.prefix(8))"
        try Scratch.make(folder)
        for part in ["data", "state"] { try await Program.must("/bin/cp", ["-a", "\(template.folder)/\(part)", folder], in: folder) }
        try Scratch.make(folder + "/config/rollcall")
        let place = Workplace(folder: folder, door: template.door, entriesBefore: template.entries)
        try await Template.key("alice", in: folder)
        switch behind {
        case .agent(let role):
            try place.stand(Template.agent(role: role, state: place.state, folder: template.folder))
        case .script(let script): try place.stand(try script(folder))
        }
        try template.door.admit(publicKey: try Template.publicKey("\(folder)/alice"), to: "\(folder)/door.sh")
        return place
    }

    /// Puts another program behind the door.
    func stand(_ script: String) throws { try Scratch.write(script, to: "\(folder)/door.sh") }

    /// Runs the controller.
    func rollcall(_ arguments: String..., environment: [String: String] = [:]) async throws -> Outcome {
        try await rollcall(arguments, environment: environment)
    }

    /// Runs the controller.
    func rollcall(_ arguments: [String], environment: [String: String] = [:]) async throws -> Outcome {
        try await Program.run(Program.rollcall, arguments, in: folder, environment: self.environment.merging(environment) { $1 })
    }

    /// The environment of the controller.
    var environment: [String: String] {
        Program.usual.merging([
            "HOME": folder, "XDG_CONFIG_HOME": folder + "/config", "ROLLCALL_DATA": data, "ROLLCALL_OPERATOR": "alice",
            "ROLLCALL_IDENTITY": folder + "/alice", "ROLLCALL_AGENT": Program.agent,
        ]) { $1 }
    }

    /// Runs the controller, which must succeed.
    @discardableResult
    func must(_ arguments: String...) async throws -> String {
        try await Program.must(Program.rollcall, arguments, in: folder, environment: environment)
    }
}

/// The desk and the device that every test gets a copy of: enrolled through the real door, with a session on record.
struct Template: Sendable {
    static let shared = Task { try await Template() }

    let door: Door
    let folder: String
    let entries: [String]

    private init() async throws {
        guard FileManager.default.isExecutableFile(atPath: Program.agent) else {
            throw Scratch.Failure(description: "no agent at \(Program.agent); run agent/build, or scripts/test, first")
        }
        let door = try await Door.shared.value
        let folder = door.folder + "/template"
        for part in ["", "/data", "/state", "/config"] { try Scratch.make(folder + part) }
        for name in ["alice", "anna", "bruno", "carla", "mallory"] { try await Self.key(name, in: folder) }
        let keys = try ["anna", "bruno", "carla"].map { try Self.publicKey("\(folder)/\($0)") }
        try Scratch.write("threshold 2\n" + keys.joined(separator: "\n") + "\n", to: folder + "/trust")
        try TestProbes.write(to: folder + "/probes")
        let environment = Program.usual.merging([
            "HOME": folder, "XDG_CONFIG_HOME": folder + "/config", "ROLLCALL_DATA": folder + "/data", "ROLLCALL_OPERATOR": "alice",
            "ROLLCALL_IDENTITY": folder + "/alice",
        ]) { $1 }
        func rollcall(_ arguments: String...) async throws -> String {
            try await Program.must(Program.rollcall, arguments, in: folder, environment: environment)
        }
        _ = try await rollcall("probes", "pack", folder + "/probes", "--version", "5", "--days", "30")
        for name in ["anna", "bruno"] { _ = try await rollcall("probes", "sign", "--key", "\(folder)/\(name)") }
        try Scratch.write(try await rollcall("audit", "key"), to: folder + "/desks")
        try Scratch.write(Self.agent(role: "repair", state: folder + "/state", folder: folder), to: folder + "/door.sh")
        try door.admit(publicKey: try Self.publicKey(folder + "/alice"), to: folder + "/door.sh")
        let ledgerKey = try await Program.must(Program.agent, ["key", "--state", folder + "/state"], in: folder)
        _ = try await rollcall("device", "add", Workplace.device, "--host", "127.0.0.1", "--port", "\(door.port)", "--user", door.user)
        _ = try await rollcall(
            "device", "enroll", Workplace.device, "--no-install", "--ledger-key", ledgerKey.trimmingCharacters(in: .newlines), "--host-key",
            door.fingerprint, "--yes")
        (self.door, self.folder) = (door, folder)
        entries = try Record.hashes(try await rollcall("audit", "list", "--json"))
    }

    /// Makes a throw-away key.
    static func key(_ name: String, in folder: String) async throws {
        try await Program.must("/usr/bin/ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", "\(folder)/\(name)"], in: folder)
    }

    static func publicKey(_ path: String) throws -> String { try Scratch.text(path + ".pub").trimmingCharacters(in: .newlines) }

    /// The script that starts the real agent.
    static func agent(role: String, state: String, folder: String) -> String {
        "exec \(Program.agent) serve --standalone --operator alice --role \(role) --state \(state) --trust \(folder)/trust --desks \(folder)/desks --keys \(state)/authorized_keys\n"
    }
}

/// Lets a number of tests in at once, in the order in which they came.
private actor Turns {
    private var free: Int
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(_ count: Int) { free = count }

    func enter() async {
        if free > 0 {
            free -= 1
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty { free += 1 } else { waiting.removeFirst().resume() }
    }
}
