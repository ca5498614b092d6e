internal import AgentClient
internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Ledger
internal import Recording
internal import Store
internal import Wire

/// Opens a shell on a device.
struct ShellCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "shell", abstract: "Open a shell on a device; takes the role shell, and is recorded.",
        discussion: """
            Exits as the shell does. Return, then ~. ends it at once. From a pipe or file, its lines are typed one after the other. \
            What the device sends beyond text, looks and cursor is not shown, such as for the clipboard.
            """)

    @Argument(help: "The device's name.")
    var device: String

    @Option(help: "Why, for the record and the device's owner.")
    var reason = "shell"

    @Flag(help: "Show what the device sends as it is: it can then do to this terminal what it likes.")
    var raw = false

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let keyboard = ShellKeyboard(isRaw: raw, isShown: !options.json)
        if options.json, keyboard.isInteractive {
            throw CommandFailure(
                .usage, kind: "usage", "With --json the shell's commands come from a pipe or a file.",
                next: "Such as: echo uptime | rollcall shell \(displayed(device)) --json")
        }
        let desk = try await options.desk(asksProbes: false)
        let found = try findDevice(device, desk.database)
        let folder = try options.configuration().recordings
        let call = try openCall(of: found, desk.database)
        let (reason, isInteractive) = (reason, keyboard.isInteractive)
        let ending = try await withDevice(found) {
            defer { keyboard.restore() }
            return try await withShell(found) {
                try await DeviceSession.with(found, desk: desk, call: call?.id, reason: reason) { session in
                    if isInteractive {
                        Terminal.current.complain("Shell on \(found.name), recorded as session \(session.id); Return ~. ends it.")
                    }
                    return (session.id, try await session.shell(on: keyboard, recordings: folder))
                }.result
            }
        }
        try show(ending.1, session: ending.0, keyboard, found)
    }

    private func show(_ ending: DeviceSession.ShellEnding, session: String, _ keyboard: ShellKeyboard, _ device: Device) throws {
        let done = ending.done
        if options.json {
            let output = keyboard.output
            var filter = TerminalFilter()
            try printJSON(
                Body(
                    device: device.name, session: session, ending: done.ending.word.string, code: done.code,
                    output: raw
                        ? String(decoding: output.bytes, as: UTF8.self)
                        : String(decoding: filter.take(output.bytes), as: UTF8.self), isOutputCut: output.isCut,
                    recording: ending.recording.path, sha256: ending.recording.digest.map { String(format: "%02x", $0) }.joined(),
                    digestAgrees: ending.digestAgrees))
        }
        guard ending.digestAgrees else {
            throw CommandFailure(
                .recordBroken, kind: "digest-differs",
                "What \(device.name) says it sent and got is not what was recorded here; both are on record.",
                next:
                    "Look into it with `rollcall audit verify --device \(device.name)`, and treat the device as faulty or hostile until then."
            )
        }
        switch done.ending {
        case .exited: if done.code > 0 { throw ExitCode(Int32(clamping: min(done.code, 255))) }
        case .signalled: throw ExitCode(Int32(clamping: 128 + min(done.code, 127)))
        default:
            let why = done.note.isEmpty ? "it was ended from here" : displayed(done.note.string, limit: 600)
            throw CommandFailure(
                .shellEnded, kind: "shell-ended", "The shell on \(device.name) did not come to its own end: \(why).",
                next: "What was shown is on record: `rollcall audit play \(session)`.")
        }
    }

    private struct Body: Encodable {
        let device: String
        let session: String
        let ending: String
        let code: UInt64
        let output: String
        let isOutputCut: Bool
        let recording: String
        let sha256: String
        let digestAgrees: Bool
    }
}

/// Says what kept a shell from being opened, or ended it.
private func withShell<Result>(_ device: Device, _ work: () async throws -> Result) async throws -> Result {
    do {
        return try await work()
    } catch let error as DeviceSession.ShellError {
        switch error {
        case .refused(let refused):
            throw CommandFailure(
                refusedBy: refused.rule.string, sentence: displayed(refused.sentence.string, limit: 600), what: "the shell",
                device: device.name)
        case .notRecorded(let error):
            let failure = CommandFailure(error)
            throw CommandFailure(
                .storeFull, kind: "not-recorded", "No shell was opened, because it could not be recorded: \(failure.sentence)",
                next: failure.nextStep)
        case .recorderStopped(let error):
            let failure = CommandFailure(error)
            throw CommandFailure(
                .storeFull, kind: "recorder-stopped",
                "The shell on \(device.name) was ended, because it could not be recorded any more: \(failure.sentence)",
                next: failure.nextStep)
        case .lost(let error) where error.code == .refused && error.rule == "stopping":
            throw CommandFailure(
                .shellEnded, kind: "refused-stopping", "The shell on \(device.name) was ended with the agent: \(displayed(error.detail))",
                next: "Connect again in a moment; what was shown is on record.")
        case .lost(let error):
            // Whatever broke, there was an agent: it is the session that is gone.
            if error.code == .endedEarly {
                throw CommandFailure(
                    .connectionLost, kind: "connection-lost", "The connection to \(device.name) broke, and the shell was ended with it.",
                    next: "Connect again; what was shown is on record.")
            }
            throw error
        }
    }
}

extension CommandFailure {
    /// What keeps a recording from being written or read.
    init(_ error: RecordingError) {
        let path = displayed(error.path)
        switch error.code {
        case .full:
            self.init(.storeFull, kind: "disk-full", "The disk has no room for \(path).", next: "Free some space and try again.")
        case .tooLarge:
            self.init(
                .storeFull, kind: "too-large", "\(path) has reached the size at which a recording ends (256 MiB).",
                next: "Open another shell.")
        case .missing:
            self.init(
                .notFound, kind: "no-recording", "There is no recording \(path).",
                next: "`rollcall audit list --kind recording.closed` names them.")
        case .malformed:
            self.init(
                .badData, kind: "recording-malformed", "Line \(error.number) of \(path) is no part of an asciicast of version 2.",
                next: "`rollcall audit verify` says whether the file was altered.")
        default:
            self.init(
                .storeFull, kind: "recording", "\(path) cannot be used: \(String(cString: strerror(Int32(clamping: error.number)))).",
                next: "Check the path and its permissions.")
        }
    }
}
