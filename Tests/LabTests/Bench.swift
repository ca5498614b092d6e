import Foundation
import Testing

/// Two enrolled devices and a desk, booted for one run of the suite and ended with it.
struct Bench: Sendable {
    /// A device of the lab.
    struct Device: Sendable {
        let name: String
        let address: String
        /// Fingerprint of its host key, as read at the device.
        let fingerprint: String

        /// Runs a command inside the device without its network; it must succeed.
        @discardableResult
        func shell(_ script: String) async throws -> String {
            let result = try await runProgram(LabSite.script, ["sh", name, "/bin/sh", "-c", script])
            guard result.status == 0 else { throw LabFailure("\(name): \(script): \(result.story)") }
            return result.output
        }

        /// Waits inside the device until a shell condition holds.
        func until(_ condition: String, seconds: Int = 20) async throws {
            try await shell("timeout \(seconds) sh -c 'until \(condition); do sleep 0.1; done'")
        }

        /// Changes the device's network from outside, as a cable would be: ip(8) in its network namespace.
        func network(_ words: String...) async throws {
            let result = try await runProgram("/usr/bin/env", ["nsenter", "--net=/proc/\(try leader())/ns/net", "ip"] + words)
            guard result.status == 0 else { throw LabFailure("ip \(words.joined(separator: " ")) for \(name): \(result.story)") }
        }

        /// Its process 1, by the machine's numbers.
        func leader() throws -> Int {
            let text = try String(contentsOfFile: LabSite.lab + "/devices/\(name)/leader", encoding: .utf8)
            guard let pid = Int(text.trimmingCharacters(in: .whitespacesAndNewlines)) else { throw LabFailure("\(name) has no process 1") }
            return pid
        }

        func inject(_ fault: String) async throws { try await lab("inject", name, fault) }
        func heal(_ fault: String) async throws { try await lab("heal", name, fault) }

        /// Injects a fault, and heals it whatever becomes of the work.
        func with<Result>(_ fault: String, _ work: () async throws -> Result) async throws -> Result {
            try await inject(fault)
            let result: Result
            do { result = try await work() } catch {
                try await heal(fault)
                throw error
            }
            try await heal(fault)
            return result
        }
    }

    /// For faults of every kind.
    let first: Device
    /// For what leaves traces in ledgers and installations.
    let second: Device
    let desk: LabDesk

    /// The bench of this run.
    @TaskLocal static var current: Bench?

    /// The bench of this run; a test outside the suite has none.
    static func require() throws -> Bench { try #require(current, "the suite's scope boots the bench") }

    /// A device and a desk of their own, for what would leave a trace on the others.
    ///
    /// - Parameter options: Options of `scripts/lab up`.
    static func withSpare<Result>(_ options: [String] = [], _ work: (Device, LabDesk) async throws -> Result) async throws -> Result {
        let name = "lt-\(run)-c"
        let desk = try await LabDesk.open()
        defer { try? FileManager.default.removeItem(atPath: desk.folder) }
        try await lab(["up"] + options + [name])
        do {
            let spare = try await device(name)
            try await desk.enrol(spare)
            let result = try await work(spare, desk)
            try await lab("down", name)
            return result
        } catch {
            try await lab("down", name)
            throw error
        }
    }

    /// Tells this run's devices from those of others in the same lab.
    private static let run = String(ProcessInfo.processInfo.processIdentifier, radix: 36)

    fileprivate static func build() async throws -> Bench {
        let names = ["lt-\(run)-a", "lt-\(run)-b"]
        var folder: String?
        do {
            try await lab("up", names[0], names[1])
            // A desk's programs run where devices are reached from, which is there once one is up.
            let desk = try await LabDesk.open()
            folder = desk.folder
            let devices = try await [device(names[0]), device(names[1])]
            for device in devices { try await desk.enrol(device) }
            return Bench(first: devices[0], second: devices[1], desk: desk)
        } catch {
            for name in names { _ = try? await lab("down", name) }
            if let folder { try? FileManager.default.removeItem(atPath: folder) }
            throw error
        }
    }

    private static func device(_ name: String) async throws -> Device {
        let address = try await lab("address", name).trimmingCharacters(in: .whitespacesAndNewlines)
        // Read at the device itself, as a technician would read it from its label or screen.
        let line = try await lab("sh", name, "ssh-keygen", "-l", "-f", "/etc/ssh/ssh_host_ed25519_key.pub")
        return Device(name: name, address: address, fingerprint: String(line.split(separator: " ")[1]))
    }

    fileprivate func end() async throws {
        for device in [first, second] { try await lab("down", device.name) }
        try FileManager.default.removeItem(atPath: desk.folder)
    }
}

/// Boots the bench before the suite and ends it after, whatever became of the tests.
struct BenchScope: SuiteTrait, TestScoping {
    func provideScope(for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void) async throws {
        let bench = try await Bench.build()
        do { try await Bench.$current.withValue(bench, operation: function) } catch {
            try await bench.end()
            throw error
        }
        try await bench.end()
    }
}

/// All that needs a real device: one at a time, because they share two.
@Suite(
    "On real devices", .serialized, .enabled(if: LabSite.missing == nil, Comment(rawValue: LabSite.missing ?? "")), BenchScope())
enum LabTests {}
