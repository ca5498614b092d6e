internal import Catalogue
internal import Wire

/// Asks the device's name servers, in a forked child. What they answer is not read here.
struct NamesReader {
    let kernel: Kernel
    let root: [UInt8]
    /// How long one answer is waited for, microseconds.
    let patience: UInt64

    /// Name servers of /etc/resolv.conf that are asked, the first ones (resolv.conf(5) has as many).
    static let serverCountLimit = 3

    /// Asks each server for the addresses of each name, IPv4 and IPv6.
    func read(_ names: [Text], emit: ([UInt8]) throws(Errno) -> Void) throws(Errno) {
        let servers = servers
        for name in names {
            for index in 0..<servers.count * 2 {
                let (type, start): (UInt8, UInt64) = (index & 1 == 0 ? 1 : 28, kernel.monotonic)
                var row = NameRow(name: name.bytes, server: servers[index / 2], type: UInt64(type), status: 0, duration: 0)
                do throws(Errno) {
                    row.reply = try ask(row.server, Self.question(name.bytes, type, number: start))
                } catch {
                    row.status = UInt64(error.rawValue.magnitude)
                }
                row.duration = kernel.monotonic - start
                try emit(row.encoded)
            }
        }
    }

    /// A question of RFC 1035 for a name that was checked (``ProbeDefinition/labels(of:)``), recursion desired.
    private static func question(_ name: [UInt8], _ type: UInt8, number: UInt64) -> [UInt8] {
        let head: [UInt8] = [UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]
        return head + (ProbeDefinition.labels(of: name) ?? [0]) + [0, type, 0, 1]
    }

    /// The first datagram with the question's number that comes back.
    private func ask(_ server: [UInt8], _ question: [UInt8]) throws(Errno) -> [UInt8] {
        let socket = try kernel.connect(server, port: 53, isDatagram: true)
        try kernel.writeAll(socket, question)
        let deadline = kernel.monotonic + patience
        while true {
            // Datagrams that answer something else do not lengthen it.
            let now = kernel.monotonic
            if now >= deadline { throw .timedOut }
            var waiting = PollSet()
            let place = waiting.add(socket, .readable)
            waiting.wait(timeout: deadline - now)
            if let problem = kernel.problem(of: socket) { throw problem }
            if waiting.events(at: place).isEmpty { continue }
            let reply: [UInt8]
            do throws(Errno) { reply = try kernel.read(socket, limit: NameRow.replySizeLimit) } catch {
                // One that was damaged on its way is dropped as it is read (BUGS in select(2)).
                if error == .again { continue }
                throw error
            }
            if reply.count > 1, reply[0] == question[0], reply[1] == question[1] { return reply }
        }
    }

    private var servers: [[UInt8]] {
        let (path, keyword): (Text, Text) = ("/etc/resolv.conf", "nameserver")
        guard let file = try? kernel.open(root + path.bytes, .read), let content = try? kernel.read(file, limit: 8_192) else { return [] }
        var servers: [[UInt8]] = []
        for line in content.split(separator: 10) where line.starts(with: keyword.bytes) {
            var server: [UInt8] = []
            // One with a zone (fe80::1%eth0) is not asked: its address alone says too little.
            if let next = line.dropFirst(keyword.bytes.count).first, next > 32 || line.contains(37) { continue }
            for byte in line.dropFirst(keyword.bytes.count) {
                if byte > 32 { server.append(byte) } else if !server.isEmpty { break }
            }
            if !server.isEmpty, servers.count < Self.serverCountLimit, server.count < NameRow.serverSizeLimit { servers.append(server) }
        }
        return servers
    }
}
