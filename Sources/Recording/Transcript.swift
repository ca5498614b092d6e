/// What could be read on the terminal, line by line, without its looks: what was typed over is gone, as it was for whoever sat there.
public struct Transcript: Sendable {
    /// A line, and when it was begun, microseconds since the recording began.
    public struct Line: Equatable, Sendable {
        /// When.
        public let time: Int64
        /// Its text.
        public let text: String
    }

    /// In order.
    public private(set) var lines: [Line] = []

    private var line: [Unicode.Scalar] = []
    private var column = 0
    private var begunAt: Int64 = 0
    private var now: Int64 = 0

    /// A line that is longer goes on in the next.
    private static let columnLimit = 4_096

    /// Makes the transcript of a recording.
    public init(_ cast: Cast) {
        var filter = TerminalFilter()
        for event in cast.events {
            guard case .output(let bytes) = event.content else { continue }
            take(filter.take(bytes), at: event.time)
        }
        endLine()
        if lines.last?.text.isEmpty == true { lines.removeLast() }
    }

    /// Takes whole characters and whole sequences, as the filter gives them.
    private mutating func take(_ bytes: [UInt8], at time: Int64) {
        now = time
        var scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars[...]
        while let scalar = scalars.popFirst() {
            switch scalar {
            case "\n": endLine()
            case "\r": column = 0
            case "\u{8}": column = max(0, column - 1)
            case "\t": for _ in 0..<(8 - column % 8) { put(" ") }
            case "\u{1B}": obey(&scalars)
            case _ where scalar.value < 0x20: break
            default: put(scalar)
            }
        }
    }

    private mutating func put(_ scalar: Unicode.Scalar) {
        if column >= Self.columnLimit { endLine() }
        if line.isEmpty { begunAt = now }
        while line.count < column { line.append(" ") }
        if column < line.count { line[column] = scalar } else { line.append(scalar) }
        column += 1
    }

    private mutating func endLine() {
        if line.isEmpty { begunAt = now }
        var text = String.UnicodeScalarView(line)
        while text.last == " " { text.removeLast() }
        lines.append(Line(time: begunAt, text: String(text)))
        (line, column) = ([], 0)
    }

    private mutating func obey(_ scalars: inout Substring.UnicodeScalarView) {
        guard let kind = scalars.popFirst() else { return }
        if kind == "(" || kind == ")" { _ = scalars.popFirst() }
        guard kind == "[" else { return }
        var number: Int?
        while let scalar = scalars.popFirst() {
            if let digit = Int(String(scalar)) {
                number = min((number ?? 0) * 10 + digit, Self.columnLimit)
            } else if scalar.value >= 0x40 {
                return obey(scalar, number)
            }
        }
    }

    private mutating func obey(_ final: Unicode.Scalar, _ number: Int?) {
        let count = max(number ?? 1, 1)
        switch final {
        case "C": column = min(column + count, Self.columnLimit)
        case "D": column = max(0, column - count)
        case "G", "`": column = count - 1
        case "K": if number ?? 0 == 0, column < line.count { line.removeLast(line.count - column) }
        case "P": if column < line.count { line.removeSubrange(column..<min(column + count, line.count)) }
        case "@": if column < line.count { line.insert(contentsOf: repeatElement(" ", count: count), at: column) }
        // To another place on the screen: what stood there is a line of its own.
        case "A", "B", "H", "f", "d", "J": if !line.isEmpty { endLine() }
        default: break
        }
    }

    /// Lines with a text in them, whatever their case.
    public func search(_ text: String) -> [Line] {
        let wanted = text.lowercased()
        return lines.filter { $0.text.lowercased().contains(wanted) }
    }
}
