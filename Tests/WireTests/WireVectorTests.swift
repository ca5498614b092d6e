import GoldenVectors
import Testing
import Wire

@Suite struct WireVectorTests {
    @Test("Tests/Vectors/messages.json holds every message with its meaning")
    func messages() throws {
        var file = VectorFile("messages")
        for sample in MessageSample.all { file.add(sample.name, sample.message.encoded, sample.meaning) }
        #expect(
            try file.isKept(), "messages.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }

    @Test("Tests/Vectors/rows.json holds the rows of the readers with their meaning")
    func rows() throws {
        var file = VectorFile("rows")
        file.add(
            "file", FileRow(path: Array("/proc/loadavg".utf8), status: 0, content: Array("0.00 0.01 0.05 1/93 2304\n".utf8)).encoded,
            .list([.bytes(Array("/proc/loadavg".utf8)), 0, .bytes(Array("0.00 0.01 0.05 1/93 2304\n".utf8))]))
        file.add(
            "file that is not there", FileRow(path: [0x2F, 0xFF], status: 2, content: []).encoded,
            .list([.bytes([0x2F, 0xFF]), 2, .bytes([])]))
        file.add(
            "mount",
            MountRow(
                mount: Array("/var".utf8), source: Array("/dev/sda2".utf8), type: Array("ext4".utf8), options: Array("rw,noatime".utf8),
                status: 0, blockSize: 4_096, blocks: 1 << 40, freeBlocks: 7, availableBlocks: 0, inodes: 65_536, freeInodes: 12
            ).encoded,
            .list([
                .bytes(Array("/var".utf8)), .bytes(Array("/dev/sda2".utf8)), .bytes(Array("ext4".utf8)), .bytes(Array("rw,noatime".utf8)),
                0,
                4_096, 1_099_511_627_776, 7, 0, 65_536, 12,
            ]))
        file.add(
            "status",
            StatusRow(
                path: Array("/tmp".utf8), status: 0, type: 4, mode: 0o1777, user: 0, group: 65_534, size: 4_096, links: 9,
                changedAt: 1_767_225_600_000_000, device: 1 << 40
            ).encoded,
            .list([.bytes(Array("/tmp".utf8)), 0, 4, 1_023, 0, 65_534, 4_096, 9, 1_767_225_600_000_000, 1_099_511_627_776]))
        file.add(
            "clock",
            ClockRow(time: 1_767_225_600_000_000, uptime: 5, isSynchronised: true, offset: -7, error: 16_000_000, frequency: -65_536)
                .encoded,
            .list([1_767_225_600_000_000, 5, 1, .signed(-7), 16_000_000, .signed(-65_536)]))
        file.add(
            "name", NameRow(name: [46], server: Array("192.0.2.1".utf8), type: 28, status: 111, duration: 412, reply: [1, 255]).encoded,
            .list([.bytes([46]), .bytes(Array("192.0.2.1".utf8)), 28, 111, 412, .bytes([1, 255])]))
        file.add(
            "connection", ConnectionRow(target: Array("[::1]:631".utf8), status: 111, duration: 73).encoded,
            .list([.bytes(Array("[::1]:631".utf8)), 111, 73]))
        #expect(try file.isKept(), "rows.json is out of date: run the tests once with ROLLCALL_WRITE_VECTORS=1 and look at the difference")
    }
}
