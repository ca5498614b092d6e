extension ManifestReader {
    static let findingKeys = [
        "id", "subject", "when", "select", "severity", "customer", "engineer", "explains", "remedies", "visit",
    ]

    /// One rule of `findings`.
    func finding(_ value: YAMLValue) -> FindingRule? {
        guard let fields = value.fields(Self.findingKeys) else { return nil }
        let id = required("id", in: fields, of: value).flatMap(findingID)
        let severity = required("severity", in: fields, of: value)?.choice(Severity.allCases.map { ($0.rawValue, $0) })
        let sentences = required("customer", in: fields, of: value).map(sentences) ?? [:]
        let engineer = required("engineer", in: fields, of: value).flatMap(template)
        let test = self.test(fields, of: value)
        let subject = fields["subject"]?.texts() ?? []
        let explains = fields["explains"]?.pairs()?.compactMap(explanation) ?? []
        let remedies = fields["remedies"]?.list()?.compactMap(remedy) ?? []
        let visit = fields["visit"].map(self.visit) ?? (.none, [], nil)
        guard let id, let severity, let customer = sentences["en"], let engineer, let test else { return nil }
        return FindingRule(
            id: id, subject: subject, test: test.test, severity: severity, customer: customer,
            translations: sentences.filter { $0.key != "en" }, engineer: engineer, explains: explains,
            remedies: remedies, visit: visit.advice, parts: visit.parts, skill: visit.skill, line: value.line, testLine: test.line)
    }

    /// Whether somebody must go there: one word, or a mapping that also says with what.
    private func visit(_ value: YAMLValue) -> (advice: VisitAdvice, parts: [String], skill: String?) {
        let words = VisitAdvice.allCases.map { ($0.rawValue, $0) }
        guard value.isMapping else { return (value.choice(words) ?? .none, [], nil) }
        guard let fields = value.fields(["advice", "parts", "skill"]) else { return (.none, [], nil) }
        let advice = required("advice", in: fields, of: value)?.choice(words) ?? .none
        if advice == .none { value.report("A visit that is not advised needs no parts and no skill.") }
        return (advice, fields["parts"]?.texts() ?? [], fields["skill"].flatMap { $0.text() })
    }

    private func findingID(_ value: YAMLValue) -> String? {
        guard let id = value.text() else { return nil }
        if Self.isID(id) { return id }
        value.report("An id is words of a-z, 0-9 and dashes, joined by dots, such as storage.full; this is \(id).")
        return nil
    }

    /// One sentence in English, or sentences by language, of which English must be one.
    private func sentences(_ value: YAMLValue) -> [String: Template] {
        guard value.isMapping else { return template(value).map { ["en": $0] } ?? [:] }
        var sentences: [String: Template] = [:]
        for (language, sentence) in value.pairs() ?? [] {
            if !ManifestLibrary.isLanguage(language) {
                value.report("A language is a code of ISO 639 such as de or pt-br; this is \(language).")
            }
            sentences[language] = template(sentence)
        }
        if sentences["en"] == nil { value.report("\(value.name) lacks the sentence in English, en.") }
        return sentences
    }

    func template(_ value: YAMLValue) -> Template? {
        guard let text = value.text() else { return nil }
        if let template = Template(text) { return template }
        let formats = Template.Format.allCases.dropFirst().map(\.rawValue).joined(separator: ", ")
        value.report("\(value.name) has a brace that is not {column} or {column|format}; formats are \(formats).")
        return nil
    }

    func test(_ fields: [String: YAMLValue], of value: YAMLValue) -> (test: FindingRule.Test, line: Int)? {
        switch (fields["when"], fields["select"]) {
        case (let when?, nil): return when.text().map { (.when($0), when.line) }
        case (nil, let select?): return select.text().map { (.select($0), select.line) }
        default:
            value.report("\(value.name) must have exactly one of when and select.")
            return nil
        }
    }

    /// One rule of `in-use`.
    func use(_ value: YAMLValue) -> UseRule? {
        guard let fields = value.fields(["probe", "when", "select", "says"]) else { return nil }
        let probe = required("probe", in: fields, of: value)?.text()
        let sentence = required("says", in: fields, of: value).flatMap(template)
        guard let test = test(fields, of: value), let probe, let sentence else { return nil }
        return UseRule(probe: probe, test: test.test, sentence: sentence, line: value.line)
    }

    /// What takes a remedy back, and the states before it to which that leads.
    func undo(_ value: YAMLValue) -> (reference: FindingRule.RemedyReference?, states: [StateRule]) {
        guard value.isMapping else { return (remedy(value), []) }
        guard let fields = value.fields(["probe", "with", "if"]) else { return (nil, []) }
        return (remedy(fields, of: value), fields["if"]?.list()?.compactMap(state) ?? [])
    }

    /// One rule of an undo's `if`.
    private func state(_ value: YAMLValue) -> StateRule? {
        guard let fields = value.fields(["probe", "when", "select"]) else { return nil }
        let probe = required("probe", in: fields, of: value)?.text()
        guard let test = test(fields, of: value), let probe else { return nil }
        return StateRule(probe: probe, test: test.test, line: value.line)
    }

    private func explanation(_ finding: String, _ value: YAMLValue) -> FindingRule.Explanation? {
        value.text().map { FindingRule.Explanation(finding: finding, condition: $0, line: value.line) }
    }

    func remedy(_ value: YAMLValue) -> FindingRule.RemedyReference? {
        guard value.isMapping else {
            return value.text().map { FindingRule.RemedyReference(probe: $0, parameters: [:], line: value.line) }
        }
        guard let fields = value.fields(["probe", "with"]) else { return nil }
        return remedy(fields, of: value)
    }

    private func remedy(_ fields: [String: YAMLValue], of value: YAMLValue) -> FindingRule.RemedyReference? {
        guard let probe = required("probe", in: fields, of: value)?.text() else { return nil }
        var parameters: [String: Template] = [:]
        for (name, value) in fields["with"]?.pairs() ?? [] { parameters[name] = template(value) }
        return FindingRule.RemedyReference(probe: probe, parameters: parameters, line: value.line)
    }
}
