import AgentCore
import CLinux
import Catalogue
import Foundation
import LedgerCore
import Synchronization
import Testing
import Wire

/// What the kernel of this machine has of the sandbox.
private enum Here {
    static let isRoot = getuid() == 0
    static let measures = Kernel().sandbox
    static let hasLandlock = measures.contains(.landlock)
    static let hasFilters = measures.contains(.systemCalls)
    /// Landlock keeps signals in from its version 6 on, which came with Linux 6.12.
    static var keepsSignals: Bool {
        let version = ProcessInfo.processInfo.operatingSystemVersion
        return hasLandlock && (version.majorVersion, version.minorVersion) >= (6, 12)
    }
}

/// A device for one escape, and what tries it.
private struct Prison {
    let scratch: Scratch
    let agent: AgentProcess
    private static let count = Mutex(0)

    init(_ binary: AgentBinary, _ probes: [ProbeDefinition]) throws {
        try self.init(binary, probes, in: try Scratch())
    }

    init(_ binary: AgentBinary, _ probes: [ProbeDefinition], in scratch: Scratch) throws {
        self.scratch = scratch
        // A user of its own, whose processes are counted apart from those of other tests.
        let user =
            60_000
            + Self.count.withLock { count in
                count += 1
                return count
            }
        try scratch.write("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:\(user):65534::/:/bin/false\n")
        try scratch.install(probes)
        agent = try AgentProcess.standalone(binary, scratch)
        try agent.open()
    }

    func run(_ probe: Text = "probe", request: UInt64 = 1) throws -> (lines: [String], done: Done) {
        let (output, end) = try agent.run(probe, request: request)
        let lines = String(decoding: output, as: UTF8.self).split(separator: "\n").map(String.init)
        return (lines, try #require(end.done, "\(end)"))
    }

    /// A directory of the scratch that anybody may write to, with a file in it that anybody may write to.
    static func openDirectory(_ name: String, in scratch: Scratch) throws -> String {
        try scratch.write(name + "/file", "untouched")
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.url(name).path)
        try FileManager.default.setAttributes([.posixPermissions: 0o666], ofItemAtPath: scratch.url(name + "/file").path)
        return scratch.url(name).path
    }
}

private func program(
    _ line: [Text], impact: Impact = .observe, user: Text = "nobody", timeLimit: UInt64 = 10_000, network: Bool = false,
    localSockets: Bool = false, writable: [String] = []
) -> ProbeDefinition {
    ProbeDefinition(
        id: "probe", impact: impact, source: .run(line.map { .literal($0) }), timeLimit: timeLimit, user: user, mayUseNetwork: network,
        mayUseLocalSockets: localSockets, writable: writable.map { Text($0) })
}

private func shell(
    _ script: String, impact: Impact = .observe, user: Text = "nobody", timeLimit: UInt64 = 10_000, localSockets: Bool = false,
    writable: [String] = []
) -> ProbeDefinition {
    program(
        ["/bin/sh", "-c", Text(script)], impact: impact, user: user, timeLimit: timeLimit, localSockets: localSockets,
        writable: writable)
}

/// Each escape is aimed at the test's own agent and scratch directory and is bounded by itself, never at everything (`kill -1`, a bomb
/// without end): a test must not harm the machine on the day it is red.
///
/// Each test tries to get out, as a program that a catalogue names and that means ill would.
@Suite("The sandbox", .enabled(if: Here.isRoot, "needs root, as the agent of a device has it"))
struct SandboxTests {
    // MARK: Files

    /// Every way to leave something behind in `$1`; each says its name where it worked.
    private static let writes = """
        d=%; cd $d
        (echo x > $d/new) 2>/dev/null && echo create
        (echo x > $d/file) 2>/dev/null && echo overwrite
        (echo x >> $d/file) 2>/dev/null && echo append
        mkdir $d/sub 2>/dev/null && echo mkdir
        ln -s /etc/passwd $d/link 2>/dev/null && echo symlink
        ln $d/file $d/hard 2>/dev/null && echo link
        mkfifo $d/fifo 2>/dev/null && echo mkfifo
        mv $d/file $d/moved 2>/dev/null && echo rename
        rm $d/file 2>/dev/null && echo remove
        perl -e 'truncate($ARGV[0], 0) and print "truncate\\n"' $d/file
        perl -e 'open(F, "+<", $ARGV[0]) and print "open\\n"' $d/file
        """
    /// What only an owner may do.
    private static let attributes = """

        chmod 600 $d/file 2>/dev/null && echo chmod
        chown 1 $d/file 2>/dev/null && echo chown
        touch -d 2001-01-01 $d/file 2>/dev/null && echo touch
        perl -e '($f, $n, $v) = ($ARGV[0], "user.x", "y"); syscall(188, $f, $n, $v, 1, 0) == 0 and print "setxattr\\n"' $d/file
        """

