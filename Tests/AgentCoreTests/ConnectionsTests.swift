import AgentCore
import Catalogue
import Foundation
import Glibc
import Testing
import Wire

@Suite("The reader connect")
struct ConnectionsTests {
    /// An address that no other test of this run has.
    private let address = "127.55.\(UInt8.random(in: 1...250)).\(UInt8.random(in: 1...250))"

    private func ask(_ binary: AgentBinary, _ scratch: Scratch, _ targets: [Text], sockets: Bool = true) throws -> [ConnectionRow] {
        try scratch.install([
            ProbeDefinition(
                id: "probe", impact: .observe, source: .connect(targets), timeLimit: 1_200, mayUseNetwork: true, mayUseLocalSockets: sockets
            )
        ])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        #expect(end.done?.ending == .exited && end.done?.code == 0)
        var reader = CBORReader(output)
        var rows: [ConnectionRow] = []
        while !reader.isAtEnd { rows.append(try ConnectionRow(&reader)) }
        try #require(rows.map { Text($0.target) } == targets)
        return rows
    }

    @Test("each address gets its row: taken, refused, without an answer, or none", arguments: AgentBinary.all)
    func addresses(_ binary: AgentBinary) throws {
        let taking = try LoopbackListener(address: address, port: 8_001, room: 8)
        let full = try LoopbackListener(address: address, port: 8_002, room: 0)
        full.fill()
        let start = ContinuousClock.now
        let rows = try ask(
            binary, try Scratch(),
            [
                Text("\(address):8002"), Text("\(address):8001"), Text("\(address):8003"), "1.2.3:80", "[::1]:1", Text("[\(address)]:8001"),
            ])
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(rows.map(\.status).enumerated().filter { $0.offset != 4 }.map(\.element) == [110, 0, 111, 22, 0])
        // Nothing listens there; a machine without IPv6 says so: EAFNOSUPPORT, EADDRNOTAVAIL.
        #expect([111, 97, 99].contains(rows[4].status))
        // The one that is silent holds up no other, and all of them together have three quarters of the time.
        #expect((900_000..<1_200_000).contains(rows[0].duration))
        #expect(rows.dropFirst().allSatisfy { $0.duration < 500_000 })
        // No byte was sent, and the connection is closed.
        #expect(taking.bytesOfNext() == [] && taking.bytesOfNext() == [])
    }

    @Test("each Unix socket gets its row: taken, stale, without room, absent, closed to others", arguments: AgentBinary.all)
    func sockets(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        for name in ["taking", "stale", "full", "closed"] { try scratch.write("run/\(name)/x", "") }
        let path = { (name: String) in scratch.root + Array("/run/\(name)/s".utf8) }
        let kernel = Kernel()
        let (taking, full, closed) = (try kernel.listen(path("taking")), try kernel.listen(path("full")), try kernel.listen(path("closed")))
        _ = try kernel.listen(path("stale"))
        #expect(chmod(String(decoding: path("closed"), as: UTF8.self), 0) == 0)
        #expect(chmod(scratch.url("run/taking/x").path(), 0o666) == 0)
        var waiting: [Descriptor] = []
        // As many as rc_listen has room for, and one.
        for _ in 0..<17 { waiting.append(try kernel.connect(path("full"))) }
        let targets: [Text] = ["/run/full/s", "/run/taking/s", "/run/stale/s", "/run/absent", "/run/closed/s", "/run/taking/x"]
        let rows = try ask(binary, scratch, targets)
        #expect(rows.map(\.status) == [11, 0, 111, 2, 13, 111])
        let connection = try kernel.accept(taking).connection
        #expect(try kernel.read(connection, limit: 16) == [])
        // A manifest that does not open Unix sockets: EAFNOSUPPORT.
        if kernel.sandbox.contains(.systemCalls) {
            #expect(try ask(binary, scratch, ["/run/taking/s"], sockets: false).map(\.status) == [97])
        }
        withExtendedLifetime((taking, full, closed, waiting)) {}
    }
}

/// A TCP socket on loopback that takes connections only when it is told to.
private final class LoopbackListener {
    private let number: Int32
    private var clients: [Int32] = []
    private var address = sockaddr_in()

    /// Listens with a queue for `room` connections, and one.
    init(address text: String, port: UInt16, room: Int32) throws {
        number = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, text, &address.sin_addr)
        let number = number
        try #require(withAddress { bind(number, $0, $1) == 0 && listen(number, room) == 0 })
    }

    deinit { for number in clients + [number] { close(number) } }

    private func withAddress<T>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> T) -> T {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(MemoryLayout<sockaddr_in>.size)) }
        }
    }

    /// Connects until the queue has no room: the kernel answers no further one.
    func fill() {
        for _ in 0..<3 {
            let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
            clients.append(client)
            _ = withAddress { connect(client, $0, $1) }
        }
    }

    /// All that came over the next connection until its end; nil for an error.
    func bytesOfNext() -> [UInt8]? {
        let connection = accept(number, nil, nil)
        defer { close(connection) }
        var buffer = [UInt8](repeating: 0, count: 64)
        let count = read(connection, &buffer, buffer.count)
        return count < 0 ? nil : Array(buffer[..<count])
    }
}
