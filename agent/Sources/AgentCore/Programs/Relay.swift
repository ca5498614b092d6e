internal import Wire

/// What sshd starts as user rollcall: hands the two ends of the SSH channel to the daemon, and stays as long as the daemon has them.
///
/// No byte of the session passes through it: each would be copied twice more.
struct Relay {
    private let kernel: Kernel
    private let socket: Descriptor

    /// Connects to the daemon.
    init(kernel: Kernel, path: [UInt8]) throws(Errno) {
        self.kernel = kernel
        socket = try kernel.connect(path)
    }

    /// Whether what sshd gave can be handed on.
    static func canHandOver(_ kernel: Kernel) -> Bool { kernel.isStream(0) && kernel.isStream(1) }

    /// Gives the daemon standard input and output and what comes `first`, and returns once the daemon has closed the session.
    ///
    /// The daemon's first words come by the socket, whoever knocks: a hello, or why there is none.
    func run(first: [UInt8]) {
        carryFrame()
        var rest = first[...]
        // Where the daemon has refused and closed, this fails, and what it said has been carried already.
        if let count = try? kernel.send(socket, rest, passing: (0, 1)) {
            rest = rest.dropFirst(count)
            while !rest.isEmpty, let count = try? kernel.write(socket, rest) { rest = rest.dropFirst(count) }
        }
        kernel.shutdownWrite(socket)
        while carry(limit: 4_096) > 0 {}
    }

    /// Writes one frame of the daemon's to standard output.
    private func carryFrame() {
        var head: [UInt8] = []
        while head.count < 4, let more = try? kernel.read(socket, limit: 4 - head.count), !more.isEmpty { head += more }
        guard head.count == 4, (try? kernel.writeAll(output, head)) != nil else { return }
        var rest = head.reduce(0) { $0 << 8 | Int($1) }
        while rest > 0 {
            let count = carry(limit: min(rest, 4_096))
            rest = count > 0 ? rest - count : 0
        }
    }

    /// Writes some of what the daemon says to standard output, and returns how many bytes; 0 at the end.
    private func carry(limit: Int) -> Int {
        guard let words = try? kernel.read(socket, limit: limit), (try? kernel.writeAll(output, words)) != nil else { return 0 }
        return words.count
    }

    private var output: Descriptor { Descriptor(1, isOwned: false) }
}
