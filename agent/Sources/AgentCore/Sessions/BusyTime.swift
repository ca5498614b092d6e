/// Wall time in which at least one request of a session was running: what a diagnosis took on the device itself.
struct BusyTime {
    private var since: UInt64?
    /// Microseconds of the spans that have ended.
    private(set) var total: UInt64 = 0

    /// Takes note that something runs, or that nothing does any more.
    ///
    /// - Parameter now: Microseconds of the monotonic clock.
    mutating func update(isBusy: Bool, now: UInt64) {
        if isBusy {
            since = since ?? now
        } else if let since {
            total &+= now &- min(since, now)
            self.since = nil
        }
    }
}
