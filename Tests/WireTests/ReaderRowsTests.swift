import Testing
import Wire

@Suite struct ReaderRowsTests {
    @Test("rows of both readers come back from a sequence")
    func roundTrip() throws {
        let file = FileRow(path: Array("/proc/loadavg".utf8), status: 0, content: Array("0.1 0.2".utf8))
        let absent = FileRow(path: [0x2F, 0xFF], status: 2, content: [])
        let mount = MountRow(
            mount: [0x2F], source: [], type: [1], options: [2], status: 110, blockSize: .max, blocks: .max, freeBlocks: .max,
            availableBlocks: .max, inodes: .max, freeInodes: .max)
        let status = StatusRow(
            path: [0x2F], status: 0, type: 8, mode: 0o7777, user: .max, group: .max, size: .max, links: .max, changedAt: .max, device: .max)
        let clock = ClockRow(time: .max, uptime: 0, isSynchronised: false, offset: .min, error: .max, frequency: -1)
        let name = NameRow(
            name: [46], server: Array("::1".utf8), type: 28, status: 0, duration: .max, reply: [UInt8](repeating: 7, count: 1_232))
        let connection = ConnectionRow(target: [UInt8](repeating: 47, count: 107), status: .max, duration: .max)
        var reader = CBORReader(
            file.encoded + absent.encoded + mount.encoded + status.encoded + clock.encoded + name.encoded + connection.encoded)
        #expect(try FileRow(&reader) == file)
        #expect(try FileRow(&reader) == absent)
        #expect(try MountRow(&reader) == mount)
        #expect(try StatusRow(&reader) == status)
        #expect(try ClockRow(&reader) == clock)
        #expect(try NameRow(&reader) == name)
        #expect(try ConnectionRow(&reader) == connection)
        #expect(reader.isAtEnd)
    }

    @Test("a row of another length, or cut short, is refused")
    func refused() {
        for hex: [UInt8] in [[0x82, 0x40, 0x00], [0x83, 0x40, 0x00], [0x84, 0x40, 0x00, 0x40, 0x00], [0x83, 0x60, 0x00, 0x40], []] {
            var reader = CBORReader(hex)
            #expect(throws: WireError.self) { try FileRow(&reader) }
        }
        let tooLong = ConnectionRow(target: [UInt8](repeating: 47, count: 108), status: 0, duration: 0).encoded
        for hex: [UInt8] in [
            [0x82, 0x40, 0x00], [0x84, 0x40, 0x00, 0x00, 0x00], [0x83, 0x40, 0x00, 0x40], [0x83, 0x40, 0x20, 0x00], tooLong,
        ] {
            var reader = CBORReader(hex)
            #expect(throws: WireError.self) { try ConnectionRow(&reader) }
        }
    }

    @Test("a mount with options longer than the limit does not spoil the other rows")
    func longOptions() throws {
        let overlay = MountRow(
            mount: Array(repeating: 0x61, count: 5_000), source: Array(repeating: 0x61, count: 5_000),
            type: Array(repeating: 0x61, count: 300),
            options: Array(repeating: 0x61, count: 5_000), status: 0)
        let path = FileRow(path: Array(repeating: 0x61, count: 5_000), status: 0, content: [1])
        var reader = CBORReader(overlay.encoded + path.encoded)
        #expect(try MountRow(&reader).options.count == 4_096)
        #expect(try FileRow(&reader).content == [1])
    }
}
