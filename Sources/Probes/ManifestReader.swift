internal import Catalogue
internal import Wire

/// Reads one manifest strictly: every mistake is reported, and only a manifest without one is returned.
struct ManifestReader {
    let problems: ProblemList

    static let keys = [
        "id", "title", "impact", "run", "read", "user", "groups", "network", "sandbox", "parameters", "limits", "exit", "parse", "facts",
        "views", "findings", "diagnosis", "watch", "learn", "ask", "models", "in-use", "undo",
    ]

    /// - Parameter file: Path for messages.
    static func read(text: [UInt8], file: String, problems: ProblemList) -> Manifest? {
        guard text.count <= 65_536, isWellFormedUTF8(text[...]) else {
            problems.add(1, "A manifest must be UTF-8 of at most 64 KiB.")
            return nil
        }
        guard let root = YAMLValue(text: String(decoding: text, as: UTF8.self), problems: problems) else { return nil }
        guard let fields = root.fields(keys) else { return nil }
        let manifest = ManifestReader(problems: problems).manifest(root, fields, text, file)
        return problems.problems.isEmpty ? manifest : nil
    }

    private func manifest(_ root: YAMLValue, _ fields: [String: YAMLValue], _ text: [UInt8], _ file: String) -> Manifest? {
        let id = required("id", in: fields, of: root).flatMap(probeID)
        let title = required("title", in: fields, of: root)?.text()
        if let ask = fields["ask"] { return caller(id, title, ask, fields, text, file) }
        if let models = fields["models"] { models.report("Only a probe with ask is for some models and not for others.") }
        let impact = required("impact", in: fields, of: root)?.choice([
            ("observe", Impact.observe), ("disturb", .disturb), ("change", .change),
        ])
        let parameters = fields["parameters"].map(self.parameters) ?? []
        let source = self.source(fields, of: root, parameters: parameters)
        let limits = fields["limits"]?.fields(["time", "output"]) ?? [:]
        let time = limits["time"].map { $0.quantity([("ms", 1), ("s", 1_000), ("m", 60_000)], in: 1...600_000) ?? 1 }
        let output = limits["output"].map { $0.quantity([("B", 1), ("KiB", 1_024), ("MiB", 1 << 20)], in: 1...4 << 20) ?? 1 }
        var seen = Set<String>()
        let facts = fields["facts"]?.pairs()?.compactMap { fact($0.key, $0.value, &seen) } ?? []
        let parse = self.parse(fields, source: source, facts: facts)
        let views = fields["views"]?.pairs()?.compactMap(view) ?? []
        let findings = fields["findings"]?.list()?.compactMap(finding) ?? []
        if impact == .change, !facts.isEmpty || !findings.isEmpty {
            root.report("A probe of impact change states no facts and no findings; what it did is proven by asking again.")
        }
        if !findings.isEmpty, facts.isEmpty { root.report("There are findings but no facts to draw them from.") }
        let watch = fields["watch"].flatMap { self.watch($0, facts) }
        let lessons = fields["learn"].map(self.lessons) ?? []
        let user = fields["user"].map { $0.text() ?? "" }
        let groups = fields["groups"]?.texts() ?? []
        let network = fields["network"]?.flag() ?? false
        if case .resolve = source, !network { root.report("What resolves names needs network: true.") }
        if case .connect(let targets) = source, !network, targets.contains(where: { $0.bytes.first != 47 }) {
            root.report("What connects to addresses needs network: true.")
        }
        let sandbox = fields["sandbox"]?.fields(["local-sockets", "write"]) ?? [:]
        let writable = writable(sandbox["write"], impact)
        let localSockets = sandbox["local-sockets"]?.flag() ?? false
        if case .connect(let targets) = source, !localSockets, targets.contains(where: { $0.bytes.first == 47 }) {
            root.report("What connects to Unix sockets needs sandbox: {local-sockets: true}.")
        }
        let exits = exitCodes(fields["exit"])
        let inUse = fields["in-use"]?.list()?.compactMap(use) ?? []
        let (undo, undoStates) = fields["undo"].map(undo) ?? (nil, [])
        for key in ["in-use", "undo"] where fields[key] != nil && impact == .observe {
            fields[key]?.report("A probe of impact observe disturbs nobody and changes nothing; it has no \(key).")
        }
        let isInDiagnosis = fields["diagnosis"]?.flag() ?? true
        if !isInDiagnosis, !findings.isEmpty { root.report("A probe that a diagnosis does not ask has no findings.") }
        guard let id, let title, let impact, let source else { return nil }
        return Manifest(
            id: id, title: title, impact: impact, source: source, questions: [], models: [], parameters: parameters,
            timeLimit: time ?? 5_000,
            outputLimit: output ?? 65_536, user: user ?? "nobody", groups: groups, mayUseNetwork: network,
            mayUseLocalSockets: localSockets, writable: writable, isInDiagnosis: isInDiagnosis, acceptedExitCodes: exits, parse: parse,
            facts: facts, views: views, findings: findings, inUse: inUse, undo: undo, undoStates: undoStates, watch: watch,
            lessons: lessons, file: file, text: text
        )
    }