    @Test(
        "a probe that observes writes nowhere, not even where anybody may", .enabled(if: Here.hasLandlock, "the kernel has no Landlock"),
        arguments: AgentBinary.all, ["nobody", "root"] as [Text])
    func writing(_ binary: AgentBinary, _ user: Text) throws {
        let scratch = try Scratch()
        let open = try Prison.openDirectory("open", in: scratch)
        let script = (Self.writes + Self.attributes).replacingOccurrences(of: "%", with: open) + "\necho x > /dev/null && echo null"
        let elsewhere =
            "\nfor d in /tmp /var/tmp /dev/shm /run; do (echo x > $d/rollcall-escape-$$) 2>/dev/null && echo $d && rm $d/rollcall-escape-$$; done\ntrue"
        let (lines, done) = try Prison(binary, [shell(script + elsewhere, user: user)], in: scratch).run()
        #expect(lines == ["null"])
        #expect(done.ending == .exited && done.code == 0 && done.measures.contains([.landlock, .systemCalls]))
        #expect(try scratch.read("open/file") == Array("untouched".utf8))
        #expect(try FileManager.default.contentsOfDirectory(atPath: open) == ["file"])
    }

    @Test(
        "a change writes where its manifest says and nowhere else, whatever links are planted",
        .enabled(if: Here.hasLandlock, "the kernel has no Landlock"), arguments: AgentBinary.all)
    func writingWhereItMay(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        let (inside, outside) = (try Prison.openDirectory("inside", in: scratch), try Prison.openDirectory("outside", in: scratch))
        try FileManager.default.createSymbolicLink(atPath: inside + "/planted", withDestinationPath: outside + "/file")
        try FileManager.default.createSymbolicLink(atPath: scratch.url("linked").path, withDestinationPath: outside)
        let script = """
            cd \(inside) && echo x > new && mkdir a b && echo y > a/file && mv a/file b/file && chmod 700 b && rm new && echo worked
            (echo x > \(inside)/planted) 2>/dev/null && echo planted
            (echo x > \(outside)/file) 2>/dev/null && echo outside
            (echo x > \(scratch.path)/linked/file) 2>/dev/null && echo linked
            mv \(outside)/file \(inside)/stolen 2>/dev/null && echo moved
            true
            """
        let writable = [inside, scratch.url("linked").path, "/nonexistent"]
        let (lines, _) = try Prison(binary, [shell(script, impact: .change, user: "root", writable: writable)], in: scratch).run()
        #expect(lines == ["worked"])
        #expect(try scratch.read("outside/file") == Array("untouched".utf8))
    }

