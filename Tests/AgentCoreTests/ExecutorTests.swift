import AgentCore
import Catalogue
import Foundation
import Testing
import Wire

/// Each test runs with both builds of the program, because only a process of its own can adopt strays.
@Suite("The executor")
struct ExecutorTests {
    private func agent(_ binary: AgentBinary, _ probe: ProbeDefinition) throws -> (AgentProcess, Scratch) {
        let scratch = try Scratch()
        try scratch.install([probe])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        return (agent, scratch)
    }

    private func ask(_ binary: AgentBinary, _ probe: ProbeDefinition) throws -> (output: [UInt8], done: Done) {
        let (agent, _) = try agent(binary, probe)
        let (output, end) = try agent.run(probe.id)
        return (output, try #require(end.done))
    }

    private func shell(_ script: Text, timeLimit: UInt64 = 5_000, outputLimit: UInt64 = 65_536) -> ProbeDefinition {
        Catalogues.program("probe", ["/bin/sh", "-c", script], timeLimit: timeLimit, outputLimit: outputLimit)
    }

    @Test("an exit status is told", arguments: AgentBinary.all)
    func exitStatus(_ binary: AgentBinary) throws {
        let (output, done) = try ask(binary, shell("echo out; echo err >&2; exit 3"))
        #expect(done.ending == .exited && done.code == 3)
        #expect(done.sentByteCount == 8 && output.count == 8)
    }

    @Test("a signal is told", arguments: AgentBinary.all)
    func signal(_ binary: AgentBinary) throws {
        let (_, done) = try ask(binary, shell("kill -11 $$"))
        #expect(done.ending == .signalled && done.code == 11)
    }

    @Test("a program that is not there is not started, and errno says why", arguments: AgentBinary.all)
    func execFailure(_ binary: AgentBinary) throws {
        let (_, done) = try ask(binary, Catalogues.program("probe", ["/nonexistent/program"]))
        #expect(done.ending == .notStarted && done.code == 2)
    }

    @Test("no shell and no option reads an argument: it arrives as it is", arguments: AgentBinary.all)
    func arguments(_ binary: AgentBinary) throws {
        let (output, _) = try ask(binary, Catalogues.program("probe", ["/usr/bin/printf", "%s|", "$(id)", "a b", "-n", "*", ""]))
        #expect(String(decoding: output, as: UTF8.self) == "$(id)|a b|-n|*||")
    }

    @Test("the environment is empty, the directory is the root, nothing but the standard streams is open", arguments: AgentBinary.all)
    func surroundings(_ binary: AgentBinary) throws {
        let (environment, _) = try ask(binary, Catalogues.program("probe", ["/usr/bin/env"]))
        #expect(environment.isEmpty)
        let script: Text = "readlink /proc/self/cwd; readlink /proc/$$/fd/0; ls /proc/$$/fd; grep NoNewPrivs /proc/self/status; umask"
        let (output, done) = try ask(binary, shell(script))
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines == ["/", "/dev/null", "0", "1", "2", "NoNewPrivs:\t1", "0077"])
        #expect(done.measures.contains([.isolatedProcess, .noNewPrivileges, .resourceLimits, .lowPriority]))
    }

    @Test("as root the program changes user and has no network", .enabled(if: getuid() == 0, "needs root"), arguments: AgentBinary.all)
    func privileges(_ binary: AgentBinary) throws {
        let (output, done) = try ask(binary, shell("id -u; id -G; tail -n +3 /proc/net/dev"))
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        #expect(lines.prefix(2) == ["65534", "65534"])
        #expect(lines.dropFirst(2).allSatisfy { $0.contains("lo:") })
        #expect(done.measures.contains([.user, .noNetwork]))
    }

    @Test("output beyond the limit is cut and counted", arguments: AgentBinary.all)
    func outputLimit(_ binary: AgentBinary) throws {
        let (output, done) = try ask(binary, Catalogues.program("probe", ["/usr/bin/head", "-c", "5000", "/dev/zero"], outputLimit: 1_000))
        #expect(output.count == 1_000 && done.sentByteCount == 1_000)
        #expect(done.cutByteCount == 4_000)
        #expect(done.ending == .exited && done.code == 0)
    }

    @Test("a program that floods is ended", arguments: AgentBinary.all)
    func flood(_ binary: AgentBinary) throws {
        let (output, done) = try ask(
            binary, Catalogues.program("probe", ["/bin/cat", "/dev/zero"], timeLimit: 60_000, outputLimit: 10_000))
        #expect(output.count == 10_000)
        #expect(done.ending == .signalled && done.code == 9)
        #expect(done.cutByteCount > 160_000)
        #expect(done.note.string.contains("16 times"))
    }

