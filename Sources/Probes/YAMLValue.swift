internal import Yams

/// Gathers the mistakes of one file while it is read on.
final class ProblemList {
    let file: String
    /// What the file is, for messages about its keys.
    let kind: String
    private(set) var problems: [ManifestProblem] = []

    init(file: String, kind: String = "a manifest") { (self.file, self.kind) = (file, kind) }

    func add(_ line: Int, _ message: String, suggestion: String? = nil) {
        problems.append(ManifestProblem(file: file, line: line, message: message, suggestion: suggestion))
    }
}

/// A value of a YAML document that knows where it stands. Reading the wrong type reports a problem and returns nil, so that one pass
/// finds every mistake.
struct YAMLValue {
    let node: Node
    /// What the value is called in messages, such as `findings[2].when`.
    let name: String
    let problems: ProblemList

    /// Parses a document; nil, with the problem reported, where it is no YAML or holds nothing.
    init?(text: String, problems: ProblemList) {
        do {
            // What a scalar means is asked of the fields, so that no tag has to be guessed.
            guard let node = try Yams.compose(yaml: text, .basic) else {
                problems.add(1, "The file is empty.")
                return nil
            }
            self.init(node: node, name: "the file", problems: problems)
        } catch let error as YamlError {
            problems.add(Self.line(of: error), "This is not valid YAML: \(Self.problem(of: error)).")
            return nil
        } catch {
            problems.add(1, "This is not valid YAML.")
            return nil
        }
    }

    private init(node: Node, name: String, problems: ProblemList) {
        self.node = node
        self.name = name
        self.problems = problems
    }

    var line: Int { node.mark?.line ?? 1 }

    var isMapping: Bool { node.mapping != nil }
    var isList: Bool { node.sequence != nil }
    /// The text of a scalar, which may be empty.
    var plain: String? { node.scalar?.string }
    /// How many keys a mapping has, known ones and others.
    var keyCount: Int { node.mapping?.count ?? 0 }

    /// The line of a key of a mapping, or the value's own where there is none.
    func line(of key: String) -> Int { node.mapping?.first { $0.key.scalar?.string == key }?.key.mark?.line ?? line }

    func report(_ message: String, suggestion: String? = nil) { problems.add(line, message, suggestion: suggestion) }

    /// The pairs of a mapping, in the order of the file.
    func pairs() -> [(key: String, value: YAMLValue)]? {
        guard let mapping = node.mapping else {
            report("\(name) must be a mapping of keys to values.")
            return nil
        }
        var pairs: [(String, YAMLValue)] = []
        for (key, value) in mapping {
            guard let word = key.scalar?.string else {
                problems.add(key.mark?.line ?? line, "\(name) has a key that is not a word.")
                continue
            }
            let path = name == "the file" ? word : "\(name).\(word)"
            // A value's own mark; an empty value has the line of its key.
            pairs.append((word, YAMLValue(node: value, name: path, problems: problems)))
        }
        return pairs
    }

    /// The pairs of a mapping whose keys are known; every other key is reported with the nearest known one.
    ///
    /// - Parameter hints: What to say of keys that others take for known ones, instead of the nearest.
    func fields(_ known: [String], hints: [String: String] = [:]) -> [String: YAMLValue]? {
        guard let pairs = pairs() else { return nil }
        var fields: [String: YAMLValue] = [:]
        for (key, value) in pairs {
            if known.contains(key) {
                fields[key] = value
            } else {
                let place = name == "the file" ? problems.kind : name
                let near = hints[key] == nil ? nearest(to: key, in: known) : nil
                // All of them where that is a help to read.
                let isShort = known.count <= 16
                let all = known.isEmpty ? " It has none." : isShort || near == nil ? " Its keys are \(known.joined(separator: ", "))." : ""
                problems.add(line(of: key), "\(place) has no key \(key)." + (hints[key].map { " " + $0 } ?? all), suggestion: near)
            }
        }
        return fields
    }

