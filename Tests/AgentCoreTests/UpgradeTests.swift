import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("Pushing an agent")
struct AgentPushTests {
    let reviewer: Reviewer
    let program = [UInt8](repeating: 7, count: 40_000)

    init() throws { reviewer = try Reviewer(1) }

    private func conversation(role: Text = "repair", kernel: Kernel = Kernel()) throws -> Conversation {
        let talk = try Conversation([Catalogues.program("echo", ["/bin/echo", "old"])], role: role, kernel: kernel)
        try talk.scratch.write("usr/bin/rollcall-agent", "the old one")
        try talk.open()
        return talk
    }

    /// Pushes in pieces as a controller does, and returns the last answer.
    private func push(_ bytes: [UInt8], to talk: Conversation) throws -> Message? {
        for offset in stride(from: 0, to: bytes.count, by: RollcallProtocol.chunkSizeLimit) {
            let piece = Array(bytes[offset..<min(offset + RollcallProtocol.chunkSizeLimit, bytes.count)])
            talk.say(.push(Push(request: 4, kind: "agent", size: UInt64(bytes.count), offset: UInt64(offset), bytes: piece)))
            if let answer = try talk.hear() { return answer }
        }
        return nil
    }

    @Test("a signed one is on the disk beside the old one, whole, and announced on the record, before it is tried")
    func staged() throws {
        let talk = try conversation()
        let done = try #require(try push(Agents.signed(program, by: [reviewer]), to: talk)?.done)
        #expect(done.ending == .exited && !done.note.isEmpty)
        #expect(try talk.scratch.read("usr/bin/rollcall-agent.new") == program)
        #expect(try talk.scratch.read("usr/bin/rollcall-agent") == Array("the old one".utf8))
        let mode = try FileManager.default.attributesOfItem(atPath: talk.scratch.url("usr/bin/rollcall-agent.new").path)[.posixPermissions]
        #expect(mode as? Int == 0o755)
        let entry = try #require(try talk.log().first { $0.kind == .agentTried })
        #expect(entry.subject == Settings.version && entry.digest.count == 32)
        // Until it was tried, no other is taken.
        #expect(try push(Agents.signed(program, by: [reviewer]), to: talk)?.rule == "busy")
        #expect(try talk.scratch.read("usr/bin/rollcall-agent.new") == program)
    }

    enum Fault: String, CaseIterable {
        case unsigned, strangerSigned, signedAsCatalogue, otherArchitecture, tampered, longer, shorter, garbage, endless

        var rule: Text {
            switch self {
            case .unsigned, .strangerSigned, .signedAsCatalogue: "agent-unsigned"
            case .otherArchitecture: "agent-architecture"
            case .tampered: "agent-tampered"
            case .longer, .shorter, .garbage, .endless: "agent-malformed"
            }
        }
    }

    private func bytes(_ fault: Fault) throws -> [UInt8] {
        switch fault {
        case .unsigned: return Agents.signed(program, by: [])
        case .strangerSigned: return Agents.signed(program, by: [try Reviewer(2)])
        case .signedAsCatalogue: return Agents.signed(program, by: [reviewer], as: .catalogue)
        case .otherArchitecture: return Agents.signed(program, architecture: "armv7", by: [reviewer])
        case .tampered:
            var bytes = Agents.signed(program, by: [reviewer])
            bytes[bytes.count - 1] ^= 1
            return bytes
        case .longer: return Agents.signed(program, by: [reviewer]) + [0]
        case .shorter: return Agents.signed(program, by: [reviewer]).dropLast()
        case .garbage: return [UInt8](repeating: 7, count: 300)
        case .endless: return [0, 0, 255, 255] + [UInt8](repeating: 7, count: 40_000)
        }
    }

    @Test("what reviewers did not vouch for is refused by its rule, and nothing of it stays", arguments: Fault.allCases)
    func refused(_ fault: Fault) throws {
        let talk = try conversation()
        #expect(try push(try bytes(fault), to: talk)?.rule == fault.rule)
        #expect(!talk.scratch.exists("usr/bin/rollcall-agent.new") && !talk.scratch.exists("var/lib/rollcall/upgrade"))
        #expect(try talk.scratch.read("usr/bin/rollcall-agent") == Array("the old one".utf8))
        #expect(try talk.log().contains { $0.kind == .refused && $0.subject == "agent" && $0.detail == fault.rule })
        // And the next good one is taken.
        #expect(try push(Agents.signed(program, by: [reviewer]), to: talk)?.done?.ending == .exited)
    }

    @Test("role and owner may forbid it")
    func forbidden() throws {
        let observer = try conversation(role: "observe")
        #expect(try push(Agents.signed(program, by: [reviewer]), to: observer)?.rule == "rights")
        let talk = try conversation()
        try talk.scratch.write("etc/rollcall/owner.conf", "highest-impact disturb\n")
        #expect(try push(Agents.signed(program, by: [reviewer]), to: talk)?.rule == "owner")
    }