    @Test(
        "the agent's key and ledger are read and written by no probe, root's included", arguments: AgentBinary.all,
        ["nobody", "root"] as [Text])
    func state(_ binary: AgentBinary, _ user: Text) throws {
        try #require(user == "nobody" || Here.hasLandlock, "the kernel has no Landlock")
        let scratch = try Scratch()
        try scratch.write("var/lib/rollcall-neighbour/file", "read me\n")
        try scratch.write("var/lib/readable", "me too\n")
        for name in ["var", "var/lib", "var/lib/rollcall-neighbour"] {
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: scratch.url(name).path)
        }
        let script = """
            d=\(scratch.path)/var/lib/rollcall
            for f in key ledger; do cat $d/$f >/dev/null 2>&1 && echo read $f; (echo >> $d/$f) 2>/dev/null && echo wrote $f; done
            cd $d 2>/dev/null && cat key >/dev/null 2>&1 && echo read from within
            cat /proc/$PPID/cwd/\(scratch.path)/var/lib/rollcall/key >/dev/null 2>&1 && echo read by the way of the agent
            ln $d/key $d/../stolen 2>/dev/null && echo linked
            mv $d $d.moved 2>/dev/null && echo moved
            cat $d/../rollcall-neighbour/file $d/../readable; cat /etc/passwd > /dev/null && echo rest
            """
        let probe = shell(script, impact: .change, user: user, writable: ["/", scratch.path + "/var/lib/rollcall"])
        let (lines, done) = try Prison(binary, [probe], in: scratch).run()
        #expect(lines == ["read me", "me too", "rest"])
        #expect(done.ending == .exited)
        #expect(scratch.exists("var/lib/rollcall/key") && scratch.exists("var/lib/rollcall/ledger"))
    }

    @Test(
        "the reader of files does not read the key either, by its name or by a planted link",
        .enabled(if: Here.hasLandlock, "the kernel has no Landlock"), arguments: AgentBinary.all)
    func stateByReader(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try scratch.write("data/file", "read me")
        try FileManager.default.createSymbolicLink(
            atPath: scratch.url("data/key").path, withDestinationPath: scratch.url("var/lib/rollcall/key").path)
        let patterns: [Text] = ["/data/*", "/var/lib/rollcall/key"]
        let probe = ProbeDefinition(id: "probe", impact: .observe, source: .files(patterns), user: "root")
        let (output, end) = try Prison(binary, [probe], in: scratch).agent.run("probe")
        var reader = CBORReader(output)
        var rows: [String] = []
        while !reader.isAtEnd {
            let row = try FileRow(&reader)
            rows.append("\(Text(row.path).string) \(row.status) \(Text(row.content).string)")
        }
        #expect(rows == ["/data/file 0 read me", "/data/key 40 ", "/var/lib/rollcall/key 13 "])
        #expect(end.done?.measures.contains(.landlock) == true)
    }

    @Test(
        "readers for the agent's own sake are confined as probes are, and read beneath /sys and nowhere else",
        .enabled(if: Here.hasLandlock && Here.hasFilters, "the kernel lacks Landlock or seccomp filters"))
    func ownReaders() throws {
        let scratch = try Scratch()
        for file in ["sys/class/part/temp", "etc/secret", "data/file"] { try scratch.write(file, "42") }
        try scratch.write("proc/self/mounts", "/dev/part /data ext4 rw 0 0\n")
        let talk = try Conversation(scratch: scratch)
        let sandbox: Done.Measures = [.landlock, .systemCalls, .noNetwork, .noLocalSockets, .noNewPrivileges, .resourceLimits]
        func ask(_ source: ProbeSource) throws -> CBORReader {
            var (output, end): ([UInt8], Done?) = ([], nil)
            let answering = Answering(
                session: 0, request: 1, hasRoom: { true }, deliver: { if $0.stream == .output { output += $0.bytes } }, finish: { end = $0 }
            )
            let probe = ProbeDefinition(id: "own", impact: .observe, source: source, user: "root")
            try talk.device.executor.submit(probe, values: [], answering: answering, isOwn: true)
            while end == nil { talk.turn() }
            let done = try #require(end)
            #expect(done.ending == .exited && done.code == 0 && done.measures.contains(sandbox), "\(done)")
            return CBORReader(output)
        }
        var files = try ask(.files(["/sys/class/*/temp", "/etc/secret", "/etc/*", "/var/lib/rollcall/key"]))
        var rows: [String] = []
        while !files.isAtEnd {
            let row = try FileRow(&files)
            rows.append("\(Text(row.path).string) \(row.status) \(Text(row.content).string)")
        }
        #expect(rows == ["/sys/class/part/temp 0 42", "/etc/secret 13 ", "/var/lib/rollcall/key 13 "])
        var mounts = try ask(.statfs)
        let row = try MountRow(&mounts)
        #expect(row.status == 0 && row.blocks > 0 && mounts.isAtEnd)
    }

    // MARK: Sockets

    /// Says which sockets could be had, and whether a Unix socket that anybody may connect to could be spoken to.
    private static let sockets = """
        use Socket;
        my ($path) = @ARGV;
        print "tcp\\n" if socket(my $a, AF_INET, SOCK_STREAM, 0);
        print "udp\\n" if socket(my $b, AF_INET, SOCK_DGRAM, 0);
        print "tcp6\\n" if socket(my $c, AF_INET6, SOCK_STREAM, 0);
        print "netlink\\n" if socket(my $d, 16, SOCK_RAW, 0);
        print "unix\\n" if socket(my $e, AF_UNIX, SOCK_STREAM, 0);
        print "connected\\n" if $e && connect($e, pack_sockaddr_un($path));
        print "pair\\n" if socketpair(my $f, my $g, AF_UNIX, SOCK_DGRAM, 0);
        my $room = "\\0" x 120;
        print "io_uring\\n" if syscall(425, 1, $room) >= 0;
        """

    @Test(
        "sockets are closed but for those the manifest opens: TCP, UDP, netlink, D-Bus, docker.sock",
        .enabled(if: Here.hasFilters, "the kernel has no seccomp filters"), arguments: AgentBinary.all,
        [
            (false, false, []), (false, true, ["unix", "connected", "pair"]), (true, false, ["tcp", "udp", "tcp6", "netlink"]),
        ] as [(network: Bool, local: Bool, opened: [String])])
    func sockets(_ binary: AgentBinary, _ rights: (network: Bool, local: Bool, opened: [String])) throws {
        let scratch = try Scratch()
        let path = scratch.path + "/docker.sock"
        let listener = try Kernel().listen(Array(path.utf8))
        defer { withExtendedLifetime(listener) {} }
        for user in ["nobody", "root"] as [Text] {
            let probe = program(
                ["/usr/bin/perl", "-e", Text(Self.sockets), Text(path)], user: user, network: rights.network, localSockets: rights.local)
            let (lines, done) = try Prison(binary, [probe], in: scratch).run()
            #expect(lines == rights.opened)
            #expect(done.measures.contains(.noNetwork) == !rights.network)
            #expect(done.measures.contains(.noLocalSockets) == !rights.local)
        }
    }

    // MARK: Processes

    @Test("no probe traces the agent or reads its memory, root's included", arguments: AgentBinary.all, ["nobody", "root"] as [Text])
    func tracing(_ binary: AgentBinary, _ user: Text) throws {
        try #require(user == "nobody" || (Here.hasLandlock && Here.hasFilters), "the kernel lacks Landlock or seccomp filters")
        // What is not memory itself, root's CAP_PERFMON may read.
        let script = """
            for f in \(user == "root" ? "" : "environ maps auxv") mem; do (exec 3</proc/$PPID/$f) 2>/dev/null && echo opened $f; done
            readlink /proc/$PPID/fd/0 /proc/$PPID/cwd
            perl -e '$pid = 0 + $ARGV[0]; print "ptrace\\n" if syscall(101, 0x4206, $pid, 0, 0) == 0' $PPID
            perl -e '$pid = 0 + $ARGV[0]; $b = "x" x 16; $v = pack("P Q", $b, 16);
                print "vm\\n" if syscall(310, $pid, $v, 1, $v, 1, 0) >= 0 || $! != 1' $PPID
            true
            """
        let prison = try Prison(binary, [shell(script, user: user)])
        let (lines, _) = try prison.run()
        #expect(lines == [])
        #expect(try prison.run(request: 2).done.ending == .exited)
    }

    @Test("a process of the agent's own user cannot look into it", arguments: AgentBinary.all)
    func tracingFromOutside(_ binary: AgentBinary) throws {
        let scratch = try Scratch()
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: scratch.path)
        try scratch.install([])
        let user = ["--reuid=65534", "--regid=65534", "--clear-groups"]
        // A program that others may not read is not dumpable by itself, so the copy is for all.
        let copy = scratch.url("agent").path
        try FileManager.default.copyItem(atPath: binary.path, toPath: copy)
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: copy)
        func run(_ words: [String]) throws -> AgentProcess {
            try AgentProcess(AgentBinary(path: "/usr/bin/setpriv", testDescription: ""), user + words)
        }
        let state = scratch.path + "/state"
        let agent = try run([
            copy, "serve", "--standalone", "--operator", "alice", "--role", "repair", "--root-dir", scratch.path, "--state", state,
        ])
        try agent.open()
        let sleeper = try run(["/bin/sh", "-c", "echo; exec /bin/sleep 300"])
        // What this proves of the agent must not hold of any program.
        let script = "for p in $1 $2; do head -c 1 /proc/$p/auxv > /dev/null 2>&1 && echo $p; done"
        let seen = try run(
            ["/bin/sh", "-c", script, "-", "\(agent.process.processIdentifier)", "\(sleeper.process.processIdentifier)"]
        ).rest()
        #expect(seen == "\(sleeper.process.processIdentifier)\n")
    }

    @Test(
        "no probe ends the agent, root's included", .enabled(if: Here.keepsSignals, "Landlock keeps signals in from Linux 6.12 on"),
        arguments: AgentBinary.all)
    func signals(_ binary: AgentBinary) throws {
        let prison = try Prison(binary, [shell("exec 2>/dev/null; kill -STOP $PPID; kill -9 $PPID; echo alive", user: "root")])
        let (lines, done) = try prison.run()
        #expect(lines == ["alive"], "\(done)")
        #expect(try prison.run(request: 2).lines == lines)
    }

    @Test("a probe that ignores SIGTERM, forks twice and makes sessions of its own ends with its time", arguments: AgentBinary.all)
    func strays(_ binary: AgentBinary) throws {
        let script = """
            trap '' TERM HUP INT QUIT
            (setsid sh -c 'trap "" TERM; (setsid sh -c "echo \\$\\$; while :; do sleep 1; done" &) ; echo $$; while :; do sleep 1; done' &)
            echo $$; while :; do sleep 1; done
            """
        let prison = try Prison(binary, [shell(script, timeLimit: 700)])
        let (lines, done) = try prison.run()
        #expect(done.ending == .timedOut && done.duration < 5_000_000)
        #expect(lines.count == 3)
        for pid in lines.compactMap({ Int32($0) }) { #expect(kill(pid, 0) == -1 && errno == ESRCH) }
    }

    @Test("the processes of a probe are limited", arguments: AgentBinary.all)
    func processLimit(_ binary: AgentBinary) throws {
        let script = "n=0; while [ $n -lt 300 ]; do sleep 60 & n=$((n + 1)); echo $n; done 2>/dev/null"
        let prison = try Prison(binary, [shell(script, timeLimit: 20_000)])
        let (lines, done) = try prison.run()
        #expect(done.measures.contains(.processLimit))
        #expect(lines.count > 10 && lines.count < 130, "\(lines.count) processes were started")
    }

    @Test(
        "a fork bomb ends with its time, leaves nothing, and the agent answers on", arguments: AgentBinary.all,
        ["b() { b & b; }; b", "b() { setsid sh \"$0\" & setsid sh \"$0\" & sleep 0.01; }; b; b; sleep 60"])
    func forkBomb(_ binary: AgentBinary, _ bomb: String) throws {
        let scratch = try Scratch()
        let name = scratch.path + "/bomb"
        // Its own bound holds where the agent's does not.
        try scratch.write("bomb", "ulimit -p 400 2>/dev/null\n" + bomb + "\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: name)
        var quick = program(["/bin/echo", "still here"])
        quick.id = "quick"
        let prison = try Prison(binary, [program(["/bin/sh", Text(name)], timeLimit: 1_500), quick], in: scratch)
        try prison.agent.say(.run(Run(request: 1, probe: "probe")))
        try prison.agent.say(.run(Run(request: 2, probe: "quick")))
        var ends: [UInt64: Done] = [:]
        while ends.count < 2 {
            let done = try #require(try prison.agent.answer().end.done)
            ends[done.request] = done
        }
        #expect(ends[2]?.ending == .exited && ends[2]?.duration ?? .max < 1_500_000)
        #expect(ends[1]?.duration ?? .max < 6_000_000)
        #expect(try prison.run("quick", request: 3).lines == ["still here"])
        #expect(Self.processes(naming: name) == [])
    }

    /// Processes in whose command line `word` stands.
    private static func processes(naming word: String) -> [Int] {
        let numbers = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.compactMap { Int($0) } ?? []
        return numbers.filter { pid in
            guard let line = FileManager.default.contents(atPath: "/proc/\(pid)/cmdline") else { return false }
            // The agent itself names the scratch directory, not what lies in it.
            return line.split(separator: 0).contains { $0.elementsEqual(word.utf8) }
        }
    }

    @Test("output at full speed on both streams holds up no other probe", arguments: AgentBinary.all)
    func flood(_ binary: AgentBinary) throws {
        var quick = program(["/bin/echo", "still here"])
        quick.id = "quick"
        let prison = try Prison(binary, [shell("cat /dev/zero & exec cat /dev/zero >&2", timeLimit: 60_000), quick])
        for request in 1...4 as ClosedRange<UInt64> { try prison.agent.say(.run(Run(request: request, probe: "probe"))) }
        try prison.agent.say(.run(Run(request: 5, probe: "quick")))
        var ends: [UInt64: Done] = [:]
        while ends.count < 5 {
            let done = try #require(try prison.agent.answer().end.done)
            ends[done.request] = done
        }
        #expect(ends[5]?.ending == .exited)
        for request in 1...4 as ClosedRange<UInt64> {
            #expect(ends[request]?.ending == .signalled && ends[request]?.sentByteCount == 65_536)
            #expect(ends[request]?.cutByteCount ?? 0 > 1_048_576)
        }
    }

    // MARK: What the kernel lacks

    private func conversation(lacking call: SystemCall?, configuration: String? = nil) throws -> Conversation {
        let (scratch, kernel) = (try Scratch(), Kernel())
        if let configuration { try scratch.write("etc/rollcall/agent.conf", configuration) }
        if let call { kernel.fault = { $0 == call ? .invalid : nil } }
        try scratch.install([Catalogues.program("probe", ["/bin/echo", "ran"])])
        let conversation = try Conversation(scratch: scratch, kernel: kernel)
        try conversation.open()
        return conversation
    }

    @Test("what the kernel lacks is not said to be in force", arguments: [SystemCall.landlock, .seccomp])
    func lacking(_ call: SystemCall) throws {
        let (output, end) = try conversation(lacking: call).run("probe")
        #expect(output == Array("ran\n".utf8))
        let measures = try #require(end.done).measures
        #expect(measures.contains(.landlock) == (Here.hasLandlock && call != .landlock))
        #expect(measures.contains(.systemCalls) == (Here.hasFilters && call != .seccomp))
        #expect(measures.contains(.noLocalSockets) == measures.contains(.systemCalls))
    }

    @Test("require-sandbox refuses where the kernel cannot", arguments: [SystemCall.landlock, .seccomp])
    func required(_ call: SystemCall) throws {
        let conversation = try conversation(lacking: call, configuration: "# ours\n\nrequire-sandbox yes\n")
        let (output, end) = try conversation.run("probe")
        #expect(end.rule == "sandbox" && output.isEmpty)
        #expect(try conversation.log().contains { $0.kind == .refused && $0.detail == "sandbox" })
    }

    @Test("require-sandbox runs where the kernel can", .enabled(if: Here.hasLandlock && Here.hasFilters, "the kernel lacks one of the two"))
    func requiredAndThere() throws {
        let (output, end) = try conversation(lacking: nil, configuration: "require-sandbox yes").run("probe")
        #expect(output == Array("ran\n".utf8))
        #expect(end.done?.measures.isSuperset(of: [.landlock, .systemCalls, .noNetwork, .noLocalSockets, .noNewPrivileges]) == true)
    }

    @Test("a child that lacks a required measure ends before it does anything")
    func requiredInTheChild() throws {
        let kernel = Kernel()
        let (output, error, status) = (try kernel.pipe(), try kernel.pipe(), try kernel.pipe())
        var plan = rc_plan()
        (plan.output, plan.error, plan.status) = (output.write.number, error.write.number, status.write.number)
        (plan.cpu_seconds, plan.memory_bytes, plan.descriptors) = (5, 1 << 32, 64)
        plan.required = UInt32(Done.Measures.landlock.rawValue)
        let child = rc_spawn(&plan, Array("/bin/echo\0ran\0".utf8), 2)
        try #require(child > 0)
        var polls = PollSet()
        while !kernel.hasExited(child) { polls.wait(timeout: 1_000) }
        #expect(kernel.reap(child)?.code == 127)
        try kernel.setNonblocking(output.read)
        #expect(throws: Errno.again, "nothing was written") { try kernel.read(output.read, limit: 16) }
    }
}

@Suite("agent.conf")
struct ConfigurationTests {
    @Test(
        "what is not understood is refused with its line",
        arguments: [
            ("require-sandbox", 1), ("require-sandbox maybe", 1), ("require-sandbox yes no", 1), ("\n# x\nrequire-sandbx yes", 3),
            ("require-sandbox yes\nrequire-sandbox yes", 2), ("require-sandbox YES", 1), ("require-sandbox=yes", 1),
            ("require-sandbox yes\nx", 2),
            ("session-limit 0", 1), ("session-limit 65", 1), ("session-limit", 1), ("session-limit 4 5", 1), ("session-limit -1", 1),
            ("session-limit 99999999999999999999", 1), ("session-limit 2\nsession-limit 2", 2), ("ledger-size 63KiB", 1),
            ("ledger-size 65MiB", 1), ("ledger-size 1048576", 1), ("ledger-size 1 MiB", 1), ("ledger-size MiB", 1),
            ("ledger-size 9999999999999999999MiB", 1), ("ledger-size 1mib", 1), ("\u{0}\nledger-size 1MiB", 1),
        ])
    func mistakes(_ content: String, _ line: Int) throws {
        let scratch = try Scratch()
        try scratch.write("etc/rollcall/agent.conf", content)
        do throws(Refusal) {
            _ = try Device(kernel: Kernel(), settings: scratch.settings, adoptsStrays: false)
            Issue.record("the agent started")
        } catch {
            #expect(error.rule == "configuration")
            #expect(error.sentence.string.hasPrefix("Line \(line) of agent.conf "))
        }
    }

    @Test("one that cannot be read keeps the agent from starting; one that is not there does not")
    func unreadable() throws {
        let scratch = try Scratch()
        _ = try Device(kernel: Kernel(), settings: scratch.settings, adoptsStrays: false)
        try FileManager.default.createDirectory(at: scratch.url("etc/rollcall/agent.conf"), withIntermediateDirectories: true)
        #expect(throws: Refusal.self) { try Device(kernel: Kernel(), settings: scratch.settings, adoptsStrays: false) }
        #expect(try AgentProcess.standalone(AgentBinary.all[0], scratch).hear()?.rule == "configuration")
    }

    @Test("what the file says is what holds, and what it leaves out is as it was without it")
    func values() throws {
        let configuration = try Configuration(
            ConfigurationFile(content: Array("ledger-size 64KiB\n#\nrequire-sandbox yes\r\n session-limit\t64".utf8)))
        var expected = Configuration()
        (expected.requiresSandbox, expected.sessionCountLimit, expected.ledgerSizeLimit) = (true, 64, 65_536)
        #expect(configuration == expected)
        #expect(try Configuration(ConfigurationFile(content: [])) == Configuration())
    }

    @Test("ledger-size bounds the ledger")
    func ledgerSize() throws {
        let scratch = try Scratch()
        try scratch.write("etc/rollcall/agent.conf", "ledger-size 64KiB")
        let device = try Device(kernel: Kernel(), settings: scratch.settings, adoptsStrays: false)
        for _ in 0..<1_000 {
            try device.ledger.append(LedgerEntry(kind: .refused, time: 1, subject: Text(String(repeating: "x", count: 200))))
        }
        try device.ledger.sync()
        #expect(try scratch.read("var/lib/rollcall/ledger").count <= 65_536 + 1_024 && device.ledger.firstIndex > 0)
    }

    @Test(
        "comments, blanks and both answers are understood",
        arguments: ["", "# nothing\n", "require-sandbox no\r\n", "\t require-sandbox\tno  \n#"])
    func understood(_ content: String) throws {
        let scratch = try Scratch()
        try scratch.write("etc/rollcall/agent.conf", content)
        _ = try Device(kernel: Kernel(), settings: scratch.settings, adoptsStrays: false)
    }
}
