import Foundation
import Glibc
import Testing

@Suite("A store that cannot be used", .timeLimit(.minutes(10)))
struct StoreTests {
    private let device = Workplace.device

    @Test("locked by another process: nothing is recorded, and the device hears nothing")
    func locked() async throws {
        try await Workplace.with { place in
            let holder = try HeldDatabase(place.store)
            try holder.run("BEGIN IMMEDIATE")
            try await place.expectFailure(["diagnose", device], exit: 76, kind: "store-locked", says: "locked by another process")
            try holder.run("ROLLBACK")
            #expect(try await place.newEntries().isEmpty)
            let log = try await Program.must(Program.agent, ["log", "--state", place.state], in: place.folder)
            #expect(!log.contains("diagnose"))
        }
    }

    /// Fills the disk under a copy of the store, runs the controller on it, makes room again and puts the store back.
    private static let onFullDisk = """
        mount -t tmpfs -o size=2m full /mnt && cp -a $0/data/. /mnt || exit 99
        cat /dev/zero > /mnt/fill 2> /dev/null
        ROLLCALL_DATA=/mnt "$@"
        code=$?
        rm -f /mnt/fill
        cp -a /mnt/. $0/data/ || exit 98
        exit $code
        """

    @Test(
        "on a full disk: nothing half-written, whatever was asked",
        .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"),
        arguments: [
            ["diagnose", "kiosk-1"], ["run", "kiosk-1", "odd.nothing"], ["device", "add", "new-1", "--host", "127.0.0.1"],
            ["call", "kiosk-1"],
        ])
    func full(_ arguments: [String]) async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                arguments, exit: 77, kind: "store-full", says: "disk is full", "Free some space",
                through: { try await Namespace.rollcall(place, Self.onFullDisk, $0) })
            #expect(try await place.newEntries().isEmpty)
        }
    }

    /// The store without the desk's key, in a folder that nothing is written in.
    private static let asAuditor = """
        cp -a $0/data $0/copy && rm $0/copy/rollcall.db.key && mount --bind $0/copy /mnt && mount -o remount,bind,ro /mnt || exit 99
        ROLLCALL_DATA=/mnt "$@"
        code=$?
        rm -rf $0/copy
        exit $code
        """

    @Test(
        "without the desk's key and where nothing can be written: the record is read and verified, and nothing else is done",
        .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"))
    func auditor() async throws {
        try await Workplace.with { place in
            let key = try await place.must("audit", "key").trimmingCharacters(in: .newlines)
            func read(_ words: String...) async throws -> Outcome { try await Namespace.rollcall(place, Self.asAuditor, words) }
            let verified = try await read("audit", "verify", "--desk-key", key)
            #expect(verified.exit == 0 && verified.output.contains("Desk's ledger: whole"), "\(verified.error)")
            for words in [
                ["audit", "list"], ["audit", "show", "0"], ["audit", "key"], ["audit", "search", "tea"], ["report"], ["calls", "list"],
            ] {
                let outcome = try await Namespace.rollcall(place, Self.asAuditor, words)
                #expect(outcome.exit == 0, "\(words): \(outcome.error)")
            }
            let other = try await read("audit", "verify", "--desk-key", key.replacingOccurrences(of: "+", with: "-"))
            #expect(other.exit == 91 && other.error.contains("signed with another key"), "\(other.error)")
            #expect(try await read("device", "add", "new-1", "--host", "127.0.0.1").exit == 77)
        }
    }

    /// Leaves so many KiB on the disk of a copy of the store, runs the controller on it, and keeps what became of it.
    private static let onNearlyFullDisk = """
        mount -t tmpfs -o size=2m full /mnt && cp -a $0/data/. /mnt || exit 99
        cat /dev/zero > /mnt/fill 2> /dev/null
        truncate -s -${ROOM}K /mnt/fill
        ROLLCALL_DATA=/mnt "$@"
        code=$?
        rm -rf /mnt/fill $0/after && cp -a /mnt $0/after || exit 98
        exit $code
        """

    @Test(
        "on a disk that fills up in the middle: what was recorded by then is whole, and the rest is not there",
        .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"))
    func fillsUp() async throws {
        try await Workplace.with { place in
            var exits: [Int32] = []
            for room in [32, 40, 56, 72, 96, 128, 512] {
                let outcome = try await Namespace.rollcall(
                    place, Self.onNearlyFullDisk.replacing("${ROOM}", with: "\(room)"), ["diagnose", device])
                exits.append(outcome.exit)
                #expect([77, 3].contains(outcome.exit), "with \(room) KiB: \(outcome.error)")
                #expect(outcome.exit == 3 || outcome.error.contains("disk is full"), "with \(room) KiB: \(outcome.error)")
                let after = place.folder + "/after"
                let verified = try await place.rollcall("audit", "verify", "--data", after)
                #expect(verified.exit == 0, "with \(room) KiB: \(verified.output)\(verified.error)")
                let hashes = try Record.hashes(try await place.must("audit", "list", "--json", "--data", after))
                #expect(Array(hashes.prefix(place.entriesBefore.count)) == place.entriesBefore)
            }
            #expect(exits.contains(77) && exits.last == 3, "\(exits)")
        }
    }

    @Test("in a folder that cannot be written", .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"))
    func readOnly() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                ["diagnose", device], exit: 77, kind: "store-read-only", says: "cannot be written", "ROLLCALL_DATA",
                through: {
                    try await Namespace.rollcall(
                        place, "mount --bind $0/data $0/data && mount -o remount,bind,ro $0/data || exit 99; exec \"$@\"", $0)
                })
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test(
        "what only reads works where nothing can be written, and while another desk has the store open",
        .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"), arguments: [false, true])
    func onlyReading(_ isLive: Bool) async throws {
        try await Workplace.with { place in
            _ = try await place.rollcall("call", device)
            var held: HeldDatabase?
            if isLive {
                held = try HeldDatabase(place.store)
                try held?.run("PRAGMA journal_mode = WAL; BEGIN IMMEDIATE; ROLLBACK; SELECT * FROM desk")
                #expect(FileManager.default.fileExists(atPath: place.store + "-shm"))
            }
            let commands = [
                ["device", "list"], ["device", "list", "--drift"], ["device", "show", device], ["operator", "list"], ["calls", "list"],
                ["calls", "show"], ["query"], ["query", "SELECT device FROM devices"], ["audit", "list"], ["audit", "show", "0"],
                ["audit", "verify"], ["audit", "key"], ["audit", "search", "x"], ["report"],
            ]
            for command in commands {
                let outcome = try await Namespace.rollcall(
                    place, "mount --bind $0/data $0/data && mount -o remount,bind,ro $0/data || exit 99; exec \"$@\"", command)
                #expect(outcome.exit == 0, "\(command): \(outcome.output)\(outcome.error)")
            }
            withExtendedLifetime(held) {}
        }
    }

    @Test("in a folder that cannot be made")
    func noFolder() async throws {
        try await Workplace.with { place in
            try Scratch.write("", to: place.folder + "/file")
            try await place.expectFailure(
                ["device", "list", "--data", place.folder + "/file/below"], exit: 77, kind: "store-io", says: place.folder + "/file/below")
        }
    }

    @Test("damaged, at its beginning or in the middle: it is left as it is", arguments: [0, 20_480])
    func damaged(_ offset: Int) async throws {
        try await Workplace.with(keepsRecord: false) { place in
            let file = URL(fileURLWithPath: place.store)
            var bytes = try Data(contentsOf: file)
            try #require(bytes.count > offset + 4_096)
            // Every page from there on, so that whichever is read first is bad.
            bytes.replaceSubrange(offset..., with: Data(repeating: 0xA5, count: bytes.count - offset))
            try bytes.write(to: file)
            try await place.expectFailure(["diagnose", device], exit: 78, kind: "store-corrupt", says: "damaged", "restore a backup")
            #expect(try Data(contentsOf: file) == bytes)
        }
    }

    @Test("written by a newer version: it is left as it is")
    func newer() async throws {
        try await Workplace.with { place in
            // At byte 60 of the file's header, big-endian (SQLite's file format, 1.3).
            let version = try Data(contentsOf: URL(fileURLWithPath: place.store))[63]
            try HeldDatabase(place.store).run("PRAGMA user_version = 99")
            try await place.expectFailure(["diagnose", device], exit: 78, kind: "store-newer", says: "newer version", "99")
            try HeldDatabase(place.store).run("PRAGMA user_version = \(version)")
        }
    }

    @Test("another program's database is not touched")
    func foreign() async throws {
        try await Workplace.with { place in
            let folder = place.folder + "/other"
            try Scratch.make(folder)
            try HeldDatabase(folder + "/rollcall.db").run("CREATE TABLE songs (title TEXT)")
            try await place.expectFailure(
                ["device", "list", "--data", folder], exit: 78, kind: "store-foreign", says: "another program", "ROLLCALL_DATA")
        }
    }

    @Test("without its signing key it records nothing more")
    func noKey() async throws {
        try await Workplace.with { place in
            let key = place.store + ".key"
            try FileManager.default.moveItem(atPath: key, toPath: place.folder + "/key")
            try await place.expectFailure(["diagnose", device], exit: 78, kind: "signing-key", says: key, "mode 600")
            try FileManager.default.moveItem(atPath: place.folder + "/key", toPath: key)
            #expect(try await place.newEntries().isEmpty)
        }
    }
}