    @Test("a push that breaks off leaves nothing, and keeps nobody from the next")
    func brokenOff() throws {
        let talk = try conversation()
        let bytes = Agents.signed(program, by: [reviewer])
        let first = Array(bytes.prefix(RollcallProtocol.chunkSizeLimit))
        talk.say(.push(Push(request: 4, kind: "agent", size: UInt64(bytes.count), offset: 0, bytes: first)))
        #expect(talk.scratch.exists("usr/bin/rollcall-agent.new"))
        talk.session.lost()
        #expect(!talk.scratch.exists("usr/bin/rollcall-agent.new"))
    }

    @Test("a disk that fails at any call leaves the old one and no trace", arguments: [SystemCall.open, .write, .sync, .rename])
    func fullDisk(_ call: SystemCall) throws {
        for place in 1...4 {
            let kernel = Kernel()
            let talk = try conversation(kernel: kernel)
            var count = 0
            kernel.fault = {
                if $0 == call { count += 1 }
                return $0 == call && count >= place ? .noSpace : nil
            }
            let answer = try push(Agents.signed(program, by: [reviewer]), to: talk)
            kernel.fault = nil
            if answer?.done != nil { continue }
            let rule = try #require(answer?.rule)
            #expect(["storage", "ledger", "trust-malformed", "owner"].contains(rule), "\(rule)")
            #expect(!talk.scratch.exists("usr/bin/rollcall-agent.new") && !talk.scratch.exists("var/lib/rollcall/upgrade"))
            #expect(try talk.scratch.read("usr/bin/rollcall-agent") == Array("the old one".utf8))
        }
    }
}

@Suite("Trying an agent")
struct AgentTrialTests {
    let reviewer: Reviewer

    init() throws {
        reviewer = try Reviewer(1)
        // A relay that was cut off is written to here.
        signal(SIGPIPE, SIG_IGN)
    }

    /// A daemon that runs from its own place, where an upgrade would put another.
    private func daemon(_ binary: AgentBinary) throws -> Daemon {
        try Daemon(binary, [Catalogues.program("echo", ["/bin/echo", "hello"])]) { scratch in
            let program = scratch.url("usr/bin/rollcall-agent")
            try FileManager.default.createDirectory(at: program.deletingLastPathComponent(), withIntermediateDirectories: true)
            // By a program of its own: a child that another test forks meanwhile would hold the copy open for writing, and what is open for
            // writing cannot be run.
            let copy = Process()
            copy.executableURL = URL(fileURLWithPath: "/bin/cp")
            copy.arguments = [binary.path, program.path]
            try copy.run()
            copy.waitUntilExit()
            try #require(copy.terminationStatus == 0)
            return AgentBinary(path: program.path, testDescription: binary.testDescription)
        }
    }

    private func push(_ bytes: [UInt8], to daemon: Daemon) throws -> Message {
        let relay = try daemon.relay()
        try relay.open()
        for offset in stride(from: 0, to: bytes.count, by: RollcallProtocol.chunkSizeLimit) {
            let piece = Array(bytes[offset..<min(offset + RollcallProtocol.chunkSizeLimit, bytes.count)])
            try relay.say(.push(Push(request: 4, kind: "agent", size: UInt64(bytes.count), offset: UInt64(offset), bytes: piece)))
        }
        let answer = try #require(try relay.hear())
        try relay.say(.close(Close()))
        guard case .closed? = try relay.hear() else { throw Errno.brokenPipe }
        return answer
    }

