import AgentCore
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("Files through the door")
struct FileStreamTests {
    private static let credit: UInt64 = 1 << 40

    private func talk(role: Text = "shell", scratch: Scratch? = nil, isStandalone: Bool = false) throws -> Conversation {
        let talk = try Conversation(role: role, scratch: scratch, isStandalone: isStandalone)
        try talk.open()
        return talk
    }

    private func scratch(agent: String = "", owner: String = "") throws -> Scratch {
        let scratch = try Scratch()
        if !agent.isEmpty { try scratch.write("etc/rollcall/agent.conf", agent) }
        if !owner.isEmpty { try scratch.write("etc/rollcall/owner.conf", owner) }
        try FileManager.default.createDirectory(at: scratch.url("srv"), withIntermediateDirectories: true)
        return scratch
    }

    /// What one stream gave: what the agent said of the file, its bytes, and how it ended.
    private struct Outcome {
        var opened: StreamOpened?
        var bytes: [UInt8] = []
        var end: Message
    }

    private func get(
        _ talk: Conversation, _ path: Text, request: UInt64 = 1, offset: UInt64 = 0, time: UInt64 = 0, digest: [UInt8] = [],
        credit: UInt64 = FileStreamTests.credit
    ) throws -> Outcome {
        talk.say(
            .stream(
                OpenStream(request: request, kind: "get", target: path, offset: offset, time: time, digest: digest, credit: credit)))
        return try outcome(talk)
    }

    private func outcome(_ talk: Conversation) throws -> Outcome {
        var outcome = Outcome(end: .cancel(Cancel(request: 1)))
        while true {
            let message = try talk.answer().end
            switch message {
            case .streamOpened(let opened): outcome.opened = opened
            case .data(let data): outcome.bytes += data.bytes
            case .control: continue
            default:
                outcome.end = message
                return outcome
            }
        }
    }

    /// Sends a whole file, as far as the device wants it.
    private func put(
        _ talk: Conversation, _ path: Text, _ content: [UInt8], request: UInt64 = 1, digest: [UInt8]? = nil, size: UInt64? = nil,
        flags: OpenStream.Flags = []
    ) throws -> Outcome {
        let open = OpenStream(
            request: request, kind: "put", target: path, size: size ?? UInt64(content.count), digest: digest ?? SHA256.hash(content),
            flags: flags, credit: 0)
        talk.say(.stream(open))
        let first = try talk.answer().end
        guard case .streamOpened(let opened) = first else { return Outcome(end: first) }
        var rest = content[Int(opened.offset)...]
        while !rest.isEmpty {
            let piece = Array(rest.prefix(RollcallProtocol.chunkSizeLimit))
            rest = rest.dropFirst(piece.count)
            talk.say(.data(StreamData(request: request, bytes: piece)))
            while !talk.session.wantsInput { talk.turn() }
        }
        talk.say(.control(StreamControl(request: request, kind: .end)))
        var outcome = try outcome(talk)
        outcome.opened = opened
        return outcome
    }

