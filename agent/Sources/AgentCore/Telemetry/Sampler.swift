internal import Telemetry
internal import Wire

/// Takes the samples of one tick from /proc and /sys, as far as those never make a reader wait.
struct Sampler {
    private let kernel: Kernel
    private let root: [UInt8]
    /// Whether files stay open; not those of a recorded tree, which are replaced.
    private let keepsFiles: Bool
    /// The tables of /proc that are kept open, for opening them costs as much as reading them.
    private var kept: [Descriptor?] = []
    /// What the last table said, and room for the next one.
    private var buffer: [UInt8] = []
    /// Whether a table was missing when it was looked for last.
    private var isMissing: [Bool] = []
    /// The files that tell of links, kept open like the tables; no file for an interface that has none.
    private var linkFiles: [(interface: [UInt8], file: Descriptor?)] = []
    private var oomKills: Int64?
    /// Links at the last tick; the subject is the interface.
    private var links: [Series] = []
    private var upLinks: [Series] = []
    private var logins: [[UInt8]]?
    /// Realtime less monotonic time at the last tick, milliseconds.
    private var clockBase: Int64?

    /// Disks, interfaces or processors that are looked at.
    private static let subjectCountLimit = 32
    private static let sizeLimit = 262_144
    /// Milliseconds by which a clock may drift between two ticks without having been set.
    private static let jump: UInt64 = 2_000

    init(kernel: Kernel, root: [UInt8], keepsFiles: Bool) {
        self.kernel = kernel
        self.root = root
        self.keepsFiles = keepsFiles
    }

    private func content(_ path: Text) -> [UInt8] { (try? kernel.content(of: root + path.bytes, limit: Self.sizeLimit)) ?? [] }

    /// The lines of a table; none where there is no such table.
    private mutating func table(_ file: Int) -> WordScanner {
        do throws(Errno) {
            if kept.isEmpty { kept = [Descriptor?](repeating: nil, count: TableRow.files.count) }
            if isMissing.isEmpty { isMissing = [Bool](repeating: false, count: TableRow.files.count) }
            let opened: Descriptor
            if let known = kept[file] {
                opened = known
            } else {
                if isMissing[file] { throw .noEntry }
                isMissing[file] = keepsFiles
                opened = try kernel.open(root + Text(stringLiteral: TableRow.files[file]).bytes, .read)
                isMissing[file] = false
            }
            kept[file] = nil
            let count = try kernel.read(opened, into: &buffer, limit: Self.sizeLimit)
            if keepsFiles { kept[file] = opened }
            return WordScanner(buffer, count: count)
        } catch { return WordScanner([]) }
    }

    /// Looks again for what was missing, and for whose link a file tells: interfaces can change their names.
    mutating func lookAgain() { (isMissing, linkFiles) = ([], []) }

    /// Adds this tick's values and what happened since the last one.
    mutating func sample(into block: inout OpenTelemetryBlock, at time: UInt64) {
        var present: [Series] = []
        var up: [Series] = []
        var firstRow = 0
        for file in 0..<TableRow.load {
            var lines = table(Int(file))
            let rows = TableRow.rows(of: file, from: firstRow)
            firstRow = rows.upperBound
            var count = 0
            var disk: ArraySlice<UInt8> = []
            // The first of two lines about a protocol has only names; numbers are only in the second.
            while lines.nextLine() {
                var subject: [UInt8] = []
                if file >= TableRow.firstOfSubjects {
                    guard count < Self.subjectCountLimit, let name = name(file, lines, disk) else { continue }
                    count += 1
                    disk = name
                    subject = Array(name)
                    if file == TableRow.interfaces { note(link: subject, &present, &up, &block) }
                } else if file == 0, count < Self.subjectCountLimit, lines.begins(0, with: "cpu") {
                    if lines.word(0).count > 3 { note(processor: lines, &block) }
                    count += 1
                }
                for index in rows {
                    let row = TableRow.rows[index]
                    guard row.key.utf8CodeUnitCount == 0 || lines.isWord(0, row.key), lines.isNumber(Int(row.column)) else { continue }
                    let value = lines.number(Int(row.column)) >> Int64(row.shift)
                    block.set(Series(Metric(rawValue: UInt64(row.metric)), subject), value)
                    if row.metric == 77 { note(oomKills: value, &block, time) }
                }
            }
        }
        load(&block)
        note(changesOfLinks: present, up, &block, time)
        clock(&block, time)
    }

