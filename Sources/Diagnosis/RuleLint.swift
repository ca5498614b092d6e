public import Probes

extension Diagnostician {
    /// Checks the SQL of every rule against the tables that manifests make, for ``ManifestLibrary`` to call.
    public static let ruleCheck: ManifestLibrary.RuleCheck = { manifests in RuleLint(manifests: manifests).problems() }
}

/// Prepares each rule's SQL on empty fact tables and says what SQLite does not take.
private struct RuleLint {
    let manifests: [Manifest]

    func problems() -> [ManifestProblem] {
        let reserved = manifests.filter { manifest in DeskFacts.tables.contains { $0.name == manifest.table } }
        if !reserved.isEmpty {
            return reserved.map {
                ManifestProblem(file: $0.file, line: 1, message: "The table \($0.table) is the desk's; a probe needs another id.")
            }
        }
        do throws(DiagnosisError) {
            let database = try FactDatabase()
            for table in DeskFacts.tables { try database.create(table.name, columns: table.columns) }
            for manifest in manifests where !manifest.facts.isEmpty {
                try database.create(manifest.table, columns: manifest.facts.map { ($0.name, $0.type) })
            }
            var problems: [ManifestProblem] = []
            for manifest in manifests { for view in manifest.views { problems += create(view, manifest, database) } }
            database.seal()
            if problems.isEmpty { for manifest in manifests { for view in manifest.views { problems += test(view, manifest, database) } } }
            guard problems.isEmpty else { return problems }
            var columns: [String: [String]] = [:]
            for manifest in manifests { for rule in manifest.findings { problems += test(rule, manifest, database, &columns) } }
            for manifest in manifests { problems += conditions(manifest, database) }
            for manifest in manifests { for rule in manifest.inUse { problems += test(rule, manifest, database) } }
            for manifest in manifests {
                for rule in manifest.undoStates {
                    problems += test(rule.test, asking: rule.probe, "if of undo", [], rule.line, manifest, database)
                }
            }
            for manifest in manifests { for lesson in manifest.lessons { problems += test(lesson, manifest, database) } }
            for manifest in manifests { for rule in manifest.findings { problems += explanations(rule, manifest, database, columns) } }
            return problems
        } catch {
            return manifests.prefix(1).map {
                ManifestProblem(file: $0.file, line: 1, message: "The facts make no tables: \(error.reason).")
            }
        }
    }

    private func create(_ view: View, _ manifest: Manifest, _ database: FactDatabase) -> [ManifestProblem] {
        do throws(DiagnosisError) {
            try database.create(view)
            return []
        } catch {
            return [
                ManifestProblem(file: manifest.file, line: view.line, message: "The view \(view.name) cannot be made: \(error.reason).")
            ]
        }
    }

    private func test(_ view: View, _ manifest: Manifest, _ database: FactDatabase) -> [ManifestProblem] {
        do throws(DiagnosisError) {
            let (_, tables) = try database.prepare("SELECT * FROM \"\(view.name)\"")
            if !tables.isEmpty { return [] }
            return [ManifestProblem(file: manifest.file, line: view.line, message: "The view \(view.name) reads no fact table.")]
        } catch {
            return [
                ManifestProblem(
                    file: manifest.file, line: view.line, message: "The SQL of the view \(view.name) is refused: \(error.reason).")
            ]
        }
    }

    /// Notes the columns of a rule's rows by its id.
    private func test(
        _ rule: FindingRule, _ manifest: Manifest, _ database: FactDatabase, _ columns: inout [String: [String]]
    ) -> [ManifestProblem] {
        do throws(DiagnosisError) {
            let (statement, tables) = try database.prepare(rule.sql(in: manifest))
            var apart = outOfReach(tables, from: manifest).map {
                ManifestProblem(file: manifest.file, line: rule.testLine, message: "\(rule.id) \($0)")
            }
            if tables.contains("parameters") {
                let message = "\(rule.id) reads parameters, which only in-use and undo of a remedy have."
                apart.append(ManifestProblem(file: manifest.file, line: rule.testLine, message: message))
            }
            guard case .select = rule.test else {
                columns[rule.id] = manifest.facts.map(\.name)
                return apart
            }
            columns[rule.id] = statement.columnNames
            let templates = [rule.customer, rule.engineer] + rule.translations.values + rule.remedies.flatMap { $0.parameters.values }
            let missing = Set(rule.subject + templates.flatMap(\.columns)).subtracting(statement.columnNames)
            var messages = missing.sorted().map { "The query of \(rule.id) has no column \($0)." }
            if tables.isEmpty { messages.append("The query of \(rule.id) reads no fact table.") }
            return apart + messages.map { ManifestProblem(file: manifest.file, line: rule.testLine, message: $0) }
        } catch {
            return [
                ManifestProblem(
                    file: manifest.file, line: rule.testLine, message: "The SQL of \(rule.id) is refused: \(error.reason).",
                    suggestion: Self.suggestion(for: error.reason, manifest))
            ]
        }
    }

