internal import Catalogue
internal import Probes
internal import Wire

/// Rows read from an answer.
struct ParsedAnswer {
    /// Values in the order of the manifest's columns.
    var rows: [[FactValue]] = []
    /// Whether everything was read.
    var state: TableState = .complete

    mutating func fail(_ reason: String) {
        if state == .complete { state = .incomplete(reason) }
    }
}

/// Turns an answer's bytes into rows as its manifest says. Nothing in the bytes can make it trap.
struct AnswerReader {
    let manifest: Manifest
    let expressions = Expressions()

    /// Rows of one table at most; what is beyond makes the answer incomplete.
    static let rowLimit = 20_000

    func read(_ answer: Answer) -> ParsedAnswer {
        if let obstacle = answer.obstacle(acceptedExitCodes: manifest.acceptedExitCodes) { return ParsedAnswer(state: obstacle) }
        guard let rule = manifest.parse else { return ParsedAnswer() }
        var parsed = ParsedAnswer()
        switch rule.form {
        case .mounts: mounts(answer.output, &parsed)
        case .files: files(answer.output, &parsed)
        case .status: status(answer.output, &parsed)
        case .clock: clock(answer.output, &parsed)
        case .names: names(answer.output, &parsed)
        case .connections: connections(answer.output, &parsed)
        case .record: record(answer.output, &parsed)
        case .each(let pattern): each(answer.output, pattern, &parsed)
        // Folders of certificates are full of symbolic links (ELOOP) to others, and have folders (EISDIR) in them.
        case .certificates: eachFile(answer.output, &parsed, passingOver: [40, 21]) { file, parsed in certificates(file, &parsed) }
        case .document(let path): document(answer.output, path, &parsed)
        case .jsonLines(let match): jsonLines(answer.output, match, &parsed)
        case .lines, .pairs, .columns:
            if case .files = manifest.source {
                eachFile(answer.output, &parsed) { file, parsed in
                    text(file.content, path: String(decoding: file.path, as: UTF8.self), rule.form, &parsed)
                }
            } else {
                text(answer.output, path: nil, rule.form, &parsed)
            }
        }
        if parsed.state == .complete, parsed.rows.count < rule.minimumRowCount { parsed.fail("gave an answer without content") }
        if parsed.rows.count > Self.rowLimit {
            parsed.rows.removeLast(parsed.rows.count - Self.rowLimit)
            parsed.fail("gave more than \(Self.rowLimit) rows")
        }
        return parsed
    }

    /// A row of what `value` finds for each column; its default, or NULL, where it finds nothing.
    func row(_ value: (FactColumn) -> String?) -> [FactValue] {
        manifest.facts.map { column in
            guard let text = value(column) ?? column.defaultValue else { return .null }
            return FactValue(text, as: column.type, scale: column.scale)
        }
    }

    /// Rows of text by lines, of a program or of the file at `path`, which the key `path` then stands for.
    private func text(_ output: [UInt8], path: String?, _ form: ParseRule.Form, _ parsed: inout ParsedAnswer) {
        switch form {
        case .lines(let pattern, let skip): lines(output, path, pattern, skip, &parsed)
        case .pairs(let separator, let manyRecords): pairs(output, path, separator, manyRecords, &parsed)
        case .columns(let skip): columns(output, path, skip, &parsed)
        default: parsed.fail("cannot be read by its manifest")
        }
    }

    private func keyed(_ path: String? = nil, _ value: (String) -> String?) -> [FactValue] {
        row { column in
            guard case .keys(let keys) = column.place else { return nil }
            for key in keys {
                if key == "path", let path { return path }
                if let text = value(key) { return text }
            }
            return nil
        }
    }

    private func textLines(_ output: [UInt8]) -> [Substring] {
        String(decoding: output, as: UTF8.self).split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
    }

    private func document(_ output: [UInt8], _ path: [String], _ parsed: inout ParsedAnswer) {
        guard var value = JSONValue(output[...]) else { return parsed.fail("gave an answer that is not JSON") }
        for key in path {
            guard case .object(let fields) = value, let next = fields[key] else {
                return parsed.fail("gave JSON without \(displayed(key))")
            }
            value = next
        }
        let items = if case .array(let items) = value { items } else { [value] }
        for item in items {
            guard case .object(let fields) = item else { return parsed.fail("gave JSON of another shape than expected") }
            parsed.rows.append(keyed { fields[$0]?.scalarText })
        }
    }

    private func jsonLines(_ output: [UInt8], _ match: String?, _ parsed: inout ParsedAnswer) {
        let pattern = match.map { expressions.line($0) }
        for line in output.split(separator: 10) {
            if let pattern {
                let start = String(decoding: line.prefix(256), as: UTF8.self)
                guard start.firstMatch(of: pattern) != nil else { continue }
            }
            guard case .object(let fields)? = JSONValue(line) else {
                parsed.fail("gave a line that is not JSON")
                continue
            }
            parsed.rows.append(keyed { fields[$0]?.scalarText })
        }
    }

    private func lines(_ output: [UInt8], _ path: String?, _ pattern: String, _ skip: String?, _ parsed: inout ParsedAnswer) {
        let pattern = expressions.line(pattern)
        let skip = skip.map { expressions.line($0) }
        for line in textLines(output) where !line.isEmpty {
            // A pattern may backtrack, so a line has a bound.
            guard line.utf8.count <= 8_192, let match = line.wholeMatch(of: pattern) else {
                if let skip, line.utf8.count <= 8_192, line.firstMatch(of: skip) != nil { continue }
                parsed.fail("gave a line that its manifest does not read: " + displayed(String(line), limit: 80))
                continue
            }
            parsed.rows.append(keyed(path) { match[$0]?.substring.map { String($0) } })
        }
    }

    private func pairs(_ output: [UInt8], _ path: String?, _ separator: String, _ manyRecords: Bool, _ parsed: inout ParsedAnswer) {
        var record: [String: String] = [:]
        func flush() {
            if !record.isEmpty { parsed.rows.append(keyed(path) { record[$0] }) }
            record = [:]
        }
        for line in textLines(output) {
            if line.isEmpty {
                if manyRecords { flush() }
                continue
            }
            guard let range = line.firstRange(of: separator), range.lowerBound > line.startIndex else {
                parsed.fail("gave a line that its manifest does not read: " + displayed(String(line), limit: 80))
                continue
            }
            let key = line[..<range.lowerBound].trimmingBlanks
            if record[key] == nil { record[key] = line[range.upperBound...].trimmingBlanks }
        }
        flush()
    }

    private func columns(_ output: [UInt8], _ path: String?, _ skip: Int, _ parsed: inout ParsedAnswer) {
        let wanted = manifest.facts.compactMap { if case .column(let number) = $0.place { number } else { nil } }.max() ?? 0
        for line in textLines(output).filter({ !$0.isEmpty }).dropFirst(skip) {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count < wanted { parsed.fail("gave a line with fewer columns than expected: " + displayed(String(line), limit: 80)) }
            parsed.rows.append(
                row { column in
                    guard case .column(let number) = column.place else { return path }
                    return words.indices.contains(number - 1) ? String(words[number - 1]) : nil
                })
        }
    }
}

extension Substring {
    /// Without blanks and ends of lines at both ends.
    var trimmingBlanks: String {
        var text = self
        while let first = text.first, first.isBlank { text.removeFirst() }
        while let last = text.last, last.isBlank { text.removeLast() }
        return String(text)
    }
}

extension Character {
    fileprivate var isBlank: Bool { self == " " || self == "\t" || self == "\n" || self == "\r\n" }
}
