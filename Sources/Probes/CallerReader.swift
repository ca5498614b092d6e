internal import Catalogue

extension ManifestReader {
    /// A manifest whose questions go to the caller. Nothing in it is a device's, so that nothing that a device would need may stand in it.
    func caller(
        _ id: String?, _ title: String?, _ ask: YAMLValue, _ fields: [String: YAMLValue], _ text: [UInt8], _ file: String
    ) -> Manifest? {
        let known = ["id", "title", "impact", "ask", "models", "findings"]
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) where !known.contains(key) {
            value.report("A probe that asks the caller has no key \(key).")
        }
        if let impact = fields["impact"], impact.choice([("observe", true)]) == nil { return nil }
        let questions = ask.pairs()?.compactMap(question) ?? []
        if questions.isEmpty { ask.report("ask must have one question at least.") }
        if questions.count > 32 { ask.report("ask has 32 questions at most; nobody stays on the telephone for more.") }
        let findings = fields["findings"]?.list()?.compactMap(finding) ?? []
        for rule in findings where !rule.remedies.isEmpty {
            problems.add(rule.line, "What a caller says is of a device that cannot be reached, so that \(rule.id) can have no remedies.")
        }
        let models = fields["models"]?.texts() ?? []
        if let value = fields["models"], value.isList, models.isEmpty { value.report("models must name one model at least.") }
        guard let id, let title else { return nil }
        let facts = questions.map {
            FactColumn(name: $0.name, type: $0.type, place: .keys([$0.name]), scale: nil, defaultValue: nil, line: $0.line)
        }
        return Manifest(
            id: id, title: title, impact: .observe, source: nil, questions: questions, models: models, parameters: [], timeLimit: 0,
            outputLimit: 0, user: "", groups: [], mayUseNetwork: false, mayUseLocalSockets: false, writable: [], isInDiagnosis: false,
            acceptedExitCodes: [0], parse: ParseRule(form: .document(path: []), minimumRowCount: 1, line: ask.line), facts: facts,
            views: [],
            findings: findings, inUse: [], undo: nil, undoStates: [], watch: nil, lessons: [], file: file, text: text)
    }

    private func question(_ name: String, _ value: YAMLValue) -> CallerQuestion? {
        guard Self.isName(name) else {
            value.report("A question's name is a-z, 0-9 and underscores; this is \(name).")
            return nil
        }
        guard let fields = value.fields(["question", "type", "of", "min", "max", "unit", "if"]) else { return nil }
        let sentence = required("question", in: fields, of: value)?.text()
        if let sentence, sentence.utf8.count > 300 { value.report("A question that is read out has at most 300 bytes.") }
        guard let kind = kind(fields, of: value), let sentence else { return nil }
        return CallerQuestion(
            name: name, sentence: sentence, kind: kind, condition: fields["if"].flatMap { $0.text() }, line: value.line)
    }

    private func kind(_ fields: [String: YAMLValue], of value: YAMLValue) -> CallerQuestion.Kind? {
        let types = ["yes-no", "choice", "integer", "number", "text"].map { ($0, $0) }
        guard let type = required("type", in: fields, of: value)?.choice(types) else { return nil }
        let used = ["choice": ["of"], "integer": ["min", "max", "unit"], "number": ["min", "max", "unit"], "text": ["max"]][type] ?? []
        for key in ["of", "min", "max", "unit"] where fields[key] != nil && !used.contains(key) {
            value.report("A question of type \(type) has no key \(key).")
        }
        let unit = fields["unit"].flatMap { $0.text() } ?? ""
        switch type {
        case "yes-no": return .yesNo
        case "choice":
            guard let words = required("of", in: fields, of: value)?.texts() else { return nil }
            // Each word has a digit for its key.
            if !(2...9).contains(words.count) { value.report("\(value.name).of must name 2 to 9 words.") }
            if Set(words).count != words.count { value.report("\(value.name).of names a word twice.") }
            for word in words where word == CallerQuestion.cannotTell || word == "?" {
                value.report("\(word) may be answered to every question and is no word of a choice.")
            }
            return .choice(words)
        case "integer":
            let bound = Int64(999_999_999_999_999)
            guard let minimum = required("min", in: fields, of: value)?.integer(-bound...bound),
                let maximum = required("max", in: fields, of: value)?.integer(-bound...bound), ordered(minimum, maximum, value)
            else { return nil }
            return .integer(minimum...maximum, unit: unit)
        case "number":
            guard let minimum = required("min", in: fields, of: value)?.real(),
                let maximum = required("max", in: fields, of: value)?.real(),
                ordered(minimum, maximum, value)
            else { return nil }
            return .number(minimum...maximum, unit: unit)
        default: return required("max", in: fields, of: value)?.integer(1...200).map { .text(sizeLimit: Int($0)) }
        }
    }

    private func ordered<Number: Comparable>(_ minimum: Number, _ maximum: Number, _ value: YAMLValue) -> Bool {
        if minimum <= maximum { return true }
        value.report("\(value.name) has a min above its max.")
        return false
    }
}
