internal import Telemetry
internal import Wire

/// Which words of the tables of /proc are values of which metrics: one row for each, so that what the agent reads can be read here.
struct TableRow {
    /// The file, by its place in ``files``.
    let file: UInt8
    /// The first word of the line; empty where each line is of another thing, which its name tells.
    let key: StaticString
    /// The word of the line that is the value.
    let column: UInt8
    let metric: UInt8
    /// Bits by which the value is made smaller.
    let shift: UInt8

    private init(_ file: UInt8, _ key: StaticString, _ column: UInt8, _ metric: UInt8, shift: UInt8 = 0) {
        self.file = file
        self.key = key
        self.column = column
        self.metric = metric
        self.shift = shift
    }

    static let files: [StaticString] = [
        "/proc/stat", "/proc/meminfo", "/proc/vmstat", "/proc/pressure/cpu", "/proc/pressure/memory", "/proc/pressure/io",
        "/proc/net/snmp", "/proc/sys/fs/file-nr", "/proc/diskstats", "/proc/net/dev", "/proc/net/wireless", "/proc/loadavg",
    ]
    /// From this file on the first column that is no number names what a line is of.
    static let firstOfSubjects: UInt8 = 8
    static let disks: UInt8 = 8, interfaces: UInt8 = 9, radios: UInt8 = 10
    /// The one whose words are no whole numbers, so that no row tells of them.
    static let load: UInt8 = 11

    /// Where the rows of a file lie, which begin at `start`.
    static func rows(of file: UInt8, from start: Int) -> Range<Int> {
        var end = start
        while end < rows.count, rows[end].file == file { end += 1 }
        return start..<end
    }

    static let rows: [TableRow] = [
        TableRow(0, "cpu", 1, 11), TableRow(0, "cpu", 2, 5), TableRow(0, "cpu", 3, 13), TableRow(0, "cpu", 4, 15),
        TableRow(0, "cpu", 5, 17), TableRow(0, "cpu", 6, 19), TableRow(0, "cpu", 7, 7), TableRow(0, "cpu", 8, 21),
        TableRow(0, "ctxt", 1, 25, shift: 6), TableRow(0, "intr", 1, 27, shift: 6), TableRow(0, "processes", 1, 29),
        TableRow(0, "procs_running", 1, 30), TableRow(0, "procs_blocked", 1, 32),
        TableRow(1, "MemTotal", 1, 50, shift: 6), TableRow(1, "MemAvailable", 1, 52, shift: 6), TableRow(1, "MemFree", 1, 54, shift: 6),
        TableRow(1, "Cached", 1, 56, shift: 6), TableRow(1, "Dirty", 1, 58, shift: 6), TableRow(1, "Slab", 1, 60, shift: 6),
        TableRow(1, "AnonPages", 1, 62, shift: 6), TableRow(1, "Shmem", 1, 64, shift: 6), TableRow(1, "SwapTotal", 1, 66, shift: 6),
        TableRow(1, "SwapFree", 1, 68, shift: 6),
        TableRow(2, "pswpin", 1, 71), TableRow(2, "pswpout", 1, 73), TableRow(2, "pgmajfault", 1, 75), TableRow(2, "oom_kill", 1, 77),
        TableRow(3, "some", 8, 81, shift: 10), TableRow(4, "some", 8, 83, shift: 10), TableRow(4, "full", 8, 85, shift: 10),
        TableRow(5, "some", 8, 87, shift: 10), TableRow(5, "full", 8, 89, shift: 10),
        TableRow(6, "Tcp", 9, 144), TableRow(6, "Tcp", 11, 141), TableRow(6, "Tcp", 12, 143), TableRow(6, "Udp", 3, 147),
        TableRow(7, "", 0, 194),
        TableRow(8, "", 3, 101), TableRow(8, "", 5, 105, shift: 1), TableRow(8, "", 7, 103), TableRow(8, "", 9, 107, shift: 1),
        TableRow(8, "", 12, 109), TableRow(8, "", 13, 111),
        TableRow(9, "", 1, 121, shift: 8), TableRow(9, "", 2, 125), TableRow(9, "", 3, 129), TableRow(9, "", 4, 133),
        TableRow(9, "", 9, 123, shift: 8), TableRow(9, "", 10, 127), TableRow(9, "", 11, 131), TableRow(9, "", 12, 135),
        TableRow(10, "", 3, 138),
    ]
}
