internal import LedgerCore
internal import Wire

@testable internal import AgentCore

/// The recorded device of Tests/EmbeddedVectors/Tree, whose counters do not fit 32 bits, and a state directory with damage in it.
struct Devices {
    let kernel: Kernel
    let findings: Findings
    /// The tree's path.
    let tree: [UInt8]
    /// An empty directory that may be written to.
    let scratch: [UInt8]

    /// Goes through them all.
    func checkAll() {
        findings.about("recorded tree: files", files)
        findings.about("recorded tree: mounts", mounts)
        findings.about("recorded tree: users", users)
        findings.about("a ledger with damaged lengths", damagedLedger)
        findings.about("file systems and children of this machine", machine)
    }

    // MARK: The recorded tree

    private func files() {
        let paths: [Text] = ["/proc/meminfo", "/proc/diskstats", "/proc/uptime", "/proc/net/dev", "/sys/class/thermal/*/temp"]
        let found: [Text] = [paths[0], paths[1], paths[2], paths[3], "/sys/class/thermal/thermal_zone0/temp"]
        for limit: UInt64 in [65_536, 1 << 31, 1 << 32, .max] {
            var rows: [FileRow] = []
            guard var reader = try? FilesReader(kernel: kernel, root: tree, limit: limit) else {
                return findings.check(false, "the tree cannot be read")
            }
            do throws(Errno) {
                try reader.read(paths) { (encoded) throws(Errno) in
                    var row = CBORReader(encoded)
                    if let row = try? FileRow(&row) { rows.append(row) }
                }
            } catch { findings.check(false, "reading ends with an error") }
            findings.check(rows.count == found.count && reader.cutByteCount == 0, "there are other rows than files")
            for (row, path) in zip(rows, found) {
                let content = try? kernel.content(of: tree + path.bytes, limit: 65_536)
                findings.check(row == FileRow(path: path.bytes, status: 0, content: content ?? []), path + " is read otherwise")
            }
        }
    }

    private func mounts() {
        guard let survey = try? MountSurvey(kernel: kernel, root: tree) else { return findings.check(false, "the table cannot be read") }
        let expected: [(Text, Text, Text, Text)] = [
            ("/var", "/dev/sda2", "ext4", "rw,noatime"), ("/mnt/store one", "//files/store one", "cifs", "rw"),
            ("/mnt/\\777x", "/dev/sdb1", "xfs", "rw"), ("/run", "tmpfs", "tmpfs", "rw,size=18446744073709551615k"),
        ]
        findings.check(survey.mounts.count == expected.count, "there are other mounts than in the table")
        for (mount, fields) in zip(survey.mounts, expected) {
            let isSame =
                mount.mount == fields.0.bytes && mount.source == fields.1.bytes && mount.type == fields.2.bytes
                && mount.options == fields.3.bytes
            findings.check(isSame, fields.0 + " is read otherwise")
            let space = FileSystemSpace(
                blockSize: 1 << 16, blocks: 1 << 40, freeBlocks: .max, availableBlocks: 1 << 32, inodes: 1 << 31, freeInodes: .max)
            var reader = CBORReader(mount.row(space).encoded)
            findings.check((try? MountRow(&reader)) == mount.row(space), fields.0 + " does not hold its numbers")
        }
    }

    private func users() {
        let database = UserDatabase(kernel: kernel, root: tree)
        findings.check(database.user("nobody") == 65_534, "an id of 16 bits is read otherwise")
        findings.check(database.user("directory") == 3_000_000_000, "an id of 32 bits is read otherwise")
        findings.check(database.user("highest") == 4_294_967_294, "the highest id is read otherwise")
        for name: Text in ["leaveasis", "beyond", "longer"] { findings.check(database.user(name) == nil, name + " is a user") }
        let identity = UserIdentity(user: 3_000_000_000, group: 3_000_000_001, groups: [70_001, 4_000_000_000])
        findings.check(
            database.identity("directory", groups: ["wide", "wider", "beyond", "none"]) == identity, "the groups are read otherwise")
    }

    // MARK: A damaged ledger

