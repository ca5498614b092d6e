internal import AgentClient
internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Fleet
internal import Foundation
internal import Probes
internal import SSH
internal import Store
internal import Wire

/// The command line: `rollcall COMMAND ...`.
struct RollcallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rollcall", abstract: "Remote diagnostics for installed Linux equipment: calls, sweeps and their record.",
        version: "rollcall \(Desk.version)",
        subcommands: [
            DeviceCommand.self, CallCommand.self, DiagnoseCommand.self, RunCommand.self, FixCommand.self, GetCommand.self, PutCommand.self,
            TunnelCommand.self, ShellCommand.self, CloseCommand.self, CallsCommand.self, SweepCommand.self, QueryCommand.self,
            ModelCommand.self, TelemetryCommand.self, WatchCommand.self,
            OperatorCommand.self, ReportCommand.self, AuditCommand.self, ProbesCommand.self, AgentCommand.self, DoctorCommand.self,
        ])
}

/// Runs the program with the process's arguments and ends it with the exit code that docs/EXIT-CODES.md names.
public func runRollcall() async -> Never {
    // One processor reads the command line while another makes ready what nearly every command needs.
    Task.detached { Connection.prepare() }
    do {
        var command = try RollcallCommand.parseAsRoot()
        if var command = command as? any AsyncParsableCommand {
            try await command.run()
        } else {
            try command.run()
        }
        exit(ExitStatus.success.rawValue)
    } catch {
        if let code = error as? ExitCode { exit(code.rawValue) }
        let failure = CommandFailure(error) ?? CommandFailure(commandLine: error)
        if let failure {
            complain(failure)
            exit(failure.status.rawValue)
        }
        // Help, the version and completions are no failures.
        RollcallCommand.exit(withError: error)
    }
}

private func complain(_ failure: CommandFailure) {
    if CommandLine.arguments.contains("--json") {
        struct Body: Encodable {
            let kind: String
            let exit: Int32
            let sentence: String
            let next: String
        }
        let body = Body(kind: failure.kind, exit: failure.status.rawValue, sentence: failure.sentence, next: failure.nextStep)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let text = (try? encoder.encode(["error": body])).map { plainJSON(String(decoding: $0, as: UTF8.self)) }
        Terminal.current.complain(text ?? failure.sentence)
        return
    }
    Terminal.current.complain("rollcall: " + failure.sentence)
    if !failure.nextStep.isEmpty { Terminal.current.complain("  " + failure.nextStep) }
}

extension CommandFailure {
    /// What the argument parser has against the command line; nil where it only wants to help, or says the version.
    init?(commandLine error: any Error) {
        guard RollcallCommand.exitCode(for: error) == .validationFailure else {
            if RollcallCommand.exitCode(for: error) == .success { return nil }
            self.init(
                .internalError, kind: "unexpected", "Something unexpected happened: \(displayed("\(error)")).", next: "Please report this.")
            return
        }
        // A misspelt option is never taken for the one by which a question is not asked.
        let words = RollcallCommand.message(for: error).split { $0.isNewline || $0 == " " }.joined(separator: " ")
            .replacing(" Did you mean '--yes'?", with: "")
        // The parser knows which command it was, but says it only at the end of its own text.
        let help = RollcallCommand.fullMessage(for: error).split(separator: "'").first { $0.hasSuffix("--help") } ?? "rollcall --help"
        self.init(
            .usage, kind: "usage", displayed(words, limit: 400) + (words.hasSuffix(".") || words.hasSuffix("?") ? "" : "."),
            next: "`\(displayed(String(help)))` says what it takes.")
    }

    /// What an error means to the person at the desk; nil for one that the argument parser explains better.
    ///
    /// - Parameters:
    ///   - device: The device it concerns, if it concerns one.
    init?(_ error: any Error, device: Device? = nil) {
        let name = device?.name ?? "the device"
        let address = device.map { displayed($0.address.place) } ?? "its address"
        switch error {
        case let error as CommandFailure: self = error
        case let error as SSHError: self.init(error, device: name, address: address)
        case let error as AgentClientError: self.init(error, device: name, address: address)
        case let error as StoreError: self.init(error, what: nil)
        case let error as CatalogueError: self.init(catalogue: error)
        case let error as ProbesError: self.init(probes: error)
        case let error as Enrolment.PushRefusal:
            self.init(refusedBy: error.rule, sentence: displayed(error.sentence), what: "the \(error.kind.rawValue)", device: name)
        case let error as Enrolment.Failure:
            self.init(.enrolmentFailed, kind: "enrolment", displayed(error.sentence, limit: 600), next: error.next)
        case let error as RosterDesk.Failure:
            let status: ExitStatus = error.kind == "lock-out" ? .lockOut : error.kind == "no-rosters" ? .refused : .badData
            self.init(status, kind: error.kind, error.sentence, next: error.next)
        case let error as Installation.Failure: self.init(installation: error, device: name)
        case let error as RemedyRun.PlanError: self.init(.usage, kind: error.kind, error.sentence, next: error.next)
        case let error as DiagnosisError:
            self.init(
                .internalError, kind: "diagnosis", "The answers could not be judged: \(displayed(error.reason)).",
                next: "Please report this.")
        default: return nil
        }
    }