    func list() -> [YAMLValue]? {
        guard let sequence = node.sequence else {
            report("\(name) must be a list.")
            return nil
        }
        return sequence.enumerated().map { YAMLValue(node: $0.element, name: "\(name)[\($0.offset)]", problems: problems) }
    }

    func text() -> String? {
        guard let scalar = node.scalar, !scalar.string.isEmpty else {
            report("\(name) must be a text.")
            return nil
        }
        return scalar.string
    }

    /// The text of a scalar, where it may be empty.
    func anyText() -> String? {
        if let plain { return plain }
        report("\(name) must be a text.")
        return nil
    }

    func texts() -> [String]? { list()?.compactMap { $0.text() } }

    func integer(_ range: ClosedRange<Int64>) -> Int64? {
        guard let scalar = node.scalar, let number = Int64(scalar.string), range.contains(number) else {
            report("\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
        return number
    }

    func real() -> Double? {
        guard let scalar = node.scalar, let number = Double(scalar.string), number.isFinite else {
            report("\(name) must be a number.")
            return nil
        }
        return number
    }

    func flag() -> Bool? {
        switch node.scalar?.string {
        case "true": return true
        case "false": return false
        default:
            report("\(name) must be true or false.")
            return nil
        }
    }

    func choice<Value>(_ words: [(String, Value)]) -> Value? {
        guard let word = node.scalar?.string else {
            report("\(name) must be one of: \(words.map(\.0).joined(separator: ", ")).")
            return nil
        }
        if let found = words.first(where: { $0.0 == word }) { return found.1 }
        report(
            "\(name) must be one of: \(words.map(\.0).joined(separator: ", ")).", suggestion: nearest(to: word, in: words.map(\.0)))
        return nil
    }

    /// A number with a unit, such as `2s` or `64KiB`, in the smallest unit.
    func quantity(_ units: [(String, UInt64)], in range: ClosedRange<UInt64>) -> UInt64? {
        let word = node.scalar?.string ?? ""
        let digits = word.prefix { $0.isASCII && $0.isNumber }
        guard let number = UInt64(digits), let unit = units.first(where: { $0.0 == word.dropFirst(digits.count) })?.1,
            case let (product, overflow) = number.multipliedReportingOverflow(by: unit), !overflow, range.contains(product)
        else {
            let smallest = units.first?.0 ?? ""
            report(
                "\(name) must be a number with one of the units \(units.map(\.0).joined(separator: ", ")), from "
                    + "\(range.lowerBound)\(smallest) to \(range.upperBound)\(smallest).")
            return nil
        }
        return product
    }

    private static func line(of error: YamlError) -> Int {
        switch error {
        case .scanner(_, _, let mark, _), .parser(_, _, let mark, _), .composer(_, _, let mark, _): mark.line
        case .duplicatedKeysInMapping(_, let context): context.mark.line
        default: 1
        }
    }

    private static func problem(of error: YamlError) -> String {
        switch error {
        case .scanner(_, let problem, _, _), .parser(_, let problem, _, _), .composer(_, let problem, _, _): problem
        case .duplicatedKeysInMapping(let keys, _): "the key \(keys.sorted().joined(separator: ", ")) stands twice"
        default: "it could not be read"
        }
    }
}

/// The word of `words` that `word` was most likely meant to be; nil where none is near.
package func nearest(to word: String, in words: [String]) -> String? {
    let best = words.map { (word: $0, distance: editDistance(word, $0)) }.min { $0.distance < $1.distance }
    guard let best, best.distance <= max(1, min(3, word.count / 2)) else { return nil }
    return best.word
}

/// Insertions, deletions and substitutions between two words (Levenshtein).
private func editDistance(_ left: String, _ right: String) -> Int {
    let right = Array(right)
    var row = Array(0...right.count)
    for (index, letter) in left.enumerated() {
        var diagonal = row[0]
        row[0] = index + 1
        for column in right.indices {
            let substitution = diagonal + (letter == right[column] ? 0 : 1)
            diagonal = row[column + 1]
            row[column + 1] = min(substitution, row[column] + 1, diagonal + 1)
        }
    }
    return row[right.count]
}
