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

    /// Rows of one table at most; what is beyond makes the answer incomplete.
    static let rowLimit = 20_000

    func read(_ answer: Answer) -> ParsedAnswer {
        if let obstacle = answer.obstacle(acceptedExitCodes: manifest.acceptedExitCodes) { return ParsedAnswer(state: obstacle) }
        guard let rule = manifest.parse else { return ParsedAnswer() }
        var parsed = ParsedAnswer()
        switch rule.form {
        case .mounts: mounts(answer.output, &parsed)
        case .files: files(answer.output, &parsed)
        case .record: record(answer.output, &parsed)
        case .document(let path): document(answer.output, path, &parsed)
        case .jsonLines(let match): jsonLines(answer.output, match, &parsed)
        case .lines(let pattern, let skip): lines(answer.output, pattern, skip, &parsed)
        case .pairs(let separator, let manyRecords): pairs(answer.output, separator, manyRecords, &parsed)
        case .columns(let skip): columns(answer.output, skip, &parsed)
        }
        if parsed.state == .complete, parsed.rows.count < rule.minimumRowCount { parsed.fail("gave an answer without content") }
        if parsed.rows.count > Self.rowLimit {
            parsed.rows.removeLast(parsed.rows.count - Self.rowLimit)
            parsed.fail("gave more than \(Self.rowLimit) rows")
        }
        return parsed
    }

    /// A row of what `value` finds for each column; its default, or NULL, where it finds nothing.
    private func row(_ value: (FactColumn) -> String?) -> [FactValue] {
        manifest.facts.map { column in
            guard let text = value(column) ?? column.defaultValue else { return .null }
            return FactValue(text, as: column.type, scale: column.scale)
        }
    }

    private func keyed(_ value: (String) -> String?) -> [FactValue] {
        row { column in
            guard case .keys(let keys) = column.place else { return nil }
            for key in keys { if let text = value(key) { return text } }
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
        let pattern = match.flatMap { try? Regex($0) }
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

    private func lines(_ output: [UInt8], _ pattern: String, _ skip: String?, _ parsed: inout ParsedAnswer) {
        guard let pattern = try? Regex(pattern) else { return parsed.fail("cannot be read by its manifest") }
        let skip = skip.flatMap { try? Regex($0) }
        for line in textLines(output) where !line.isEmpty {
            // A pattern may backtrack, so a line has a bound.
            guard line.utf8.count <= 8_192, let match = line.wholeMatch(of: pattern) else {
                if let skip, line.utf8.count <= 8_192, line.firstMatch(of: skip) != nil { continue }
                parsed.fail("gave a line that its manifest does not read: " + displayed(String(line), limit: 80))
                continue
            }
            parsed.rows.append(keyed { match[$0]?.substring.map { String($0) } })
        }
    }

    private func pairs(_ output: [UInt8], _ separator: String, _ manyRecords: Bool, _ parsed: inout ParsedAnswer) {
        var record: [String: String] = [:]
        func flush() {
            if !record.isEmpty { parsed.rows.append(keyed { record[$0] }) }
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

    private func columns(_ output: [UInt8], _ skip: Int, _ parsed: inout ParsedAnswer) {
        let wanted = manifest.facts.compactMap { if case .column(let number) = $0.place { number } else { nil } }.max() ?? 0
        for line in textLines(output).filter({ !$0.isEmpty }).dropFirst(skip) {
            let words = line.split { $0 == " " || $0 == "\t" }
            if words.count < wanted { parsed.fail("gave a line with fewer columns than expected: " + displayed(String(line), limit: 80)) }
            parsed.rows.append(
                row { column in
                    guard case .column(let number) = column.place, words.indices.contains(number - 1) else { return nil }
                    return String(words[number - 1])
                })
        }
    }
}

extension Substring {
    /// Without blanks at both ends.
    var trimmingBlanks: String {
        var text = self
        while let first = text.first, first == " " || first == "\t" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" { text.removeLast() }
        return String(text)
    }
}
