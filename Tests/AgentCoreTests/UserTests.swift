import AgentCore
import CLinux
import Foundation
import Testing
import Wire

@Suite("The user a program runs as")
struct UserTests {
    @Test("a user or group numbered 4294967295 is no user: to the kernel it would mean root", arguments: ["4294967295:0", "0:4294967295"])
    func highestNumber(_ numbers: String) throws {
        let scratch = try Scratch()
        try scratch.write("etc/passwd", "odd:x:\(numbers)::/:/bin/false\nhigh:x:4294967294:4294967294::/:/bin/false\n")
        let users = UserDatabase(kernel: Kernel(), root: scratch.root)
        #expect(users.identity("odd", groups: []) == nil)
        #expect(users.identity("high", groups: [])?.user == 4_294_967_294)
    }

    @Test(
        "a child that would stay root ends before it does anything", .enabled(if: getuid() == 0, "needs root"),
        arguments: [(UInt32.max, 65_534), (65_534, UInt32.max)] as [(UInt32, UInt32)])
    func staysRoot(_ user: UInt32, _ group: UInt32) throws {
        let kernel = Kernel()
        let (output, error, status) = (try kernel.pipe(), try kernel.pipe(), try kernel.pipe())
        var plan = rc_plan()
        (plan.output, plan.error, plan.status) = (output.write.number, error.write.number, status.write.number)
        (plan.changes_user, plan.uid, plan.gid) = (1, user, group)
        (plan.cpu_seconds, plan.memory_bytes, plan.descriptors) = (5, 1 << 32, 64)
        let child = rc_spawn(&plan, Array("/bin/echo\0root\0".utf8), 2)
        try #require(child > 0)
        var polls = PollSet()
        while !kernel.hasExited(child) { polls.wait(timeout: 1_000) }
        try kernel.setNonblocking(output.read)
        #expect(throws: Errno.again, "nothing was written") { try kernel.read(output.read, limit: 16) }
        #expect(kernel.reap(child)?.code == 127)
    }
}
