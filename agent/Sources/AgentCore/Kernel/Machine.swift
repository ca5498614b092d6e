internal import CLinux
public import Wire

/// Clocks, chance, and what the process is.
extension Kernel {
    /// Microseconds UTC since 1970.
    public var realtime: UInt64 { realtimeClock?() ?? rc_realtime_us() }

    /// Microseconds since some start; never set back.
    public var monotonic: UInt64 { monotonicClock?() ?? rc_monotonic_us() }

    /// Whether the clock is synchronised, and by how many microseconds it is known to be off (adjtimex(2)); nil where the kernel does not say.
    public var clockState: (isSynchronised: Bool, offset: Int64)? {
        var clock = rc_clock()
        let state = rc_clock_state(&clock)
        return state < 0 ? nil : (state == 1, clock.offset_us)
    }

    /// The row of the `clock` reader.
    func clockRow() throws(Errno) -> ClockRow {
        var clock = rc_clock()
        let state = rc_clock_state(&clock)
        try success(state)
        return ClockRow(
            time: realtime, uptime: rc_boottime_us(), isSynchronised: state == 1, offset: clock.offset_us, error: clock.error_us,
            frequency: clock.frequency)
    }

    /// Bytes that nobody can guess (getrandom(2)).
    public func random(_ count: Int) throws(Errno) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        try success(rc_random(&bytes, UInt64(count)))
        return bytes
    }

    /// The user this process runs as.
    public var effectiveUser: UInt32 { rc_effective_uid() }

    /// Number of this process.
    var processID: Int32 { rc_process_id() }

    /// Whether this process is root.
    public var isRoot: Bool { rc_effective_uid() == 0 }

    /// Whether children can be given another user and groups.
    ///
    /// A root of a user namespace that somebody without rights made (user_namespaces(7)) has no other user to give: there the kernel
    /// denies setgroups(2), and this process has no more rights than that somebody.
    public var mayChangeUser: Bool {
        let denied: Text = "deny\n"
        let path: Text = "/proc/self/setgroups"
        return isRoot && (try? content(of: path.bytes, limit: 16)) != denied.bytes
    }

    /// The machine's word for its architecture, such as `x86_64`.
    public var architecture: Text {
        var buffer = [UInt8](repeating: 0, count: 65)
        guard rc_architecture(&buffer, 65) == 0 else { return "" }
        return Text(Array(buffer.prefix { $0 != 0 }))
    }

    /// The value of an environment variable; nil where it is not set.
    ///
    /// - Parameter limit: Bytes after which the value is cut.
    public func environment(_ name: Text, limit: Int = 262_144) -> [UInt8]? {
        guard let start = rc_environment(name.bytes + [0]) else { return nil }
        var value: [UInt8] = []
        while value.count < limit, start[value.count] != 0 { value.append(start[value.count]) }
        return value
    }

    /// Ends this process at once, without running anything further.
    public func exit(_ status: Int32) -> Never { rc_exit(status) }

    /// Gives back the memory of code that is seldom called, until it is called again.
    func forgetSeldomCalled() { rc_forget_seldom_called() }

    /// Whether memory that is freed stays at hand for the next that is asked for: faster where bytes pass through.
    func keepFreed(_ keeps: Bool) { rc_keep_freed(keeps ? 1 : 0) }
}

/// The descriptors that one round of the loop waits for.
public struct PollSet {
    private var items: [rc_poll_item] = []

    /// What may happen to a descriptor, as poll(2) numbers it.
    public struct Events: OptionSet, Sendable {
        /// The bits of poll(2).
        public let rawValue: Int16
        /// Makes a set of its bits.
        public init(rawValue: Int16) { self.rawValue = rawValue }
        /// It can be read.
        public static let readable = Events(rawValue: 1)
        /// It can be written.
        public static let writable = Events(rawValue: 4)
        /// It failed or its other end is gone; always told.
        public static let gone = Events(rawValue: 8 | 16 | 32)
    }

    /// Starts with nothing to wait for.
    public init() {}

    /// Forgets all descriptors.
    public mutating func removeAll() { items.removeAll(keepingCapacity: true) }

    /// Adds a descriptor, and returns its place.
    public mutating func add(_ descriptor: Descriptor, _ events: Events) -> Int {
        items.append(rc_poll_item(fd: descriptor.number, events: events.rawValue, revents: 0))
        return items.count - 1
    }

    /// What happened to the descriptor at a place.
    public func events(at place: Int) -> Events { Events(rawValue: items[place].revents) }

    /// Waits until something happens or `timeout` microseconds have passed; nil waits without end.
    public mutating func wait(timeout: UInt64?) {
        let milliseconds = timeout.map { Int32(truncatingIfNeeded: min($0 / 1_000 + ($0 % 1_000 == 0 ? 0 : 1), 60_000)) } ?? -1
        let count = UInt64(items.count)
        // An interrupted wait is a round in which nothing happened.
        if rc_poll(&items, count, milliseconds) < 0 {
            for index in items.indices { items[index].revents = 0 }
        }
    }

    /// Whether the last wait ended with its time, or a signal, and nothing else.
    var isQuiet: Bool { items.allSatisfy { $0.revents == 0 } }
}

