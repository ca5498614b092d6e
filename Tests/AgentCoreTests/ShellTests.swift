import AgentCore
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("A shell through the door", .timeLimit(.minutes(3)))
struct ShellTests {
    /// A device on which a shell can be had, whoever runs the tests.
    private func scratch(agent: String = "", owner: String = "") throws -> Scratch {
        let scratch = try Scratch()
        var agent = agent
        if getuid() != 0 {
            let name = String(cString: getpwuid(getuid()).pointee.pw_name)
            try scratch.write("etc/passwd", "root:x:0:0::/root:/bin/sh\n\(name):x:\(getuid()):\(getgid())::/:/bin/sh\n")
            if !agent.contains("shell-user") { agent += "shell-user \(name)\n" }
        }
        if !agent.isEmpty { try scratch.write("etc/rollcall/agent.conf", agent) }
        if !owner.isEmpty { try scratch.write("etc/rollcall/owner.conf", owner) }
        return scratch
    }

    private func talk(role: Text = "shell", scratch: Scratch? = nil, kernel: Kernel = Kernel()) throws -> Conversation {
        let talk = try Conversation(
            [Catalogues.program("echo", ["/bin/echo", "here"])], role: role, scratch: try scratch ?? self.scratch(), kernel: kernel,
            isStandalone: false)
        try talk.open()
        return talk
    }

    /// One shell, as a controller sees it.
    private final class Shell {
        let talk: Conversation
        let request: UInt64
        private(set) var output: [UInt8] = []
        private(set) var input: [UInt8] = []
        private(set) var end: Message?
        /// Bytes that may be sent.
        private(set) var credit: UInt64 = 0
        /// Whether what came is paid for with as much credit.
        var isPaying = true

        init(_ talk: Conversation, request: UInt64 = 1, terminal: Text = "xterm", credit: UInt64 = 65_536) throws {
            (self.talk, self.request) = (talk, request)
            talk.say(.stream(OpenStream(request: request, kind: "shell", target: terminal, size: 80, offset: 24, credit: credit)))
            try hear()
        }

        func hear() throws {
            while let message = try talk.hear() {
                switch message {
                case .streamOpened(let opened): credit += opened.credit
                case .data(let data):
                    output += data.bytes
                    if isPaying {
                        talk.say(.control(StreamControl(request: request, kind: .credit, value: UInt64(data.bytes.count))))
                    }
                case .control(let control): if control.kind == .credit { credit += control.value }
                default: end = message
                }
            }
        }

        func turn() throws {
            talk.turn()
            try hear()
        }

        func type(_ text: String) throws { try type(Array(text.utf8)) }

        func type(_ bytes: [UInt8]) throws {
            try #require(UInt64(bytes.count) <= credit)
            credit -= UInt64(bytes.count)
            input += bytes
            talk.say(.data(StreamData(request: request, bytes: bytes)))
        }

        var text: String { String(decoding: output, as: UTF8.self) }
        /// The end of it, for a failure's message.
        var tail: String { String(decoding: output.suffix(400), as: UTF8.self) }

        /// Waits until what was shown since `from` holds `text`.
        func wait(for text: String, from: Int = 0) throws {
            let deadline = ContinuousClock.now + .seconds(30)
            while !String(decoding: output.dropFirst(from), as: UTF8.self).contains(text) {
                try #require(ContinuousClock.now < deadline && end == nil, "\(text) did not come: \(tail) \(String(describing: end))")
                try turn()
            }
        }

        /// Types a line and waits for what it shows.
        func run(_ line: String, _ expected: String) throws {
            let from = output.count
            try type(line + "\n")
            try wait(for: expected, from: from)
        }

        /// The last message about it.
        func finish() throws -> Message {
            let deadline = ContinuousClock.now + .seconds(30)
            while end == nil {
                try #require(ContinuousClock.now < deadline, "it does not end: \(tail)")
                try turn()
            }
            return try #require(end)
        }

