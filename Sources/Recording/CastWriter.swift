internal import Foundation
internal import LedgerCore

/// Size of a terminal.
public struct TerminalSize: Equatable, Sendable {
    /// Columns.
    public var columns: Int
    /// Rows.
    public var rows: Int
    /// Makes a size.
    public init(columns: Int, rows: Int) { (self.columns, self.rows) = (columns, rows) }
}

/// Writes an asciicast of version 2 while the session runs, and hashes it as it grows.
///
/// Each event is in the file when the call returns, or the call throws; what could not be written then comes first the next time.
/// What a device sent is kept to the byte: where it is no UTF-8, which an asciicast is, an event `b` with the bytes in base64 follows the event
/// `o` that shows it.
public final class CastWriter: @unchecked Sendable {
    /// Bytes after which nothing more is taken.
    public static let sizeLimit = 256 << 20

    private let lock = NSLock()
    private let path: String
    private let descriptor: Int32
    private let sizeLimit: Int
    private var hash = SHA256()
    private var count: UInt64 = 0
    private var unwritten: [UInt8] = []
    /// The first bytes of a character whose others are still to come.
    private var held: [UInt8] = []
    private var hasEnded = false

    /// Begins a recording in a new file, for its owner alone; its folder is made where it is missing.
    ///
    /// - Parameters:
    ///   - startedAt: Seconds since 1970.
    ///   - sizeLimit: For tests.
    public init(path: String, size: TerminalSize, terminal: String, title: String, startedAt: Int64, sizeLimit: Int = sizeLimit)
        throws(RecordingError)
    {
        (self.path, self.sizeLimit) = (path, sizeLimit)
        let folder = (path as NSString).deletingLastPathComponent
        if mkdir(folder, 0o700) != 0, errno != EEXIST { throw Self.error(path) }
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Self.error(path) }
        let header = """
            {"version": 2, "width": \(size.columns), "height": \(size.rows), "timestamp": \(startedAt), \
            "title": \(Self.quoted(title)), "env": {"TERM": \(Self.quoted(terminal))}}

            """
        do throws(RecordingError) {
            try write(Array(header.utf8))
            // The name is to be there after a power cut too.
            guard fsync(descriptor) == 0 else { throw Self.error(path) }
        } catch {
            Foundation.close(descriptor)
            unlink(path)
            throw error
        }
    }

    deinit { if !hasEnded { Foundation.close(descriptor) } }

    private static func error(_ path: String) -> RecordingError {
        let number = errno
        let code: RecordingError.Code = number == EEXIST ? .exists : [ENOSPC, EDQUOT].contains(number) ? .full : .io
        return RecordingError(code, path, number: Int(number))
    }

    /// Whether it has ended.
    public var isClosed: Bool { lock.withLock { hasEnded } }

    /// Writes what was shown.
    ///
    /// - Parameter time: Since the recording began.
    public func output(_ bytes: [UInt8], at time: Duration) throws(RecordingError) {
        lock.lock()
        defer { lock.unlock() }
        var bytes = held + bytes
        held = Self.incompleteEnd(of: bytes)
        bytes.removeLast(held.count)
        try write(Self.events(bytes, time))
    }

    /// Writes that the terminal has another size.
    public func resize(_ size: TerminalSize, at time: Duration) throws(RecordingError) {
        lock.lock()
        defer { lock.unlock() }
        try write(Array("[\(Self.seconds(time)), \"r\", \"\(size.columns)x\(size.rows)\"]\n".utf8))
    }

    /// Writes what could not be written before.
    public func flush() throws(RecordingError) {
        lock.lock()
        defer { lock.unlock() }
        try write([])
    }

    /// Ends the recording, whatever could not be written.
    ///
    /// - Returns: SHA-256 of the file, and its size.
    @discardableResult
    public func close(at time: Duration) -> (digest: [UInt8], byteCount: UInt64) {
        lock.lock()
        defer { lock.unlock() }
        if !hasEnded {
            try? write(Self.events(held, time))
            held = []
            fsync(descriptor)
            Foundation.close(descriptor)
            hasEnded = true
        }
        let hash = hash
        return (hash.finish(), count)
    }

    private func write(_ more: [UInt8]) throws(RecordingError) {
        unwritten += more
        while !unwritten.isEmpty {
            if Int(count) + unwritten.count > sizeLimit { throw RecordingError(.tooLarge, path) }
            let written = Foundation.write(descriptor, unwritten, unwritten.count)
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw Self.error(path) }
            hash.update(Array(unwritten.prefix(written)))
            count += UInt64(written)
            unwritten.removeFirst(written)
        }
    }

    // MARK: Encoding

    private static func events(_ bytes: [UInt8], _ time: Duration) -> [UInt8] {
        if bytes.isEmpty { return [] }
        let text = String(decoding: bytes, as: UTF8.self)
        var lines = "[\(seconds(time)), \"o\", \(quoted(text))]\n"
        if !Array(text.utf8).elementsEqual(bytes) {
            lines += "[\(seconds(time)), \"b\", \"\(Data(bytes).base64EncodedString())\"]\n"
        }
        return Array(lines.utf8)
    }

    /// The last bytes, where they are the first of a character that is not whole.
    private static func incompleteEnd(of bytes: [UInt8]) -> [UInt8] {
        for length in 1..<4 where bytes.count >= length {
            let first = bytes[bytes.count - length]
            if first < 0x80 { return [] }
            let whole = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : first >= 0xC0 ? 2 : 0
            if whole > 0 { return length < whole ? Array(bytes.suffix(length)) : [] }
        }
        return []
    }

    private static func seconds(_ time: Duration) -> String {
        let (seconds, attoseconds) = time.components
        let fraction = String(attoseconds / 1_000_000_000_000)
        return "\(seconds).\(String(repeating: "0", count: max(0, 6 - fraction.count)))\(fraction)"
    }

    /// A JSON string (RFC 8259) that a terminal can be shown: every control character is escaped.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 0x20 || 0x7F...0x9F ~= scalar.value:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