    /// Four damaged bytes of length behind the first entry: whatever they say, the log goes on behind it.
    private func damagedLedger() {
        let lengths: [[UInt8]] = [
            [0x7F, 0xFF, 0xFF, 0xFF], [0x80, 0, 0, 0], [0x80, 0, 0, 1], [0xFF, 0xFF, 0xFF, 0xF7], [0xFF, 0xFF, 0xFF, 0xFF], [0, 0, 0, 0],
        ]
        for (index, length) in lengths.enumerated() {
            let state = StateDirectory(kernel: kernel, path: scratch + [47, UInt8(97 + index)])
            var ledger: DeviceLedger? = DeviceLedger(kernel: kernel, state: state, origin: "o", key: nil)
            findings.check(ledger?.size == 1, "the log does not begin")
            ledger = nil
            guard let whole = try? kernel.content(of: state.file("ledger"), limit: 65_536),
                let file = try? kernel.open(state.file("ledger"), [.write]),
                (try? kernel.writeAll(file, length + [UInt8](repeating: 7, count: 60), at: UInt64(whole.count))) != nil
            else { return findings.check(false, "the log's file cannot be written") }
            let reopened = DeviceLedger(kernel: kernel, state: state, origin: "o", key: nil)
            let entries = (try? reopened.entries())?.entries ?? []
            let kinds = entries.map { (try? LedgerEntry(decoding: $0))?.kind }
            findings.check(kinds == [.logCreated, .repaired], "the damage is not cut off and said")
            let damaged = try? kernel.content(of: state.file("ledger.damaged"), limit: 65_536)
            findings.check(damaged?.count == whole.count + 64, "the damaged file is not kept")
            // A length that goes on beyond 2^32 bytes of file is a sparse file's.
            findings.check((try? reopened.append(LedgerEntry(kind: .gap, time: .max, count: .max))) == 2, "the log does not go on")
            findings.check((try? reopened.sync()) != nil, "the log does not reach the disk")
        }
    }

    // MARK: The machine beneath

    private func machine() {
        for path: Text in ["/", "/proc"] {
            guard let space = try? kernel.space(at: path.bytes) else {
                findings.check(false, path + " does not answer")
                continue
            }
            findings.check(space.availableBlocks <= space.freeBlocks && space.freeBlocks <= space.blocks, path + " has other numbers")
        }
        // 2024 in microseconds: a clock of 32 bits would be far behind.
        findings.check(kernel.realtime > 1_704_067_200_000_000, "the clock is read otherwise")
        sparseFile()
        if kernel.mayChangeUser { child() }
    }

    /// Offsets beyond 4 GiB reach the kernel whole.
    private func sparseFile() {
        let path = scratch + [47, 115]
        let offset: UInt64 = 1 << 32 + 5
        guard let file = try? kernel.open(path, [.read, .write, .create]), (try? kernel.writeAll(file, [42], at: offset)) != nil else {
            return findings.check(false, "a sparse file cannot be written")
        }
        findings.check((try? kernel.status(file))?.size == offset + 1, "a file's size is read otherwise")
        findings.check((try? kernel.read(file, at: offset, limit: 16)) == [42], "an offset is read otherwise")
        findings.check((try? kernel.read(file, at: 5, limit: 1)) == [0], "an offset lost its upper half")
        try? kernel.unlink(path)
    }

    /// A child gets exactly the user and groups it should have, whose numbers do not fit 16 bits.
    private func child() {
        let identity = UserIdentity(user: 3_000_000_000, group: 3_000_000_001, groups: [70_001, 4_000_000_000])
        let limits = ChildLimits(identity: identity, ownNetwork: false, cpuSeconds: 60)
        let kernel = kernel
        let started = try? kernel.fork(limits) {
            let (status, output): (Text, Descriptor) = ("/proc/self/status", Descriptor(1, isOwned: false))
            guard let content = try? kernel.content(of: status.bytes, limit: 65_536) else { return 1 }
            return (try? kernel.writeAll(output, content)) == nil ? 1 : 0
        }
        guard let started else { return findings.check(false, "no child can be started") }
        var (text, polls): ([UInt8], PollSet) = ([], PollSet())
        while true {
            polls.removeAll()
            _ = polls.add(started.output, .readable)
            polls.wait(timeout: 10_000_000)
            guard let piece = try? kernel.read(started.output, limit: 16_384), !piece.isEmpty else { break }
            text += piece
        }
        let lines = text.split(separator: 10).map { Text(Array($0)) }
        for line: Text in [
            "Uid:\t3000000000\t3000000000\t3000000000\t3000000000", "Gid:\t3000000001\t3000000001\t3000000001\t3000000001",
            "Groups:\t70001 4000000000 ",
        ] { findings.check(lines.contains(line), "a child has not: " + line) }
    }
}
