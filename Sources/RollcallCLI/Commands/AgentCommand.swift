internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

/// Signed agents, for upgrades through the door.
struct AgentCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "agent", abstract: "Signed agents for upgrades through the door: pack, sign, verify.",
        subcommands: [Pack.self, Sign.self, Verify.self])

    struct Pack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pack", abstract: "Pack an agent's program for reviewers to sign.")

        @Argument(help: "The program, as agent/build makes it.")
        var program: String

        @Option(help: "The file to write.")
        var out: String

        @Option(name: .customLong("agent-version"), help: "What the program says it is; by default this controller's own version.")
        var version: String = Desk.version

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let header = try SignedAgentFile(out).pack(
                program: program, version: version, time: UInt64(RollcallDatabase.systemTime()))
            if options.json { return try printJSON(AgentBody(header)) }
            Terminal.current.line("Packed agent \(displayed(version)) for \(header.architecture.string); nobody has signed it yet.")
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "sign", abstract: "Sign an agent as a reviewer, with ssh-keygen.")

        @Argument(help: "The file that `rollcall agent pack` wrote.")
        var file: String

        @Option(help: "Private key file, or a public key file whose key is in the ssh-agent.")
        var key: String

        func run() async throws {
            try await SignedAgentFile(file).sign(key: key)
            Terminal.current.line("Signed \(displayed(file)).")
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "verify", abstract: "Judge a signed agent as a device would.")

        @Argument(help: "The file.")
        var file: String

        @Option(help: "Trust file: threshold and reviewers' keys.")
        var trust: String

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let policy = try TrustPolicy(file: [UInt8](readFile(trust)))
            let header = try SignedAgentFile(file).verify(trust: policy)
            if options.json { return try printJSON(AgentBody(header)) }
            Terminal.current.line(
                "Agent \(displayed(header.version.string)) for \(displayed(header.architecture.string)), signed by at least \(policy.threshold) of \(policy.keys.count) trusted reviewers."
            )
        }
    }
}

/// Replaces the agent on a device through its door.
struct UpgradeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "upgrade", abstract: "Replace the agent on a device through its door; one that does not answer is not put in place.")

    @Argument(help: "The device's name.")
    var device: String

    @Option(help: "The signed agent, as `rollcall agent pack` and `sign` make it.")
    var agent: String

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let desk = try await options.desk()
        let found = try findDevice(device, desk.database)
        let file = SignedAgentFile(agent)
        let upgrade = Upgrade(desk: desk) { step in
            if options.json { return }
            switch step {
            case .taken(let old, let new):
                Terminal.current.line("   taken: agent \(displayed(new)) in place of \(displayed(old)); the device tries it now")
            case .installed: Terminal.current.line("   proven: it answers, and the device's ledger says that it is in force")
            }
        }
        try await withDevice(found) {
            do {
                try await upgrade.run(found, file: file)
            } catch let error as Upgrade.Refusal {
                throw CommandFailure(
                    refusedBy: error.rule, sentence: displayed(error.sentence), what: "the new agent", device: found.name)
            }
        }
        let header = try file.read().header
        if options.json { return try printJSON(AgentBody(header)) }
        Terminal.current.line("\(found.name) runs agent \(displayed(header.version.string)).")
    }
}

/// A signed agent for `--json`.
private struct AgentBody: Encodable {
    let version: String
    let architecture: String
    let size: UInt64

    init(_ header: AgentHeader) {
        version = header.version.string
        architecture = header.architecture.string
        size = header.size
    }
}
