public import AgentClient
internal import Foundation
internal import LedgerCore
public import Recording
internal import Store
public import Wire

/// What a person at a terminal does, or what stands in its place.
public enum ShellInput: Sendable {
    /// Typed.
    case bytes([UInt8])
    /// There is nothing more to type.
    case end
    /// The window has another size.
    case resize(TerminalSize)
    /// A signal for what runs in the shell.
    case signal(UInt64)
    /// The shell is to be ended.
    case hangUp
}

/// Where a shell is shown, and where its input comes from.
public protocol ShellTerminal: Sendable {
    /// As TERM has it.
    var type: String { get }
    /// Its size now.
    var size: TerminalSize { get }
    /// The shell is open: from now on its input is wanted.
    func begin() -> AsyncStream<ShellInput>
    /// What was typed last is on its way: more may come.
    func wantsMore()
    /// Shows what the device sent: bytes not to be trusted. Returns when the terminal has them.
    func show(_ bytes: [UInt8]) async
    /// Nothing can be recorded at the moment, so nothing is shown.
    func recordingHangs(_ error: RecordingError)
}

/// A shell through the door, recorded while it runs: what was not recorded is not shown.
extension DeviceSession {
    /// How a shell ended.
    public struct ShellEnding: Sendable {
        /// What the agent says.
        public let done: Done
        /// Whether both sides saw the same bytes.
        public let digestAgrees: Bool
        /// Path of the recording, SHA-256 of the file, and its size.
        public let recording: (path: String, digest: [UInt8], byteCount: UInt64)
    }

    /// Why there was no shell, or none any more.
    public enum ShellError: Error, Sendable {
        /// The agent refused.
        case refused(Refused)
        /// The recording could not be begun, so no shell was opened.
        case notRecorded(RecordingError)
        /// The recording could not be gone on with, so the shell was ended.
        case recorderStopped(RecordingError)
        /// The agent ended the session, or it broke.
        case lost(AgentClientError)
    }

    /// How long nothing is shown while the recording cannot be written, before the shell is ended.
    public static var recorderGrace: Duration { .seconds(10) }
    private static var recorderPatience: Duration { .milliseconds(250) }
    /// How long the device may take to end a shell that is to be ended.
    private static var hangUpPatience: Duration { .seconds(10) }

    /// Opens a shell and serves it until its end.
    ///
    /// - Parameter folder: Where recordings lie; made where it is missing.
    public func shell(on terminal: any ShellTerminal, recordings folder: String) async throws -> ShellEnding {
        let request = await agent.streamNumber()
        let file = "\(id)-\(request).cast"
        let recorder: CastWriter
        do throws(RecordingError) {
            recorder = try CastWriter(
                path: folder + "/" + file, size: terminal.size, terminal: terminal.type, title: device.name,
                startedAt: Int64(Date().timeIntervalSince1970))
        } catch {
            throw ShellError.notRecorded(error)
        }
        var shell = RecordedShell(terminal: terminal, recorder: recorder, startedAt: .now)
        do {
            try desk.database.recordRecordingOpened(session: id, request: request, file: file)
            try desk.database.recordStream(session: id, request: request, subject: "shell " + terminal.type)
            let end = try await serve(&shell, request)
            let recording = try record(shell, request, file)
            guard case .done(let done) = end.outcome else {
                if case .refused(let refused) = end.outcome { throw ShellError.refused(refused) }
                throw ShellError.lost(AgentClientError(.endedEarly))
            }
            if let problem = shell.problem { throw ShellError.recorderStopped(problem) }
            return ShellEnding(
                done: done, digestAgrees: done.digest == end.digest, recording: (folder + "/" + file, recording.digest, recording.byteCount)
            )
        } catch {
            _ = try? record(shell, request, file)
            throw error
        }
    }

    /// Writes down what the recording came to; once.
    @discardableResult
    private func record(_ shell: RecordedShell, _ request: UInt64, _ file: String) throws -> (digest: [UInt8], byteCount: UInt64) {
        let isFirst = !shell.recorder.isClosed
        let recording = shell.recorder.close(at: shell.elapsed)
        if isFirst {
            try desk.database.recordRecordingClosed(
                session: id, request: request, file: file, digest: recording.digest, byteCount: recording.byteCount,
                problem: shell.problem?.code.name ?? "")
        }
        return recording
    }

