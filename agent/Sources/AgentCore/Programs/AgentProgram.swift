internal import Catalogue
internal import LedgerCore
internal import Wire

/// The program: reads its arguments and is one of its parts.
public struct AgentProgram {
    let kernel = Kernel()

    /// Exit statuses.
    enum Status {
        static let success: Int32 = 0
        static let failure: Int32 = 1
        static let usage: Int32 = 64
        static let unavailable: Int32 = 69
    }

    /// Makes the program.
    public init() {}

    /// Runs the part that the arguments name.
    ///
    /// The arguments are read from /proc, because Embedded Swift has no command line of its own.
    ///
    /// - Returns: The exit status.
    public func main() -> Int32 {
        kernel.ignoreBrokenPipes()
        kernel.forbidTracing()
        let path: Text = "/proc/self/cmdline"
        guard let line = try? kernel.content(of: path.bytes, limit: 262_144) else {
            say("rollcall-agent needs /proc, which is not mounted.", to: 2)
            return Status.unavailable
        }
        var arguments = line.split(separator: 0, omittingEmptySubsequences: false).map { Array($0) }
        if arguments.last?.isEmpty == true { arguments.removeLast() }
        do throws(UsageError) {
            return run(try Invocation(Array(arguments.dropFirst())))
        } catch {
            say("rollcall-agent " + error.complaint + " " + escaped(error.argument, limit: 100) + "; see rollcall-agent --help.", to: 2)
            return Status.usage
        }
    }

    private func run(_ invocation: Invocation) -> Int32 {
        switch invocation.part {
        case .help: write(Text(stringLiteral: Invocation.usage), to: 1)
        case .version: say("rollcall-agent " + Settings.version + ", protocol " + .decimal(RollcallProtocol.version), to: 1)
        case .run: return daemon(invocation.settings)
        case .serve: return invocation.isStandalone ? standalone(invocation) : relay(invocation)
        case .check: return check(invocation.settings)
        case .ways: return ways(invocation.settings)
        case .key: return key(invocation.settings)
        case .log: return log(invocation)
        case .off, .on: return moveDoor(invocation)
        case .allow: return allow(invocation)
        }
        return Status.success
    }

    /// Ends the process with a status.
    public static func exit(_ status: Int32) -> Never { Kernel().exit(status) }

    /// Writes one line.
    func say(_ line: Text, to stream: Int32) { write(line + "\n", to: stream) }

    func write(_ text: Text, to stream: Int32) { try? kernel.writeAll(Descriptor(stream, isOwned: false), text.bytes) }

    // MARK: Parts

    private func daemon(_ settings: Settings) -> Int32 {
        do throws(Refusal) {
            let device = try Device(kernel: kernel, settings: settings, adoptsStrays: true, keepsTelemetry: true)
            return serve(device, settings)
        } catch {
            say(error.sentence, to: 2)
            return Status.unavailable
        }
    }

    private func serve(_ device: Device, _ settings: Settings) -> Int32 {
        let notifier = Notifier(kernel: kernel)
        var isEnding = false
        do throws(Errno) {
            for end in settings.socket.indices where settings.socket[end] == 47 && end > 0 {
                try kernel.makeDirectory(Array(settings.socket[..<end]), permissions: 0o755)
            }
            // A disk that takes nothing leaves no lock on the state directory; this one lies in memory, beside what it protects.
            let name: Text = ".lock"
            let lock = try kernel.open(settings.socket + name.bytes, [.read, .write, .create, .noFollow])
            do throws(Errno) { try kernel.lock(lock) } catch {
                say("Another rollcall-agent serves " + escaped(settings.socket, limit: 200) + "; stop it first.", to: 2)
                return Status.unavailable
            }
            defer { withExtendedLifetime(lock) {} }
            let loop = try AgentLoop(device: device, listener: try kernel.listen(settings.socket), notifier: notifier)
            notifier.ready()
            loop.run()
            isEnding = loop.isAskedToEnd
            try? kernel.unlink(settings.socket)
        } catch {
            say("The agent cannot listen on " + escaped(settings.socket, limit: 200) + " (errno " + number(error) + ").", to: 2)
            return Status.unavailable
        }
        guard let staged = device.upgrade.staged, !isEnding else { return Status.success }
        return change(device, to: staged.header.version, notifier)
    }