    /// A catalogue or parameter that this desk itself refuses, before a device hears of it.
    ///
    /// - Parameter probe: The probe it concerns; where it is a catalogue, or not known, its place in a command.
    init(catalogue error: CatalogueError, probe: String = "PROBE") {
        let sentence = displayed(error.sentence.string, limit: 600)
        let failure = CommandFailure(refusedBy: error.rule.name.string, sentence: sentence, what: probe, device: "DEVICE")
        self.init(failure.status, kind: failure.kind, sentence, next: failure.nextStep)
    }

    /// What the device said where installing failed: the installer's own sentence names the remedy.
    private init(installation error: Installation.Failure, device: String) {
        let complaint = error.complaint.hasPrefix("rollcall: ") ? String(error.complaint.dropFirst(10)) : error.complaint
        let said = complaint.isEmpty ? "it said nothing." : displayed(complaint, limit: 600)
        self.init(
            .enrolmentFailed, kind: "installation", "On \(device) \(error.step) failed: \(said)",
            next: "Mend that on the device, then run the command again; root's login is as it was.")
    }

    private init(probes error: ProbesError) {
        let list = error.problems.prefix(20).map { "\n  " + displayed($0.description, limit: 800) }.joined()
        let object = displayed(error.object)
        switch error.code {
        case .unknownProbe:
            self.init(
                .notFound, kind: "unknown-probe", "\(object): \(error.sentence)", next: "`rollcall probes list` shows those there are.")
        case .unreadable:
            self.init(.notFound, kind: "unreadable", "\(object): \(error.sentence)", next: "Check the path and its permissions.")
        case .exists:
            self.init(.localFile, kind: "exists", "\(object): \(error.sentence)", next: "Choose another name, or remove it first.")
        case .noManifest:
            self.init(
                .notFound, kind: "no-manifest", "\(object): \(error.sentence)",
                next: "`rollcall probes new ID --folder \(object)` begins a probe in it.")
        case .innerFolder:
            self.init(
                .notFound, kind: "inner-folder", "\(object): \(error.sentence)",
                next: "Name the folder of all manifests, the one in which it lies by the words of its id.")
        case .noCases:
            self.init(
                .badData, kind: "no-cases", "\(object): \(error.sentence)",
                next: "`rollcall probes record PROBE.YAML healthy` records one.")
        case .unwritable:
            self.init(.storeFull, kind: "unwritable", "\(object): \(error.sentence)", next: "Check its permissions and the disk.")
        case .catalogue:
            self.init(
                .catalogueTampered, kind: "catalogue-tampered", "\(object): \(error.sentence)",
                next: "Pack and sign it anew from the reviewed manifests.")
        case .signing:
            self.init(
                .badData, kind: "signing", "\(object): \(displayed(error.sentence, limit: 400))",
                next: "Name a private key, or the .pub file of a key in your ssh-agent, with --key.")
        default:
            self.init(
                .badData, kind: error.code.name, "\(object): \(displayed(error.sentence, limit: 400))" + list,
                next: "Mend what is named and try again; `rollcall probes lint` finds every mistake at once.")
        }
    }
}

/// Runs work on a device, and says errors with the device's name and address.
func withDevice<Result>(_ device: Device, _ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch {
        throw CommandFailure(error, device: device) ?? error
    }
}

/// Checks what is to be asked of a probe, and says what is wrong with its parameters with the probe's name.
func withProbe<Result>(_ probe: String, _ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let error as CatalogueError {
        throw CommandFailure(catalogue: error, probe: probe)
    }
}

/// The device of that name.
func findDevice(_ name: String, _ database: RollcallDatabase) throws -> Device {
    do throws(StoreError) {
        return try database.device(named: name)
    } catch {
        throw CommandFailure(error, what: "device \"\(displayed(name))\"")
    }
}
