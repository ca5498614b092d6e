internal import Telemetry
internal import Wire

/// What the kernel's log and systemd say went wrong. Neither is waited for: the log is read as far as it goes, and systemd's answer is
/// taken when it is there.
final class Alerts {
    private let kernel: Kernel
    private let root: [UInt8]
    /// /dev/kmsg, from where it stood when the agent started.
    private var log: Descriptor?
    /// What systemd was asked on, and what it answered so far.
    private var systemd: Descriptor?
    private var answer: [UInt8] = []
    private var place: Int?
    private var failed: [[UInt8]] = []
    private var news: [TelemetryEvent] = []

    /// Lines of the log that are looked at in a round; what a flood has beyond them is passed over.
    private static let lineCountLimit = 64
    /// Longest record of /dev/kmsg, bytes.
    private static let lineSizeLimit = 8_192

    init(kernel: Kernel, root: [UInt8]) {
        self.kernel = kernel
        self.root = root
        log = try? kernel.open(root + ("/dev/kmsg" as Text).bytes, .read)
        skip()
    }

    private func skip() { if let log { kernel.seekEnd(log) } }

    func takeNews() -> [TelemetryEvent] {
        readLog()
        defer { news = [] }
        return news
    }

    private func note(_ kind: TelemetryEvent.Kind, _ subject: [UInt8]) {
        news.append(TelemetryEvent(kind, time: kernel.realtime / 1_000, subject: subject))
    }

    // MARK: The kernel's log

    private func readLog() {
        guard let log else { return }
        for _ in 0..<Self.lineCountLimit {
            do throws(Errno) {
                let record = try kernel.read(log, limit: Self.lineSizeLimit)
                if record.isEmpty { return }
                for line in record.split(separator: 10) { take(line) }
            } catch {
                if error == .again { return }
            }
        }
        skip()
    }

    /// Takes `priority,sequence,time,flags;message` (Documentation/ABI/testing/dev-kmsg), where the kernel itself warns.
    private func take(_ line: ArraySlice<UInt8>) {
        guard let priority = line.first, priority >= 48, priority <= 52, line.dropFirst().first == 44,
            let start = line.firstIndex(of: 59)
        else { return }
        let message = line[(start + 1)...]
        note(.alarm, message, "nder-voltage\nemperature above threshold\nritical temperature\nver-current")
        note(
            .watchdog, message,
            "soft lockup\nhard LOCKUP\nblocked for more than\ndetected stall\natchdog did not stop\npretimeout")
    }

    private func note(_ kind: TelemetryEvent.Kind, _ message: ArraySlice<UInt8>, _ phrases: Text) {
        for phrase in phrases.bytes.split(separator: 10) where index(of: phrase, in: message) != nil {
            return note(kind, Array(message))
        }
    }

    // MARK: systemd

    /// Asks systemd which units failed, by the socket that only root may use; without systemd nothing is asked.
    func ask() {
        systemd = nil
        guard let socket = try? kernel.connectAtOnce(root + ("/run/systemd/private" as Text).bytes) else { return }
        send("\0AUTH EXTERNAL 30\r\nBEGIN\r\n", on: socket)
        answer = []
    }

    /// What is sent fits any socket's buffer, or nothing is asked.
    private func send(_ words: Text, on socket: Descriptor) {
        systemd = (try? kernel.write(socket, words.bytes[...])) == words.bytes.count ? socket : nil
    }

    func prepare(_ polls: inout PollSet) { place = systemd.map { polls.add($0, .readable) } }

    func turn(_ polls: PollSet) {
        guard let place, let socket = systemd, !polls.events(at: place).isEmpty else { return }
        self.place = nil
        guard let piece = try? kernel.read(socket, limit: 16_384), !piece.isEmpty, answer.count < FailedUnits.sizeLimit else {
            systemd = nil
            return
        }
        if answer.isEmpty {
            // systemd passes over a call that comes before it has let the caller in. D-Bus's specification has it so, in little-endian order.
            send(
                "l\u{1}\0\u{1}\u{F}\0\0\0\u{1}\0\0\0z\0\0\0\u{8}\u{1}g\0\u{2}as\0\u{1}\u{1}o\0\u{19}\0\0\0/org/freedesktop/systemd1\0\0\0\0\0\0\0\u{2}\u{1}s\0 \0\0\0org.freedesktop.systemd1.Manager\0\0\0\0\0\0\0\0\u{3}\u{1}s\0\u{11}\0\0\0ListUnitsFiltered\0\0\0\0\0\0\0\u{B}\0\0\0\u{6}\0\0\0failed\0",
                on: socket)
        }
        answer += piece
        switch FailedUnits.read(answer) {
        case .more: return
        case .units(let units):
            for unit in units where !failed.contains(unit) { note(.unitFailed, unit) }
            failed = units
        case .nothing: break
        }
        systemd = nil
        answer = []
    }
}

/// Reads systemd's answer to the call ListUnitsFiltered (org.freedesktop.systemd1(5)), an array of `(ssssssouso)`.
public enum FailedUnits: Equatable {
    /// The answer is not whole yet.
    case more
    /// Names of the units.
    case units([[UInt8]])
    /// It is no answer to the call.
    case nothing

    /// Bytes of an answer that are looked at.
    static let sizeLimit = 65_536
    private static let countLimit = 32

    /// Reads what came so far, the server's line about the login first.
    public static func read(_ bytes: [UInt8]) -> FailedUnits {
        guard let line = bytes.firstIndex(of: 10) else { return .more }
        if !bytes.starts(with: [79, 75, 32]) { return .nothing }
        var start = line + 1
        while true {
            guard start + 16 <= bytes.count else { return .more }
            guard bytes[start] == 108, let body = number(bytes, start + 4), let fields = number(bytes, start + 12) else { return .nothing }
            let first = start + 16 + (fields + 7) & ~7
            let next = first + body
            if next > bytes.count { return .more }
            // A message of another kind is a signal, which is sent unasked; 2 is the answer, 3 an error.
            if bytes[start + 1] == 3 { return .nothing }
            if bytes[start + 1] == 2 { return .units(names(bytes[start..<next], from: first)) }
            start = next
        }
    }

    /// Lengths above what is looked at are none.
    private static func number(_ bytes: [UInt8], _ at: Int) -> Int? {
        let value = UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8 | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
        return value < sizeLimit ? Int(value) : nil
    }

    private static func names(_ message: ArraySlice<UInt8>, from body: Int) -> [[UInt8]] {
        let bytes = Array(message)
        var names: [[UInt8]] = []
        // Offsets count from the message's start, which is aligned to 8. The array's length, padded, comes before its first row.
        var at = body - message.startIndex + 8
        while at + 4 <= bytes.count, names.count < countLimit {
            var name: [UInt8] = []
            // Six texts and a path, a number, a text and a path; each begins at a multiple of 4.
            for field in 0..<10 {
                guard at + 4 <= bytes.count, let length = number(bytes, at) else { return names }
                let end = at + 4 + (field == 7 ? 0 : length)
                if end > bytes.count { return names }
                if field == 0 { name = Array(bytes[(at + 4)..<end]) }
                at = field == 7 ? end : (end + 1 + 3) & ~3
            }
            at = (at + 7) & ~7
            names.append(name)
        }
        return names
    }
}

/// Where `part` begins in `text`; nil where it is not in it.
func index(of part: ArraySlice<UInt8>, in text: ArraySlice<UInt8>) -> Int? {
    var start = text.startIndex
    while start + part.count <= text.endIndex {
        if text[start...].starts(with: part) { return start }
        start += 1
    }
    return nil
}