    /// Tries a new agent in this one's place, and becomes whichever is in place then, as the same process.
    private func change(_ device: Device, to version: Text, _ notifier: Notifier) -> Int32 {
        device.release()
        let path: Text = "/proc/self/cmdline"
        do throws(Errno) {
            let arguments = try kernel.content(of: path.bytes, limit: 262_144)
            let trial = try Trial(kernel: kernel, upgrade: device.upgrade, settings: device.settings, notifier: notifier)
            guard trial.run(version, arguments: arguments) else { return Status.success }
            try kernel.become(device.settings.program, arguments)
        } catch {
            say("The agent could not start itself anew (errno " + number(error) + ").", to: 2)
        }
        // Whoever started it does so again.
        return Status.failure
    }

    private func standalone(_ invocation: Invocation) -> Int32 {
        do throws(Refusal) {
            // Behind sshd a batch may come first here as it does at the relay; a parent with a pipe sets none.
            let batch = try firstBatch()
            let device = try Device(kernel: kernel, settings: invocation.settings, adoptsStrays: true)
            guard let loop = try? AgentLoop(device: device, listener: nil) else { return Status.unavailable }
            loop.run(standalone: door(invocation), first: batch)
            return Status.success
        } catch {
            return refuse(error, Status.unavailable)
        }
    }

    /// Who is there, as sshd says it in `command=` and in the environment.
    private func door(_ invocation: Invocation) -> Door {
        Door(
            operatorName: invocation.operatorName, role: invocation.role, key: userKey(),
            connection: bounded(kernel.environment("SSH_CONNECTION") ?? [], RollcallProtocol.identifierSizeLimit))
    }

    private func relay(_ invocation: Invocation) -> Int32 {
        let batch: [UInt8]
        do throws(Refusal) { batch = try firstBatch() } catch { return refuse(error, Status.usage) }
        guard Relay.canHandOver(kernel) else {
            return refuse(
                Refusal(.noStream, "A session needs pipes or sockets as its input and output; connect without a terminal (ssh -T)."),
                Status.usage)
        }
        guard let relay = try? Relay(kernel: kernel, path: invocation.settings.socket) else {
            return refuse(
                Refusal(.agentDown, "The agent's daemon does not run on this device; start it with: systemctl start rollcall-agent."),
                Status.unavailable)
        }
        relay.run(first: Message.door(door(invocation)).frame + batch)
        return Status.success
    }

    private func refuse(_ refusal: Refusal, _ status: Int32) -> Int32 {
        try? kernel.writeAll(Descriptor(1, isOwned: false), refusal.message(0).frame)
        say(refusal.sentence, to: 2)
        return status
    }

    /// The first batch of frames, where the command of the SSH exec request holds one.
    private func firstBatch() throws(Refusal) -> [UInt8] {
        let command = kernel.environment("SSH_ORIGINAL_COMMAND") ?? []
        if command.isEmpty { return [] }
        let prefix = RollcallProtocol.batchPrefix.bytes
        guard command.starts(with: prefix), let batch = Base64.decode(command.dropFirst(prefix.count)),
            batch.count <= RollcallProtocol.batchSizeLimit
        else { throw Refusal(.command, "This key opens Rollcall sessions only; commands are not run.") }
        return batch
    }

    /// The key that was used, from the file in which sshd leaves it (ExposeAuthInfo in sshd_config(5)).
    private func userKey() -> Text {
        guard let path = kernel.environment("SSH_USER_AUTH", limit: 4_096) else { return "" }
        let content = (try? kernel.content(of: path, limit: 16_384)) ?? []
        let line = content.split(separator: 10).first ?? []
        return bounded(Array(line), RollcallProtocol.sentenceSizeLimit)
    }

    private func bounded(_ bytes: [UInt8], _ limit: Int) -> Text {
        bytes.count <= limit && isWellFormedUTF8(bytes[...]) ? Text(bytes) : ""
    }

    func number(_ error: Errno) -> Text { .decimal(UInt64(error.rawValue.magnitude)) }
}
