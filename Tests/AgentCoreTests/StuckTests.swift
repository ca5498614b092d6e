import AgentCore
import Catalogue
import Foundation
import Testing
import Wire

@Suite("A child that the kernel holds")
struct StuckTests {
    @Test("outlives SIGKILL, is given up after its grace, named, and not asked again until it returns")
    func stuck() throws {
        let kernel = Kernel()
        // The child ends as usual; the agent is told that it does not.
        var isHeld = true
        kernel.fault = { $0 == .hasExited && isHeld ? .again : nil }
        let probe = Catalogues.program("probe", ["/bin/sleep", "60"], timeLimit: 50)
        let talk = try Conversation([probe, Catalogues.program("echo", ["/bin/echo", "still here"])], kernel: kernel)
        try talk.open()
        let (_, end) = try talk.run("probe")
        let done = try #require(end.done)
        #expect(done.ending == .abandoned)
        #expect(done.duration >= 1_050_000 && done.duration < 3_000_000)
        #expect(talk.device.executor.stuckNames == ["probe"])
        #expect(try talk.run("probe").end.rule == "stuck")
        isHeld = false
        #expect(try talk.run("echo").output == Array("still here\n".utf8))
        #expect(talk.device.executor.stuckNames.isEmpty)
        #expect(try talk.run("probe").end.done?.ending == .timedOut)
    }

    @Test("a mount that does not answer is passed over, and the others still get their rows")
    func mount() throws {
        let scratch = try Scratch()
        try scratch.write("proc/self/mounts", "a / ext4 rw 0 0\nb /etc xfs rw 0 0\nc /proc btrfs rw 0 0\n")
        let kernel = Kernel()
        var forkCount = 0
        // In the first child, and only there, asking a mount never returns.
        kernel.fault = { call in
            if call == .fork { forkCount += 1 }
            if call == .space, forkCount == 1 { while true { pause() } }
            return nil
        }
        let survey = ProbeDefinition(id: "space", impact: .observe, source: .statfs)
        let talk = try Conversation([survey], scratch: scratch, kernel: kernel)
        try talk.open()
        let (output, end) = try talk.run("space")
        let done = try #require(end.done)
        #expect(done.ending == .exited && done.duration >= 300_000 && done.duration < 2_000_000)
        #expect(done.note == "did not answer: /")
        var reader = CBORReader(output)
        let rows = [try MountRow(&reader), try MountRow(&reader), try MountRow(&reader)]
        try reader.end()
        #expect(rows.map { $0.status } == [110, 0, 0])
        #expect(rows.map { Text($0.source).string } == ["a", "b", "c"])
        #expect(forkCount == 2)
    }

    @Test("answers out of memory wait for one another, and never for a mount that hangs; what has no blocks is not asked")
    func batch() throws {
        let scratch = try Scratch()
        try scratch.write(
            "proc/self/mounts", "p /proc proc rw 0 0\na / ext4 rw 0 0\nt /etc tmpfs rw 0 0\nc /sys cgroup2 rw 0 0\nb /proc xfs rw 0 0\n")
        try scratch.write("etc/here", "")
        let kernel = Kernel()
        var (forkCount, spaceCount) = (0, 0)
        kernel.fault = { call in
            if call == .fork { forkCount += 1 }
            if call == .space { spaceCount += 1 }
            // The third that the first child asks is the third of those that are to be asked.
            if call == .space, forkCount == 1, spaceCount == 3 { while true { pause() } }
            return nil
        }
        let talk = try Conversation([ProbeDefinition(id: "space", impact: .observe, source: .statfs)], scratch: scratch, kernel: kernel)
        try talk.open()
        let (output, end) = try talk.run("space")
        #expect(try #require(end.done).note == "did not answer: /proc")
        var reader = CBORReader(output)
        let rows = [try MountRow(&reader), try MountRow(&reader), try MountRow(&reader)]
        try reader.end()
        #expect(rows.map { $0.status } == [0, 0, 110])
        #expect(rows.map { Text($0.source).string } == ["a", "t", "b"])
    }

    enum Delay: CaseIterable, Sendable {
        /// The child is late before it asks anything, as after a slow fork.
        case start
        /// The child could answer, but has no processor.
        case processor
    }

    @Test("a child that a loaded device lets wait makes no mount a hung one", arguments: Delay.allCases)
    func slowChild(_ delay: Delay) throws {
        let scratch = try Scratch()
        try scratch.write("proc/self/mounts", "a / ext4 rw 0 0\nb /etc xfs rw 0 0\n")
        let kernel = Kernel()
        let parent = getpid()
        var isFirst = true
        kernel.fault = { call in
            guard getpid() != parent, isFirst, call == (delay == .start ? .write : .space) else { return nil }
            isFirst = false
            // A busy child is one that could run: this takes what the first mount has while the kernel holds its child, and more.
            let end = kernel.monotonic + 500_000
            while kernel.monotonic < end { if delay == .start { usleep(10_000) } }
            return nil
        }
        let survey = ProbeDefinition(id: "space", impact: .observe, source: .statfs)
        let talk = try Conversation([survey], scratch: scratch, kernel: kernel)
        try talk.open()
        let (output, end) = try talk.run("space")
        #expect(try #require(end.done).note.isEmpty)
        var reader = CBORReader(output)
        #expect(try [MountRow(&reader), MountRow(&reader)].map { $0.status } == [0, 0])
    }
}
