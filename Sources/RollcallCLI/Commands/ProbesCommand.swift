internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

/// Probes and the catalogue that devices run them from.
struct ProbesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "probes", abstract: "Probes, and the signed catalogue that devices run them from.",
        subcommands: [
            List.self, Show.self, New.self, Try.self, Record.self, Lint.self, Schema.self, Test.self, Pack.self, Sign.self, Verify.self,
            Push.self,
        ])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "List the probes of the catalogue, or of a folder of manifests.")

        @OptionGroup var source: ManifestOptions
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let library = try source.library(options)
            if options.json { return try printJSON(library.manifests.map(ManifestBody.init)) }
            var table = TextTable(["PROBE", "IMPACT", "PARAMETERS", "TITLE"])
            for manifest in library.manifests {
                table.add([
                    manifest.id, manifest.questions.isEmpty ? manifest.impact.name.string : "ask",
                    manifest.parameters.map(\.name.string).joined(separator: " "), manifest.title,
                ])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one probe whole, as its author wrote it.")

        @Argument(help: "Id of the probe.")
        var probe: String

        @OptionGroup var source: ManifestOptions
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let manifest = try source.library(options).manifest(probe)
            if options.json { return try printJSON(ManifestBody(manifest)) }
            for line in String(decoding: manifest.text, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false) {
                Terminal.current.line(displayed(String(line), limit: 400))
            }
        }
    }

    struct Lint: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "lint", abstract: "Find every mistake in a folder of manifests and cases at once.",
            discussion: "`probes test` plays the cases. With --json: {mistakes: [{file, line, message, suggestion}], advice: [the same]}.")

        @Argument(help: "Folder of manifests; by default the one that ships with Rollcall.")
        var folder: String?

        @OptionGroup var options: DeskOptions

        private struct Body: Encodable {
            let mistakes: [ManifestProblem]
            let advice: [ManifestProblem]
        }

        func run() async throws {
            let path = try folder ?? options.probesFolder()
            let lint = try FolderLint(directory: path, check: Diagnostician.ruleCheck)
            if options.json {
                try printJSON(Body(mistakes: lint.mistakes, advice: lint.advice))
            } else {
                for problem in lint.mistakes { Terminal.current.line(displayed(problem.description, limit: 600)) }
                for problem in lint.advice { Terminal.current.line("advice: " + displayed(problem.description, limit: 600)) }
            }
            guard lint.mistakes.isEmpty else {
                throw CommandFailure(
                    .badData, kind: "lint",
                    lint.mistakes.count == 1 ? "There is 1 mistake." : "There are \(lint.mistakes.count) mistakes.",
                    next: lint.mistakes.allSatisfy { $0.file.hasSuffix("probe.yaml") && $0.message == FolderLint.noCasesMessage }
                        ? "`rollcall probes record \(path)/\(lint.mistakes[0].file) healthy` records one."
                        : "Each is listed with its file and line; docs/PROBES.md says what manifests and cases may hold.")
            }
            if !options.json {
                let count = counted(lint.manifestCount, "manifest") + " and " + counted(lint.caseCount, "case")
                Terminal.current.line("No mistake in the \(count) of \(path); `rollcall probes test` plays the cases.")
            }
        }
    }

    /// What editors check manifests by.
    struct Schema: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "schema", abstract: "Print the JSON Schema of a manifest, for an editor to check and complete it by.")

        func run() async throws { writeOut((ManifestSchema.text + "\n").utf8) }
    }

    struct Test: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "test", abstract: "Run the recorded cases of probes.",
            discussion: "With --json: {cases: [{probe, name, problems: [{file, line, message, suggestion}]}], held, failed}.")

        @Argument(help: "Folder of manifests; by default the one that ships with Rollcall.")
        var folder: String?

        @Option(name: .customLong("probe"), help: "Only this probe; may be repeated.")
        var probes: [String] = []

        @OptionGroup var options: DeskOptions

        @Flag(help: "Run them again whenever a file below the folder changes, until Ctrl-C.")
        var watch = false

        func validate() throws {
            if watch, options.json { throw ValidationError("--watch goes on and makes no JSON document; leave one of them out.") }
        }

        func run() async throws {
            let path = try folder ?? options.probesFolder()
            guard watch else { return try play(path) }
            while true {
                let state = FolderState(path)
                if isatty(STDOUT_FILENO) == 1 { writeOut("\u{1B}[H\u{1B}[2J".utf8) }
                do { try play(path) } catch {
                    for line in (CommandFailure(error)?.sentence ?? "\(error)").split(separator: "\n") {
                        Terminal.current.line(displayed(String(line), limit: 600))
                    }
                }
                Terminal.current.line("Watching \(path); Ctrl-C ends it.")
                while FolderState(path) == state { try await Task.sleep(for: .milliseconds(300)) }
            }
        }

        private func play(_ path: String) throws {
            let library = try ManifestLibrary(directory: path, check: Diagnostician.ruleCheck)
            let runner = CaseRunner(library: library, directory: path)
            let ids = probes.isEmpty ? library.manifests.map(\.id) : try probes.map { try library.manifest($0).id }
            let results = try ids.flatMap { try runner.run($0) }
            let failed = results.filter { !$0.problems.isEmpty }
            if options.json {
                try printJSON(Body(cases: results.map(Body.Case.init), held: results.count - failed.count, failed: failed.count))
            } else {
                for result in failed {
                    Terminal.current.line("\(result.probe) \(displayed(result.name)):")
                    for problem in result.problems { Terminal.current.line("   " + displayed(problem.description, limit: 600)) }
                }
                let held = results.count - failed.count
                Terminal.current.line(
                    counted(held, "case") + (held == 1 ? " holds, " : " hold, ") + "\(failed.count) " + (failed.count == 1 ? "does" : "do")
                        + " not.")
            }
            if results.isEmpty, let file = ids.first.flatMap({ try? library.manifest($0).file }) {
                throw CommandFailure(
                    .badData, kind: "no-cases", "There is no case to run.",
                    next: "`rollcall probes record \(path)/\(file) healthy` records one.")
            }
            guard failed.isEmpty else {
                throw CommandFailure(
                    .badData, kind: "cases", "Not every case holds.",
                    next: "Mend the probe, or the case where it is the case that is wrong.")
            }
        }

        private struct Body: Encodable {
            struct Case: Encodable {
                let probe: String
                let name: String
                let problems: [ManifestProblem]

                init(_ result: CaseRunner.Result) { (probe, name, problems) = (result.probe, result.name, result.problems) }
            }

            let cases: [Case]
            let held: Int
            let failed: Int
        }
    }

    struct Pack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pack", abstract: "Pack manifests into a catalogue for reviewers to sign.")

        @Argument(help: "Folder of manifests; by default the one that ships with Rollcall.")
        var folder: String?

        @Option(help: "Where the catalogue goes; by default the desk's own place.")
        var out: String?

        @Option(help: "Name of the catalogue.")
        var name = "rollcall"

        @Option(help: "Its version; above that of every catalogue of this name before.")
        var version: UInt64

        @Option(help: "Days until it expires, at most 3650.")
        var days: UInt64 = 365

        @OptionGroup var options: DeskOptions

        func validate() throws {
            guard (1...3_650).contains(days) else { throw ValidationError("--days is 1 to 3650.") }
        }

        func run() async throws {
            let library = try ManifestLibrary(directory: try folder ?? options.probesFolder(), check: Diagnostician.ruleCheck)
            let now = UInt64(RollcallDatabase.systemTime())
            let packed = try PackedCatalogue(
                library, name: name, version: version, signedAt: now, expiresAt: now + days * 86_400 * 1_000_000)
            let path = try out ?? options.configuration().catalogue
            try CatalogueFolder(path).write(packed)
            Terminal.current.line(
                "Packed \(library.manifests.count) probes as \(displayed(name)) version \(version) into \(path); it is not signed yet.")
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "sign", abstract: "Sign a catalogue as a reviewer, with ssh-keygen.")

        @Argument(help: "Folder of the catalogue; by default the desk's own.")
        var folder: String?

        @Option(help: "Private key file, or a public key file whose key is in the ssh-agent.")
        var key: String

        @Option(help: "Name of the signature; by default the key file's.")
        var name: String?

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let path = try folder ?? options.configuration().catalogue
            let signature = name ?? SignatureName.of(key)
            try await CatalogueFolder(path).sign(key: key, name: signature)
            Terminal.current.line("Signed \(path) as \(displayed(signature)).")
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "verify", abstract: "Judge a catalogue as a device would.")

        @Argument(help: "Folder of the catalogue; by default the desk's own.")
        var folder: String?

        @Option(help: "Trust file: threshold and reviewers' keys.")
        var trust: String

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let path = try folder ?? options.configuration().catalogue
            let policy = try TrustPolicy(file: [UInt8](readFile(trust)))
            let verified = try CatalogueFolder(path).verify(trust: policy, now: UInt64(RollcallDatabase.systemTime()))
            let header = verified.header
            if options.json {
                return try printJSON(
                    VerifiedBody(
                        name: header.name.string, version: header.version, probes: verified.probes.count, threshold: policy.threshold,
                        keys: policy.keys.count, expiresAt: timeText(Int64(clamping: header.expiresAt))))
            }
            Terminal.current.line(
                "Catalogue \(displayed(header.name.string)) version \(header.version): \(verified.probes.count) probes, signed by at least \(policy.threshold) of \(policy.keys.count) trusted reviewers, holds until \(timeText(Int64(clamping: header.expiresAt)))."
            )
        }
    }

    struct Push: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "push", abstract: "Push the catalogue to a device, through its door.")

        @Argument(help: "The device's name.")
        var device: String

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let desk = try await options.desk()
            let found = try findDevice(device, desk.database)
            let enrolment = Enrolment(desk: desk, catalogue: CatalogueFolder(try options.configuration().catalogue)) { step in
                if case .pushed(let version) = step { Terminal.current.line("\(found.name) accepted catalogue \(version).") }
            }
            _ = try await withDevice(found) { try await enrolment.push(to: found, onlyIfOther: false) }
        }
    }
}