    @Test("a time-out ends the whole tree, a double-forked stray in a session of its own included", arguments: AgentBinary.all)
    func timeOut(_ binary: AgentBinary) throws {
        let script: Text = "(setsid /bin/sh -c 'echo $$; exec sleep 300' &) ; sleep 300 & echo $!; sleep 300"
        let (agent, _) = try agent(binary, shell(script, timeLimit: 400))
        let (output, end) = try agent.run("probe")
        let done = try #require(end.done)
        #expect(done.ending == .timedOut)
        #expect(done.duration >= 400_000 && done.duration < 3_000_000)
        let pids = String(decoding: output, as: UTF8.self).split(separator: "\n").compactMap { Int32($0) }
        #expect(pids.count == 2)
        for pid in pids { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
        // And the agent still answers.
        #expect(try agent.run("probe", request: 2).end.done?.ending == .timedOut)
    }

    @Test("what a program leaves behind at its own end is ended too", arguments: AgentBinary.all)
    func leftBehind(_ binary: AgentBinary) throws {
        let (output, done) = try ask(binary, shell("setsid sleep 300 & echo $!"))
        #expect(done.ending == .exited && done.duration < 3_000_000)
        let pid = try #require(Int32(String(decoding: output, as: UTF8.self).trimmingCharacters(in: .newlines)))
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
    }

    @Test("answers of a slow and a quick request come as they finish", arguments: AgentBinary.all)
    func concurrency(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.install([
            Catalogues.program("quick", ["/bin/echo", "x"]), Catalogues.program("slow", ["/bin/sleep", "30"], timeLimit: 300),
        ])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        try agent.say(.run(Run(request: 1, probe: "slow")))
        try agent.say(.run(Run(request: 2, probe: "quick")))
        #expect(try agent.answer().end.done?.request == 2)
        #expect(try agent.answer().end.done?.request == 1)
    }

    @Test("the controller's end ends what runs, and the agent goes", arguments: AgentBinary.all)
    func controllerGone(_ binary: AgentBinary) throws {
        let (agent, scratch) = try agent(binary, shell("echo $$; sleep 300", timeLimit: 600_000))
        try agent.say(.run(Run(request: 1, probe: "probe")))
        guard case .chunk(let chunk)? = try agent.hear() else { throw Errno.invalid }
        try agent.closeInput()
        agent.process.waitUntilExit()
        let pid = try #require(Int32(String(decoding: chunk.bytes, as: UTF8.self).trimmingCharacters(in: .newlines)))
        #expect(kill(pid, 0) == -1 && errno == ESRCH)
        let log = try AgentProcess(binary, ["log", "--root-dir", scratch.path]).rest()
        #expect(log.contains("session.closed  lost"))
        #expect(log.contains("probe.answered  probe  cancelled"))
    }

    @Test("files: regular files only, links, FIFOs and directories say why not", arguments: AgentBinary.all)
    func files(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.write("data/a.txt", "alpha")
        try scratch.write("data/b.txt", "")
        try scratch.write("data/.hidden.txt", "no")
        try scratch.write("data/sub/c.conf", "gamma")
        mkfifo(scratch.url("data/fifo.txt").path, 0o644)
        try FileManager.default.createSymbolicLink(atPath: scratch.url("data/link.txt").path, withDestinationPath: "a.txt")
        try FileManager.default.createSymbolicLink(atPath: scratch.url("linked").path, withDestinationPath: "data")
        for name in ["data", "data/sub"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.url(name).path)
        }
        let patterns: [Text] = ["/data/*.txt", "/data/*/c*f", "/data/sub", "/missing", "/linked/a.txt", "/none/*"]
        try scratch.install([ProbeDefinition(id: "probe", impact: .observe, source: .files(patterns))])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        #expect(end.done?.ending == .exited && end.done?.code == 0 && end.done?.cutByteCount == 0)
        var reader = CBORReader(output)
        var rows: [String] = []
        while !reader.isAtEnd {
            let row = try FileRow(&reader)
            rows.append("\(Text(row.path).string) \(row.status) \(Text(row.content).string)")
        }
        #expect(
            rows == [
                "/data/a.txt 0 alpha", "/data/b.txt 0 ", "/data/fifo.txt 22 ", "/data/link.txt 40 ", "/data/sub/c.conf 0 gamma",
                "/data/sub 21 ", "/missing 2 ", "/linked/a.txt 40 ",
            ])
    }

    @Test("files: what is beyond the limit is counted, and rows stay whole", arguments: AgentBinary.all)
    func filesLimit(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.write("data/a", [UInt8](repeating: 65, count: 3_000))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.url("data").path)
        try scratch.install([ProbeDefinition(id: "probe", impact: .observe, source: .files(["/data/a"]), outputLimit: 1_000)])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        var reader = CBORReader(output)
        let row = try FileRow(&reader)
        #expect(reader.isAtEnd && output.count <= 1_000 && row.content.count > 900)
        #expect(end.done?.cutByteCount == UInt64(3_000 - row.content.count))
    }

    @Test("stat: what stands there is told and not followed, and nothing is opened", arguments: AgentBinary.all)
    func stat(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.write("data/a", "alpha")
        #expect(mkfifo(scratch.url("data/b").path, 0o600) == 0)
        try FileManager.default.createSymbolicLink(atPath: scratch.url("data/c").path, withDestinationPath: "a")
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: scratch.url("data/a").path)
        try FileManager.default.setAttributes([.posixPermissions: 0o1755], ofItemAtPath: scratch.url("data").path)
        try scratch.install([ProbeDefinition(id: "probe", impact: .observe, source: .stat(["/data", "/data/*", "/missing", "/none/*"]))])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        #expect(end.done?.ending == .exited && end.done?.cutByteCount == 0)
        var reader = CBORReader(output)
        var rows: [StatusRow] = []
        while !reader.isAtEnd { rows.append(try StatusRow(&reader)) }
        #expect(rows.map { Text($0.path).string } == ["/data", "/data/a", "/data/b", "/data/c", "/missing"])
        #expect(rows.map(\.type) == [4, 8, 1, 10, 0] && rows.map(\.status) == [0, 0, 0, 0, 2])
        #expect(rows[0].mode == 0o1755 && rows[1].mode == 0o640 && rows[1].size == 5)
        var expected = Glibc.stat()
        #expect(lstat(scratch.url("data/a").path, &expected) == 0)
        #expect(rows[1].user == UInt64(expected.st_uid) && rows[1].group == UInt64(expected.st_gid) && rows[1].device == expected.st_dev)
        #expect(rows[1].changedAt / 1_000_000 == UInt64(expected.st_mtim.tv_sec) && rows[1].links == 1)
    }

    @Test("clock: the machine's time and how well it is kept", arguments: AgentBinary.all)
    func clock(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.install([ProbeDefinition(id: "probe", impact: .observe, source: .clock)])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        #expect(end.done?.ending == .exited)
        var reader = CBORReader(output)
        let row = try ClockRow(&reader)
        #expect(reader.isAtEnd)
        #expect(abs(Double(row.time) / 1_000_000 - Date().timeIntervalSince1970) < 60)
        let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8).split(separator: " ").first.flatMap { Double($0) }
        #expect(abs(Double(row.uptime) / 1_000_000 - (uptime ?? 0)) < 60)
    }

    @Test("resolve: each name server is asked by itself, and what another machine sends instead is passed over", arguments: AgentBinary.all)
    func resolve(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        // Every binary has its own: the port is the same.
        let address = "127.53.\(UInt8.random(in: 1...250)).\(UInt8.random(in: 1...250))"
        try scratch.write(
            "etc/resolv.conf",
            "# ours\nsearch example\nnameserver\nnameserverx 127.0.0.8\nnameserver fe80::1%lo\n"
                + "nameserver \(address)\nnameserver\t127.52.0.1 \nnameserver x\nnameserver 127.0.0.9\n")
        let server = try LoopbackSocket(address: address, port: 53)
        server.answerQuestions(2) { question in [[0], [question[0] ^ 1, question[1], 0x81, 0x80], question.prefix(2) + [0x81, 0x83]] }
        try scratch.install([
            ProbeDefinition(
                id: "probe", impact: .observe, source: .resolve(["a.example"]), timeLimit: 8_000, mayUseNetwork: true)
        ])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("probe")
        #expect(end.done?.ending == .exited && end.done?.code == 0)
        let rows = try nameRows(output)
        #expect(
            rows.map { String(decoding: $0.server, as: UTF8.self) } == [
                address, address, "127.52.0.1", "127.52.0.1", "x", "x",
            ])
        #expect(rows.map(\.type) == [1, 28, 1, 28, 1, 28])
        #expect(rows.map(\.status) == [0, 0, 111, 111, 22, 22])
        #expect(rows[0].reply.suffix(2) == [0x81, 0x83] && rows[0].reply.count == 4)
        let question = server.questions
        #expect(
            question.count == 2
                && Array(question[0].dropFirst(2)) == [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 97, 7] + Array("example".utf8) + [0, 0, 1, 0, 1])
        #expect(question[1].suffix(4) == [0, 28, 0, 1])
    }

    private func nameRows(_ output: [UInt8]) throws -> [NameRow] {
        var reader = CBORReader(output)
        var rows: [NameRow] = []
        while !reader.isAtEnd { rows.append(try NameRow(&reader)) }
        return rows
    }

    @Test("statfs: every mount of the table gets its row", arguments: AgentBinary.all)
    func mounts(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.write("with space/x", "")
        try scratch.write(
            "proc/self/mounts",
            "/dev/root / ext4 rw,relatime 0 0\n/dev/sdb /with\\040space vfat ro 0 0\n/dev/sdc /gone ext4 rw 0 0\nauto /auto autofs rw 0 0\n"
        )
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.url("with space").path)
        try scratch.install([ProbeDefinition(id: "storage.space", impact: .observe, source: .statfs)])
        let agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
        let (output, end) = try agent.run("storage.space")
        #expect(end.done?.ending == .exited)
        var reader = CBORReader(output)
        let rows = [try MountRow(&reader), try MountRow(&reader), try MountRow(&reader)]
        try reader.end()
        #expect(rows.map { Text($0.mount).string } == ["/", "/with space", "/gone"])
        #expect(rows.map { $0.status } == [0, 0, 2])
        #expect(rows[0].blocks > 0 && rows[0].blockSize > 0 && rows[0].availableBlocks <= rows[0].freeBlocks)
        #expect(Text(rows[1].options).string == "ro" && Text(rows[1].type).string == "vfat")
    }
}
