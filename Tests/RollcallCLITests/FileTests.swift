import Foundation
import Glibc
import Testing
import Wire

@Suite("Files through the door", .timeLimit(.minutes(10)))
struct FileTests {
    private let device = Workplace.device

    private static func content(_ count: Int) -> Data { Data((0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }) }

    private func data(_ path: String) -> Data? { FileManager.default.contents(atPath: path) }

    @Test("a file goes to the device and comes back the same, and both records tell it the same")
    func roundTrip() async throws {
        try await Workplace.with { place in
            let daemon = try await DeviceDaemon(place)
            let content = Self.content(3_000_001)
            try content.write(to: URL(fileURLWithPath: place.folder + "/menu.bin"))
            let put = try await place.rollcall("put", place.folder + "/menu.bin", device + ":/srv/menu.bin", "--yes")
            #expect(put.exit == 0, "\(put.error)")
            #expect(put.output.contains("3000001 bytes, SHA-256 ") && put.error.isEmpty)
            #expect(data(daemon.root + "/srv/menu.bin") == content)
            let back = place.folder + "/back"
            let get = try await place.rollcall("get", device + ":/srv/menu.bin", back, "--json")
            #expect(get.exit == 0, "\(get.error)")
            #expect(get.output.contains("\"continuedAt\" : 0") && data(back) == content)
            var status = stat()
            #expect(stat(back, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let kinds = try await place.newEntries().filter { $0.kind.hasPrefix("stream.") }
            #expect(kinds.map(\.kind) == ["stream.opened", "stream.closed", "stream.opened", "stream.closed"])
            #expect(kinds.map(\.subject) == ["put /srv/menu.bin", "put /srv/menu.bin", "get /srv/menu.bin", "get /srv/menu.bin"])
            try await place.expectRecordsAgree()
        }
    }

    @Test("a part that an earlier attempt left is gone on with; one of another file is not")
    func continues() async throws {
        try await Workplace.with { place in
            let daemon = try await DeviceDaemon(place)
            let content = Self.content(500_000)
            let path = daemon.root + "/srv/log"
            try content.write(to: URL(fileURLWithPath: path))
            try FileManager.default.setAttributes([.modificationDate: Date(timeIntervalSince1970: 1_000_000)], ofItemAtPath: path)
            let folder = place.folder + "/in"
            try Scratch.make(folder)
            let part = folder + "/.log.1000000000000.rollcall-part"
            try content.prefix(123_456).write(to: URL(fileURLWithPath: part))
            let get = try await place.rollcall("get", device + ":/srv/log", folder)
            #expect(get.exit == 0 && get.output.contains("gone on with at 123456"), "\(get.error)")
            #expect(data(folder + "/log") == content)
            // Another file's beginning under the same name and time.
            try Data(repeating: 7, count: 1_000).write(to: URL(fileURLWithPath: part))
            let again = try await place.rollcall("get", device + ":/srv/log", folder, "--force")
            #expect(again.exit == 0 && !again.output.contains("gone on"), "\(again.error)")
            #expect(data(folder + "/log") == content)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["log"])
            try await place.expectRecordsAgree()
        }
    }

    @Test("nothing is replaced unless that is asked for, here and there")
    func exists() async throws {
        try await Workplace.with { place in
            let daemon = try await DeviceDaemon(place)
            let (local, remote) = (place.folder + "/file", daemon.root + "/srv/file")
            try Data("here".utf8).write(to: URL(fileURLWithPath: local))
            try Data("there".utf8).write(to: URL(fileURLWithPath: remote))
            try await place.expectFailure(
                ["get", device + ":/srv/file", local], exit: 98, kind: "file-exists", says: "is there already", "--force")
            try await place.expectFailure(
                ["put", local, device + ":/srv/file", "--yes"], exit: 99, kind: "refused-file", says: "/srv/file", "is there already")
            #expect(data(local) == Data("here".utf8) && data(remote) == Data("there".utf8))
            try await place.must("put", local, device + ":/srv/file", "--yes", "--force")
            #expect(data(remote) == Data("here".utf8))
            try Scratch.make(daemon.root + "/srv/folder")
            for flags in [["--yes"], ["--yes", "--force"]] {
                try await place.expectFailure(
                    ["put", local, device + ":/srv/folder"] + flags, exit: 99, kind: "refused-file", says: "refused /srv/folder: ",
                    "nothing that is none")
            }
            try await place.expectFailure(
                ["put", place.folder + "/nothing", device + ":/srv/file", "--yes"], exit: 98, kind: "local-file", says: "No such file")
            try await place.expectFailure(["put", local, device + ":/srv/file"], exit: 93, kind: "not-confirmed", says: "--yes")
        }
    }

