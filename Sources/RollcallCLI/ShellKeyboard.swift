internal import Calls
internal import Foundation
internal import Recording

/// This process's own terminal as a shell's, or the pipes in its place.
///
/// On a terminal, keys go to the device as they are pressed; `~.` at the beginning of a line ends the shell here, as with ssh(1). The terminal
/// is as it was when ``restore()`` returns, which is called on every way out.
final class ShellKeyboard: ShellTerminal, @unchecked Sendable {
    let type: String
    private let isTerminal: Bool
    private let isRaw: Bool
    private let isShown: Bool
    private let lock = NSLock()
    private var condition = Condition()
    private let more = DispatchSemaphore(value: 0)
    /// A terminal that takes nothing must not hold up anything but its own shell.
    private let screen = DispatchQueue(label: "rollcall.screen")

    /// What changes; only under the lock.
    private struct Condition {
        var size = TerminalSize(columns: 80, rows: 24)
        var usual: termios?
        var filter = TerminalFilter()
        var sources: [any DispatchSourceSignal] = []
        var output: [UInt8] = []
        var isCut = false
        var hasShown = false
    }

    /// Bytes of output that are kept for ``output``.
    private static let outputLimit = 8 << 20
    private static let pieceSize = 4_096

    /// Makes one.
    ///
    /// - Parameters:
    ///   - isRaw: Whether what the device sends is shown as it is.
    ///   - isShown: Whether it is shown at all; it is kept in any case where it is not.
    init(isRaw: Bool, isShown: Bool) {
        isTerminal = isatty(STDIN_FILENO) == 1
        (self.isRaw, self.isShown) = (isRaw, isShown)
        let name = ProcessInfo.processInfo.environment["TERM"] ?? ""
        let isPlain = (1...32).contains(name.utf8.count) && name.utf8.allSatisfy { isWord($0) }
        type = isTerminal && isPlain ? name : "dumb"
        if let size = Self.windowSize() { condition.size = size }
    }

    var size: TerminalSize { lock.withLock { condition.size } }
    /// Whether a person sits here.
    var isInteractive: Bool { isTerminal }
    /// What was kept of the output, and whether that is not all.
    var output: (bytes: [UInt8], isCut: Bool) { lock.withLock { (condition.output, condition.isCut) } }

