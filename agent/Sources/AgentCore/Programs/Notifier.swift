internal import Wire

/// What the daemon tells systemd, as sd_notify(3) does: that it is ready, that it stops, and that it is alive.
///
/// Nothing is sent where nobody asked for it by NOTIFY_SOCKET and WATCHDOG_USEC.
final class Notifier {
    private let kernel: Kernel
    private let socket: [UInt8]?
    /// Microseconds between two signs of life: half of what systemd waits for one.
    private let interval: UInt64?
    private var nextAt: UInt64 = 0

    /// Reads the environment.
    init(kernel: Kernel) {
        self.kernel = kernel
        socket = kernel.environment("NOTIFY_SOCKET", limit: 108)
        let period = kernel.environment("WATCHDOG_USEC", limit: 32).flatMap { Decimal.unsigned($0[...]) } ?? 0
        // sd_watchdog_enabled(3): the variables are inherited, and meant for one process only.
        let process = kernel.environment("WATCHDOG_PID", limit: 32).flatMap { Decimal.unsigned($0[...]) }
        let isMeant = process == nil || process == UInt64(kernel.processID)
        interval = socket != nil && isMeant && period > 1 ? period / 2 : nil
    }

    /// The daemon serves.
    func ready() { send("READY=1") }

    /// It was asked to end, and does.
    func stopping() { send("STOPPING=1") }

    /// Says that the daemon is alive, where that is due.
    func keepAlive() {
        guard let interval else { return }
        let now = kernel.monotonic
        guard now >= nextAt else { return }
        send("WATCHDOG=1")
        nextAt = now &+ interval
    }

    /// When the next sign of life is due, by the monotonic clock in microseconds; nil where none is wanted.
    var dueAt: UInt64? { interval == nil ? nil : nextAt }

    private func send(_ word: Text) {
        if let socket { kernel.sendDatagram(to: socket, word.bytes) }
    }
}