    // MARK: Lines

    /// What a line is of; nil where it is a heading, or of something that is passed over.
    private func name(_ file: UInt8, _ lines: WordScanner, _ disk: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        if file == TableRow.disks {
            let name = lines.word(2)
            let isPassedOver = lines.begins(2, with: "loop") || lines.begins(2, with: "ram") || Self.isPartition(name, of: disk)
            return isPassedOver ? nil : name
        }
        // Headings have bars. The loopback does not fail, and the ends of containers come and go.
        let isPassedOver = lines.isWord(0, "lo") || lines.begins(0, with: "veth") || !lines.isNumber(1)
        return isPassedOver ? nil : lines.word(0)
    }

    /// Whether a name is that of a partition: `sda1`, `mmcblk0p1`. The table has it after its disk.
    static func isPartition(_ name: ArraySlice<UInt8>, of disk: ArraySlice<UInt8>) -> Bool {
        guard let last = disk.last, name.count > disk.count, name.starts(with: disk) else { return false }
        var rest = name.dropFirst(disk.count)
        if last >= 48, last <= 57 {
            guard rest.first == 112 else { return false }
            rest = rest.dropFirst()
        }
        return !rest.isEmpty && !rest.contains { $0 < 48 || $0 > 57 }
    }

    private func note(processor lines: WordScanner, _ block: inout OpenTelemetryBlock) {
        var busy: Int64 = 0
        // All but the fourth and fifth, which are idle.
        for column in [1, 2, 3, 6, 7, 8] { busy = busy &+ lines.number(column) }
        block.set(Series(.cpuBusy, Array(lines.word(0).dropFirst(3))), busy)
    }

    private mutating func note(oomKills value: Int64, _ block: inout OpenTelemetryBlock, _ time: UInt64) {
        if let oomKills, value > oomKills { block.note(TelemetryEvent(.oomKill, time: time, value: value - oomKills)) }
        oomKills = value
    }

    private mutating func load(_ block: inout OpenTelemetryBlock) {
        var line = table(Int(TableRow.load))
        guard line.nextLine(), line.count >= 4 else { return }
        var metric = Metric.load1.rawValue
        for column in 0..<3 {
            block.set(Series(Metric(rawValue: metric)), WordScanner.number(line.word(column).filter { $0 != 46 }[...]))
            metric += 2
        }
        let tasks = line.word(3)
        if let slash = tasks.firstIndex(of: 47) { block.set(Series(.tasks), WordScanner.number(tasks[(slash + 1)...])) }
    }

    // MARK: Links

    /// Notes whether an interface has a link (operstate, RFC 2863), where the kernel says so; it does not for a tunnel.
    private mutating func note(link name: [UInt8], _ present: inout [Series], _ up: inout [Series], _ block: inout OpenTelemetryBlock) {
        let unknown: Text = "unknown\n"
        let state = linkState(name)
        if state.isEmpty || state == unknown.bytes { return }
        let series = Series(.link, name)
        present.append(series)
        let isUp = state[0] == 117
        if isUp { up.append(series) }
        block.set(series, isUp ? 1 : 0)
    }

    /// What the kernel says of an interface's link; nothing where it says nothing.
    private mutating func linkState(_ interface: [UInt8]) -> [UInt8] {
        if let index = linkFiles.firstIndex(where: { $0.interface == interface }) {
            guard let file = linkFiles[index].file else { return [] }
            if let state = try? kernel.read(file, at: 0, limit: 16) { return state }
            // That interface is gone, and another came in its place.
            linkFiles.remove(at: index)
        }
        let (start, end): (Text, Text) = ("/sys/class/net/", "/operstate")
        let file = try? kernel.open(root + start.bytes + interface + end.bytes, .read)
        if keepsFiles { linkFiles.append((interface, file)) }
        return file.flatMap { try? kernel.read($0, at: 0, limit: 16) } ?? []
    }

