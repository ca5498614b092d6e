internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store
internal import Wire

extension ProbesCommand {
    /// Begins a manifest.
    struct New: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Begin a probe: a manifest with everything that it needs, to be changed.",
            discussion: "Then `probes try` runs it here, `probes record` keeps an answer as a case, `probes test` plays the cases.")

        @Argument(help: "Its id, such as printer.paper; the folder is named like it.")
        var probe: String
        @Option(help: "Folder of manifests; by default the one that ships with Rollcall.")
        var folder: String?
        @OptionGroup var options: DeskOptions

        func run() async throws {
            guard Manifest.isID(probe) else {
                throw CommandFailure(
                    .badData, kind: "probe-id", "\(displayed(probe)) is no id of a probe.",
                    next: "It is words of a-z, 0-9 and dashes, joined by dots, such as printer.paper.")
            }
            let library = try folder ?? options.probesFolder()
            let file = library + "/" + probe.split(separator: ".").joined(separator: "/") + "/probe.yaml"
            guard !FileManager.default.fileExists(atPath: file) else {
                throw CommandFailure(
                    .localFile, kind: "probe-exists", "There is a probe \(probe) already, in \(file).", next: "Choose another id.")
            }
            let table = Manifest.table(of: probe)
            let steps = probe.split(separator: ".").map { _ in "../" }.joined()
            let text = """
                # yaml-language-server: $schema=\(steps)schema.json
                # docs/PROBES.md says what may stand here. This one works: try it, then change it.
                id: \(probe)
                # What it tells, for a list of probes.
                title: How long the device has been running
                # observe: it only looks. disturb and change: it may be noticed, or changes something.
                impact: observe
                # What the device is asked: files that the agent reads itself, as here, or a program without a shell, as
                # run: [/usr/bin/lpstat, -p]
                read: {files: [/proc/uptime]}
                limits: {time: 2s, output: 4KiB}
                # How what was read becomes rows; record makes one row in all.
                parse: record
                # Columns of the table \(table), and where their values stand. What is not there is NULL.
                facts:
                  uptime_s: {type: real, from: {file: /proc/uptime, match: '^([0-9.]+)'}}
                findings:
                  - id: \(probe)-young
                    # Columns that tell one finding from another; a table of one row needs none.
                    # subject: [name]
                    # SQL over a row of the table. NULL makes the finding unknown, never well.
                    when: uptime_s < 60
                    # critical, warning or info
                    severity: info
                    customer: The device has just been started.
                    engineer: "Started {uptime_s|duration} ago"
                # Then its cases, in cases/ beside this file: `rollcall probes record` keeps what this machine answers as one, such as healthy.
                # Write what you cannot record, such as broken, garbled and absent, by hand from it.

                """
            do {
                try FileManager.default.createDirectory(
                    atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
                try Data(text.utf8).write(to: URL(filePath: file), options: .withoutOverwriting)
                // What the first line names; one that is there is its owner's.
                let schema = URL(filePath: library + "/schema.json")
                if !FileManager.default.fileExists(atPath: schema.path(percentEncoded: false)) {
                    try Data((ManifestSchema.text + "\n").utf8).write(to: schema, options: .withoutOverwriting)
                }
            } catch {
                throw CommandFailure(
                    .storeFull, kind: "unwritable", "\(file) cannot be written.",
                    next: "Check its permissions and the disk, or say --folder.")
            }
            Terminal.current.line("\(file) is begun. Change it, then `rollcall probes try \(file)`.")
        }
    }

    /// Runs a manifest that is being written on this machine.
    struct Try: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "try", abstract: "Run a probe that is being written, on this very machine, and show its facts and findings.",
            discussion: """
                It is signed by a key of this desk that only the agent started here trusts; devices refuse it. It exits as a diagnosis does: 2 or \
                1 by the worst finding, 3 where something is not known, else 0. With --json: {probe, exitCode, obstacle, facts: [{column: value}], \
                output, verdict}, where output is what a probe without facts wrote and verdict is of one with findings.
                """)

        @Argument(help: "Its probe.yaml.")
        var file: String
        @Argument(help: "Parameters as name=value.")
        var parameters: [String] = []
        @Flag(help: "On this very machine; so it is without it too.")
        var here = false
        @Flag(help: "Do not ask before a probe that may be noticed or changes this machine.")
        var yes = false
        @OptionGroup var caller: CallerOptions
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let (library, folder, manifest) = try manifest(at: file)
            let values = try RollcallCLI.parameters(parameters).map { Parameter(name: Text($0.name), value: Text($0.value)) }
            try await withProbe(manifest.id) { _ = try manifest.definition?.check(values) }
            if manifest.impact != .observe, !yes { try confirm("\(manifest.id) may change or disturb this machine. Run it?") }
            let answer =
                manifest.questions.isEmpty
                ? try await askHere(options, folder, manifest, values) : try interview(manifest, library, caller).answers[0]
            let facts = FactListing(answer, manifest: manifest)
            let failure = CommandFailure(answer, accepted: manifest.acceptedExitCodes, device: ThisMachine.name)
            if options.json, let failure { throw failure }
            if !options.json { print(answer, facts, manifest) }
            if let failure { throw failure }
            let verdict = try Diagnostician(library: library.spoken(in: try options.configuration().language)).judge([answer])
            // Without a rule there is nothing that could be found.
            let code = manifest.findings.isEmpty ? (facts?.obstacle == nil ? 0 : 3) : verdict.exitCode
            if options.json {
                let output = facts == nil ? String(decoding: answer.output, as: UTF8.self) : nil
                try printJSON(
                    Body(
                        probe: manifest.id, exitCode: code, obstacle: facts?.obstacle, facts: facts?.rows ?? [], output: output,
                        verdict: manifest.findings.isEmpty ? nil : verdict))
            } else {
                print(verdict)
            }
            if code != 0 { exitProcess(Int32(code)) }
        }

        private struct Body: Encodable {
            let probe: String
            let exitCode: Int
            let obstacle: String?
            let facts: [[String: FactValue]]
            let output: String?
            let verdict: Verdict?
        }

        private func print(_ answer: Answer, _ facts: FactListing?, _ manifest: Manifest) {
            guard let facts else {
                for line in String(decoding: answer.output, as: UTF8.self).split(separator: "\n") {
                    Terminal.current.line(displayed(String(line), limit: 2_000))
                }
                return
            }
            var table = TextTable(facts.columns)
            for row in facts.values { table.add(row.map { $0 == .null ? "NULL" : displayed($0.text, limit: 60) }) }
            if !table.isEmpty { for line in table.lines(.current) { Terminal.current.line(line) } }
            guard let obstacle = facts.obstacle else { return }
            let what = facts.isNoData ? "No data: " : "Not complete: \(manifest.id) "
            Terminal.current.line(what + displayed(obstacle) + ".")
        }

        private func print(_ verdict: Verdict) {
            for finding in verdict.findings {
                Terminal.current.line(
                    Terminal.current.styled(finding.title, .bold) + " (\(finding.severity.rawValue)): " + finding.engineer)
                Terminal.current.line("   " + finding.customer)
            }
            for unknown in verdict.unknowns { Terminal.current.line("\(unknown.id) is unknown: \(unknown.reason)") }
            guard verdict.findings.isEmpty, !verdict.judged.isEmpty || !verdict.unknowns.isEmpty else { return }
            Terminal.current.line(verdict.unknowns.isEmpty ? "Nothing found." : "Nothing found, but not everything is known.")
        }
    }

    /// Keeps an answer as a case.
    struct Record: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Keep what this machine, or a device, answers now as a case of a probe.",
            discussion: """
                Names and addresses are replaced; what else must not be kept is the author's to take out. What comes of the answer is written
                beside it as expected: look at it before it is believed.
                """)

        @Argument(help: "Its probe.yaml.")
        var file: String
        @Argument(help: "Name of the case, such as healthy.")
        var name: String
        @Option(help: "A device that has the probe in its catalogue, instead of this machine.")
        var device: String?
        @Flag(help: "What this very machine answers; so it is without --device too.")
        var here = false
        @OptionGroup var caller: CallerOptions
        @OptionGroup var options: DeskOptions

        func validate() throws {
            if here, device != nil { throw ValidationError("Give --device or --here, not both.") }
        }

        func run() async throws {
            guard !name.isEmpty, name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }), !name.hasPrefix("-") else {
                throw CommandFailure(
                    .badData, kind: "case-name", "\(displayed(name)) is no name for a case.", next: "Use letters, digits and dashes.")
            }
            let (library, folder, manifest) = try manifest(at: file)
            let path = folder + "/" + manifest.file.dropLast("/probe.yaml".count) + "/cases/" + name
            // Before anybody is asked.
            guard !FileManager.default.fileExists(atPath: path) else {
                throw ProbesError(.exists, path, "There is a case of this name already.")
            }
            guard let source = manifest.source else {
                let held = try interview(manifest, library, caller)
                try CaseWriter(folder: path).write(
                    answers: held.exchanges.map { ($0.question.name, $0.question.word($0.reply)) },
                    expecting: try expectation(held.answers[0], manifest, library))
                return written(path, folder, manifest)
            }
            var answer: Answer
            var names = [ProcessInfo.processInfo.hostName, (try? String(contentsOfFile: "/etc/machine-id", encoding: .utf8)) ?? ""]
            if let device {
                let desk = try await options.desk()
                let found = try findDevice(device, desk.database)
                names += [found.name, found.address.host]
                answer = try await withDevice(found) {
                    try await DeviceSession.with(
                        found, desk: desk, reason: "record \(manifest.id)", questions: { [DeviceSession.Question(probe: manifest.id)] }
                    ) { try await $0.firstAnswers()[0] }.result
                }
            } else {
                answer = try await askHere(options, folder, manifest, [])
            }
            guard case .done(let done) = answer.ending else {
                throw CommandFailure(answer, accepted: manifest.acceptedExitCodes, device: device ?? ThisMachine.name)
                    ?? CommandFailure(
                        .badData, kind: "no-answer", "\(manifest.id) gave no answer.", next: "Try it with `rollcall probes try`.")
            }
            var redaction = Redaction(names: names.map { $0.trimmingCharacters(in: .whitespacesAndNewlines) })
            let real = try expectation(answer, manifest, library)
            answer = answer.redacted(by: &redaction, source: source)
            let kept = try expectation(answer, manifest, library)
            try CaseWriter(folder: path).write(
                source, done: done, output: answer.output, errorOutput: answer.errorOutput, expecting: kept)
            let kinds = redaction.replacements.map { Self.words($0.kind, $0.count) }
            if !kinds.isEmpty { Terminal.current.line("Replaced, each by another of its form: \(kinds.joined(separator: ", ")).") }
            if let difference = kept.difference(from: real) {
                Terminal.current.line("What was replaced matters to the rules: \(difference). Mend the case by hand.")
            }
            written(path, folder, manifest)
        }

        private static func words(_ kind: Redaction.Kind, _ count: Int) -> String {
            let word =
                switch kind {
                case .name: count == 1 ? "name" : "names"
                case .id: count == 1 ? "machine id or UUID" : "machine ids or UUIDs"
                case .mac: count == 1 ? "MAC address" : "MAC addresses"
                case .v4: count == 1 ? "IPv4 address" : "IPv4 addresses"
                case .v6: count == 1 ? "IPv6 address" : "IPv6 addresses"
                }
            return "\(count) \(word)"
        }

        private func written(_ path: String, _ folder: String, _ manifest: Manifest) {
            Terminal.current.line("\(path) is written. Read it, then `rollcall probes test \(folder) --probe \(manifest.id)`.")
        }

        private func expectation(_ answer: Answer, _ manifest: Manifest, _ library: ManifestLibrary) throws -> CaseWriter.Expectation {
            let verdict = try Diagnostician(library: library).judge([answer])
            let facts = FactListing(answer, manifest: manifest)
            return CaseWriter.Expectation(
                isComplete: facts?.obstacle == nil, isNoData: verdict.noData.contains { $0.probe == manifest.id },
                facts: (facts?.values ?? []).map { row in
                    zip(facts?.columns ?? [], row).map { ($0, $1 == .null ? nil : $1.text) }
                },
                findings: verdict.findings.map { finding in (finding.id, finding.subject.map { ($0.name, $0.value.text) }) },
                unknowns: Set(verdict.unknowns.map(\.id)).sorted())
        }
    }
}