    @Test("what role, path and owner do not allow is refused with its rule")
    func refused() async throws {
        try await Workplace.with { place in
            let daemon = try await DeviceDaemon(place, role: "repair")
            try Data("1".utf8).write(to: URL(fileURLWithPath: daemon.root + "/srv/file"))
            let local = place.folder + "/file"
            try await place.expectFailure(
                ["get", device + ":/srv/file", local], exit: 79, kind: "refused-path", says: "/var/log", "read-path")
            try await place.expectFailure(
                ["get", device + ":/etc/nothing", local], exit: 99, kind: "refused-file", says: "permissions")
            try await place.expectFailure(
                ["put", daemon.root + "/srv/file", device + ":/srv/new", "--yes"], exit: 79, kind: "refused-rights", says: "role shell")
            try Data("files off\n".utf8).write(to: URL(fileURLWithPath: daemon.root + "/etc/rollcall/owner.conf"))
            try await place.expectFailure(["get", device + ":/etc/group", local], exit: 79, kind: "refused-owner", says: "files off")
            try await place.expectFailure(["get", device + ":/etc/"], exit: 64, kind: "usage", says: "plain name")
            for (words, why) in [
                (["get", "/etc/group"], "no device and no colon"), (["get", ":/etc/group"], "no device before the colon"),
                (["put", local, device + ":", "--yes"], "no path behind the colon"), (["put", local, device], "no colon and no path"),
                (["put", device + ":/srv/x", local], "no device and no colon"),
                (["put", local, device + ":srv/x"], "does not begin at the root"),
            ] {
                try await place.expectFailure(words, exit: 64, kind: "usage", says: why, "DEVICE:PATH")
            }
            #expect(data(local) == nil)
            try await place.expectRecordsAgree()
        }
    }

    /// A device that says these messages to the first stream it is asked for.
    private func saying(_ messages: Message...) -> Workplace.Behind {
        .script { try FakeAgent.script(saying: [FakeAgent.hello(), FakeAgent.opened] + messages, in: $0) }
    }

    @Test("a device without room for a file has a file that cannot be written, and that is all that is said of it")
    func noRoom() async throws {
        let refused = Message.refused(Refused(request: 1, rule: "storage", sentence: "The device has no room for it."))
        try await Workplace.with(saying(refused, .closed(Closed(checkpoint: [])))) { place in
            try Data("1".utf8).write(to: URL(fileURLWithPath: place.folder + "/file"))
            try await place.expectFailure(
                ["put", place.folder + "/file", device + ":/srv/file", "--yes"], exit: 99, kind: "refused-storage",
                says: "did not take /srv/file: The device has no room for it.", "Free some space on the device")
        }
    }

    @Test("a put that is cut says that it goes on the next time, and does")
    func cutPut() async throws {
        try await Workplace.with { place in
            let daemon = try await DeviceDaemon(place)
            let whole = try Scratch.text(place.folder + "/door.sh")
            let content = Self.content(3_000_000)
            try content.write(to: URL(fileURLWithPath: place.folder + "/menu.bin"))
            // The link lets so much through and no more.
            let link = """
                import os
                left = 1500000
                while left and (piece := os.read(0, min(left, 65536))):
                    left -= len(piece)
                    while piece: piece = piece[os.write(1, piece):]
                """
            try Scratch.write(link, to: place.folder + "/link.py")
            try place.stand("/usr/bin/python3 \(place.folder)/link.py | \(whole.dropFirst("exec ".count))")
            let arguments = ["put", place.folder + "/menu.bin", device + ":/srv/menu.bin", "--yes"]
            try await place.expectFailure(arguments, exit: 75, kind: "connection-lost", says: "it goes on where it stopped")
            try place.stand(whole)
            let put = try await place.rollcall(arguments)
            #expect(put.exit == 0 && put.output.contains("gone on with at "), "\(put.output)\(put.error)")
            #expect(data(daemon.root + "/srv/menu.bin") == content)
        }
    }

    @Test("a device that sends other bytes than it says is not believed, and nothing of it is kept")
    func digestDiffers() async throws {
        let opened = Message.streamOpened(StreamOpened(request: 1, size: 3, credit: 0))
        let data = Message.data(StreamData(request: 1, bytes: [1, 2, 3]))
        let done = Message.done(Done(request: 1, ending: .exited, sentByteCount: 3, digest: [UInt8](repeating: 7, count: 32)))
        try await Workplace.with(saying(opened, data, done, .closed(Closed(checkpoint: [])))) { place in
            let folder = place.folder + "/in"
            try Scratch.make(folder)
            try await place.expectFailure(
                ["get", device + ":/etc/hosts", folder + "/hosts"], exit: 91, kind: "digest-differs", says: "not what", "was not kept")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }

    @Test("a device that goes on in the middle of what this desk does not have writes nothing")
    func otherOffset() async throws {
        let opened = Message.streamOpened(StreamOpened(request: 1, size: 300, offset: 200, credit: 0))
        let cancelled = Message.done(Done(request: 1, ending: .cancelled))
        try await Workplace.with(saying(opened, cancelled, .closed(Closed(checkpoint: [])))) { place in
            let folder = place.folder + "/in"
            try Scratch.make(folder)
            try await place.expectFailure(["get", device + ":/etc/hosts", folder + "/hosts"], exit: 98, kind: "local-file", says: "hosts")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        }
    }
}
