import Foundation
import Glibc
import Testing

@Suite("A tunnel through the door", .timeLimit(.minutes(10)))
struct TunnelTests {
    private let device = Workplace.device

    /// A server on loopback that sends back what it gets, in capitals, and closes when its client has no more to send.
    private final class Server {
        let port: Int
        private let process = Process()

        init() throws {
            let output = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
            let program = """
                import socketserver, sys
                class Handler(socketserver.BaseRequestHandler):
                    def handle(self):
                        while data := self.request.recv(65536):
                            self.request.sendall(data.upper())
                server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
                server.daemon_threads = True
                print(server.server_address[1], flush=True)
                server.serve_forever()
                """
            process.arguments = ["-c", program]
            process.standardOutput = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            guard let port = Int(line.trimmingCharacters(in: .newlines)) else { throw Scratch.Failure(description: "no port: \(line)") }
            self.port = port
        }

        deinit { kill(process.processIdentifier, SIGKILL) }
    }

    /// The controller while it keeps a tunnel open.
    private final class Tunnel {
        let port: Int
        private let process = Process()
        private let output = Pipe()

        init(_ place: Workplace, _ target: String) throws {
            process.executableURL = URL(fileURLWithPath: Program.rollcall)
            process.arguments = ["tunnel", Workplace.device, "0:" + target]
            process.environment = place.environment
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
            guard line.hasPrefix("127.0.0.1:"), let port = Int(line.dropFirst(10).prefix { $0.isNumber }) else {
                throw Scratch.Failure(description: "the tunnel is not open: \(line)")
            }
            self.port = port
        }

        /// Ends it as Control-C does; everything it said, and its exit status.
        ///
        /// - Parameter words: What it says before, `count` times: who was connected hears of the end sooner. After 20 s it is ended all the same.
        func end(saying words: String = "", count: Int = 1) -> (said: String, exit: Int32) {
            let ending = DispatchWorkItem { [pid = process.processIdentifier] in kill(pid, SIGINT) }
            DispatchQueue.global().asyncAfter(deadline: .now() + 20, execute: ending)
            var said = ""
            while !words.isEmpty, said.components(separatedBy: words).count <= count {
                let piece = output.fileHandleForReading.availableData
                if piece.isEmpty { break }
                said += String(decoding: piece, as: UTF8.self)
            }
            ending.cancel()
            kill(process.processIdentifier, SIGINT)
            let (rest, exit) = wait()
            return (said + rest, exit)
        }

        /// Lets it end by itself.
        func wait() -> (said: String, exit: Int32) {
            let said = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            return (said, process.terminationStatus)
        }

        deinit { if process.isRunning { kill(process.processIdentifier, SIGKILL) } }
    }

    /// What comes back where `text` is sent through a port; many at once and far more than any window.
    private func echo(_ place: Workplace, port: Int, count: Int, bytes: Int) async throws -> String {
        let program = """
            import socket, sys, threading
            port, count, size = map(int, sys.argv[1:])
            def talk(number, results):
                s = socket.create_connection(("127.0.0.1", port))
                sent = bytes(97 + (number + i) % 26 for i in range(size))
                threading.Thread(target=lambda: (s.sendall(sent), s.shutdown(socket.SHUT_WR))).start()
                got = b""
                while data := s.recv(65536): got += data
                results[number] = got == sent.upper()
            results = [None] * count
            threads = [threading.Thread(target=talk, args=(n, results)) for n in range(count)]
            for t in threads: t.start()
            for t in threads: t.join()
            print(results)
            """
        return try await Program.must("/usr/bin/python3", ["-c", program, "\(port)", "\(count)", "\(bytes)"], in: place.folder)
    }

    @Test("connections carry bytes both ways, several at once, each on both records; Control-C ends it in good order")
    func carries() async throws {
        let server = try Server()
        try await Workplace.with { place in
            let target = "127.0.0.1:\(server.port)"
            let daemon = try await DeviceDaemon(place, agent: "tunnel 192.0.2.1:80\ntunnel \(target)\n")
            let tunnel = try Tunnel(place, target)
            #expect(try await echo(place, port: tunnel.port, count: 3, bytes: 300_000) == "[True, True, True]\n")
            #expect(try await echo(place, port: tunnel.port, count: 1, bytes: 0) == "[True]\n")
            let (said, exit) = tunnel.end(saying: "a connection ended", count: 4)
            #expect(exit == 0, "\(said)")
            #expect(said.components(separatedBy: "a connection ended: 600000 bytes").count == 4, "\(said)")
            let entries = try await place.newEntries().filter { $0.kind.hasPrefix("stream.") }
            #expect(entries.count == 8 && entries.allSatisfy { $0.subject == "tunnel \(target)" })
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("a connection that is open when it ends is ended too, and both records say so")
    func cutOff() async throws {
        let server = try Server()
        try await Workplace.with { place in
            let target = "127.0.0.1:\(server.port)"
            let daemon = try await DeviceDaemon(place, agent: "tunnel \(target)\n")
            let tunnel = try Tunnel(place, target)
            let client = try await Program.must(
                "/bin/bash", ["-c", "exec 5<>/dev/tcp/127.0.0.1/\(tunnel.port); echo hello >&5; head -n 1 <&5"], in: place.folder)
            #expect(client == "HELLO\n")
            let open = Process()
            open.executableURL = URL(fileURLWithPath: "/bin/bash")
            let reply = Pipe()
            open.arguments = ["-c", "exec 5<>/dev/tcp/127.0.0.1/\(tunnel.port); echo more >&5; cat <&5"]
            open.standardOutput = reply
            try open.run()
            #expect(String(decoding: reply.fileHandleForReading.availableData, as: UTF8.self) == "MORE\n")
            let (said, exit) = tunnel.end()
            #expect(exit == 0, "\(said)")
            open.waitUntilExit()
            try await place.expectRecordsAgree()
            withExtendedLifetime(daemon) {}
        }
    }

    @Test("only what agent.conf lists is reached, only with the role shell, and the owner can shut it")
    func refused() async throws {
        let server = try Server()
        try await Workplace.with { place in
            let target = "127.0.0.1:\(server.port)"
            let daemon = try await DeviceDaemon(place, agent: "tunnel \(target)\ntunnel 127.0.0.1:1\n")
            // What is not allowed ends it; a host that is not there may come.
            for (asked, rule, status) in [("127.0.0.1:\(server.port + 1)", "path", 79), ("127.0.0.1:1", "tunnel", 0)] {
                let tunnel = try Tunnel(place, asked)
                _ = try await echo(place, port: tunnel.port, count: 1, bytes: 0)
                let (said, exit) = status == 0 ? tunnel.end(saying: "refused") : tunnel.wait()
                #expect(said.contains("refused (\(rule))") && exit == status, "\(asked): \(exit) \(said)")
            }
            try Scratch.write("tunnel off\n", to: daemon.root + "/etc/rollcall/owner.conf")
            let tunnel = try Tunnel(place, target)
            _ = try await echo(place, port: tunnel.port, count: 1, bytes: 0)
            #expect(tunnel.wait().said.contains("refused (owner)"))
            try place.stand("exec \(Program.agent) serve --operator alice --role repair --root-dir \(daemon.root)\n")
            let weak = try await place.rollcall("tunnel", device, "0:" + target)
            #expect(weak.exit == 79 && weak.output.isEmpty && weak.error.contains("takes the role shell"), "\(weak.output)\(weak.error)")
            try await place.expectFailure(["tunnel", device, "80"], exit: 64, kind: "usage", says: "8080:192.0.2.7:80")
            try await place.expectRecordsAgree()
        }
    }
}