/// The manifest at a path, with the library around it and the library's folder.
private func manifest(at path: String) throws -> (ManifestLibrary, folder: String, Manifest) {
    let file = URL(filePath: path).standardizedFileURL.path(percentEncoded: false)
    guard let text = FileManager.default.contents(atPath: file) else {
        throw CommandFailure(.notFound, kind: "unreadable", "\(displayed(path)) cannot be read.", next: "Name the probe.yaml of a probe.")
    }
    // The id says where the library begins; everything else about the manifest is the library's to say.
    let id = String(decoding: text, as: UTF8.self).firstMatch(of: /(?m)^id: *([a-z0-9.-]+) *$/).map { String($0.1) } ?? ""
    let tail = "/" + id.split(separator: ".").joined(separator: "/") + "/probe.yaml"
    guard !id.isEmpty, file.hasSuffix(tail) else {
        throw CommandFailure(
            .badData, kind: "folder",
            id.isEmpty ? "\(displayed(path)) says no id." : "The manifest's id is \(id), but it does not lie in a folder of that name.",
            next: "Move it to \(tail.dropFirst()) below a folder of manifests.")
    }
    let folder = String(file.dropLast(tail.count))
    let library = try ManifestLibrary(directory: folder, check: Diagnostician.ruleCheck)
    return (library, folder, try library.manifest(id))
}

/// Asks whoever is here the questions of a manifest; what was said beforehand is not asked.
private func interview(_ manifest: Manifest, _ library: ManifestLibrary, _ options: CallerOptions) throws -> CallerInterview {
    let replies = try options.replies(to: [manifest])
    var interview = CallerInterview([manifest], library: library, desk: DeskFacts())
    try interview.hold(replies, mayAsk: Terminal.current.canAsk)
    guard !interview.exchanges.isEmpty else {
        throw CommandFailure(
            .declined, kind: "no-answers", "Nobody answered a question of \(manifest.id).",
            next: "Run it on a terminal, or give answers with --answers.")
    }
    return interview
}

/// Asks this machine one question of a folder of manifests.
private func askHere(_ options: DeskOptions, _ folder: String, _ manifest: Manifest, _ values: [Parameter]) async throws -> Answer {
    let machine = try await ThisMachine.open(options, probes: folder)
    return try await withDevice(machine.device) {
        try await DeviceSession.with(
            machine.device, desk: machine.desk, way: machine.way, reason: "try \(manifest.id)",
            questions: { [DeviceSession.Question(probe: manifest.id, parameters: values)] }
        ) { try await $0.firstAnswers()[0] }.result
    }
}