/// What a signature is called where nobody says.
enum SignatureName {
    /// After the file of its key.
    static func of(_ key: String) -> String {
        let file = URL(fileURLWithPath: key).lastPathComponent
        return file.hasSuffix(".pub") ? String(file.dropLast(4)) : file
    }
}

/// Where manifests come from.
struct ManifestOptions: ParsableArguments {
    @Option(name: .customLong("from"), help: ArgumentHelp("A folder of manifests instead of the catalogue.", valueName: "folder"))
    var folder: String?

    /// The manifests.
    func library(_ options: DeskOptions) throws -> ManifestLibrary {
        if let folder { return try ManifestLibrary(directory: folder, check: Diagnostician.ruleCheck) }
        let catalogue = try options.configuration().catalogue
        if FileManager.default.fileExists(atPath: catalogue + "/header.cbor") { return try CatalogueFolder(catalogue).read().library() }
        return try ManifestLibrary(directory: try options.probesFolder(), check: Diagnostician.ruleCheck)
    }
}

extension DeskOptions {
    /// The folder of manifests that ships with Rollcall.
    func probesFolder() throws -> String {
        guard let probes = try configuration().probes else {
            throw CommandFailure(
                .notFound, kind: "no-probes", "The folder of probes was not found.", next: "Name one, or set ROLLCALL_PROBES.")
        }
        return probes
    }
}

