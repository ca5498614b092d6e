internal import Foundation
internal import LedgerCore

/// An asciicast of version 2, as it was read: perhaps altered by anybody.
public struct Cast: Sendable {
    /// What happened at a moment.
    public enum Content: Equatable, Sendable {
        /// The device sent these bytes.
        case output([UInt8])
        /// The terminal had another size.
        case resize(TerminalSize)
    }

    /// One event.
    public struct Event: Equatable, Sendable {
        /// Microseconds since the recording began; never less than that of the event before.
        public var time: Int64
        /// What happened.
        public var content: Content
    }

    /// The terminal's size at the beginning.
    public private(set) var size: TerminalSize
    /// Seconds since 1970; 0 where the file does not say.
    public private(set) var startedAt: Int64
    /// In order.
    public private(set) var events: [Event] = []
    /// Whether the last line was cut off.
    public private(set) var isCut = false
    /// SHA-256 of the file.
    public private(set) var digest: [UInt8]

    private static let sizes = 1...9_999
    private static let timeLimit = 1e9

    /// Reads a file of at most ``CastWriter/sizeLimit`` bytes; none that a symbolic link leads to.
    public init(path: String) throws(RecordingError) {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0 { throw RecordingError(errno == ENOENT ? .missing : .io, path, number: Int(errno)) }
        let file = FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
        guard let data = try? file.read(upToCount: CastWriter.sizeLimit + 1) else {
            var status = stat()
            // A file without bytes reads as nothing at all.
            guard fstat(descriptor, &status) == 0, status.st_size == 0 else { throw RecordingError(.io, path) }
            throw RecordingError(.malformed, path, number: 1)
        }
        if data.count > CastWriter.sizeLimit { throw RecordingError(.tooLarge, path) }
        do throws(RecordingError) { try self.init(decoding: [UInt8](data)) } catch {
            throw RecordingError(error.code, path, number: error.number)
        }
    }

    /// Reads the bytes of a file.
    public init(decoding bytes: [UInt8]) throws(RecordingError) {
        var lines = bytes.split(separator: 10, omittingEmptySubsequences: false)
        let isCut = lines.popLast()?.isEmpty == false
        guard let first = lines.first, let header = Self.value(first) as? [String: Any], header["version"] as? Int == 2,
            let columns = header["width"] as? Int, let rows = header["height"] as? Int, Self.sizes.contains(columns),
            Self.sizes.contains(rows)
        else { throw RecordingError(.malformed, number: 1) }
        size = TerminalSize(columns: columns, rows: rows)
        startedAt = (header["timestamp"] as? Int).map(Int64.init) ?? 0
        digest = SHA256.hash(bytes)
        self.isCut = isCut
        for (index, line) in lines.enumerated().dropFirst() where !line.isEmpty {
            guard let event = Self.value(line) as? [Any], event.count == 3, let time = event[0] as? Double,
                (0...Self.timeLimit).contains(time),
                let code = event[1] as? String, let data = event[2] as? String, take(time, code, data)
            else { throw RecordingError(.malformed, number: index + 1) }
        }
    }

    private static func value(_ line: ArraySlice<UInt8>) -> Any? { try? JSONSerialization.jsonObject(with: Data(line)) }

    private mutating func take(_ seconds: Double, _ code: String, _ data: String) -> Bool {
        let time = max(Int64((seconds * 1_000_000).rounded()), events.last?.time ?? 0)
        switch code {
        case "o": events.append(Event(time: time, content: .output(Array(data.utf8))))
        case "b":
            // What the output before it was to the byte.
            guard case .output? = events.last?.content, let bytes = Data(base64Encoded: data) else { return false }
            events[events.count - 1].content = .output([UInt8](bytes))
        case "r":
            let parts = data.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
            guard parts.count == 2, parts.allSatisfy(Self.sizes.contains) else { return false }
            events.append(Event(time: time, content: .resize(TerminalSize(columns: parts[0], rows: parts[1]))))
        default: break
        }
        return true
    }

    /// All that the device sent.
    public var output: [UInt8] {
        events.reduce(into: []) { if case .output(let bytes) = $1.content { $0 += bytes } }
    }
}
