import AgentCore
import Catalogue
import Foundation
import Testing
import Wire

@Suite("The daemon and its relay")
struct DaemonTests {
    let echo = Catalogues.program("echo", ["/bin/echo", "hello"])

    @Test("a relay carries a session to the daemon and back", arguments: AgentBinary.all)
    func relay(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let relay = try daemon.relay()
        try relay.open()
        #expect(try relay.run("echo").output == Array("hello\n".utf8))
        try relay.say(.close(Close()))
        guard case .closed? = try relay.hear() else { throw Errno.invalid }
        relay.process.waitUntilExit()
        #expect(relay.process.terminationStatus == 0)
    }

    /// What `serve` and `run` hold open, by what it is.
    private func open(_ process: AgentProcess) throws -> [String] {
        let folder = "/proc/\(process.process.processIdentifier)/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap {
            try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + $0)
        }
    }

    @Test("the daemon has the ends of the SSH channel itself, a relay that is killed ends the session, and nothing stays open")
    func handedOver() async throws {
        for binary in AgentBinary.all {
            let daemon = try Daemon(binary, [echo])
            let relay = try daemon.relay()
            try relay.open()
            let carried = try Set(open(relay)).filter { $0.hasPrefix("pipe:") }
            let held = try carried.intersection(open(daemon.agent))
            #expect(held.count == 2, "\(carried)")
            kill(relay.process.processIdentifier, SIGKILL)
            #expect(try relay.hear() == nil)
            for _ in 0..<200 where try !held.isDisjoint(with: open(daemon.agent)) { try await Task.sleep(for: .milliseconds(10)) }
            #expect(try held.isDisjoint(with: open(daemon.agent)))
            #expect(try daemon.log().contains("session.closed  lost"))
        }
    }

    @Test("what sshd gives as input and output must be streams", arguments: AgentBinary.all)
    func file(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: binary.path)
        process.arguments = ["serve", "--operator", "alice", "--role", "repair", "--root-dir", daemon.scratch.path]
        process.standardInput = FileHandle(forReadingAtPath: "/etc/passwd")
        (process.standardOutput, process.standardError) = (output, FileHandle.nullDevice)
        try process.run()
        var reader = FrameReader()
        reader.append(Array(output.fileHandleForReading.readDataToEndOfFile()))
        process.waitUntilExit()
        #expect(try reader.next().map { try Message(decoding: $0) }?.rule == "no-stream")
        #expect(process.terminationStatus == 64)
    }

    @Test("a peer that hands over a file, one end or too many is dropped, and others are served", arguments: AgentBinary.all)
    func hostilePeer(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let file = Glibc.open("/etc/passwd", O_RDONLY)
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0 && file >= 0)
        defer { for descriptor in [file] + ends { close(descriptor) } }
        let door = Message.door(Door(operatorName: "alice", role: "repair", key: "", connection: "")).frame
        for passed in [[file, file], [ends[0], file], [ends[0]], [ends[0], ends[1], ends[0]]] {
            let peer = try RawPeer(daemon.scratch.url("run/rollcall/agent.sock").path)
            #expect(peer.send(door, passing: passed) == door.count)
            // The hello, and then the end; three of them are two and one that the kernel drops.
            if passed.count == 3 { continue }
            while !peer.read().isEmpty {}
        }
        let pipe = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(ends[0])")
        for _ in 0..<200 where try !Set([pipe, "/etc/passwd"]).isDisjoint(with: open(daemon.agent)) { usleep(10_000) }
        #expect(try Set([pipe, "/etc/passwd"]).isDisjoint(with: open(daemon.agent)))
        let relay = try daemon.relay()
        try relay.open()
        #expect(try relay.run("echo").output == Array("hello\n".utf8))
    }

    @Test("who makes what it handed over wait holds nobody up", arguments: AgentBinary.all)
    func waitingPeer(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        for kind in ["pipes", "socket"] {
            var (input, output): ([Int32], [Int32]) = ([0, 0], [0, 0])
            if kind == "pipes" {
                try #require(pipe(&input) == 0 && pipe(&output) == 0)
            } else {
                try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &input) == 0)
                output = [dup(input[1]), dup(input[0])]
            }
            defer { for descriptor in input + output { close(descriptor) } }
            let peer = try RawPeer(daemon.scratch.url("run/rollcall/agent.sock").path)
            let door = Message.door(Door(operatorName: "alice", role: "repair", key: "", connection: "")).frame
            let open = Message.open(Open(controllerVersion: "t", session: Text("s-" + kind), call: "", operatorName: "", reason: "")).frame
            #expect(peer.send(door + open, passing: [input[0], output[1]]) == door.count + open.count)
            peer.shutdown()
            var room = [UInt8](repeating: 0, count: 4_096)
            #expect(read(output[0], &room, room.count) > 0, "\(kind): it was opened")
            // From now on whoever shares them waits; answers fill what nobody reads.
            for descriptor in [input[0], output[1]] { _ = fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) & ~O_NONBLOCK) }
            _ = fcntl(input[1], F_SETFL, O_NONBLOCK)
            for request in 1...20_000 {
                let run = Message.run(Run(request: UInt64(request), probe: "there-is-none")).frame
                if write(input[1], run, run.count) < run.count { usleep(200) }
            }
            let relay = try daemon.relay()
            try relay.open()
            #expect(try relay.run("echo").output == Array("hello\n".utf8), "\(kind)")
        }
    }

    @Test("who hands nothing over is served at the socket", arguments: AgentBinary.all)
    func withoutRelay(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let peer = try RawPeer(daemon.scratch.url("run/rollcall/agent.sock").path)
        let open = Message.open(Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")).frame
        let door = Message.door(Door(operatorName: "alice", role: "repair", key: "", connection: "")).frame
        #expect(peer.send(door + open, passing: []) == door.count + open.count)
        var reader = FrameReader()
        var kinds: [String] = []
        while kinds.count < 2 {
            if let bytes = try reader.next() {
                kinds.append(String(describing: try Message(decoding: bytes)).prefix { $0 != "(" }.description)
                continue
            }
            let more = peer.read()
            try #require(!more.isEmpty)
            reader.append(more)
        }
        #expect(kinds == ["hello", "opened"])
    }

    @Test("requests whose answers do not fit the output at once are all answered, though nothing more is said", arguments: AgentBinary.all)
    func manyRequests(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let relay = try daemon.relay()
        try relay.open()
        let requests = (UInt64(1)...900).map { Message.run(Run(request: $0, probe: "none")) }
        // One read of the daemon's, and answers beyond what it holds back for a controller.
        try #require(requests.flatMap(\.frame).count < 16_384)
        try relay.say(requests)
        for request in 1...900 {
            guard case .refused(let refused)? = try relay.hear() else { throw Errno.invalid }
            #expect(refused.request == UInt64(request))
        }
    }

    @Test("the first batch may ride in the exec request", arguments: AgentBinary.all)
    func batch(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let open = Message.open(Open(controllerVersion: "t", session: "s", call: "", operatorName: "", reason: "")).frame
        let frames = open + Message.run(Run(request: 1, probe: "echo")).frame
        let command = RollcallProtocol.batchPrefix.string + String(decoding: Base64.encode(frames), as: UTF8.self)
        let relay = try daemon.relay(environment: ["SSH_ORIGINAL_COMMAND": command])
        guard case .hello(let hello)? = try relay.hear(), case .opened(let opened)? = try relay.hear() else { throw Errno.invalid }
        #expect(!hello.isStandalone && opened.operatorName == "alice" && opened.role == "repair")
        #expect(try relay.answer().output == Array("hello\n".utf8))
    }

    @Test("any other command is refused", arguments: AgentBinary.all)
    func command(_ binary: AgentBinary) throws {
        for command in ["id", "rollcall-batch-1:!!", "rollcall-batch-2:AAAA"] {
            let relay = try AgentProcess(
                binary, ["serve", "--operator", "alice", "--role", "repair"], environment: ["SSH_ORIGINAL_COMMAND": command])
            #expect(try relay.hear()?.rule == "command")
            relay.process.waitUntilExit()
            #expect(relay.process.terminationStatus == 64)
        }
    }

    @Test("without a daemon the refusal says so", arguments: AgentBinary.all)
    func down(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        let relay = try AgentProcess(binary, ["serve", "--operator", "a", "--role", "repair", "--root-dir", scratch.path])
        #expect(try relay.hear()?.rule == "agent-down")
    }

    @Test("sixteen sessions at once, and the next is told that it is one too many", arguments: AgentBinary.all)
    func sessions(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        var relays: [AgentProcess] = []
        for _ in 1...16 {
            let relay = try daemon.relay()
            try relay.open()
            relays.append(relay)
        }
        #expect(try daemon.relay().hear()?.rule == "busy")
        for relay in relays { #expect(try relay.run("echo").end.done?.code == 0) }
    }

    @Test("SIGTERM ends sessions in good order and the log says so", arguments: AgentBinary.all)
    func stop(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        let relay = try daemon.relay()
        try relay.open()
        daemon.agent.process.terminate()
        #expect(try relay.hear()?.rule == "stopping")
        daemon.agent.process.waitUntilExit()
        #expect(daemon.agent.process.terminationStatus == 0)
        let log = try AgentProcess(binary, ["log", "--root-dir", daemon.scratch.path]).rest()
        #expect(log.contains("session.closed  agent stopped"))
        #expect(log.contains("operator=alice") && !log.contains("person="))
        try FileManager.default.removeItem(at: daemon.scratch.url("var/lib/rollcall/people"))
        #expect(try daemon.log().contains("person=") && !daemon.log().contains("alice"))
        #expect(!daemon.scratch.exists("run/rollcall/agent.sock"))
    }

    @Test(
        "SIGHUP reads agent.conf anew; with a mistake in it the last good one stays in force, and the daemon names the line",
        arguments: AgentBinary.all)
    func reload(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo]) {
            try $0.write("etc/rollcall/agent.conf", "session-limit 1\n")
            return nil
        }
        let first = try daemon.relay()
        try first.open()
        #expect(try daemon.relay().hear()?.rule == "busy")
        let process = daemon.agent.process.processIdentifier
        try daemon.scratch.write("etc/rollcall/agent.conf", "session-limit 2\nsesion-limit 3\n")
        kill(process, SIGHUP)
        #expect(
            try daemon.journal(lines: 1).last
                == "Line 2 of agent.conf names no setting that this agent knows; correct it. What was in force before stays in force.")
        #expect(try daemon.relay().hear()?.rule == "busy")
        #expect(try first.run("echo").end.done?.code == 0)
        try daemon.scratch.write("etc/rollcall/agent.conf", "session-limit 2\n")
        kill(process, SIGHUP)
        #expect(try daemon.journal(lines: 2).last == "agent.conf was read anew and is in force.")
        let second = try daemon.relay()
        try second.open()
        #expect(try second.run("echo").end.done?.code == 0)
        guard case .refused(let refused)? = try daemon.relay().hear() else { throw Errno.invalid }
        #expect(refused.sentence.string.hasPrefix("2 sessions are open"))
        #expect(try first.run("echo", request: 2).end.done?.code == 0)
    }

    @Test("an agent that serves one controller alone ends with its terminal", arguments: AgentBinary.all)
    func hangUp(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.install([echo])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        kill(agent.process.processIdentifier, SIGHUP)
        #expect(try agent.hear()?.rule == "stopping")
    }

    @Test("two agents never share a state directory", arguments: AgentBinary.all)
    func stateInUse(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo])
        #expect(try AgentProcess.standalone(binary, daemon.scratch).hear()?.rule == "state-in-use")
    }

    @Test("key prints a verifier, check what is missing", arguments: AgentBinary.all)
    func ownerCommands(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        let key = try AgentProcess(binary, ["key", "--root-dir", scratch.path]).rest()
        #expect(key.hasPrefix("rollcall-device/") && key.contains("+"))
        #expect(try AgentProcess(binary, ["key", "--root-dir", scratch.path]).rest() == key)
        let check = try AgentProcess(binary, ["check", "--root-dir", scratch.path])
        let text = check.rest()
        check.process.waitUntilExit()
        #expect(check.process.terminationStatus == 1)
        #expect(!text.contains("roster"))
        try scratch.write("var/lib/rollcall/roster", "not one")
        #expect(try AgentProcess(binary, ["check", "--root-dir", scratch.path]).rest().contains("roster is not one"))
        #expect(text.contains("no user rollcall") && text.contains("no trust file") && text.contains("socket"))
    }

    @Test("a program that closes its output before it exits is answered at once", arguments: AgentBinary.all)
    func closedEarly(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [Catalogues.program("quiet", ["/bin/sh", "-c", "exec 1>&- 2>&-; sleep 0.05"])])
        let relay = try daemon.relay()
        try relay.open()
        try relay.say(.run(Run(request: 1, probe: "quiet")))
        let done = try #require(try relay.answer().end.done)
        #expect(done.ending == .exited)
        // The grace given to strays is a second; this must not wait for it.
        #expect(done.duration < 900_000)
    }

    @Test("the Embedded daemon and a relay with a session take at most 600 KiB of memory together")
    func memory() throws {
        guard let binary = AgentBinary.embedded else {
            print("ROLLCALL_AGENT does not name the Embedded build: its memory was not measured")
            return
        }
        let daemon = try Daemon(binary, (0..<45).map { Catalogues.program(Text("probe-\(text($0))"), ["/bin/echo", "hello"]) })
        let relay = try daemon.relay()
        try relay.open()
        for probe in 0..<45 { try relay.say(.run(Run(request: UInt64(probe + 1), probe: Text("probe-\(text(probe))")))) }
        for _ in 0..<45 { #expect(try relay.answer().end.done?.code == 0) }
        let (daemonSize, relaySize) = (try pss(daemon.agent), try pss(relay))
        #expect(daemonSize + relaySize <= 600, "\(daemonSize) KiB + \(relaySize) KiB")
        let size = try FileManager.default.attributesOfItem(atPath: binary.path)[.size] as? Int
        #expect(try #require(size) <= 400 * 1_024)
    }

    private func pss(_ agent: AgentProcess) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(agent.process.processIdentifier)/smaps_rollup", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix("Pss:") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) })
    }

    private func text(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    @Test("a second daemon never takes the socket of the first, though no lock could be put on the state", arguments: AgentBinary.all)
    func secondDaemon(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [echo]) { scratch in
            try FileManager.default.createDirectory(at: scratch.url("var/lib/rollcall/lock"), withIntermediateDirectories: true)
            return nil
        }
        let second = try AgentProcess(binary, ["run", "--root-dir", daemon.scratch.path])
        second.process.waitUntilExit()
        #expect(second.process.terminationStatus == 69)
        let relay = try daemon.relay()
        try relay.open()
        #expect(try relay.run("echo").output == Array("hello\n".utf8))
    }
}
