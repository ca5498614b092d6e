internal import Wire

/// What sshd starts as user rollcall: carries bytes between the SSH channel and the daemon's socket, and reads none of them.
struct Relay {
    private let kernel: Kernel
    private let socket: Descriptor

    private static let pieceSize = 16_384
    /// Microseconds without a byte after which buffers are given back: most of the time a relay waits, and then it is to take next to nothing.
    private static let restAfter: UInt64 = 200_000

    /// One direction: what was read and is not yet written.
    private struct Lane {
        let from: Descriptor
        let to: Descriptor
        var held: [UInt8]
        /// Where in `held` what is to be written lies.
        var range: Range<Int>
        var isAtEnd = false
        var fromPlace: Int?
        var toPlace: Int?

        var isFinished: Bool { isAtEnd && range.isEmpty }

        /// Gives its buffer back where nothing waits in it.
        mutating func rest() { if range.isEmpty { (held, range) = ([], 0..<0) } }

        init(from: Descriptor, to: Descriptor, first: [UInt8] = []) {
            (self.from, self.to, held, range) = (from, to, first, first.indices)
        }
    }

    /// Connects to the daemon.
    init(kernel: Kernel, path: [UInt8]) throws(Errno) {
        self.kernel = kernel
        socket = try kernel.connect(path)
    }

    /// Carries bytes until the daemon closes, `first` before anything of standard input.
    func run(first: [UInt8]) {
        let (input, output) = (Descriptor(0, isOwned: false), Descriptor(1, isOwned: false))
        for end in [input, output, socket] { try? kernel.setNonblocking(end) }
        var up = Lane(from: input, to: socket, first: first)
        var down = Lane(from: socket, to: output)
        while !down.isFinished {
            var polls = PollSet()
            prepare(&up, &polls)
            prepare(&down, &polls)
            polls.wait(timeout: up.held.isEmpty && down.held.isEmpty ? nil : Self.restAfter)
            if polls.isQuiet {
                up.rest()
                down.rest()
            }
            carry(&down, polls)
            let wasFinished = up.isFinished
            carry(&up, polls)
            // The controller is gone: the daemon must know, and may have a last word.
            if up.isFinished, !wasFinished { kernel.shutdownWrite(socket) }
        }
    }

    private func prepare(_ lane: inout Lane, _ polls: inout PollSet) {
        lane.toPlace = lane.range.isEmpty ? nil : polls.add(lane.to, .writable)
        lane.fromPlace = lane.range.isEmpty && !lane.isAtEnd ? polls.add(lane.from, .readable) : nil
    }

    private func carry(_ lane: inout Lane, _ polls: PollSet) {
        do throws(Errno) {
            if let place = lane.fromPlace, !polls.events(at: place).isEmpty {
                // Only once there is something to carry: pages that nothing was read into take no memory.
                if lane.held.count < Self.pieceSize {
                    lane.held = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { _, count in count = Self.pieceSize }
                }
                lane.range = 0..<(try kernel.read(lane.from, into: &lane.held))
                if lane.range.isEmpty { lane.isAtEnd = true }
            } else if lane.toPlace.map({ polls.events(at: $0).isEmpty }) ?? true {
                return
            }
            // What takes bytes does so at once as a rule; where it does not, it is waited for.
            while !lane.range.isEmpty {
                let count = try kernel.write(lane.to, lane.held[lane.range])
                lane.range = lane.range.lowerBound + count..<lane.range.upperBound
            }
        } catch {
            if error == .again { return }
            (lane.range, lane.isAtEnd) = (0..<0, true)
        }
    }
}
