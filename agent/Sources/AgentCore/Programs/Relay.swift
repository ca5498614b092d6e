internal import Wire

/// What sshd starts as user rollcall: carries bytes between the SSH channel and the daemon's socket, and reads none of them.
struct Relay {
    private let kernel: Kernel
    private let socket: Descriptor

    private static let pieceSize = 16_384

    /// One direction: what was read and is not yet written.
    private struct Lane {
        let from: Descriptor
        let to: Descriptor
        var held: ArraySlice<UInt8>
        var isAtEnd = false
        var fromPlace: Int?
        var toPlace: Int?

        var isFinished: Bool { isAtEnd && held.isEmpty }
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
        var up = Lane(from: input, to: socket, held: first[...])
        var down = Lane(from: socket, to: output, held: [])
        while !down.isFinished {
            var polls = PollSet()
            prepare(&up, &polls)
            prepare(&down, &polls)
            polls.wait(timeout: nil)
            carry(&down, polls)
            let wasFinished = up.isFinished
            carry(&up, polls)
            // The controller is gone: the daemon must know, and may have a last word.
            if up.isFinished, !wasFinished { kernel.shutdownWrite(socket) }
        }
    }

    private func prepare(_ lane: inout Lane, _ polls: inout PollSet) {
        lane.toPlace = lane.held.isEmpty ? nil : polls.add(lane.to, .writable)
        lane.fromPlace = lane.held.isEmpty && !lane.isAtEnd ? polls.add(lane.from, .readable) : nil
    }

    private func carry(_ lane: inout Lane, _ polls: PollSet) {
        do throws(Errno) {
            if let place = lane.toPlace, !polls.events(at: place).isEmpty {
                lane.held = lane.held.dropFirst(try kernel.write(lane.to, lane.held))
            }
            if let place = lane.fromPlace, !polls.events(at: place).isEmpty {
                lane.held = try kernel.read(lane.from, limit: Self.pieceSize)[...]
                if lane.held.isEmpty { lane.isAtEnd = true }
            }
        } catch {
            if error == .again { return }
            (lane.held, lane.isAtEnd) = ([], true)
        }
    }
}