    private func view(_ name: String, _ value: YAMLValue) -> View? {
        guard Self.isName(name) else {
            value.report("A view's name is a-z, 0-9 and underscores; this is \(name).")
            return nil
        }
        return value.text().map { View(name: name, query: $0, line: value.line) }
    }

    private func watch(_ value: YAMLValue, _ facts: [FactColumn]) -> WatchRule? {
        guard let fields = value.fields(["subject", "columns"]) else { return nil }
        let rule = WatchRule(subject: fields["subject"]?.texts() ?? [], columns: fields["columns"]?.texts() ?? [])
        if rule.subject.isEmpty, rule.columns.isEmpty { value.report("watch must name a subject or columns.") }
        for name in rule.subject + rule.columns where !facts.contains(where: { $0.name == name }) {
            value.report("watch names \(name), which is no fact.", suggestion: nearest(to: name, in: facts.map(\.name)))
        }
        return rule
    }

    private func lessons(_ value: YAMLValue) -> [Lesson] {
        (value.fields(Lesson.kinds.map(\.name)) ?? [:]).sorted { $0.key < $1.key }.compactMap { kind, query in
            query.text().map { Lesson(kind: kind, query: $0, line: query.line) }
        }
    }

    func required(_ key: String, in fields: [String: YAMLValue], of parent: YAMLValue) -> YAMLValue? {
        if let value = fields[key] { return value }
        parent.report("\(parent.name == "the file" ? "The manifest" : parent.name) lacks the key \(key).")
        return nil
    }

    private func probeID(_ value: YAMLValue) -> String? {
        guard let id = value.text() else { return nil }
        if Self.isID(id) { return id }
        value.report("An id is words of a-z, 0-9 and dashes, joined by dots, such as storage.space; this is \(id).")
        return nil
    }

    /// Whether `id` is lower-case words joined by dots, 64 bytes at most. One word is enough for a probe of its own domain.
    static func isID(_ id: String) -> Bool {
        guard id.utf8.count <= 64 else { return false }
        return id.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { word in
            guard let first = word.utf8.first, (97...122).contains(first), word.utf8.last != 45 else { return false }
            return word.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }
        }
    }

    /// Whether `name` may be a column or a parameter.
    static func isName(_ name: String) -> Bool {
        guard let first = name.utf8.first, (97...122).contains(first), name.utf8.count <= 64 else { return false }
        return name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 95 }
    }

    /// Where it may write: nowhere unless it says so, and one that only observes has nothing to write.
    private func writable(_ value: YAMLValue?, _ impact: Impact?) -> [String] {
        guard let value else { return [] }
        let paths = value.list() ?? []
        if impact == .observe { value.report("A probe of impact observe writes nowhere.") }
        if value.isList, paths.isEmpty || paths.count > 16 { value.report("write must name 1 to 16 paths.") }
        return paths.compactMap { path in
            guard let text = path.text() else { return nil }
            if !Self.isPlainPath(text) || text.contains("*") {
                path.report("A path must be absolute and without .. and *; this is \(text).")
            }
            return text
        }
    }

    /// Whether a path begins at the root, never climbs, and fits its field.
    static func isPlainPath(_ path: String) -> Bool {
        path.hasPrefix("/") && !path.split(separator: "/").contains("..") && path.utf8.count <= 1_024 && !path.utf8.contains(0)
    }

    private func exitCodes(_ value: YAMLValue?) -> [UInt64] {
        guard let value else { return [0] }
        let codes = value.list()?.compactMap { $0.integer(0...255) } ?? []
        if codes.isEmpty, value.isList { value.report("exit must name one exit code at least.") }
        return codes.map(UInt64.init)
    }

    private func parameters(_ value: YAMLValue) -> [ParameterDefinition] {
        let pairs = value.pairs() ?? []
        if pairs.count > RollcallProtocol.parameterCountLimit { value.report("A probe has at most 16 parameters.") }
        return pairs.compactMap { name, value in
            guard Self.isName(name) else {
                value.report("A parameter's name is a-z, 0-9 and underscores; this is \(name).")
                return nil
            }
            guard let type = parameterType(value) else { return nil }
            return ParameterDefinition(name: Text(name), type: type)
        }
    }

    private func parameterType(_ value: YAMLValue) -> ParameterType? {
        if !value.isMapping { return value.choice([("unit", ParameterType.unit)]) }
        guard let fields = value.fields(["type", "min", "max", "of"]) else { return nil }
        switch required("type", in: fields, of: value)?.choice([("unit", "unit"), ("integer", "integer"), ("choice", "choice")]) {
        case "unit": return .unit
        case "integer":
            let bound = Int64(999_999_999_999_999)
            let minimum = required("min", in: fields, of: value)?.integer(-bound...bound)
            let maximum = required("max", in: fields, of: value)?.integer(-bound...bound)
            guard let minimum, let maximum else { return nil }
            if minimum > maximum { value.report("\(value.name) has a min above its max.") }
            return .integer(minimum: minimum, maximum: maximum)
        case "choice":
            guard let words = required("of", in: fields, of: value)?.texts() else { return nil }
            if words.isEmpty || words.count > 64 { value.report("\(value.name).of must name 1 to 64 words.") }
            for word in words where word.utf8.first == 45 { value.report("The word \(word) begins with a dash and would be an option.") }
            return .choice(words.map { Text($0) })
        default: return nil
        }
    }
}
