internal import Wire

/// Runs a new agent in the old one's place until it gives a hello, while the old one watches, and stays what the next start would run.
struct Trial {
    private let kernel: Kernel
    private let upgrade: AgentUpgrade
    private let settings: Settings
    private let notifier: Notifier
    private let signals: Descriptor

    /// Microseconds until it must have given a hello, and to end after one.
    private static let helloLimit: UInt64 = 60_000_000
    private static let endLimit: UInt64 = 10_000_000
    private static let pause: UInt64 = 100_000
    private static let helloType: UInt64 = 1

    init(kernel: Kernel, upgrade: AgentUpgrade, settings: Settings, notifier: Notifier) throws(Errno) {
        self.kernel = kernel
        self.upgrade = upgrade
        self.settings = settings
        self.notifier = notifier
        signals = try kernel.signalDescriptor()
    }

    /// Tries the new agent, and puts it in place where it gave a hello.
    ///
    /// - Parameter arguments: The command line of this process, each word ended by a NUL.
    /// - Returns: Whether the daemon goes on, by whichever agent is in place; false where it was asked to end.
    func run(_ version: Text, arguments: [UInt8]) -> Bool {
        guard let child = try? kernel.startTrial(upgrade.newPath, arguments) else {
            upgrade.reject(.failed)
            return true
        }
        let outcome = watch(child, version)
        end(child)
        guard let outcome else {
            upgrade.reject(.open)
            return false
        }
        if outcome != .open { upgrade.reject(outcome) } else if (try? upgrade.putInPlace()) == nil { upgrade.reject(.failed) }
        return true
    }

    /// - Returns: `.open` where it gave its hello; nil where this process is asked to end.
    private func watch(_ child: Int32, _ version: Text) -> AgentUpgrade.Outcome? {
        let end = kernel.monotonic &+ Self.helloLimit
        while kernel.monotonic < end {
            if kernel.hasExited(child) { return .ended }
            if saysHello(version, before: min(end, kernel.monotonic &+ 2_000_000)) { return .open }
            if rest() { return nil }
        }
        return .silent
    }

    /// Whether somebody listens on the daemon's socket whose hello begins with this version of protocol and program.
    ///
    /// A device reads no hello otherwise. Its encoding is the only one there is of its fields, the first of them being those.
    private func saysHello(_ version: Text, before deadline: UInt64) -> Bool {
        guard let socket = try? kernel.connect(settings.socket), (try? kernel.setNonblocking(socket)) != nil else { return false }
        var expected = CBORWriter()
        for number in [0, Self.helloType, 1, RollcallProtocol.version, 2] { expected.unsigned(number) }
        expected.text(version)
        var received: [UInt8] = []
        while kernel.monotonic < deadline {
            var polls = PollSet()
            _ = polls.add(socket, .readable)
            polls.wait(timeout: Self.pause)
            notifier.keepAlive()
            do throws(Errno) {
                let bytes = try kernel.read(socket, limit: 16_384)
                if bytes.isEmpty { return false }
                received += bytes
            } catch {
                if error != .again { return false }
            }
            // The frame's length and the head of the map come before.
            if received.count >= 5 + expected.bytes.count { return received.dropFirst(5).starts(with: expected.bytes) }
        }
        return false
    }

    /// Waits a moment; whether this process is asked to end.
    private func rest() -> Bool {
        var polls = PollSet()
        let place = polls.add(signals, .readable)
        polls.wait(timeout: Self.pause)
        notifier.keepAlive()
        return !polls.events(at: place).isEmpty && kernel.takeSignals(signals).contains(anyOf: .end)
    }

    private func end(_ child: Int32) {
        kernel.terminate(child)
        let end = kernel.monotonic &+ Self.endLimit
        while !kernel.hasExited(child), kernel.monotonic < end { _ = rest() }
        kernel.kill(child)
        while kernel.reap(child) == nil, kernel.hasExited(child) || kernel.monotonic < end &+ Self.endLimit { _ = rest() }
    }
}