    private static func content(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) } }

    private func parts(_ scratch: Scratch) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.url("srv").path).filter { $0.hasPrefix(".rollcall-") }
    }

    // MARK: Get

    @Test("a file comes whole, with its size, time and digest, and is on record before and after", arguments: [0, 1, 16_384, 300_001])
    func whole(_ size: Int) throws {
        let scratch = try scratch()
        let content = Self.content(size)
        try scratch.write("srv/data", content)
        let talk = try talk(scratch: scratch)
        let outcome = try get(talk, "/srv/data")
        let opened = try #require(outcome.opened)
        #expect(opened.size == UInt64(size) && opened.offset == 0)
        #expect(outcome.bytes == content)
        let done = try #require(outcome.end.done)
        #expect(done.ending == .exited && done.sentByteCount == UInt64(size) && done.digest == SHA256.hash(content))
        let entries = try talk.log().filter { $0.request == 1 }
        #expect(entries.map(\.kind) == [.streamOpened, .streamClosed])
        #expect(entries.allSatisfy { $0.subject == "get /srv/data" })
        #expect(entries[1].digest == SHA256.hash(content) && entries[1].count == UInt64(size))
    }

    @Test("no byte goes beyond the credit, and what credit is given for comes")
    func credit() throws {
        let scratch = try scratch()
        let content = Self.content(100_000)
        try scratch.write("srv/data", content)
        let talk = try talk(scratch: scratch)
        talk.say(.stream(OpenStream(request: 1, kind: "get", target: "/srv/data", credit: 10)))
        var bytes: [UInt8] = []
        func hear() throws {
            for _ in 0..<20 {
                talk.turn()
                while let message = try talk.hear() {
                    if case .data(let data) = message { bytes += data.bytes }
                    #expect(message.done == nil)
                }
            }
        }
        while bytes.count < 10 { try hear() }
        try hear()
        #expect(bytes.count == 10)
        talk.say(.control(StreamControl(request: 1, kind: .credit, value: 20_000)))
        while bytes.count < 20_010 { try hear() }
        try hear()
        #expect(bytes.count == 20_010)
        talk.say(.control(StreamControl(request: 1, kind: .credit, value: 1 << 53)))
        let rest = try outcome(talk)
        #expect(bytes + rest.bytes == content && rest.end.done?.ending == .exited)
    }

    @Test("an answer goes before what is left of a file, whatever credit the file has")
    func answersFirst() throws {
        let scratch = try scratch()
        let content = Self.content(4_000_000)
        try scratch.write("srv/data", content)
        let talk = try Conversation(
            [Catalogues.program("echo", ["/bin/echo", "here"])], role: "shell", scratch: scratch, isStandalone: false)
        try talk.open()
        talk.say(.stream(OpenStream(request: 1, kind: "get", target: "/srv/data", credit: 1 << 53)))
        var count = 0
        while count == 0 {
            talk.turn()
            while let message = try talk.hear() { if case .data(let data) = message { count += data.bytes.count } }
        }
        talk.say(.run(Run(request: 2, probe: "echo")))
        // A controller that reads slowly: a few KiB each turn.
        var reader = FrameReader()
        var answeredAfter: Int?
        while answeredAfter == nil {
            talk.turn()
            let piece = talk.session.pendingOutput.prefix(4_096)
            reader.append(Array(piece))
            talk.session.wrote(piece.count)
            while let bytes = try reader.next() {
                let message = try Message(decoding: bytes)
                if case .data(let data) = message { count += data.bytes.count }
                if message.done?.request == 2 { answeredAfter = count }
                try #require(message.done?.request != 1, "the file came to its end first")
            }
        }
        #expect(try #require(answeredAfter) < 1_000_000, "\(answeredAfter ?? 0) of 4,000,000 bytes went before")
        #expect(try outcome(talk).end.done?.ending == .exited)
    }

    @Test("what the controller has already is passed over only where size, time and digest prove it")
    func resume() throws {
        let scratch = try scratch()
        let content = Self.content(200_000)
        try scratch.write("srv/data", content)
        let talk = try talk(scratch: scratch)
        let time = try #require(try get(talk, "/srv/data").opened).time
        let prefix = SHA256.hash(Array(content.prefix(70_000)))
        let resumed = try get(talk, "/srv/data", request: 2, offset: 70_000, time: time, digest: prefix)
        #expect(resumed.opened?.offset == 70_000)
        #expect(resumed.bytes == Array(content.dropFirst(70_000)))
        #expect(resumed.end.done?.digest == SHA256.hash(content) && resumed.end.done?.sentByteCount == 130_000)
        let cases: [(UInt64, UInt64, [UInt8])] = [
            (70_000, time + 1, prefix), (70_000, time, SHA256.hash([1])), (200_001, time, SHA256.hash(content)),
        ]
        for (number, other) in cases.enumerated() {
            let whole = try get(talk, "/srv/data", request: UInt64(3 + number), offset: other.0, time: other.1, digest: other.2)
            #expect(whole.opened?.offset == 0 && whole.bytes == content, "case \(number)")
        }
    }

    @Test("only regular files are opened, and no symbolic link is followed anywhere")
    func kinds() throws {
        let scratch = try scratch()
        try scratch.write("srv/real/data", "secret")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/srv/link", withDestinationPath: "real/data")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/srv/folder", withDestinationPath: "real")
        #expect(mkfifo(scratch.path + "/srv/fifo", 0o600) == 0)
        let talk = try talk(scratch: scratch)
        let paths: [Text] = ["/srv/link", "/srv/folder/data", "/srv/fifo", "/srv/real", "/srv/nothing"]
        for (number, path) in paths.enumerated() {
            let outcome = try get(talk, path, request: UInt64(number + 1))
            #expect(outcome.end.rule == "file" && outcome.opened == nil, "\(path.string)")
        }
        let refused = try talk.log().filter { $0.kind == .refused }
        #expect(refused.map(\.detail) == paths.map { _ in "file" })
    }

    @Test(
        "a path that is not plain, and the agent's own files, are refused before anything is opened",
        arguments: [
            "srv/data", "/", "", "/srv/../etc/passwd", "/srv//data", "/srv/data/", "/srv/./data", "/var/lib/rollcall/key",
            "/var/lib/rollcall", "/etc/rollcall/trust", "/usr/bin/rollcall-agent", "/usr/bin/rollcall-agent.new",
        ] as [Text])
    func paths(_ path: Text) throws {
        let talk = try talk()
        #expect(try get(talk, path).end.rule == "path")
        #expect(try !talk.log().contains { $0.kind == .streamOpened })
    }

    @Test("the role repair reads beneath the readable paths only, as nobody; observe nothing; shell everywhere")
    func roles() throws {
        let scratch = try scratch()
        try scratch.write("srv/data", "1")
        try scratch.write("etc/issue", "2")
        try scratch.write("etc/shadow", "3")
        chmod(scratch.path + "/etc/shadow", 0o600)
        let shell = try talk(scratch: scratch)
        #expect(try get(shell, "/srv/data").end.done != nil)
        #expect(try get(shell, "/etc/shadow", request: 2).end.done != nil)
        let repair = try Conversation(sharing: shell)
        try repair.open()
        #expect(try get(repair, "/etc/issue").bytes == [50])
        #expect(try get(repair, "/srv/data", request: 2).end.rule == "path")
        if repair.kernel.isRoot { #expect(try get(repair, "/etc/shadow", request: 3).end.rule == "file") }
        let observe = try Conversation(sharing: shell, role: "observe")
        try observe.open()
        #expect(try get(observe, "/etc/issue").end.rule == "rights")
    }

    @Test("agent.conf names other paths, and a mistake in it is named by its line")
    func configuration() throws {
        let scratch = try scratch(agent: "read-path /srv\nwrite-path /opt\n")
        try scratch.write("srv/data", "1")
        try FileManager.default.createDirectory(at: scratch.url("opt"), withIntermediateDirectories: true)
        let repair = try talk(role: "repair", scratch: scratch)
        #expect(try get(repair, "/srv/data").bytes == [49])
        #expect(try get(repair, "/etc/group", request: 2).end.rule == "path")
        let shell = try Conversation(sharing: repair, role: "shell", isStandalone: false)
        try shell.open()
        #expect(try put(shell, "/opt/new", [1]).end.done?.ending == .exited)
        #expect(try put(shell, "/srv/new", [1], request: 2).end.rule == "path")
        for line in ["read-path srv", "write-path", "write-path /a /b", "read-path /a/../b"] {
            try scratch.write("etc/rollcall/agent.conf", "# paths\n\(line)\n")
            let error = try #require(throws: Refusal.self) { _ = try Conversation(scratch: scratch) }
            #expect(error.rule == "configuration" && error.sentence.string.contains("Line 2 "), "\(line)")
        }
    }

    @Test("the owner shuts files, and names what nobody reads")
    func owner() throws {
        let scratch = try scratch(owner: "never-read /srv/private\nnever-read /etc/issue\n")
        for name in ["srv/private/data", "srv/privateer", "etc/issue"] { try scratch.write(name, "1") }
        let talk = try talk(scratch: scratch)
        #expect(try get(talk, "/srv/private/data").end.rule == "owner")
        #expect(try get(talk, "/etc/issue", request: 2).end.rule == "owner")
        #expect(try get(talk, "/srv/privateer", request: 3).bytes == [49])
        try scratch.write("etc/rollcall/owner.conf", "files off\n")
        #expect(try get(talk, "/srv/privateer", request: 4).end.rule == "owner")
        #expect(try put(talk, "/srv/new", [1], request: 5).end.rule == "owner")
        try scratch.write("etc/rollcall/owner.conf", "highest-impact observe\n")
        #expect(try get(talk, "/srv/privateer", request: 6).end.done != nil)
        #expect(try put(talk, "/srv/new", [1], request: 7).end.rule == "owner")
    }

    // MARK: Put

    @Test("a file appears whole, for root alone, and is on record", arguments: [0, 1, 16_384, 300_001])
    func written(_ size: Int) throws {
        let scratch = try scratch()
        let content = Self.content(size)
        let talk = try talk(scratch: scratch)
        let outcome = try put(talk, "/srv/new", content)
        #expect(outcome.end.done?.ending == .exited && outcome.end.done?.digest == SHA256.hash(content))
        #expect(try scratch.read("srv/new") == content)
        let attributes = try FileManager.default.attributesOfItem(atPath: scratch.path + "/srv/new")
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try parts(scratch).isEmpty)
        let entries = try talk.log().filter { $0.request == 1 }
        #expect(entries.map(\.kind) == [.streamOpened, .streamClosed])
        #expect(entries.allSatisfy { $0.digest == SHA256.hash(content) && $0.count == UInt64(size) })
    }

    @Test("a file that is there stays, or is replaced with its permissions where that is asked for")
    func replaces() throws {
        let scratch = try scratch()
        try scratch.write("srv/menu", "old")
        chmod(scratch.path + "/srv/menu", 0o4644)
        let talk = try talk(scratch: scratch)
        #expect(try put(talk, "/srv/menu", [1]).end.rule == "file")
        #expect(try scratch.read("srv/menu") == Array("old".utf8))
        #expect(try put(talk, "/srv/menu", [1], request: 2, flags: .replace).end.done?.ending == .exited)
        #expect(try scratch.read("srv/menu") == [1])
        var status = stat()
        #expect(stat(scratch.path + "/srv/menu", &status) == 0 && status.st_mode & 0o7777 == 0o644)
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/srv/link", withDestinationPath: "menu")
        #expect(try put(talk, "/srv/link", [2], request: 3, flags: .replace).end.rule == "file")
        #expect(try put(talk, "/srv/none/new", [2], request: 4).end.rule == "file")
        try FileManager.default.createSymbolicLink(atPath: scratch.path + "/srv/linked", withDestinationPath: "/tmp")
        for (request, path) in [(5, "/srv/linked/new"), (6, "/srv/menu/new")] as [(UInt64, Text)] {
            guard case .refused(let refused) = try put(talk, path, [2], request: request).end else {
                Issue.record("\(path.string) was written")
                continue
            }
            #expect(refused.rule == "file" && refused.sentence.string.contains("through a symbolic link"), "\(refused.sentence.string)")
        }
        #expect(try scratch.read("srv/menu") == [1])
    }

    @Test("what was cut off is gone on with, and what proves to be other bytes is thrown away")
    func continues() throws {
        let scratch = try scratch()
        let content = Self.content(100_000)
        let open = OpenStream(
            request: 1, kind: "put", target: "/srv/new", size: 100_000, digest: SHA256.hash(content), credit: 0)
        let talk = try talk(scratch: scratch)
        talk.say(.stream(open))
        guard case .streamOpened = try talk.answer().end else { throw Errno.invalid }
        for start in [0, 16_000] {
            talk.say(.data(StreamData(request: 1, bytes: Array(content[start..<start + 16_000]))))
        }
        talk.say(.cancel(Cancel(request: 1)))
        #expect(try outcome(talk).end.done?.ending == .cancelled)
        #expect(try parts(scratch).count == 1 && !scratch.exists("srv/new"))
        let part = try "srv/" + parts(scratch)[0]
        let kept = try scratch.read(part)
        #expect(kept.count == 32_000 && content.starts(with: kept))
        let resumed = try put(talk, "/srv/new", content, request: 2)
        #expect(resumed.opened?.offset == 32_000 && resumed.opened?.digest == SHA256.hash(kept))
        #expect(resumed.end.done?.sentByteCount == 68_000)
        #expect(try scratch.read("srv/new") == content)
        // The same again, over a part that somebody changed.
        try scratch.write(part, [UInt8](repeating: 7, count: 500))
        chmod(scratch.path + "/" + part, 0o600)
        let spoiled = try put(talk, "/srv/new", content, request: 3, flags: .replace)
        #expect(spoiled.opened?.offset == 500 && spoiled.end.rule == "file")
        #expect(try parts(scratch).isEmpty)
        // One that others could have written is not gone on with.
        try scratch.write(part, [UInt8](repeating: 7, count: 500))
        chmod(scratch.path + "/" + part, 0o644)
        #expect(try put(talk, "/srv/new", content, request: 4, flags: .replace).opened?.offset == 0)
    }

    @Test("what arrived otherwise than announced is thrown away: another digest, too few bytes, too many")
    func announced() throws {
        let scratch = try scratch()
        let talk = try talk(scratch: scratch)
        #expect(try put(talk, "/srv/new", [1, 2, 3], digest: SHA256.hash([9])).end.rule == "file")
        #expect(try put(talk, "/srv/new", [1, 2, 3], request: 2, size: 4).end.done?.ending == .cancelled)
        #expect(try put(talk, "/srv/new", [1, 2, 3], request: 3, size: 2).end.rule == "file")
        #expect(try put(talk, "/srv/new", [1], request: 4, digest: []).end.rule == "stream")
        #expect(!scratch.exists("srv/new"))
    }

    @Test("bytes beyond the credit end the stream, bytes of no stream are passed over, and no other kind is known")
    func misuse() throws {
        let scratch = try scratch()
        try scratch.write("srv/data", "1")
        let talk = try talk(scratch: scratch)
        talk.say(.data(StreamData(request: 9, bytes: [1])))
        talk.say(.control(StreamControl(request: 9, kind: .end)))
        talk.say(.stream(OpenStream(request: 1, kind: "get", target: "/srv/data", credit: 0)))
        talk.say(.data(StreamData(request: 1, bytes: [1])))
        #expect(try outcome(talk).end.rule == "stream")
        talk.say(.stream(OpenStream(request: 2, kind: "mount", target: "/srv", credit: 0)))
        #expect(try outcome(talk).end.rule == "stream")
    }

    @Test("an agent that serves alone writes no files, and the role repair neither")
    func noWriting() throws {
        let alone = try talk(isStandalone: true)
        #expect(try put(alone, "/srv/new", [1]).end.rule == "rights")
        #expect(try put(try talk(role: "repair"), "/srv/new", [1]).end.rule == "rights")
    }

    @Test("a session that is gone takes its streams with it; what was written stays for the next")
    func lost() throws {
        let scratch = try scratch()
        try scratch.write("srv/data", Self.content(1 << 20))
        let talk = try talk(scratch: scratch)
        talk.say(.stream(OpenStream(request: 1, kind: "get", target: "/srv/data", credit: 100)))
        let open = OpenStream(request: 2, kind: "put", target: "/srv/new", size: 10, digest: SHA256.hash([1]), credit: 0)
        talk.say(.stream(open))
        for _ in 0..<50 { talk.turn() }
        talk.say(.data(StreamData(request: 2, bytes: [1, 2])))
        for _ in 0..<5 { talk.turn() }
        talk.session.lost()
        while !talk.device.streams.isIdle { talk.turn() }
        #expect(try parts(scratch).count == 1 && !scratch.exists("srv/new"))
        #expect(try talk.log().count { $0.kind == .streamClosed && $0.detail == "cancelled" } == 2)
    }

    // MARK: Connections

    @Test("the first two connections have credit for a link of 100 ms, further ones a quarter of it")
    func connectionCredit() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        (address.sin_family, address.sin_addr.s_addr) = (sa_family_t(AF_INET), in_addr_t(0x7F00_0001).bigEndian)
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        try withUnsafeMutableBytes(of: &address) { bytes in
            let pointer = try #require(bytes.baseAddress).assumingMemoryBound(to: sockaddr.self)
            try #require(bind(listener, pointer, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, pointer, &size) == 0)
        }
        let target = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let talk = try talk(scratch: try scratch(agent: "tunnel \(target)\n"))
        let credits = try (1...3).map { (request: UInt64) -> UInt64? in
            talk.say(.stream(OpenStream(request: request, kind: "tunnel", target: Text(target), credit: 1)))
            guard case .streamOpened(let opened) = try talk.answer().end else { return nil }
            return opened.credit
        }
        #expect(credits == [131_072, 131_072, 32_768])
    }
}
