/// A sentence with places for values of a row: `{column}` or `{column|format}`.
public struct Template: Equatable, Sendable {
    /// How a value is written.
    public enum Format: String, CaseIterable, Sendable {
        /// As it is.
        case plain
        /// A number of bytes, in binary units.
        case bytes
        /// A number as a percentage with at most one decimal.
        case percent
        /// A number of seconds, in its two largest units.
        case duration
    }

    /// A piece of a template.
    public enum Piece: Equatable, Sendable {
        /// Text as written.
        case literal(String)
        /// The value of a column.
        case value(column: String, format: Format)
    }

    /// The pieces, in order.
    public let pieces: [Piece]

    /// Columns that the template uses.
    public var columns: [String] {
        pieces.compactMap { piece in if case .value(let column, _) = piece { column } else { nil } }
    }

    /// Reads a template.
    ///
    /// - Returns: nil where a brace is not closed or stands alone, or a format is not known.
    public init?(_ text: String) {
        var pieces: [Piece] = []
        var rest = text[...]
        while let open = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            guard rest[open] == "{", let close = rest[open...].firstIndex(of: "}") else { return nil }
            if open > rest.startIndex { pieces.append(.literal(String(rest[..<open]))) }
            let words = rest[rest.index(after: open)..<close].split(separator: "|", omittingEmptySubsequences: false)
            guard words.count <= 2, let column = words.first, !column.isEmpty, !column.contains("{") else { return nil }
            guard let format = words.count == 2 ? Format(rawValue: String(words[1])) : .plain else { return nil }
            pieces.append(.value(column: String(column), format: format))
            rest = rest[rest.index(after: close)...]
        }
        if !rest.isEmpty { pieces.append(.literal(String(rest))) }
        self.pieces = pieces
    }

    /// The sentence, each value as `write` writes it.
    public func filled(_ write: (_ column: String, _ format: Format) -> String) -> String {
        pieces.map { piece in
            switch piece {
            case .literal(let text): text
            case .value(let column, let format): write(column, format)
            }
        }.joined()
    }
}