    /// The function or column that was most likely meant where SQLite knows none of the name.
    private static func suggestion(for reason: String, _ manifest: Manifest) -> String? {
        guard let name = reason.split(separator: ": ").last.map(String.init) else { return nil }
        if reason.hasPrefix("no such function: ") { return nearest(to: name, in: SQLGuard.functions.sorted()) }
        return reason.hasPrefix("no such column: ") ? nearest(to: name, in: manifest.facts.map(\.name)) : nil
    }

    /// Why a rule could never be judged: a device that answers is not asked about by its caller, and one that does not gives no facts.
    private func outOfReach(_ tables: Set<String>, from manifest: Manifest) -> [String] {
        let isOfCaller = !manifest.questions.isEmpty
        return manifests.filter { tables.contains($0.table) && $0.questions.isEmpty == isOfCaller }.map {
            isOfCaller
                ? "reads \($0.table), but a device whose caller is asked gives no answers."
                : "reads \($0.table), but the caller of a device that answers is not asked."
        }
    }

    private func test(_ rule: UseRule, _ manifest: Manifest, _ database: FactDatabase) -> [ManifestProblem] {
        test(rule.test, asking: rule.probe, "in-use", rule.sentence.columns, rule.line, manifest, database)
    }

    /// What is asked just before a remedy reads the probe that is asked, the remedy's parameters and what the desk knows, and nothing that was
    /// not asked.
    ///
    /// - Parameters:
    ///   - key: Where it stands.
    ///   - columns: Those that its sentence uses.
    private func test(
        _ test: FindingRule.Test, asking probe: String, _ key: String, _ columns: [String], _ line: Int, _ manifest: Manifest,
        _ database: FactDatabase
    ) -> [ManifestProblem] {
        func problem(_ message: String) -> ManifestProblem { ManifestProblem(file: manifest.file, line: line, message: message) }
        guard let asked = manifests.first(where: { $0.id == probe }), !asked.facts.isEmpty else { return [] }
        do throws(DiagnosisError) {
            let (statement, tables) = try database.prepare(test.sql(table: asked.table))
            var problems: [ManifestProblem] = []
            let own = Set(DeskFacts.tables.map(\.name) + [asked.table])
            for table in tables.subtracting(own).sorted() { problems.append(problem("\(key) reads \(table), but asks \(asked.id).")) }
            if tables.contains("parameters"), manifest.parameters.isEmpty {
                problems.append(problem("\(key) reads parameters, and \(manifest.id) takes none."))
            }
            guard case .select = test else { return problems }
            if !tables.contains(asked.table) { problems.append(problem("\(key) asks \(asked.id) and does not read \(asked.table).")) }
            let missing = Set(columns).subtracting(statement.columnNames).sorted()
            return problems + missing.map { problem("The query of \(key) has no column \($0).") }
        } catch {
            return [problem("The SQL of \(key) is refused: \(error.reason).")]
        }
    }

    /// The conditions under which questions are asked.
    private func conditions(_ manifest: Manifest, _ database: FactDatabase) -> [ManifestProblem] {
        manifest.questions.flatMap { question -> [ManifestProblem] in
            guard let sql = question.query(in: manifest) else { return [] }
            func problem(_ message: String) -> ManifestProblem {
                ManifestProblem(file: manifest.file, line: question.line, message: message)
            }
            do throws(DiagnosisError) {
                let (_, tables) = try database.prepare(sql)
                return outOfReach(tables, from: manifest).map { problem("The condition of \(question.name) \($0)") }
            } catch {
                return [problem("The condition of \(question.name) is refused: \(error.reason).")]
            }
        }
    }

    private func test(_ lesson: Lesson, _ manifest: Manifest, _ database: FactDatabase) -> [ManifestProblem] {
        let wanted = Lesson.kinds.first { $0.name == lesson.kind }?.columns ?? []
        func problem(_ message: String) -> [ManifestProblem] {
            [ManifestProblem(file: manifest.file, line: lesson.line, message: message)]
        }
        do throws(DiagnosisError) {
            let (statement, tables) = try database.prepare(lesson.query)
            if statement.columnNames != wanted {
                return problem("What is learnt of \(lesson.kind) has the columns \(wanted.joined(separator: ", ")), in this order.")
            }
            return tables.isEmpty ? problem("The query for \(lesson.kind) reads no fact table.") : []
        } catch {
            return problem("The SQL for \(lesson.kind) is refused: \(error.reason).")
        }
    }

    private func explanations(
        _ rule: FindingRule, _ manifest: Manifest, _ database: FactDatabase, _ columns: [String: [String]]
    ) -> [ManifestProblem] {
        rule.explains.compactMap { explanation in
            guard let cause = columns[rule.id], let effect = columns[explanation.finding] else { return nil }
            func problem(_ message: String) -> ManifestProblem {
                ManifestProblem(file: manifest.file, line: explanation.line, message: message)
            }
            do throws(DiagnosisError) {
                let sql = Folding.query(explanation.condition, cause: cause, effect: effect)
                let (_, tables) = try database.prepare(sql)
                let hasEvidence = !tables.isEmpty || explanation.condition.contains("effect.")
                return hasEvidence ? nil : problem("What \(rule.id) explains \(explanation.finding) by is no evidence.")
            } catch {
                return problem("The evidence of \(rule.id) for \(explanation.finding) is refused: \(error.reason).")
            }
        }
    }
}
