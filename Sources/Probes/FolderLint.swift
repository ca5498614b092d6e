/// What is wrong with a folder of manifests and their cases, and what would make it better.
public struct FolderLint: Equatable, Sendable {
    /// Every mistake of every manifest and case, in the order of files and lines; a probe without cases is one. Cases are read where no
    /// manifest has a mistake.
    public private(set) var mistakes: [ManifestProblem] = []
    /// What no case shows, in the same order; nothing that must be.
    public private(set) var advice: [ManifestProblem] = []
    /// How many manifests and cases there are, as far as they were read.
    public private(set) var manifestCount = 0, caseCount = 0

    /// Reads a folder.
    ///
    /// - Throws: `.unreadable`, `.noManifest` or `.innerFolder` for the folder.
    public init(directory: String, check: ManifestLibrary.RuleCheck = { _ in [] }) throws(ProbesError) {
        let library: ManifestLibrary
        do {
            library = try ManifestLibrary(directory: directory, check: check)
        } catch  where error.code == .manifests {
            mistakes = error.problems + (try ManifestLibrary.files(directory)).filter { !Self.hasCases($0, directory) }.map(Self.noCases)
            mistakes.sort()
            return
        }
        manifestCount = library.manifests.count
        var (shown, bare): (Set<String>, Set<String>) = ([], [])
        for manifest in library.manifests {
            let cases = try ProbeCase.read(of: manifest, directory: directory)
            caseCount += cases.count
            mistakes += cases.flatMap(\.problems)
            for read in cases.compactMap(\.probeCase) { mistakes += library.mistakes(in: read, directory: directory) }
            shown.formUnion(cases.compactMap(\.probeCase).flatMap { $0.findings.map(\.id) })
            if cases.isEmpty {
                bare.insert(manifest.id)
                mistakes.append(Self.noCases(manifest.file))
            } else {
                advice += Self.advice(manifest, cases)
            }
        }
        for manifest in library.manifests where !bare.contains(manifest.id) {
            for rule in manifest.findings where !shown.contains(rule.id) {
                advice.append(ManifestProblem(file: manifest.file, line: rule.line, message: "No case finds \(rule.id)."))
            }
        }
        mistakes.sort()
        advice.sort()
    }

    /// What is said of a probe without cases.
    public static let noCasesMessage = "The probe has no cases."

    private static func hasCases(_ file: String, _ directory: String) -> Bool {
        !((try? ProbeCase.names(below: directory + "/" + file.dropLast("/probe.yaml".count) + "/cases")) ?? []).isEmpty
    }

    private static func noCases(_ file: String) -> ManifestProblem {
        ManifestProblem(file: file, line: 1, message: noCasesMessage)
    }

    /// The kinds of cases by which a probe shows that it is neither fooled nor silent.
    private static func advice(_ manifest: Manifest, _ cases: [ProbeCase.Reading]) -> [ManifestProblem] {
        let wanted =
            manifest.facts.isEmpty ? [] : manifest.questions.isEmpty ? ["healthy", "garbled", "absent"] : ["healthy", "cannot-tell"]
        let missing = wanted.filter { name in !cases.contains { $0.name == name } }
        if missing.isEmpty { return [] }
        let message = "There is no case named \(missing.joined(separator: " or "))."
        return [ManifestProblem(file: manifest.file, line: 1, message: message)]
    }
}

extension ManifestLibrary {
    /// What a case says of things that are not: findings, facts, cases of other probes.
    package func mistakes(in probeCase: ProbeCase, directory: String) -> [ManifestProblem] {
        let known = manifests.flatMap { $0.findings.map(\.id) }
        let facts = manifests.first { $0.id == probeCase.probe }?.facts.map(\.name) ?? []
        var problems: [ManifestProblem] = []
        func report(_ line: Int, _ message: String, _ suggestion: String? = nil) {
            problems.append(ManifestProblem(file: probeCase.file, line: line, message: message, suggestion: suggestion))
        }
        func check(_ id: String, _ line: Int) {
            if !known.contains(id) { report(line, "There is no finding \(id).", nearest(to: id, in: known)) }
        }
        for finding in probeCase.findings {
            check(finding.id, finding.line)
            if let under = finding.under { check(under, finding.line) }
        }
        for id in probeCase.unknowns { check(id, probeCase.lines["unknown"] ?? 1) }
        var seen: Set<String> = []
        for (index, row) in (probeCase.facts ?? []).enumerated() {
            for name in row.keys.sorted() where !facts.contains(name) && seen.insert(name).inserted {
                report(probeCase.line(ofRow: index), "There is no fact \(name).", nearest(to: name, in: facts))
            }
        }
        for other in probeCase.others {
            var message: String?
            var suggestion: String?
            if let manifest = manifests.first(where: { $0.id == other.probe }) {
                let names = (try? ProbeCase.names(below: ProbeCase.folder(of: manifest, in: directory))) ?? []
                if !names.contains(other.name) {
                    (message, suggestion) = ("\(other.probe) has no case \(other.name).", nearest(to: other.name, in: names))
                }
            } else {
                (message, suggestion) = ("There is no probe \(other.probe).", nearest(to: other.probe, in: manifests.map(\.id)))
            }
            if let message {
                let file = probeCase.file.dropLast("expected.yaml".count) + "answer.yaml"
                problems.append(ManifestProblem(file: String(file), line: probeCase.otherLine, message: message, suggestion: suggestion))
            }
        }
        return problems
    }
}

extension [ManifestProblem] {
    /// In the order of files and lines.
    mutating func sort() { sort { ($0.file, $0.line, $0.message) < ($1.file, $1.line, $1.message) } }
}
