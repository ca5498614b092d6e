internal import Catalogue
internal import Wire

/// Tries connections, in a forked child: all of them at once, and no byte is sent or read.
struct ConnectionsReader {
    let kernel: Kernel
    let root: [UInt8]
    /// How long all of them together are waited for, microseconds.
    let patience: UInt64

    /// Writes a row for each target, in their order.
    func read(_ targets: [Text], emit: ([UInt8]) throws(Errno) -> Void) throws(Errno) {
        let start = kernel.monotonic
        var rows: [ConnectionRow] = []
        var open: [(socket: Descriptor, row: Int)] = []
        for target in targets {
            var row = ConnectionRow(target: target.bytes, status: 0, duration: 0)
            do throws(Errno) {
                if let address = SocketAddress(row.target) {
                    open.append((try kernel.connect(address.address, port: address.port), rows.count))
                    row.status = UInt64(Errno.timedOut.rawValue)
                } else {
                    _ = try kernel.connectAtOnce(root + row.target)
                }
            } catch {
                row.status = UInt64(error.rawValue.magnitude)
            }
            row.duration = kernel.monotonic - start
            rows.append(row)
        }
        while true {
            let passed = kernel.monotonic - start
            var waiting = PollSet()
            for item in open {
                rows[item.row].duration = passed
                _ = waiting.add(item.socket, .writable)
            }
            if open.isEmpty || passed >= patience { break }
            waiting.wait(timeout: patience - passed)
            var pending: [(socket: Descriptor, row: Int)] = []
            for place in open.indices {
                if waiting.events(at: place).isEmpty {
                    pending.append(open[place])
                } else {
                    // Closed at once: whoever took it waits for nobody.
                    let row = open[place].row
                    rows[row].status = UInt64(kernel.problem(of: open[place].socket)?.rawValue.magnitude ?? 0)
                    rows[row].duration = kernel.monotonic - start
                }
            }
            open = pending
        }
        for row in rows { try emit(row.encoded) }
    }
}