    /// Waits until the ledger says it.
    private func wait(for words: String, in daemon: Daemon, seconds: Int = 90) async throws -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        while true {
            // Asked once more at the end: where all the tests run, this one may not be woken for longer than that.
            let isLast = ContinuousClock.now >= end
            if try daemon.log().contains(words) { return true }
            if isLast { return false }
            // Seldom: Foundation keeps descriptors of processes that have ended, and fails to list them where they are too many.
            try await Task.sleep(for: .seconds(1))
        }
    }

    /// Opens a session as soon as the daemon is back.
    private func answers(_ daemon: Daemon) async throws -> Bool {
        for _ in 0..<100 {
            let relay = try daemon.relay()
            if (try? relay.open()) != nil { return try relay.run("echo").output == Array("hello\n".utf8) }
            try await Task.sleep(for: .milliseconds(100))
        }
        return false
    }

    @Test("one that answers comes into force as the same process, and the old one is kept", arguments: AgentBinary.all)
    func good(_ binary: AgentBinary) async throws {
        let daemon = try daemon(binary)
        let old = try daemon.scratch.read("usr/bin/rollcall-agent")
        // The program of full Swift is too large to be pushed: a script stands for it that becomes the one that is built.
        let isLarge = old.count >= Int(RollcallProtocol.pushSizeLimit)
        let new = isLarge ? Array("#!/bin/sh\nexec \(binary.path) \"$@\"\n".utf8) : old + Array("another".utf8)
        let signedAt = Catalogues.now
        // A session of somebody else ends in good order.
        let other = try daemon.relay()
        try other.open()
        #expect(try push(Agents.signed(new, by: [reviewer], signedAt: signedAt), to: daemon).done?.ending == .exited)
        #expect(try other.hear()?.rule == "stopping")
        #expect(try await wait(for: "agent.installed", in: daemon))
        #expect(try daemon.scratch.read("usr/bin/rollcall-agent") == new)
        #expect(try daemon.scratch.read("usr/bin/rollcall-agent.old") == old)
        #expect(!daemon.scratch.exists("usr/bin/rollcall-agent.new") && !daemon.scratch.exists("var/lib/rollcall/upgrade"))
        #expect(try await answers(daemon))
        #expect(daemon.agent.process.isRunning)
        let running = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(daemon.agent.process.processIdentifier)/exe")
        #expect(URL(fileURLWithPath: running).lastPathComponent == "rollcall-agent")
        #expect(daemon.notify.next() == "READY=1", "systemd is told that the new one serves")
        // One that was packed no later is refused from then on.
        #expect(try push(Agents.signed([7], by: [reviewer], signedAt: signedAt), to: daemon).rule == "agent-rolled-back")
    }

    enum Bad: String, CaseIterable, Sendable {
        case crashes, isNoProgram, hangs, ignoresSignals, otherVersion

        var reason: String {
            switch self {
            case .crashes, .isNoProgram: "the new one ended by itself"
            case .hangs, .ignoresSignals, .otherVersion: "the new one gave no hello within 60 s"
            }
        }
    }

    private func program(_ bad: Bad, _ good: [UInt8]) -> [UInt8] {
        switch bad {
        case .crashes: Array("#!/bin/sh\nkill -SEGV $$\n".utf8)
        case .isNoProgram: [UInt8](repeating: 7, count: 1_000)
        case .hangs: Array("#!/bin/sh\nexec sleep 600\n".utf8)
        case .ignoresSignals: Array("#!/bin/sh\ntrap '' TERM\nwhile :; do sleep 1; done\n".utf8)
        case .otherVersion: good + [0]
        }
    }

    @Test("one that does not answer is not put in place, and the old one goes on and says why", arguments: Bad.allCases)
    func bad(_ bad: Bad) async throws {
        let binary = try #require(AgentBinary.embedded ?? AgentBinary.all.first)
        let daemon = try daemon(binary)
        let old = try daemon.scratch.read("usr/bin/rollcall-agent")
        let bytes = Agents.signed(program(bad, old), version: bad == .otherVersion ? "9.9" : Settings.version, by: [reviewer])
        #expect(try push(bytes, to: daemon).done?.ending == .exited)
        #expect(try await wait(for: bad.reason, in: daemon))
        #expect(try daemon.scratch.read("usr/bin/rollcall-agent") == old)
        #expect(!daemon.scratch.exists("usr/bin/rollcall-agent.new") && !daemon.scratch.exists("usr/bin/rollcall-agent.old"))
        #expect(!daemon.scratch.exists("var/lib/rollcall/upgrade"))
        #expect(try await answers(daemon) && daemon.agent.process.isRunning)
        // It may be tried again, mended.
        #expect(try push(Agents.signed(old + [1], by: [reviewer]), to: daemon).done?.ending == .exited)
        #expect(try await wait(for: "agent.installed", in: daemon))
    }

    @Test("a device that goes down in the trial comes up with the old one, and says so", arguments: [SIGKILL, SIGTERM])
    func powerCut(_ signal: Int32) async throws {
        let binary = try #require(AgentBinary.embedded ?? AgentBinary.all.first)
        let daemon = try daemon(binary)
        let old = try daemon.scratch.read("usr/bin/rollcall-agent")
        let marker = daemon.scratch.url("running").path
        let program = Array("#!/bin/sh\necho $$ > \(marker)\nexec sleep 600\n".utf8)
        #expect(try push(Agents.signed(program, by: [reviewer]), to: daemon).done?.ending == .exited)
        let end = ContinuousClock.now + .seconds(60)
        while !daemon.scratch.exists("running"), ContinuousClock.now < end { try await Task.sleep(for: .milliseconds(50)) }
        let text = String(decoding: try daemon.scratch.read("running"), as: UTF8.self)
        let trial = try #require(Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)))
        kill(daemon.agent.process.processIdentifier, signal)
        daemon.agent.process.waitUntilExit()
        // What has ended and waits for whoever is its parent now has ended.
        func runs(_ process: Int32) -> Bool {
            let state = (try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8))?.split(separator: ")").last?.dropFirst()
                .first
            return state.map { $0 != "Z" && $0 != "X" } ?? false
        }
        let later = ContinuousClock.now + .seconds(60)
        while runs(trial), ContinuousClock.now < later { try await Task.sleep(for: .milliseconds(50)) }
        #expect(!runs(trial), "the one on trial does not outlive the device's own")
        let again = try AgentProcess(daemon.binary, ["run", "--root-dir", daemon.scratch.path])
        defer { withExtendedLifetime(again) {} }
        #expect(try await wait(for: "was stopped during the trial", in: daemon))
        #expect(try daemon.scratch.read("usr/bin/rollcall-agent") == old && !daemon.scratch.exists("usr/bin/rollcall-agent.new"))
        #expect(try await answers(daemon))
    }
}
