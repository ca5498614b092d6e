internal import ArgumentParser
internal import Diagnosis
internal import Foundation
internal import Ledger
internal import LedgerCore
internal import Recording
internal import Store
internal import Wire

/// Recordings, as the record names them.
struct KeptRecording {
    /// How a file stands to the record.
    enum Condition: String {
        case whole, altered, missing
        /// The record has no digest of it: the shell is open, or the desk ended before it did.
        case unfinished
    }

    let session: String
    let device: String
    let startedAt: Int64
    let path: String
    /// SHA-256 of the file; nil where the record has none.
    let digest: [UInt8]?

    /// All of a selection, oldest first.
    static func all(_ database: RollcallDatabase, folder: String, device: String? = nil, session: String? = nil) throws -> [KeptRecording] {
        func entries(_ kind: LedgerEntry.Kind) throws -> [LogEntry] {
            try database.entries(EntrySelection(device: device, session: session, kind: kind.name.string, limit: .max))
        }
        var digests: [String: [UInt8]] = [:]
        for item in try entries(.recordingClosed) { digests[item.entry.subject.string] = item.entry.digest }
        return try entries(.recordingOpened).map { item in
            let file = item.entry.subject.string
            return KeptRecording(
                session: item.entry.session.string, device: item.entry.device.string, startedAt: Int64(clamping: item.entry.time),
                // The name is this desk's own, but what stands in a store may have been altered.
                path: folder + "/" + file.replacingOccurrences(of: "/", with: "_"), digest: digests[file])
        }
    }

    /// Compares the file with the record.
    var condition: Condition {
        guard let digest else { return .unfinished }
        guard let file = FileHandle(forReadingAtPath: path) else { return .missing }
        defer { try? file.close() }
        var hash = SHA256()
        while let piece = try? file.read(upToCount: 1 << 20), !piece.isEmpty { hash.update([UInt8](piece)) }
        return hash.finish() == digest ? .whole : .altered
    }
}

extension AuditCommand {
    /// Plays the recording of a shell.
    struct Play: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "play", abstract: "Play the recording of a shell; what it sends beyond text, looks and cursor is not shown.")

        @Argument(help: "Id of the session.")
        var session: String

        @Option(help: "So many times as fast.")
        var speed = 1.0

        @Option(name: .customLong("max-idle"), help: ArgumentHelp("No pause is longer than this.", valueName: "seconds"))
        var maxIdle: Double?

        @Flag(help: "Print what could be read, line by line, at once.")
        var text = false

        @Flag(help: "Show what the device sent as it is: it can then do to this terminal what it likes.")
        var raw = false

        @OptionGroup var options: DeskOptions

        func validate() throws {
            guard speed > 0, speed <= 1e6, maxIdle ?? 0 >= 0 else { throw ValidationError("--speed is above 0, and --max-idle not below.") }
        }

        func run() async throws {
            let folder = try options.configuration().recordings
            let kept = try KeptRecording.all(try options.readableDatabase(), folder: folder, session: session)
            guard !kept.isEmpty else {
                throw CommandFailure(
                    .notFound, kind: "no-recording", "The session \(displayed(session)) has no recording.",
                    next: "`rollcall audit list --kind recording.closed` names those that have one.")
            }
            var isAltered = false
            var bodies: [Body] = []
            for recording in kept {
                let condition = recording.condition
                isAltered = isAltered || condition == .altered
                let cast: Cast
                do throws(RecordingError) { cast = try Cast(path: recording.path) } catch { throw CommandFailure(error) }
                if options.json {
                    bodies.append(Body(recording, condition, Transcript(cast)))
                } else if text {
                    for line in Transcript(cast).lines { Terminal.current.line(displayed(line.text, limit: 4_096)) }
                } else {
                    try await play(cast)
                }
            }
            if options.json { try printJSON(bodies) }
            if isAltered {
                throw CommandFailure(
                    .recordBroken, kind: "recording-altered", "The recording is not what the record says it was.",
                    next: "Keep the file as it is, and show it to whoever answers for the record.")
            }
        }

        private func play(_ cast: Cast) async throws {
            var filter = TerminalFilter()
            defer { if !raw { writeOut(filter.finish()) } }
            var last: Int64 = 0
            for event in cast.events {
                guard case .output(let bytes) = event.content else { continue }
                let pause = min(Double(event.time - last) / 1_000_000 / speed, maxIdle ?? .infinity)
                last = event.time
                if pause > 0 { try await Task.sleep(for: .microseconds(Int64(pause * 1_000_000))) }
                writeOut(raw ? bytes : filter.take(bytes))
            }
        }

        private struct Body: Encodable {
            let session: String
            let device: String
            let file: String
            let condition: String
            let lines: [Line]

            init(_ recording: KeptRecording, _ condition: KeptRecording.Condition, _ transcript: Transcript) {
                (session, device, file) = (recording.session, recording.device, recording.path)
                self.condition = condition.rawValue
                lines = transcript.lines.map { Line(seconds: Double($0.time) / 1_000_000, text: $0.text) }
            }
        }

        struct Line: Encodable {
            let seconds: Double
            let text: String
        }
    }

    /// Finds text in recordings.
    struct Search: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "search", abstract: "Find text in the recordings of shells, whatever its case.")

        @Argument(help: "The text.")
        var text: String

        @Option(help: "Only of this device.")
        var device: String?

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let folder = try options.configuration().recordings
            var found: [Body] = []
            for recording in try KeptRecording.all(try options.readableDatabase(), folder: folder, device: device) {
                let cast: Cast
                do throws(RecordingError) { cast = try Cast(path: recording.path) } catch {
                    Terminal.current.complain("rollcall: not searched: \(CommandFailure(error).sentence)")
                    continue
                }
                for line in Transcript(cast).search(text) {
                    found.append(
                        Body(
                            session: recording.session, device: recording.device, started: timeText(recording.startedAt),
                            seconds: Double(line.time) / 1_000_000, text: line.text))
                }
            }
            if options.json { return try printJSON(found) }
            if found.isEmpty { return Terminal.current.line("Nothing of that is in any recording.") }
            var table = TextTable(["SESSION", "DEVICE", "STARTED", "AFTER", "LINE"])
            for line in found {
                table.add([
                    line.session, displayed(line.device, limit: 24), line.started, "\(Int(line.seconds)) s",
                    displayed(line.text, limit: 120),
                ])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }

        private struct Body: Encodable {
            let session: String
            let device: String
            let started: String
            let seconds: Double
            let text: String
        }
    }
}