    private func serve(_ shell: inout RecordedShell, _ request: UInt64) async throws -> TwoWayStreams.Ending {
        let terminal = shell.terminal
        let streams = TwoWayStreams(session: agent)
        let reading = Task { () -> AgentClientError? in
            do throws(AgentClientError) {
                try await streams.run()
                return nil
            } catch {
                return error
            }
        }
        let open = OpenStream(
            request: request, kind: "shell", target: Text(terminal.type), size: UInt64(terminal.size.columns),
            offset: UInt64(terminal.size.rows), credit: 0)
        var typing: Task<Void, Never>?
        defer { typing?.cancel() }
        var ending: TwoWayStreams.Ending?
        if let events = try? await streams.open(open) {
            for await event in events {
                switch event {
                case .opened:
                    typing = Self.pass(terminal, to: streams, request, shell.recorder, since: shell.startedAt)
                case .bytes(let bytes):
                    if shell.problem == nil, await shell.record(bytes) {
                        await terminal.show(bytes)
                    } else {
                        await streams.cancel(request)
                    }
                    await streams.passedOn(request, bytes.count)
                case .endOfBytes: break
                case .ended(let end): ending = end
                case .lost: break
                }
            }
        }
        await streams.stop()
        let failure = await reading.value
        guard let ending else { throw ShellError.lost(failure ?? AgentClientError(.endedEarly)) }
        switch ending.outcome {
        case .done(let done):
            try desk.database.recordAnswers(session: id, [(request, .done(done, digest: ending.digest))], kind: .streamClosed)
        case .refused(let refused):
            try desk.database.recordAnswers(session: id, [(request, .refused(refused))], kind: .streamClosed)
        }
        return ending
    }

    /// Passes on what a person does. What is typed may have to wait for the device; the rest does not.
    private static func pass(
        _ terminal: any ShellTerminal, to streams: TwoWayStreams, _ request: UInt64, _ recorder: CastWriter,
        since startedAt: ContinuousClock.Instant
    ) -> Task<Void, Never> {
        let input = terminal.begin()
        let (keys, continuation) = AsyncStream<[UInt8]?>.makeStream()
        return Task {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await bytes in keys {
                        guard let bytes else {
                            try? await streams.sendEnd(request)
                            continue
                        }
                        try? await streams.send(request, bytes)
                        terminal.wantsMore()
                    }
                }
                for await input in input {
                    switch input {
                    case .bytes(let bytes): continuation.yield(bytes)
                    case .end: continuation.yield(nil)
                    case .signal(let number): await streams.control(request, .signal, number)
                    case .hangUp:
                        group.addTask {
                            // A link that is dead must not keep a person from their terminal.
                            do { try await Task.sleep(for: Self.hangUpPatience) } catch { return }
                            await streams.abandon()
                        }
                        group.addTask { await streams.cancel(request) }
                    case .resize(let size):
                        await streams.control(request, .resize, UInt64(size.columns), UInt64(size.rows))
                        try? recorder.resize(size, at: ContinuousClock.now - startedAt)
                    }
                }
                continuation.finish()
            }
        }
    }

    /// A shell's terminal and its recording.
    private struct RecordedShell {
        let terminal: any ShellTerminal
        let recorder: CastWriter
        let startedAt: ContinuousClock.Instant
        /// Why the recorder stopped.
        var problem: RecordingError?

        var elapsed: Duration { ContinuousClock.now - startedAt }

        /// Records what was sent; false where that cannot be done within the grace.
        mutating func record(_ bytes: [UInt8]) async -> Bool {
            do throws(RecordingError) {
                try recorder.output(bytes, at: elapsed)
                return true
            } catch {
                problem = error
                terminal.recordingHangs(error)
            }
            let deadline = ContinuousClock.now + DeviceSession.recorderGrace
            while ContinuousClock.now < deadline {
                try? await Task.sleep(for: DeviceSession.recorderPatience)
                do throws(RecordingError) {
                    try recorder.flush()
                    problem = nil
                    return true
                } catch { problem = error }
            }
            return false
        }
    }
}