/// The signals the agent acts on.
public struct Signals: OptionSet, Sendable {
    /// A bit for each signal's number.
    public let rawValue: UInt64
    /// Makes a set of its bits.
    public init(rawValue: UInt64) { self.rawValue = rawValue }
    /// A child ended.
    public static let child = Signals(rawValue: 1 << 17)
    /// The agent is asked to end: SIGTERM or SIGINT.
    public static let end = Signals(rawValue: 1 << 15 | 1 << 2)
    /// SIGHUP: a daemon is to read its configuration anew, and anything else has lost its terminal.
    public static let hangUp = Signals(rawValue: 1 << 1)
}

/// Descriptors of other kinds than files.
extension Kernel {
    /// Turns signals into something that can be waited for beside everything else.
    public func signalDescriptor() throws(Errno) -> Descriptor { try descriptor(rc_signal_descriptor()) }

    /// Makes a write whose reader is gone fail with an errno instead of ending the process.
    public func ignoreBrokenPipes() { rc_ignore_broken_pipes() }

    /// Writes a line to standard error, where it takes one at once: a journal that hangs must not hold up the agent.
    func tell(_ line: Text) {
        let error = Descriptor(2, isOwned: false)
        var polls = PollSet()
        let place = polls.add(error, .writable)
        polls.wait(timeout: 0)
        if polls.events(at: place).contains(.writable) { _ = try? write(error, (line.bytes + [10])[...]) }
    }

    /// The signals that arrived since the last time.
    public func takeSignals(_ descriptor: Descriptor) -> Signals { Signals(rawValue: rc_take_signals(descriptor.number)) }

    /// Makes reads and writes of a descriptor return at once.
    public func setNonblocking(_ file: Descriptor) throws(Errno) { try success(rc_set_nonblocking(file.number)) }

    /// A pipe: what is written to `write` comes out of `read`.
    public func pipe() throws(Errno) -> (read: Descriptor, write: Descriptor) {
        var ends: [Int32] = [0, 0]
        try check(.open)
        try success(rc_pipe(&ends))
        return (Descriptor(ends[0]), Descriptor(ends[1]))
    }

    /// Listens on a Unix socket.
    public func listen(_ path: [UInt8]) throws(Errno) -> Descriptor { try descriptor(rc_listen(path + [0])) }

    /// The next connection, and the user at its other end as the kernel vouches for it (SO_PEERCRED).
    public func accept(_ listener: Descriptor) throws(Errno) -> (connection: Descriptor, user: UInt32) {
        var user: UInt32 = .max
        let connection = try descriptor(rc_accept(listener.number, &user))
        return (connection, user)
    }

    /// Connects to a Unix socket.
    public func connect(_ path: [UInt8]) throws(Errno) -> Descriptor { try descriptor(rc_connect(path + [0], 0)) }

    /// Connects to a Unix socket that takes a connection at once; reads and writes return at once too.
    func connectAtOnce(_ path: [UInt8]) throws(Errno) -> Descriptor { try descriptor(rc_connect(path + [0], 1)) }

    /// Whether a descriptor of this process is a pipe or a connected stream socket.
    func isStream(_ number: Int32) -> Bool { rc_is_stream(number) != 0 }

    /// Sends some of `bytes`, and returns how many; whoever receives the first of them gets the two descriptors too.
    func send(_ socket: Descriptor, _ bytes: ArraySlice<UInt8>, passing pair: (Int32, Int32)) throws(Errno) -> Int {
        try check(.write)
        let result = bytes.withUnsafeBufferPointer {
            rc_send_with(socket.number, $0.baseAddress, UInt64($0.count), pair.0, pair.1)
        }
        return Int(try number(result))
    }

    /// Reads at most `limit` bytes behind those in `buffer`, and the two streams that came with them, to read from and to write to at once.
    ///
    /// - Returns: How many bytes were read, none at the end; and the streams, where some came.
    /// - Throws: An errno; `.badDescriptor` where other than two streams came.
    func receive(
        _ socket: Descriptor, behind buffer: inout [UInt8], limit: Int
    ) throws(Errno) -> (count: Int, streams: (input: Descriptor, output: Descriptor)?) {
        try check(.read)
        var passed: (Int32, Int32) = (-1, -1)
        let count = try read(behind: &buffer, limit: limit) { room in
            var numbers: [Int32] = [-1, -1]
            let result = rc_receive_with(socket.number, room, UInt64(limit), &numbers)
            passed = (numbers[0], numbers[1])
            return result
        }
        return (count, passed.0 < 0 ? nil : (Descriptor(passed.0), Descriptor(passed.1)))
    }

    /// Begins to connect to a numeric address; the socket is writable once that is decided.
    public func connect(_ address: [UInt8], port: UInt64, isDatagram: Bool = false) throws(Errno) -> Descriptor {
        try descriptor(rc_connect_numeric(address + [0], UInt32(truncatingIfNeeded: port), isDatagram ? 1 : 0))
    }

    /// Why a socket failed; nil where it did not.
    public func problem(of socket: Descriptor) -> Errno? {
        let number = rc_socket_problem(socket.number)
        return number == 0 ? nil : Errno(rawValue: number)
    }

    /// Tells the other end of a socket that nothing more will come.
    public func shutdownWrite(_ socket: Descriptor) { _ = rc_shutdown_write(socket.number) }

    /// Sends one datagram, as sd_notify(3) does.
    public func sendDatagram(to path: [UInt8], _ bytes: [UInt8]) { _ = rc_send_datagram(path + [0], bytes, UInt64(bytes.count)) }
}
