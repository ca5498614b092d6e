import Foundation

/// A desk in a scratch folder: a store, an operator's key, two reviewers of whom both must sign, and a signed catalogue.
struct LabDesk: Sendable {
    let folder: String
    /// The store's folder.
    var data: String { folder + "/data" }
    var trust: String { folder + "/trust" }
    private var environment: [String: String] {
        [
            "HOME": folder, "XDG_CONFIG_HOME": folder, "XDG_DATA_HOME": folder, "ROLLCALL_DATA": data, "ROLLCALL_OPERATOR": "alice",
            "ROLLCALL_IDENTITY": folder + "/alice", "SSH_AUTH_SOCK": "", "NO_COLOR": "1",
        ]
    }

    static func open() async throws -> LabDesk {
        let desk = LabDesk(folder: try scratchFolder("desk"))
        for name in ["alice", "anna", "bruno"] {
            try await tool("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", desk.folder + "/" + name)
        }
        let keys = try ["anna", "bruno"].map { try String(contentsOfFile: desk.folder + "/\($0).pub", encoding: .utf8) }
        try ("threshold 2\n" + keys.joined()).write(toFile: desk.trust, atomically: true, encoding: .utf8)
        try await desk.pack(version: 1, to: desk.data + "/catalogue")
        return desk
    }

    /// Packs a catalogue of the shipped probes, or of another folder of manifests, and has both reviewers sign it.
    func pack(version: Int, to out: String, from manifests: String? = nil) async throws {
        try await must(["probes", "pack"] + (manifests.map { [$0] } ?? []) + ["--out", out, "--version", "\(version)", "--days", "30"])
        for reviewer in ["anna", "bruno"] { try await must(["probes", "sign", out, "--key", folder + "/" + reviewer]) }
    }

    /// Runs the real program where devices can be reached from.
    @discardableResult
    func rollcall(_ words: [String], data: String? = nil) async throws -> ProgramResult {
        try await start(words, data: data).finished()
    }

    /// The same, with what it writes for programs, decoded.
    func ask<Value: Decodable>(_ words: [String], as type: Value.Type = Value.self) async throws -> Value {
        try await rollcall(words + ["--json"]).json(type)
    }

    /// Starts the real program, by way of another where that is named, and lets it run.
    func start(_ words: [String], data: String? = nil, through other: [String] = []) -> RunningProgram {
        var environment = environment
        if let data { environment["ROLLCALL_DATA"] = data }
        return RunningProgram(LabSite.script, ["exec", "--"] + other + [LabSite.rollcall] + words, environment: environment)
    }

    /// The same for what must succeed.
    @discardableResult
    func must(_ words: [String]) async throws -> ProgramResult {
        let result = try await rollcall(words)
        guard result.status == 0 else { throw LabFailure("rollcall \(words.joined(separator: " ")): \(result.story)") }
        return result
    }

    func enrol(_ device: Bench.Device) async throws {
        try await must(["device", "add", device.name, "--host", device.address, "--site", "lab", "--model", "bench"])
        try await must(enrolment(of: device))
    }

    /// The command that enrols a device.
    func enrolment(of device: Bench.Device) -> [String] {
        [
            "device", "enroll", device.name, "--root-identity", LabSite.lab + "/key", "--host-key", device.fingerprint, "--trust", trust,
            "--yes",
        ]
    }

    func diagnose(_ device: Bench.Device) async throws -> Diagnosis { try await ask(["diagnose", device.name]) }

    /// Whether the record holds, and the device's own agrees with it.
    func audit(_ device: Bench.Device) async throws -> Audit { try await ask(["audit", "verify", "--device", device.name]) }
}