    private mutating func note(changesOfLinks present: [Series], _ up: [Series], _ block: inout OpenTelemetryBlock, _ time: UInt64) {
        for link in links where upLinks.contains(link) != up.contains(link) {
            block.note(TelemetryEvent(up.contains(link) ? .linkUp : .linkDown, time: time, subject: link.subject))
        }
        (links, upLinks) = (present, up)
    }

    // MARK: Clock and people

    private mutating func clock(_ block: inout OpenTelemetryBlock, _ time: UInt64) {
        if root.isEmpty, let state = kernel.clockState {
            block.set(Series(.clockSynchronised), state.isSynchronised ? 1 : 0)
            block.set(Series(.clockOffset), state.offset / 1_000)
        }
        let base = Int64(clamping: time) - Int64(clamping: kernel.monotonic / 1_000)
        if let clockBase, (base - clockBase).magnitude > Self.jump {
            block.note(TelemetryEvent(.clockJump, time: time, value: base - clockBase))
        }
        clockBase = base
    }

    /// Notes logins since the last look, from utmp(5), in which sessions through the agent's door are not; where there is none, as on
    /// Debian 13, from what logind keeps of its sessions.
    mutating func people(into block: inout OpenTelemetryBlock, at time: UInt64) {
        let file = content("/run/utmp")
        if file.isEmpty { return take(logins: sessions(), &block, time) }
        // 64-bit ARM has 64-bit times in it; others keep to 32 bits. The fields before are the same.
        let size = file.count % 384 != 0 && file.count % 400 == 0 ? 400 : 384
        var present: [[UInt8]] = []
        var start = 0
        while start + size <= file.count {
            let record = file[start..<start + size]
            start += size
            // ut_type USER_PROCESS.
            guard record[record.startIndex] == 7 else { continue }
            // With the process in front, a second login of the same user is another one; then user, line and host.
            var login = Array(record.dropFirst(4).prefix(4))
            for (offset, length) in [(44, 32), (8, 32), (76, 256)] {
                login += record.dropFirst(offset).prefix(length).prefix { $0 != 0 }
                login.append(32)
            }
            login.removeLast()
            present.append(login)
        }
        take(logins: present, &block, time)
    }

    private mutating func take(logins present: [[UInt8]], _ block: inout OpenTelemetryBlock, _ time: UInt64) {
        for login in present {
            guard let logins, !logins.contains(login) else { continue }
            block.note(TelemetryEvent(.login, time: time, subject: Array(login.dropFirst(4))))
        }
        logins = present
    }

    /// The sessions of people that logind has: its number in four bytes, then user, line and host.
    private func sessions() -> [[UInt8]] {
        let folder: Text = "/run/systemd/sessions"
        guard let directory = try? kernel.open(root + folder.bytes, [.read, .directory]) else { return [] }
        let keys = ("USER TTY REMOTE_HOST CLASS" as Text).bytes.split(separator: 32)
        var found: [[UInt8]] = []
        // Beside each session lies a FIFO with a dot in its name.
        for name in (try? kernel.names(in: directory, limit: 256)) ?? [] where !name.contains(46) {
            var words = [[UInt8]](repeating: [], count: keys.count)
            var lines = WordScanner(content(folder + "/" + Text(name)))
            while lines.nextLine() {
                if let key = keys.firstIndex(where: { $0.elementsEqual(lines.word(0)) }) { words[key] = Array(lines.word(1)) }
            }
            // Classes of people are `user`, `user-early` and the like.
            if !words[3].starts(with: keys[0].map { $0 | 32 }) || words[0] == Settings.doorUser.bytes { continue }
            let number = Array((name + [0, 0, 0, 0]).prefix(4))
            found.append(number + words[0] + [32] + words[1] + [32] + words[2])
        }
        return found
    }
}
