internal import Catalogue
internal import Foundation

/// All manifests of a folder or of a signed catalogue, without a mistake among them.
public struct ManifestLibrary: Equatable, Sendable {
    /// The manifests, ascending by id.
    public private(set) var manifests: [Manifest]

    /// Checks SQL and whatever else needs more than the manifests; Diagnosis has one.
    public typealias RuleCheck = @Sendable ([Manifest]) -> [ManifestProblem]

    /// The manifest of a probe.
    ///
    /// - Throws: `.unknownProbe` with the nearest id in the sentence.
    public func manifest(_ id: String) throws(ProbesError) -> Manifest {
        if let found = manifests.first(where: { $0.id == id }) { return found }
        let hint = nearest(to: id, in: manifests.map(\.id)).map { " Did you mean \($0)?" } ?? ""
        throw ProbesError(.unknownProbe, id, "There is no probe of that id." + hint)
    }

    /// The probes of a full diagnosis: those that only observe, take no parameter and are not left out of it, ascending by id.
    public var diagnosisProbes: [Manifest] {
        manifests.filter { $0.source != nil && $0.impact == .observe && $0.parameters.isEmpty && $0.isInDiagnosis }
    }

    /// The probes whose questions the caller of a device of a model is asked, ascending by id.
    public func callerProbes(model: String) -> [Manifest] {
        manifests.filter { !$0.questions.isEmpty && ($0.models.isEmpty || $0.models.contains(model)) }
    }

    /// The rule of a finding, with the manifest it stands in.
    public func rule(_ finding: String) -> (manifest: Manifest, rule: FindingRule)? {
        for manifest in manifests {
            if let rule = manifest.findings.first(where: { $0.id == finding }) { return (manifest, rule) }
        }
        return nil
    }

    /// Whether a word names a language as manifests do: two or three letters of ISO 639 and, where it matters, a region, in small letters.
    public static func isLanguage(_ word: String) -> Bool { word.wholeMatch(of: /[a-z]{2,3}(-[a-z]{2})?/) != nil }

    /// Codes of the languages that sentences for customers are written in, English among them, ascending.
    public var languages: [String] { Set(manifests.flatMap { $0.findings.flatMap(\.translations.keys) } + ["en"]).sorted() }

    /// The same rules with what is said to customers in another language, sentence by sentence as far as it is there; a region's language
    /// (`de-at`) falls back to the language, and that to English.
    public func spoken(in language: String) -> ManifestLibrary {
        var library = self
        let general = String(language.prefix { $0 != "-" })
        for index in library.manifests.indices {
            for rule in library.manifests[index].findings.indices {
                let translations = library.manifests[index].findings[rule].translations
                if let sentence = translations[language] ?? translations[general] {
                    library.manifests[index].findings[rule].customer = sentence
                }
            }
        }
        return library
    }

    /// Reads manifests that are held in memory, such as those of a catalogue's desk part.
    ///
    /// - Parameters:
    ///   - texts: File name and bytes of each.
    ///   - check: Further checks, run where the manifests are readable.
    /// - Throws: `.manifests` with every mistake of every file.
    public init(texts: [(file: String, text: [UInt8])], check: RuleCheck = { _ in [] }) throws(ProbesError) {
        let (manifests, problems) = Self.read(texts, check)
        guard problems.isEmpty else { throw Self.error("the catalogue", problems) }
        self.manifests = manifests
    }

    /// Reads `<domain>/<name>/probe.yaml` below a folder.
    ///
    /// - Throws: `.manifests` with every mistake of every file, `.unreadable` for the folder.
    public init(directory: String, check: RuleCheck = { _ in [] }) throws(ProbesError) {
        let (manifests, problems) = try Self.read(directory: directory, check)
        guard problems.isEmpty else { throw Self.error(directory, problems) }
        self.manifests = manifests
    }

    private static func read(
        directory: String, _ check: RuleCheck
    ) throws(ProbesError) -> (manifests: [Manifest], problems: [ManifestProblem]) {
        var texts: [(file: String, text: [UInt8])] = []
        for file in try files(directory) { texts.append((file, try contents(of: directory + "/" + file))) }
        var (manifests, problems) = read(texts, check)
        for manifest in manifests where manifest.file != manifest.id.split(separator: ".").joined(separator: "/") + "/probe.yaml" {
            problems.append(ManifestProblem(file: manifest.file, line: 1, message: misplaced(manifest)))
        }
        problems = sorted(problems)
        if !problems.isEmpty { manifests = [] }
        return (manifests, problems)
    }

    /// What to say of a manifest that is not where its id says.
    private static func misplaced(_ manifest: Manifest) -> String {
        let place = manifest.id.split(separator: ".").joined(separator: "/") + "/probe.yaml"
        let above = place.hasSuffix("/" + manifest.file)
        return "The folder and the id \(manifest.id) differ: "
            + (above ? "name the folder above, in which it is \(place)." : "it must be \(place) in the folder of all manifests.")
    }

    private static func read(
        _ texts: [(file: String, text: [UInt8])], _ check: RuleCheck
    ) -> (manifests: [Manifest], problems: [ManifestProblem]) {
        var manifests: [Manifest] = []
        var problems: [ManifestProblem] = []
        for (file, text) in texts {
            let list = ProblemList(file: file)
            if let manifest = ManifestReader.read(text: text, file: file, problems: list) { manifests.append(manifest) }
            problems += list.problems
        }
        // References to a manifest that could not be read would only be echoes of its own mistakes.
        let isWhole = manifests.count == texts.count
        problems += LibraryLint(manifests: manifests, isWhole: isWhole).problems
        if isWhole { problems += check(manifests) }
        manifests.sort { $0.id < $1.id }
        return (manifests, sorted(problems))
    }

    private static func sorted(_ problems: [ManifestProblem]) -> [ManifestProblem] {
        problems.sorted { ($0.file, $0.line, $0.message) < ($1.file, $1.line, $1.message) }
    }

    private static func error(_ object: String, _ problems: [ManifestProblem]) -> ProbesError {
        let count = problems.count == 1 ? "1 mistake" : "\(problems.count) mistakes"
        return ProbesError(.manifests, object, "The manifests have \(count).", problems: problems)
    }

    /// Paths of manifests, relative and ascending.
    static func files(_ directory: String) throws(ProbesError) -> [String] {
        guard let walk = FileManager.default.enumerator(atPath: directory), isDirectory(directory) else {
            throw ProbesError(.unreadable, directory, "The folder of probes cannot be read.")
        }
        var files: [String] = []
        for case let path as String in walk where path.hasSuffix("/probe.yaml") { files.append(path) }
        guard !files.isEmpty else {
            if FileManager.default.fileExists(atPath: directory + "/probe.yaml") {
                throw ProbesError(.innerFolder, directory, "This is the folder of one probe.")
            }
            throw ProbesError(.noManifest, directory, "The folder holds no probe.yaml.")
        }
        return files.sorted()
    }

    private static func isDirectory(_ path: String) -> Bool {
        var isDirectory: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) && isDirectory.boolValue
    }
}

/// The bytes of a file.
///
/// - Throws: `.unreadable`.
func contents(of path: String) throws(ProbesError) -> [UInt8] {
    guard let data = FileManager.default.contents(atPath: path) else {
        throw ProbesError(.unreadable, path, "The file cannot be read.")
    }
    return [UInt8](data)
}
