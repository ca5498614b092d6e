internal import Foundation

/// One question to whoever stands before the device, and with it the column that the answer becomes.
public struct CallerQuestion: Equatable, Sendable {
    /// What may be answered. Not to be able to tell may be answered to everything.
    public enum Kind: Equatable, Sendable {
        /// Yes or no: 1 or 0.
        case yesNo
        /// One of these words.
        case choice([String])
        /// A whole number within bounds, in a unit; empty without one.
        case integer(ClosedRange<Int64>, unit: String)
        /// A number within bounds, in a unit; empty without one.
        case number(ClosedRange<Double>, unit: String)
        /// Some words, of so many bytes at most.
        case text(sizeLimit: Int)
    }

    /// What was answered.
    public enum Reply: Equatable, Sendable {
        /// Nobody could tell, or the question was not to be asked: NULL.
        case cannotTell
        /// A whole number; yes is 1.
        case integer(Int64)
        /// A number.
        case number(Double)
        /// Words.
        case text(String)
    }

    /// The word for not being able to tell.
    public static let cannotTell = "cannot-tell"

    /// Name of the column.
    public var name: String
    /// The question, as it is read out.
    public var sentence: String
    /// What may be answered.
    public var kind: Kind
    /// SQL condition over the probe's row as far as it was answered, under which it is asked; nil for always.
    public var condition: String?
    /// Line in the manifest.
    public var line: Int

    /// Type of the column.
    var type: FactType {
        switch kind {
        case .yesNo, .integer: .int
        case .number: .real
        case .choice, .text: .text
        }
    }

    /// Reads an answer: `yes`, `no`, a word, a number, a text, or ``cannotTell``.
    ///
    /// - Returns: nil for what is none.
    public func reply(_ text: String) -> Reply? {
        let text = text.trimmingCharacters(in: .whitespaces)
        if text == Self.cannotTell || text == "?" { return .cannotTell }
        switch kind {
        case .yesNo: return ["yes": .integer(1), "no": .integer(0)][text]
        case .choice(let words): return words.contains(text) ? .text(text) : nil
        case .integer(let range, _): return Int64(text).flatMap { range.contains($0) ? .integer($0) : nil }
        case .number(let range, _): return Double(text).flatMap { range.contains($0) ? .number($0) : nil }
        case .text(let limit): return text.isEmpty || text.utf8.count > limit || text.contains { $0.isNewline } ? nil : .text(text)
        }
    }

    /// An answer as ``reply(_:)`` reads it.
    public func word(_ reply: Reply) -> String {
        switch reply {
        case .cannotTell: Self.cannotTell
        case .integer(let number): kind == .yesNo ? (number == 1 ? "yes" : "no") : String(number)
        case .number(let number): String(number)
        case .text(let text): text
        }
    }

    /// What may be answered, for people.
    public var choices: String {
        switch kind {
        case .yesNo: "yes, no"
        case .choice(let words): words.joined(separator: ", ")
        case .integer(let range, let unit):
            "a whole number from \(range.lowerBound) to \(range.upperBound)" + (unit.isEmpty ? "" : " (\(unit))")
        case .number(let range, let unit): "a number from \(range.lowerBound) to \(range.upperBound)" + (unit.isEmpty ? "" : " (\(unit))")
        case .text(let limit): "a text of at most \(limit) bytes"
        }
    }
}

extension Manifest {
    /// The caller's replies by name as the output of an answer: one JSON object. What is not there is NULL.
    public func output(of replies: [String: CallerQuestion.Reply]) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let values = questions.map { ($0.name, replies[$0.name] ?? .cannotTell) }
        // Replies are finite numbers and text, which always encode.
        return (try? encoder.encode(Dictionary(uniqueKeysWithValues: values))).map { [UInt8]($0) } ?? []
    }
}

extension CallerQuestion.Reply: Encodable {
    /// Writes a JSON null, number or string.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .cannotTell: try container.encodeNil()
        case .integer(let number): try container.encode(number)
        case .number(let number): try container.encode(number)
        case .text(let text): try container.encode(text)
        }
    }
}