private struct VerifiedBody: Encodable {
    let name: String
    let version: UInt64
    let probes: Int
    let threshold: Int
    let keys: Int
    let expiresAt: String
}

/// A manifest for `--json`.
private struct ManifestBody: Encodable {
    let id: String
    let title: String
    let impact: String
    let parameters: [String]
    let findings: [String]
    /// What the caller is asked; empty where the device is.
    let questions: [String]

    init(_ manifest: Manifest) {
        id = manifest.id
        title = manifest.title
        impact = manifest.impact.name.string
        parameters = manifest.parameters.map(\.name.string)
        findings = manifest.findings.map(\.id)
        questions = manifest.questions.map(\.name)
    }
}

/// Which files are below a folder, how long they are and when each was written last: what changes when an author saves one.
private struct FolderState: Equatable {
    private var files: [String: [Double]] = [:]

    init(_ folder: String) {
        guard let walk = FileManager.default.enumerator(atPath: folder) else { return }
        while let path = walk.nextObject() as? String {
            let attributes = walk.fileAttributes
            let written = attributes?[.modificationDate] as? Date
            files[path] = [written?.timeIntervalSince1970 ?? 0, (attributes?[.size] as? NSNumber)?.doubleValue ?? 0]
        }
    }
}

/// A number and what there is so often of: `1 case`, `2 cases`.
private func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)" + (count == 1 ? "" : "s") }
