internal import Catalogue
internal import Wire

/// What the `statfs` reader states of each mount, and as which type.
private let mountFacts: [(name: String, type: FactType)] = [
    ("mount", .text), ("source", .text), ("fstype", .text), ("options", .text), ("read_only", .int), ("answered", .int), ("error", .int),
    ("size_bytes", .int), ("free_bytes", .int), ("avail_bytes", .int), ("used_pct", .real), ("inodes", .int),
    ("inodes_free", .int), ("inodes_used_pct", .real),
]
private let fileFacts: [(name: String, type: FactType)] = [("path", .text), ("error", .int), ("content", .text)]
private let statFacts: [(name: String, type: FactType)] = [
    ("path", .text), ("error", .int), ("type", .text), ("mode", .int), ("uid", .int), ("gid", .int), ("size_bytes", .int), ("links", .int),
    ("modified", .int), ("device", .int),
]
private let clockFacts: [(name: String, type: FactType)] = [
    ("time", .int), ("uptime_s", .int), ("synchronized", .int), ("offset_us", .int), ("error_us", .int), ("frequency_ppm", .real),
]
private let nameFacts: [(name: String, type: FactType)] = [
    ("name", .text), ("server", .text), ("type", .text), ("outcome", .text), ("error", .int), ("milliseconds", .real), ("addresses", .text),
]
private let connectionFacts: [(name: String, type: FactType)] = [
    ("target", .text), ("address", .text), ("port", .int), ("outcome", .text), ("error", .int), ("milliseconds", .real),
]
/// What a certificate states.
private let certificateFacts: [(name: String, type: FactType)] = [
    ("path", .text), ("subject", .text), ("issuer", .text), ("not_before", .int), ("not_after", .int), ("is_authority", .int),
]

extension ManifestReader {
    /// One column of `facts`.
    func fact(_ name: String, _ value: YAMLValue, _ seen: inout Set<String>) -> FactColumn? {
        guard Self.isName(name) else {
            value.report("A fact's name is a-z, 0-9 and underscores; this is \(name).")
            return nil
        }
        seen.insert(name)
        let types: [(String, FactType)] = [("text", .text), ("int", .int), ("real", .real)]
        guard value.isMapping else {
            guard let type = value.choice(types) else { return nil }
            return FactColumn(name: name, type: type, place: .keys([name]), scale: nil, defaultValue: nil, line: value.line)
        }
        guard let fields = value.fields(["type", "from", "scale", "default"]) else { return nil }
        let type = required("type", in: fields, of: value)?.choice(types)
        let place = fields["from"].map(self.place) ?? .keys([name])
        let scale = fields["scale"].flatMap { $0.real() }
        if scale != nil, type == .text { value.report("A text cannot be scaled.") }
        guard let type, let place else { return nil }
        return FactColumn(
            name: name, type: type, place: place, scale: scale, defaultValue: fields["default"].flatMap { $0.anyText() }, line: value.line)
    }

    private func place(_ value: YAMLValue) -> FactColumn.Place? {
        if value.isList { return value.texts().map { .keys($0) } }
        guard value.isMapping else {
            guard let text = value.text() else { return nil }
            return Int(text).map { .column($0) } ?? .keys([text])
        }
        // What is left of a misspelt key would only be an echo of it.
        guard let fields = value.fields(["file", "match", "count"]), fields.count == value.keyCount else { return nil }
        let file = fields["file"].flatMap { $0.text() }
        switch (fields["match"], fields["count"]) {
        case (nil, nil) where file != nil: return file.map { .content(file: $0) }
        case (let match?, nil): return pattern(match).map { .match(file: file, pattern: $0) }
        case (nil, let count?): return pattern(count).map { .count(file: file, pattern: $0) }
        default:
            value.report("\(value.name) must have one of match and count, or only file for all that is in it.")
            return nil
        }
    }

    private func pattern(_ value: YAMLValue) -> String? {
        // An empty expression matches everywhere, as in `skip: ''`.
        guard let pattern = value.plain == "" ? "" : value.text() else { return nil }
        if (try? Regex(pattern)) != nil { return pattern }
        value.report("\(value.name) is not a regular expression.")
        return nil
    }