        var digest: [UInt8] { SHA256.answerDigest(output: SHA256.hash(output), error: SHA256.hash(input)) }
    }

    @Test("what is typed goes in, what it shows comes back, and both records have it before and after")
    func carries() throws {
        let shell = try Shell(try talk())
        try shell.run("echo $((20 + 3))x", "23x")
        let opened = try shell.talk.log().filter { $0.request == 1 }
        #expect(opened.map(\.kind) == [.streamOpened] && opened[0].subject == "shell xterm")
        try shell.type("exit 7\n")
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .exited && done.code == 7)
        #expect(done.digest == shell.digest && done.sentByteCount == UInt64(shell.output.count + shell.input.count))
        let closed = try #require(try shell.talk.log().last { $0.request == 1 })
        #expect(closed.kind == .streamClosed && closed.detail == "exited 7" && closed.digest == shell.digest)
        #expect(closed.count == done.sentByteCount)
    }

    @Test("its environment is clean, it is a login shell at home, and its user is nobody, who becomes nobody else")
    func environment() throws {
        let shell = try Shell(try talk(), terminal: "vt100")
        try shell.run("echo \"$0 $TERM $HOME $USER $LOGNAME $SHELL $LANG\" | tr a-z A-Z", " VT100 /")
        #expect(shell.text.contains("-SH VT100 / "))
        try shell.run("env | sed 's/=.*//' | sort | tr '\\n' ' '; echo E''ND", " END\r\n")
        let names = try #require(shell.text.split(separator: "\r\n").first { $0.hasSuffix(" END") }).split(separator: " ")
        // The prompt may still stand in the line.
        let allowed: Set<Substring> = [
            "$", "TERM", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "PATH", "PWD", "OLDPWD", "SHLVL", "_", "END",
        ]
        #expect(names.count > 7 && names.allSatisfy { allowed.contains($0) }, "\(names)")
        try shell.run("echo $(pwd) $(umask) $(tty | tr -d 0-9)", "/ 0022 /dev/pts/")
        guard shell.talk.kernel.isRoot else { return }
        try shell.run("id -u; id -G; grep NoNewPrivs /proc/self/status | tr -d '\\t'", "NoNewPrivs:1")
        #expect(shell.text.contains("65534\r\n65534 4\r\n"))
    }

    @Test("agent.conf names another user, with its groups, home and login shell", .enabled(if: getuid() == 0))
    func user() throws {
        let scratch = try scratch(agent: "shell-user support\n")
        try scratch.write("etc/passwd", "support:x:4711:4712::\(scratch.path)/home:/bin/bash\nnobody:x:65534:65534::/:/bin/false\n")
        try scratch.write("etc/group", "one:x:4713:nobody\ntwo:x:4714:nobody,support\nthree:x:4715:support2\n")
        try scratch.write("home/.profile", "PS1='ready> '\n")
        chmod(scratch.path + "/home/.profile", 0o644)
        let shell = try Shell(try talk(scratch: scratch))
        try shell.wait(for: "ready> ")
        try shell.run("id -u; id -g; id -G; echo $0 $BASH_VERSION | cut -c 1-6", "-bash ")
        #expect(shell.text.contains("4711\r\n4712\r\n4712 4714\r\n"))
        try shell.run("grep NoNewPrivs /proc/self/status | tr -d '\\t'; pwd", "NoNewPrivs:0\r\n\(scratch.path)/home")
        try shell.type("exit\n")
        #expect(try shell.finish().done?.code == 0)
    }

    @Test("the window's size is the terminal's, from the start and after every change")
    func window() throws {
        let shell = try Shell(try talk())
        try shell.run("stty size", "24 80")
        try shell.run("trap 'echo resized $(stty size)' WINCH; echo s''et", "set")
        shell.talk.say(.control(StreamControl(request: 1, kind: .resize, value: 132, other: 43)))
        try shell.run("", "resized 43 132")
        shell.talk.say(.control(StreamControl(request: 1, kind: .resize, value: 1 << 50, other: 1 << 50)))
        try shell.run("stty size", "65535 65535")
    }

    @Test("signals reach what has the terminal, and only those that end, stop and continue")
    func signals() throws {
        let shell = try Shell(try talk())
        try shell.wait(for: "$ ")
        for number: UInt64 in [2, 3, 15, 9] {
            let from = shell.output.count
            try shell.type("sleep 1000; echo ended by $?\n")
            try shell.wait(for: "sleep", from: from)
            let deadline = ContinuousClock.now + .seconds(20)
            // The shell may not have started it yet, and itself ignores these.
            while !shell.text.contains("ended by \(128 + number)"), ContinuousClock.now < deadline, shell.end == nil {
                if number != 9 { shell.talk.say(.control(StreamControl(request: 1, kind: .signal, value: number))) }
                for _ in 0..<20 { try shell.turn() }
                if number == 9, children(of: "sleep 1000") > 0 {
                    shell.talk.say(.control(StreamControl(request: 1, kind: .signal, value: 9)))
                }
                // Interrupted, a line is not gone on with.
                if number == 2, shell.text.hasSuffix("$ ") { try shell.type("echo ended by $?\n") }
            }
            #expect(shell.text.contains("ended by \(128 + number)"), "\(number): \(shell.tail)")
        }
        for number: UInt64 in [0, 11, 19, 64, 1 << 50] {
            shell.talk.say(.control(StreamControl(request: 1, kind: .signal, value: number)))
        }
        try shell.run("echo still $((1 + 1))", "still 2")
    }

    /// Processes of that command line.
    private func children(of line: String) -> Int { processes(line).count }

    private func processes(_ line: String) -> [String] {
        let wanted = line.replacingOccurrences(of: " ", with: "\0") + "\0"
        let pids = (try? FileManager.default.contentsOfDirectory(atPath: "/proc"))?.filter { Int($0) != nil } ?? []
        return pids.filter { FileManager.default.contents(atPath: "/proc/\($0)/cmdline") == Data(wanted.utf8) }
    }

    /// Whether a process has its terminal: its group is the one in the foreground (proc_pid_stat(5): pgrp and tpgid).
    private func isInForeground(_ line: String) -> Bool {
        processes(line).contains { pid in
            let stat = (try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8)) ?? ""
            let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
            return fields.count > 5 && fields[2] == fields[5]
        }
    }

    @Test("no byte comes beyond the credit, and a controller that sends beyond its own is ended")
    func credit() throws {
        let shell = try Shell(try talk(), credit: 10)
        shell.isPaying = false
        try shell.type("echo 0123456789012345678901234567890123456789\n")
        for _ in 0..<60 { try shell.turn() }
        #expect(shell.output.count == 10)
        shell.talk.say(.control(StreamControl(request: 1, kind: .credit, value: 5)))
        for _ in 0..<60 { try shell.turn() }
        #expect(shell.output.count == 15)
        shell.talk.say(.control(StreamControl(request: 1, kind: .credit, value: 65_536)))
        shell.isPaying = true
        try shell.wait(for: "0123456789\r\n")
        // Nothing reads what is typed now, so that what the kernel does not keep waits in the agent, and no credit comes back.
        try shell.run("stty raw; echo r''aw; sleep 1000", "raw")
        for _ in 0..<64 { shell.talk.say(.data(StreamData(request: 1, bytes: [UInt8](repeating: 97, count: 16_384)))) }
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .cancelled && done.note.string.contains("credit"))
        #expect(try shell.talk.log().last { $0.request == 1 }?.detail == "stream")
    }

    @Test("a flood is held to what the controller takes, in little memory, and others are served meanwhile")
    func flood() throws {
        let shell = try Shell(try talk(), credit: 1 << 40)
        try shell.type("yes 0123456789012345678901234567890123456789012345678901234567890\n")
        let other = try Conversation(sharing: shell.talk, isStandalone: false)
        try other.open()
        var largest = 0
        for round in 0..<200 {
            shell.talk.turn()
            largest = max(largest, shell.talk.session.pendingOutput.count)
            if round.isMultiple(of: 20) {
                let answer = try other.run("echo", request: UInt64(round + 1))
                #expect(answer.output == Array("here\n".utf8))
            }
            try shell.hear()
        }
        #expect(shell.output.count > 200_000, "\(shell.output.count)")
        #expect(largest < 100_000)
        // A controller that takes nothing holds it up without holding up anybody else.
        for _ in 0..<50 { shell.talk.turn() }
        largest = shell.talk.session.pendingOutput.count
        for _ in 0..<50 { shell.talk.turn() }
        #expect(shell.talk.session.pendingOutput.count == largest && largest < 100_000)
        #expect(try other.run("echo", request: 1_000).output == Array("here\n".utf8))
        try shell.type([3])
        try shell.type("exit\n")
        #expect(try shell.finish().done?.ending == .exited)
        #expect(try #require(shell.end?.done).digest == shell.digest)
    }

    @Test("a shell that ignores being hung up is ended all the same, and the record has what came")
    func stubborn() throws {
        let shell = try Shell(try talk())
        try shell.run("trap '' HUP TERM INT; echo =$$= d''one", "= done")
        let pid = try #require(printed(in: shell.text))
        try shell.type("while :; do sleep 1; done\n")
        shell.talk.say(.cancel(Cancel(request: 1)))
        let started = ContinuousClock.now
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .cancelled && ContinuousClock.now - started < .seconds(10))
        #expect(done.digest == shell.digest)
        #expect(kill(pid, 0) != 0)
        let closed = try #require(try shell.talk.log().last { $0.request == 1 })
        #expect(closed.detail == "cancelled" && closed.digest == shell.digest)
    }

    /// The number that the shell printed between equals signs.
    private func printed(in text: String) -> Int32? {
        text.matches(of: /=([0-9]+)=/).last.flatMap { Int32($0.output.1) }
    }

    @Test("a process in a session of its own, whose parents are gone, ends with the shell", .enabled(if: hasScopes))
    func stray() throws {
        let shell = try Shell(try talk())
        try shell.run("(setsid sh -c 'trap \"\" HUP; echo =$$= d\"\"one; exec sleep 1000' &)", "= done")
        let pid = try #require(printed(in: shell.text))
        #expect(kill(pid, 0) == 0)
        try shell.type("exit\n")
        #expect(try shell.finish().done?.ending == .exited)
        #expect(!isAlive(pid))
    }

    /// Whether control groups can be made here, as the agent makes them.
    private static let hasScopes =
        getuid() == 0
        && ["/sys/fs/cgroup/cgroup.procs", "/sys/fs/cgroup/unified/cgroup.procs"].contains { FileManager.default.fileExists(atPath: $0) }

    private func isAlive(_ pid: Int32) -> Bool {
        guard let status = FileManager.default.contents(atPath: "/proc/\(pid)/stat") else { return false }
        return !String(decoding: status, as: UTF8.self).contains(") Z ")
    }

    @Test("a job that holds the terminal open keeps the end of its shell no longer than a moment")
    func background() throws {
        let shell = try Shell(try talk())
        try shell.run("sh -c 'trap \"\" HUP; sleep 1000' & echo =$!= d''one", "= done")
        try shell.type("exit 3\n")
        let started = ContinuousClock.now
        #expect(try shell.finish().done?.code == 3)
        #expect(ContinuousClock.now - started < .seconds(10))
    }

    @Test("the controller goes: so does the shell, and the record says so")
    func lost() throws {
        let shell = try Shell(try talk())
        try shell.run("echo =$$= d''one", "= done")
        let pid = try #require(printed(in: shell.text))
        shell.talk.session.lost()
        let deadline = ContinuousClock.now + .seconds(20)
        while !shell.talk.device.streams.isIdle, ContinuousClock.now < deadline { shell.talk.turn() }
        #expect(!isAlive(pid))
        let log = try shell.talk.log()
        #expect(log.first { $0.kind == .sessionClosed }?.detail == "lost")
        #expect(log.last { $0.request == 1 }?.detail == "cancelled" && log.last?.digest == shell.digest)
    }

    @Test("the end of the input ends it, whatever reads it at the moment")
    func endOfInput() throws {
        let shell = try Shell(try talk(), terminal: "dumb")
        try shell.type("cat\nA line for cat\n")
        shell.talk.say(.control(StreamControl(request: 1, kind: .end)))
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .exited && done.code == 0 && done.digest == shell.digest)
        #expect(shell.text.components(separatedBy: "A line for cat").count == 3)
    }

    @Test("a signal that ended it is told as one")
    func signalled() throws {
        let shell = try Shell(try talk())
        try shell.type("kill -9 $$\n")
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .signalled && done.code == 9)
        #expect(try shell.talk.log().last { $0.request == 1 }?.detail == "signal 9")
    }

    // MARK: Who may

    @Test("it takes the role shell and the device's daemon, and the terminal is a plain word")
    func refused() throws {
        let shell = try talk()
        for role: Text in ["observe", "repair"] {
            let other = try Conversation(sharing: shell, role: role, isStandalone: false)
            try other.open()
            #expect(try Shell(other).end?.rule == "rights")
        }
        let alone = try Conversation(sharing: shell, role: "shell")
        try alone.open()
        #expect(try Shell(alone).end?.rule == "rights")
        for (number, terminal) in (["", "a b", "x\u{1B}[m", "a=b", "../x", Text([UInt8](repeating: 97, count: 33))] as [Text]).enumerated()
        {
            #expect(try Shell(shell, request: UInt64(number + 1), terminal: terminal).end?.rule == "shell")
        }
        #expect(try !shell.log().contains { $0.kind == .streamOpened })
    }

    @Test("the owner shuts it, by name, by impact and by hours")
    func owner() throws {
        let scratch = try scratch()
        let talk = try talk(scratch: scratch)
        talk.kernel.realtimeClock = { Catalogues.now / 86_400_000_000 * 86_400_000_000 + 12 * 3_600_000_000 }
        let policies = [
            "shell off\n", "highest-impact disturb\n", "hours 13:00-14:00\n", "shell perhaps\n", "shell on\nshell on\n",
        ]
        for (number, policy) in policies.enumerated() {
            try scratch.write("etc/rollcall/owner.conf", policy)
            #expect(try Shell(talk, request: UInt64(number + 1)).end?.rule == "owner", "\(policy)")
        }
        try scratch.write("etc/rollcall/owner.conf", "shell on\nhours 11:00-13:00\n")
        let shell = try Shell(talk, request: 100)
        #expect(shell.end == nil)
        try shell.type("exit\n")
        #expect(try shell.finish().done != nil)
    }

    @Test("a user that the device does not have is named, and the relay's is refused where it is written")
    func users() throws {
        let shell = try Shell(try talk(scratch: try scratch(agent: "shell-user staff\n")))
        guard case .refused(let refused)? = shell.end else { throw Errno.invalid }
        #expect(refused.rule == "unknown-user" && refused.sentence.string.contains("the user staff (shell-user in agent.conf)"))
        for line in ["shell-user rollcall", "shell-user", "shell-user a b"] {
            let scratch = try Scratch()
            try scratch.write("etc/rollcall/agent.conf", "# shells\n\(line)\n")
            let error = try #require(throws: Refusal.self) { _ = try Conversation(scratch: scratch) }
            #expect(error.rule == "configuration" && error.sentence.string.contains("Line 2 "), "\(line)")
        }
    }

    @Test("a device that cannot write its ledger, or start anything, opens none")
    func faults() throws {
        let kernel = Kernel()
        let talk = try talk(kernel: kernel)
        kernel.fault = { $0 == .sync ? .noSpace : nil }
        #expect(try Shell(talk).end?.rule == "ledger")
        kernel.fault = { $0 == .fork ? .again : nil }
        #expect(try Shell(talk, request: 2).end?.rule == "shell")
        kernel.fault = nil
        #expect(try Shell(talk, request: 3).end == nil)
    }

    // MARK: What ends it from outside

    @Test("it ends within moments where the owner shuts the door, or its hours are over")
    func review() throws {
        let kernel = Kernel()
        var offset: UInt64 = 0
        kernel.monotonicClock = { DispatchTime.now().uptimeNanoseconds / 1_000 + offset }
        let scratch = try scratch()
        let shell = try Shell(try talk(scratch: scratch, kernel: kernel))
        try shell.run("echo h''ere", "here")
        offset += 6_000_000
        try shell.run("echo st''ill", "still")
        try scratch.write("etc/rollcall/owner.conf", "shell off\n")
        offset += 6_000_000
        let done = try #require(try shell.finish().done)
        #expect(done.ending == .cancelled && done.note.string.contains("shell off in owner.conf") && done.digest == shell.digest)
        #expect(try shell.talk.log().last { $0.request == 1 }?.detail == "owner")
    }

    @Test("one that waits at its prompt for 10 minutes is ended, one in which a program runs is not")
    func idle() throws {
        let kernel = Kernel()
        var offset: UInt64 = 0
        kernel.monotonicClock = { DispatchTime.now().uptimeNanoseconds / 1_000 + offset }
        let shell = try Shell(try talk(kernel: kernel))
        try shell.run("echo h''ere; sleep 1001", "here")
        let deadline = ContinuousClock.now + .seconds(20)
        while !isInForeground("sleep 1001"), ContinuousClock.now < deadline { try shell.turn() }
        for _ in 0..<3 {
            offset += 601_000_000
            for _ in 0..<10 { try shell.turn() }
        }
        #expect(shell.end == nil, "\(String(describing: shell.end)); in the foreground: \(isInForeground("sleep 1001"))")
        try shell.type([3])
        // What is still on its way is activity.
        for _ in 0..<1_000 where shell.end == nil {
            offset += 601_000_000
            for _ in 0..<10 { try shell.turn() }
        }
        let done = try #require(shell.end?.done)
        #expect(done.ending == .cancelled && done.note.string.contains("10 minutes"))
    }

    @Test("an agent that is stopped says so, and ends it")
    func stopping() throws {
        let shell = try Shell(try talk())
        try shell.run("trap '' HUP; echo =$$= d''one", "= done")
        let pid = try #require(printed(in: shell.text))
        shell.talk.session.stop()
        shell.talk.device.streams.endAll()
        try shell.hear()
        #expect(shell.end?.rule == "stopping")
        let deadline = ContinuousClock.now + .seconds(20)
        while !shell.talk.device.streams.isIdle, ContinuousClock.now < deadline { shell.talk.turn() }
        #expect(!isAlive(pid))
        #expect(try shell.talk.log().last?.digest == shell.digest)
    }

    // MARK: The agent's own process

    /// A shell of a real daemon, behind the relay.
    private final class RelayedShell {
        let daemon: Daemon
        let relay: AgentProcess
        private(set) var output: [UInt8] = []

        init(_ daemon: Daemon) throws {
            self.daemon = daemon
            relay = try daemon.relay(role: "shell")
            try relay.open()
            try relay.say(.stream(OpenStream(request: 1, kind: "shell", target: "xterm", size: 80, offset: 24, credit: 1 << 30)))
        }

        /// Types a line and waits for what it shows.
        func run(_ line: String, _ expected: String) throws {
            try relay.say(.data(StreamData(request: 1, bytes: Array((line + "\n").utf8))))
            while !text.contains(expected) {
                let end = try next()
                try #require(end == nil, "\(String(describing: end)) after \(text.suffix(400))")
            }
        }

        /// Takes the next message; returns it where it is about the end.
        private func next() throws -> Message? {
            guard let message = try relay.hear() else { throw Errno.brokenPipe }
            switch message {
            case .streamOpened, .control: return nil
            case .data(let data):
                output += data.bytes
                return nil
            default: return message
            }
        }

        var text: String { String(decoding: output, as: UTF8.self) }

        func finish() throws -> Message {
            while true { if let end = try next() { return end } }
        }
    }

    /// A daemon where a shell can be had.
    private func daemon(_ binary: AgentBinary, prepare: @escaping (Scratch) throws -> AgentBinary? = { _ in nil }) throws -> Daemon {
        try Daemon(binary, []) { scratch in
            let template = try self.scratch()
            try scratch.write("etc/passwd", try template.read("etc/passwd"))
            if template.exists("etc/rollcall/agent.conf") {
                try scratch.write("etc/rollcall/agent.conf", try template.read("etc/rollcall/agent.conf"))
            }
            return try prepare(scratch)
        }
    }

    @Test("both builds of the daemon open one through the relay, and reap what it leaves on the way", arguments: AgentBinary.all)
    func daemons(_ binary: AgentBinary) throws {
        let shell = try RelayedShell(try daemon(binary))
        try shell.run("stty size; (sh -c 'exec true' & echo =$!= st''arted)", "started")
        let orphan = try #require(printed(in: shell.text))
        try shell.run("while kill -0 \(orphan) 2>/dev/null; do :; done; echo re''aped", "reaped")
        #expect(shell.text.contains("24 80"))
        try shell.relay.say(.data(StreamData(request: 1, bytes: Array("exit 5\n".utf8))))
        #expect(try shell.finish().done?.code == 5)
        #expect(try shell.daemon.log().contains("shell xterm"))
    }

    @Test("where there are no control groups the strays of a shell are found all the same", .enabled(if: getuid() == 0))
    func strays() throws {
        let binary = try #require(AgentBinary.all.last)
        let daemon = try daemon(binary) { scratch in
            let line = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\""
            try scratch.write("without", "#!/bin/sh\nexec unshare -m sh -c '\(line)' \"$@\"\n")
            chmod(scratch.path + "/without", 0o755)
            return AgentBinary(path: binary.path, testDescription: "", emulator: scratch.path + "/without")
        }
        let shell = try RelayedShell(daemon)
        try shell.run("(setsid sh -c 'trap \"\" HUP; echo =$$= d\"\"one; exec sleep 1000' &)", "= done")
        let pid = try #require(printed(in: shell.text))
        #expect(isAlive(pid))
        try shell.relay.say(.data(StreamData(request: 1, bytes: Array("exit\n".utf8))))
        #expect(try shell.finish().done?.ending == .exited)
        #expect(!isAlive(pid))
    }

    @Test("an agent that is stopped says so to the shell's controller, and leaves nothing of it behind", arguments: AgentBinary.all)
    func stopped(_ binary: AgentBinary) throws {
        let shell = try RelayedShell(try daemon(binary))
        try shell.run("trap '' HUP TERM; echo =$$= d''one", "= done")
        let pid = try #require(printed(in: shell.text))
        kill(shell.daemon.agent.process.processIdentifier, SIGTERM)
        #expect(try shell.finish().rule == "stopping")
        shell.daemon.agent.process.waitUntilExit()
        #expect(shell.daemon.agent.process.terminationStatus == 0 && !isAlive(pid))
        #expect(try shell.daemon.log().contains("cancelled"))
    }
}