    private static func windowSize() -> TerminalSize? {
        var size = winsize()
        for descriptor in [STDOUT_FILENO, STDIN_FILENO] where ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
            return TerminalSize(columns: min(Int(size.ws_col), 9_999), rows: min(max(Int(size.ws_row), 1), 9_999))
        }
        return nil
    }

    // MARK: Input

    func begin() -> AsyncStream<ShellInput> {
        let (input, keys) = AsyncStream<ShellInput>.makeStream()
        if isTerminal { makeRaw() }
        watch([SIGTERM, SIGHUP, SIGQUIT], keys) { .hangUp }
        if isTerminal {
            // The key for it goes to the device; this one comes from another process.
            watch([SIGINT], keys) { .hangUp }
            watch([SIGWINCH], keys) { [self] in
                let size = Self.windowSize() ?? self.size
                lock.withLock { condition.size = size }
                return .resize(size)
            }
        } else {
            watch([SIGINT], keys) { .signal(2) }
        }
        let thread = Thread { [self] in read(keys) }
        thread.start()
        return input
    }

    private func watch(_ numbers: [Int32], _ keys: AsyncStream<ShellInput>.Continuation, _ input: @escaping @Sendable () -> ShellInput) {
        for number in numbers {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { keys.yield(input()) }
            source.resume()
            lock.withLock { condition.sources.append(source) }
        }
    }

    private func makeRaw() {
        var usual = termios()
        guard tcgetattr(STDIN_FILENO, &usual) == 0 else { return }
        lock.withLock { condition.usual = usual }
        var raw = usual
        cfmakeraw(&raw)
        tcsetattr(STDIN_FILENO, TCSADRAIN, &raw)
    }

    private func read(_ keys: AsyncStream<ShellInput>.Continuation) {
        var escape = EscapeReader()
        var buffer = [UInt8](repeating: 0, count: Self.pieceSize)
        var last: UInt8 = 10
        while true {
            let count = Foundation.read(STDIN_FILENO, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            if count <= 0 { break }
            var bytes = Array(buffer.prefix(count))
            if isTerminal {
                switch escape.take(bytes) {
                case .typed(let typed): bytes = typed
                case .hangUp:
                    keys.yield(.hangUp)
                    return
                case .help:
                    complain("\r\n~.  ends the shell\r\n~~  types ~\r\n")
                    continue
                }
                if bytes.isEmpty { continue }
            }
            last = bytes.last ?? last
            keys.yield(.bytes(bytes))
            more.wait()
        }
        // A terminal that is gone takes its shell along; a file that has ended is typed to its end.
        if isTerminal {
            keys.yield(.hangUp)
        } else {
            if last != 10 { keys.yield(.bytes([10])) }
            keys.yield(.end)
        }
    }

    func wantsMore() { more.signal() }

    // MARK: Output

    func show(_ bytes: [UInt8]) async {
        let shown = lock.withLock {
            condition.hasShown = true
            if !isShown {
                let room = Self.outputLimit - condition.output.count
                condition.output += bytes.prefix(room)
                if bytes.count > room { condition.isCut = true }
                return [UInt8]()
            }
            return isRaw ? bytes : condition.filter.take(bytes)
        }
        if shown.isEmpty { return }
        await withCheckedContinuation { continuation in
            screen.async {
                Self.write(shown)
                continuation.resume()
            }
        }
    }

    private static func write(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            // Nobody reads it any more; it is in the recording.
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }

    func recordingHangs(_ error: RecordingError) {
        complain(
            "\r\nrollcall: \(CommandFailure(error).sentence) Nothing is shown until it can be recorded; in 10 s the shell is ended.\r\n")
    }

    private func complain(_ text: String) { writeOut(text.utf8, to: STDERR_FILENO) }

    /// Gives the terminal back as it was; may be called again.
    func restore() {
        let (usual, end, sources) = lock.withLock {
            defer { (condition.usual, condition.sources, condition.hasShown) = (nil, [], false) }
            let isDirty = condition.hasShown && isShown && !isRaw && isatty(STDOUT_FILENO) == 1
            return (condition.usual, isDirty ? condition.filter.finish() : [], condition.sources)
        }
        for source in sources { source.cancel() }
        if !end.isEmpty { Self.write(end) }
        if var usual { tcsetattr(STDIN_FILENO, TCSADRAIN, &usual) }
    }
}

/// Whether a byte may stand in a terminal's type.
private func isWord(_ byte: UInt8) -> Bool {
    48...57 ~= byte || 65...90 ~= byte || 97...122 ~= byte || Array("+-._".utf8).contains(byte)
}

/// Finds `~.` and its like at the beginning of a line among what is typed.
struct EscapeReader {
    enum Typed: Equatable {
        /// For the device.
        case typed([UInt8])
        /// End it.
        case hangUp
        /// Say what there is.
        case help
    }

    private var isAtStart = true
    private var hasTilde = false

    /// Takes what was typed, as it came; what comes with an escape is not typed.
    mutating func take(_ bytes: [UInt8]) -> Typed {
        var typed: [UInt8] = []
        for byte in bytes {
            if hasTilde {
                hasTilde = false
                isAtStart = false
                switch byte {
                case UInt8(ascii: "."): return .hangUp
                case UInt8(ascii: "?"):
                    isAtStart = true
                    return .help
                case UInt8(ascii: "~"): typed.append(byte)
                default:
                    typed += [UInt8(ascii: "~"), byte]
                    isAtStart = byte == 13 || byte == 10
                }
            } else if isAtStart, byte == UInt8(ascii: "~") {
                hasTilde = true
            } else {
                typed.append(byte)
                // Return, and what throws a line away: Control-C, Control-D, Control-U.
                isAtStart = [13, 10, 3, 4, 21].contains(byte)
            }
        }
        return .typed(typed)
    }
}
