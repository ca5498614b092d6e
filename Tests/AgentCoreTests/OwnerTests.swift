import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("The device's owner")
struct OwnerTests {
    private let echo = Catalogues.program("echo", ["/bin/echo", "hello"])
    private let disturb = Catalogues.program("disturb", ["/bin/echo", "noticed"], impact: .disturb)
    private let change = Catalogues.program("change", ["/bin/echo", "changed"], impact: .change)

    private func talk(_ configuration: String?) throws -> Conversation {
        let scratch = try Scratch()
        if let configuration { try scratch.write("etc/rollcall/owner.conf", configuration) }
        let talk = try Conversation([echo, disturb, change], scratch: scratch)
        try talk.open()
        return talk
    }

    /// The rule and sentence that a probe is refused by; nil where it was answered.
    private func refusal(_ talk: Conversation, _ probe: Text, request: UInt64) throws -> Refused? {
        guard case .refused(let refused) = try talk.run(probe, request: request).end else { return nil }
        return refused
    }

    @Test(
        "nothing above the highest impact is run, whatever the role and the catalogue say",
        arguments: [("observe", ["disturb", "change"]), ("disturb", ["change"]), ("change", [])])
    func highestImpact(_ impact: String, _ refused: [String]) throws {
        let talk = try talk("# mine\n\n highest-impact\t\(impact) \r\n")
        for (number, probe) in ["echo", "disturb", "change"].enumerated() {
            let refusal = try refusal(talk, Text(probe), request: UInt64(number) + 1)
            #expect((refusal?.rule == "owner") == refused.contains(probe), "\(probe): \(refusal?.sentence.string ?? "answered")")
        }
        let entries = try talk.log().filter { $0.kind == .refused }
        #expect(entries.map(\.subject.string) == refused && entries.allSatisfy { $0.detail == "owner" })
    }

