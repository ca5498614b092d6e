internal import Foundation
internal import SSH

/// How text for people is written: colour only on a terminal, none with NO_COLOR.
struct Terminal {
    /// Whether standard output is a terminal that takes colour.
    let hasColour: Bool
    /// Whether a person can be asked: standard input and error are terminals.
    let canAsk: Bool
    /// Columns of the terminal; 100 where there is none.
    let width: Int

    /// What a server is sent at most; nobody types more.
    private static let answerLimitInBytes = 1_024

    /// The process's own terminal.
    static let current = Terminal()

    private init() {
        let environment = ProcessInfo.processInfo.environment
        let isTerminal = isatty(STDOUT_FILENO) == 1
        hasColour = isTerminal && (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
        canAsk = isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
        var size = winsize()
        if isTerminal, ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 {
            width = Int(size.ws_col)
        } else {
            width = 100
        }
    }

    /// The looks that text can have.
    enum Style: String {
        case bold = "1"
        case faint = "2"
        case red = "31"
        case yellow = "33"
        case green = "32"
        case blue = "34"
    }

    /// `text` in `style` where colour is wanted.
    func styled(_ text: String, _ style: Style) -> String {
        hasColour ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Writes a line to standard output.
    func line(_ text: String = "") { writeOut((text + "\n").utf8) }

    /// Writes a line to standard error.
    func complain(_ text: String) { writeOut((text + "\n").utf8, to: STDERR_FILENO) }

    /// Asks a yes-or-no question on standard error; only `yes` or `y` is a yes. False where nobody can be asked.
    func confirm(_ question: String) -> Bool {
        guard canAsk else { return false }
        writeOut((question + " [yes/no] ").utf8, to: STDERR_FILENO)
        let answer = readLine()?.trimmingCharacters(in: .whitespaces).lowercased()
        return answer == "yes" || answer == "y"
    }

    /// Asks for a line that is not to be seen while it is typed; nil where nobody can be asked, or the person gave up with Control-C or
    /// Control-D.
    ///
    /// Byte by byte, so that an interrupt cannot leave the terminal without its echo.
    func secret(_ question: String, isEchoed: Bool = false) -> Secret? {
        withKeys { keys in
            defer { keys.show([UInt8(ascii: "\n")]) }
            keys.show(Array(question.utf8))
            var line: [UInt8] = []
            line.reserveCapacity(Self.answerLimitInBytes)
            while let byte = keys.byte() {
                switch byte {
                case UInt8(ascii: "\r"), UInt8(ascii: "\n"): return Secret(wiping: &line)
                case 3: return nil
                case 4 where line.isEmpty: return nil
                case 8, 127:
                    // A character of several bytes goes as one.
                    while let last = line.popLast(), last & 0xc0 == 0x80 {}
                    if isEchoed { keys.show(Array("\u{8} \u{8}".utf8)) }
                case 21: line.removeAll(keepingCapacity: true)
                case 32... where line.count < Self.answerLimitInBytes:
                    line.append(byte)
                    if isEchoed { keys.show([byte]) }
                default: break
                }
            }
            return nil
        }
    }

    /// A terminal whose keys come as they are pressed, unseen.
    struct Keys {
        fileprivate let descriptor: Int32

        /// The next byte; nil where none will come.
        func byte() -> UInt8? {
            var byte: UInt8 = 0
            return read(descriptor, &byte, 1) == 1 ? byte : nil
        }

        /// Writes to the terminal.
        func show(_ bytes: [UInt8]) { _ = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) } }
    }

    /// Reads keys as they are pressed; what was typed before and after is dropped. Nil where nobody can be asked.
    func withKeys<Result>(_ body: (Keys) -> Result?) -> Result? {
        let terminal = canAsk ? open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY) : -1
        guard terminal >= 0 else { return nil }
        defer { close(terminal) }
        var usual = termios()
        guard tcgetattr(terminal, &usual) == 0 else { return nil }
        var quiet = usual
        quiet.c_lflag &= ~tcflag_t(ECHO | ECHOE | ECHOK | ECHONL | ICANON | ISIG | IEXTEN)
        (quiet.c_cc.6, quiet.c_cc.5) = (1, 0)  // VMIN and VTIME: each byte as it comes
        guard tcsetattr(terminal, TCSAFLUSH, &quiet) == 0 else { return nil }
        defer { tcsetattr(terminal, TCSAFLUSH, &usual) }
        return body(Keys(descriptor: terminal))
    }

    /// `text` broken into lines of at most ``width`` less `indent` columns, each after the first indented.
    func wrapped(_ text: String, indent: Int) -> String {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > max(width - indent, 30) {
                lines.append(line)
                line = String(word)
            } else {
                line += line.isEmpty ? String(word) : " " + word
            }
        }
        if !line.isEmpty { lines.append(line) }
        return lines.joined(separator: "\n" + String(repeating: " ", count: indent))
    }
}

/// Rows under headings, columns as wide as their widest cell.
struct TextTable {
    private let headings: [String]
    private var rows: [[String]] = []

    init(_ headings: [String]) { self.headings = headings }

    /// Adds a row of one cell for each heading.
    mutating func add(_ cells: [String]) {
        precondition(cells.count == headings.count, "a row has a cell for each heading")
        rows.append(cells)
    }

    /// Whether there is no row.
    var isEmpty: Bool { rows.isEmpty }

    /// The lines, headings first.
    func lines(_ terminal: Terminal) -> [String] {
        let widths = headings.indices.map { column in ([headings] + rows).map { $0[column].count }.max() ?? 0 }
        func line(_ cells: [String]) -> String {
            var text = ""
            for (column, cell) in cells.enumerated() {
                let isLast = column == cells.count - 1
                text += isLast ? cell : cell + String(repeating: " ", count: widths[column] - cell.count + 2)
            }
            return text
        }
        return [terminal.styled(line(headings), .faint)] + rows.map(line)
    }
}

/// Writes bytes to standard output or error. Where nobody reads any more, as behind `head`, the rest is dropped and the work goes on, for a
/// session must end in good order all the same.
func writeOut(_ bytes: some Collection<UInt8>, to descriptor: Int32 = STDOUT_FILENO) {
    var rest = Array(bytes)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        if count > 0 {
            rest = rest.dropFirst(count)
        } else if errno == EAGAIN {
            var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            _ = poll(&waiting, 1, -1)
        } else if errno != EINTR {
            return
        }
    }
}