    /// How the answer becomes rows; the readers have a default, a program has not.
    func parse(_ fields: [String: YAMLValue], source: ProbeSource?, facts: [FactColumn]) -> ParseRule? {
        guard let first = fields["facts"] else {
            if let parse = fields["parse"] { parse.report("parse is of no use without facts.") }
            return nil
        }
        if let value = fields["parse"] {
            let rule = form(value)
            // A reader that could not be read says nothing of where facts may stand.
            if let rule, source != nil || fields["read"] == nil { checkPlaces(facts, rule, source) }
            return rule
        }
        switch source {
        case .statfs:
            check(facts, against: mountFacts, reader: "statfs")
            return ParseRule(form: .mounts, minimumRowCount: 1, line: first.line)
        case .files:
            check(facts, against: fileFacts, reader: "files")
            return ParseRule(form: .files, minimumRowCount: 0, line: first.line)
        case .stat:
            check(facts, against: statFacts, reader: "stat")
            return ParseRule(form: .status, minimumRowCount: 0, line: first.line)
        case .clock:
            check(facts, against: clockFacts, reader: "clock")
            return ParseRule(form: .clock, minimumRowCount: 1, line: first.line)
        case .resolve:
            check(facts, against: nameFacts, reader: "resolve")
            return ParseRule(form: .names, minimumRowCount: 0, line: first.line)
        case .connect:
            check(facts, against: connectionFacts, reader: "connect")
            return ParseRule(form: .connections, minimumRowCount: 1, line: first.line)
        case .run:
            first.report("A program's facts need parse, which says how its output is read.")
            return nil
        case nil: return nil
        }
    }

    private func check(_ facts: [FactColumn], against known: [(name: String, type: FactType)], reader: String) {
        for fact in facts {
            guard let match = known.first(where: { $0.name == fact.name }) else {
                problems.add(
                    fact.line, "The reader \(reader) states no fact \(fact.name).",
                    suggestion: nearest(to: fact.name, in: known.map(\.name)))
                continue
            }
            if match.type != fact.type { problems.add(fact.line, "The fact \(fact.name) is of type \(match.type.rawValue).") }
        }
    }

    /// A column number wants a reading by columns, a pattern one by record, and a record nothing else.
    private func checkPlaces(_ facts: [FactColumn], _ rule: ParseRule, _ source: ProbeSource?) {
        let isOfFiles = if case .files = source { true } else { false }
        switch (rule.form, source) {
        case (_, .statfs), (_, .stat), (_, .clock), (_, .resolve), (_, .connect):
            problems.add(rule.line, "The readers statfs, stat, clock, resolve and connect need no parse.")
        case (.document, .files), (.jsonLines, .files):
            problems.add(rule.line, "Files are read by record, each, lines, pairs, columns or certificates, or without parse.")
        case (.each, .run), (.certificates, .run):
            problems.add(rule.line, "Only files are read by each and certificates; a program's output is not.")
        default: break
        }
        if rule.form == .certificates { return check(facts, against: certificateFacts, reader: "certificates") }
        for fact in facts {
            let isInPlace =
                switch (fact.place, rule.form) {
                case (.column(let number), .columns): number >= 1
                case (.match(let file, _), .each), (.count(let file, _), .each): file != nil
                case (.match, .record), (.count, .record): true
                case (.content, .each): true
                case (.content, .record): isOfFiles
                case (.keys(let keys), .columns): isOfFiles && keys == ["path"]
                case (.keys, .record): false
                case (.keys, _): true
                default: false
                }
            if !isInPlace { problems.add(fact.line, "The fact \(fact.name) says from where in a way that parse does not read.") }
        }
    }

    private func form(_ value: YAMLValue) -> ParseRule? {
        let kinds = ["record", "each", "json", "jsonlines", "lines", "pairs", "columns", "certificates", "least"]
        guard value.isMapping else {
            guard value.choice([("record", true)]) != nil else { return nil }
            return ParseRule(form: .record, minimumRowCount: 1, line: value.line)
        }
        guard let fields = value.fields(kinds) else { return nil }
        let least = fields["least"].flatMap { $0.integer(0...1_000) } ?? 0
        let chosen = kinds.dropLast().filter { fields[$0] != nil }
        guard chosen.count == 1, let kind = chosen.first, let body = fields[kind] else {
            value.report("parse must have exactly one of: \(kinds.dropLast().joined(separator: ", ")).")
            return nil
        }
        return form(kind, body).map { ParseRule(form: $0, minimumRowCount: Int(least), line: value.line) }
    }

    private func form(_ kind: String, _ body: YAMLValue) -> ParseRule.Form? {
        switch kind {
        case "record": return .record
        case "each": return pattern(body).map { .each(pattern: $0) }
        case "certificates": return body.fields([]).map { _ in .certificates }
        case "json":
            let path = body.fields(["at"])?["at"]?.texts() ?? []
            return .document(path: path)
        case "jsonlines": return .jsonLines(match: body.fields(["match"])?["match"].flatMap(pattern))
        case "lines":
            guard let fields = body.fields(["match", "skip"]) else { return nil }
            return required("match", in: fields, of: body).flatMap(pattern).map {
                .lines(pattern: $0, skip: fields["skip"].flatMap(pattern))
            }
        case "pairs":
            guard let fields = body.fields(["separator", "records"]) else { return nil }
            let many = fields["records"]?.choice([("one", false), ("blank-line", true)]) ?? false
            return .pairs(separator: fields["separator"].flatMap { $0.text() } ?? "=", manyRecords: many)
        default: return .columns(skip: body.fields(["skip"])?["skip"].flatMap { $0.integer(0...100) }.map(Int.init) ?? 0)
        }
    }
}