    @Test(
        "outside the owner's hours nothing is changed, and observing goes on; over midnight too",
        arguments: [
            ("09:00-17:00", 539, false), ("09:00-17:00", 540, true), ("09:00-17:00", 1_019, true), ("09:00-17:00", 1_020, false),
            ("22:30-05:00", 1_349, false), ("22:30-05:00", 1_350, true), ("22:30-05:00", 0, true), ("22:30-05:00", 300, false),
        ] as [(String, UInt64, Bool)])
    func hours(_ hours: String, _ minute: UInt64, _ isAllowed: Bool) throws {
        let talk = try talk("hours \(hours)\n")
        let day: UInt64 = 86_400_000_000
        talk.kernel.realtimeClock = { (Catalogues.now / day + 1) * day + minute * 60_000_000 + 59_999_999 }
        #expect(try refusal(talk, "echo", request: 1) == nil)
        let refused = try refusal(talk, "change", request: 2)
        #expect((refused == nil) == isAllowed)
        if let refused { #expect(refused.sentence.string.contains("from \(hours.prefix(5)) to \(hours.suffix(5)) UTC")) }
    }

    @Test(
        "a file that is not understood is named by its line, and opens nothing",
        arguments: [
            "highest-impact everything", "highest-impact", "highest-impact change now", "hours 9-17", "hours 09:00-09:00",
            "hours 24:00-09:00", "hours 09:60-10:00", "hours 09:00_10:00", "consent yes", "consent observe", "\u{0}",
            "highest-impact observe",
        ])
    func notUnderstood(_ line: String) throws {
        let talk = try talk("highest-impact change\n" + line + "\n")
        let refused = try #require(try refusal(talk, "echo", request: 1))
        #expect(refused.rule == "owner" && refused.sentence.string.contains("Line 2 "))
    }

    @Test("what the owner wants to be asked for waits for `allow`, for as long as it says, and the log says that it was given")
    func consent() throws {
        let talk = try talk("consent change\n")
        try talk.scratch.write("run/rollcall/here", "")
        talk.kernel.monotonicClock = { 1_000_000_000 }
        #expect(try refusal(talk, "echo", request: 1) == nil)
        #expect(try refusal(talk, "disturb", request: 2) == nil)
        let refused = try #require(try refusal(talk, "change", request: 3))
        #expect(refused.rule == "owner" && refused.sentence.string.contains("rollcall-agent allow"))
        try talk.scratch.write("run/rollcall/consent", "1000000001")
        #expect(try refusal(talk, "change", request: 4) == nil)
        #expect(try refusal(talk, "change", request: 5) == nil)
        // It is over; and what is no number, or of another start, is no consent.
        for content in ["1000000000", "", "99999999999999999999", "1000000001\n"] {
            try talk.scratch.write("run/rollcall/consent", content)
            #expect(try refusal(talk, "change", request: 6)?.rule == "owner", "\(content)")
        }
        let consents = try talk.log().filter { $0.kind == .ownerConsented }
        #expect(consents.count == 1 && consents[0].session == "s-1" && consents[0].detail.string.hasPrefix("until "))
        try talk.scratch.write("etc/rollcall/owner.conf", "consent disturb\n")
        #expect(try refusal(talk, "disturb", request: 7)?.rule == "owner")
    }

    @Test("`rollcall-agent allow` gives it and takes it back", arguments: AgentBinary.all)
    func allow(_ binary: AgentBinary) throws {
        let daemon = try Daemon(binary, [change]) {
            try $0.write("etc/rollcall/owner.conf", "consent change\n")
            return nil
        }
        let relay = try daemon.relay()
        try relay.open()
        let journal = daemon.scratch.url("said")
        func allow(_ words: String...) throws -> Int32 {
            let agent = try AgentProcess(binary, ["allow", "--root-dir", daemon.scratch.path] + words, journal: journal)
            agent.process.waitUntilExit()
            return agent.process.terminationStatus
        }
        #expect(try relay.run("change", request: 1).end.rule == "owner")
        #expect(try allow("5") == 0)
        #expect(try relay.run("change", request: 2).end.done?.code == 0)
        #expect(try allow("0") == 0)
        #expect(try relay.run("change", request: 3).end.rule == "owner")
        #expect(try allow() == 0)
        #expect(try relay.run("change", request: 4).end.done?.code == 0)
        #expect(try allow("1441") == 64)
        #expect(try daemon.scratch.read("said").starts(with: Array("rollcall-agent allows for 0 to 1440 minutes, not for 1441".utf8)))
        #expect(try daemon.log().components(separatedBy: "owner.consented  until ").count == 3)
    }

    @Test("where one was understood before, that one holds on")
    func lastGood() throws {
        let talk = try talk("highest-impact observe\n")
        #expect(try refusal(talk, "echo", request: 1) == nil)
        try talk.scratch.write("etc/rollcall/owner.conf", "highest-impact chnage\n")
        #expect(try refusal(talk, "echo", request: 2) == nil)
        #expect(try refusal(talk, "change", request: 3)?.rule == "owner")
        try talk.scratch.write("etc/rollcall/owner.conf", "highest-impact change\n")
        #expect(try refusal(talk, "change", request: 4) == nil)
    }

    @Test("a door that is shut ends no session silently: what is asked is refused with the owner's reason, and no other session opens")
    func shut() throws {
        let talk = try talk(nil)
        #expect(try refusal(talk, "echo", request: 1) == nil)
        try talk.scratch.write("etc/rollcall/shut", "audit week\u{1B}[2J\nmore")
        let refused = try #require(try refusal(talk, "echo", request: 2))
        #expect(refused.rule == "owner" && refused.sentence.string.hasSuffix("support: audit week\\x1b[2J."))
        let next = try Conversation(sharing: talk)
        next.say(.open(Open(controllerVersion: "test", session: "s-2", call: "", operatorName: "Bob", reason: "")))
        guard case .hello? = try next.hear(), case .refused(let word)? = try next.hear() else { throw Errno.invalid }
        #expect(word.rule == "owner" && next.session.isFinished)
        #expect(try talk.log().contains { $0.kind == .refused && $0.session == "s-2" && $0.detail == "owner" })
        try FileManager.default.removeItem(at: talk.scratch.url("etc/rollcall/shut"))
        #expect(try refusal(talk, "echo", request: 3) == nil)
    }
}
