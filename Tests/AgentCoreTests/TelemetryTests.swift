import Foundation
import Telemetry
import Testing
import Wire

@testable import AgentCore

/// A device whose /proc is a scratch folder and whose clocks a test sets.
private final class Watched {
    let scratch: Scratch
    let kernel = Kernel()
    var clock: UInt64 = 1_000_000_000
    var offset: Int64 = 1_767_225_600_000_000

    init() throws {
        scratch = try Scratch()
        kernel.monotonicClock = { [unowned self] in clock }
        kernel.realtimeClock = { [unowned self] in UInt64(Int64(clock) + offset) }
        try boot("11111111-2222-3333-4444-555555555555")
        try scratch.write("run/rollcall/here", "")
        try stat(user: 0)
    }

    func boot(_ id: String) throws { try scratch.write("proc/sys/kernel/random/boot_id", id + "\n") }
    func stat(user: Int) throws {
        try scratch.write(
            "proc/stat",
            "cpu  \(user) 1 2 3 4 5 6 7 0 0\ncpu0 \(user) 1 2 3 4 5 6 7 0 0\nintr 640 0 0\nctxt 6400\nprocesses 9\nprocs_running 2\n")
    }

    func start(_ change: (inout Settings) -> Void = { _ in }) throws -> Device {
        var settings = scratch.settings
        settings.telemetry.ringSize = 64 << 10
        change(&settings)
        return try Device(kernel: kernel, settings: settings, adoptsStrays: false, keepsTelemetry: true)
    }

    /// Goes on to the next tick, and takes it.
    func tick(_ device: Device?, _ count: Int = 1) throws {
        let telemetry = try #require(device?.telemetry)
        for _ in 0..<count {
            clock += telemetry.timeout(at: clock)
            telemetry.turn()
        }
    }

    /// All blocks after a sequence number.
    func blocks(_ device: Device?, after sequence: UInt64 = 0) throws -> [(sequence: UInt64, block: TelemetryBlock)] {
        var found: [(UInt64, TelemetryBlock)] = []
        var after = sequence
        let telemetry = try #require(device?.telemetry)
        while let next = telemetry.block(after: after) {
            found.append((next.sequence, try TelemetryBlock(decoding: next.content)))
            if next.sequence == telemetry.range.next { break }
            after = next.sequence
        }
        return found
    }

    func values(_ block: TelemetryBlock, _ metric: Metric, _ subject: String = "") -> [Int64]? {
        block.columns.first { $0.series == Series(metric, Array(subject.utf8)) }?.values
    }
}

private func recorder(_ device: Device?) throws -> TelemetryRecorder { try #require(device?.telemetry) }

@Suite("Telemetry of the agent")
struct TelemetryRecorderTests {
    @Test("a tick has what /proc and /sys say, under the names of the specification")
    func sample() throws {
        let watched = try Watched()
        let files = [
            "proc/meminfo": "MemTotal: 8192 kB\nMemAvailable: 640 kB\nSwapTotal: 0 kB\n",
            "proc/loadavg": "0.42 1.50 12.07 2/310 4711\n", "proc/vmstat": "nr_free_pages 1\npgmajfault 12\noom_kill 3\n",
            "proc/pressure/cpu": "some avg10=0.00 avg60=1.20 avg300=0.00 total=2048000\n",
            "proc/pressure/io": "some avg10=0.00 avg60=0.00 avg300=0.00 total=4096\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=1024\n",
            "proc/diskstats":
                "   7 0 loop0 1 1 1 1 1 1 1 1 1 1 1\n 179 0 mmcblk0 10 0 80 5 20 0 160 6 0 700 900\n 179 1 mmcblk0p1 9 0 8 5 2 0 16 6 0 7 9\n",
            "proc/net/dev":
                "Inter-|   Receive |  Transmit\n face |bytes packets|bytes\n lo: 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9 9\neth0:25600 7 1 2 0 0 0 0 51200 8 3 4 0 0 0 0\n",
            "sys/class/net/eth0/operstate": "up\n",
            "proc/net/snmp": "Tcp: RtoAlgorithm RtoMin\nTcp: 1 200 120000 -1 5 6 7 8 17 100 200 33 0 0\nUdp: InDatagrams\nUdp: 1 2 44 5\n",
            "proc/sys/fs/file-nr": "992\t0\t1000\n",
        ]
        for (path, text) in files { try watched.scratch.write(path, text) }
        try watched.stat(user: 77)
        let device = try watched.start()
        try watched.tick(device)
        let block = try #require(try watched.blocks(device).last?.block)
        let expected: [(Metric, String, Int64)] = [
            (.cpuUser, "", 77), (.cpuNice, "", 1), (.cpuIdle, "", 3), (.cpuWait, "", 4), (.cpuBusy, "0", 77 + 1 + 2 + 5 + 6 + 7),
            (.interrupts, "", 10), (.contextSwitches, "", 100), (.forks, "", 9), (.tasksRunning, "", 2), (.tasks, "", 310),
            (.load1, "", 42), (.load5, "", 150), (.load15, "", 1207), (.memoryTotal, "", 128), (.memoryAvailable, "", 10),
            (.swapTotal, "", 0), (.majorFaults, "", 12), (.oomKills, "", 3), (.pressureCPU, "", 2000), (.pressureDisk, "", 4),
            (.pressureDiskFull, "", 1), (.diskReads, "mmcblk0", 10), (.diskRead, "mmcblk0", 40), (.diskWritten, "mmcblk0", 80),
            (.diskBusy, "mmcblk0", 700), (.diskWait, "mmcblk0", 900), (.received, "eth0", 100), (.sent, "eth0", 200),
            (.packetsReceived, "eth0", 7), (.receiveErrors, "eth0", 1), (.receiveDrops, "eth0", 2), (.sendErrors, "eth0", 3),
            (.sendDrops, "eth0", 4), (.link, "eth0", 1), (.connections, "", 17), (.segmentsSent, "", 200), (.retransmits, "", 33),
            (.datagramErrors, "", 44), (.openFiles, "", 992), (.stuckChildren, "", 0),
        ]
        for (metric, subject, value) in expected {
            #expect(watched.values(block, metric, subject) == [value], "metric \(metric.rawValue) of \(subject)")
        }
        let subjects = Set(block.columns.map { String(decoding: $0.series.subject, as: UTF8.self) })
        #expect(subjects == ["", "0", "mmcblk0", "eth0"])
    }

    @Test("files stay open, and a minute later it is known what took the place of one, or came")
    func keptFiles() throws {
        let scratch = try Scratch()
        var sampler = Sampler(kernel: Kernel(), root: scratch.root, keepsFiles: true)
        var block = OpenTelemetryBlock(boot: [UInt8](repeating: 0, count: 16), interval: 10_000)
        let (link, radio) = (Series(.link, Array("wlan0".utf8)), Series(.signal, Array("wlan0".utf8)))
        func sample() -> [Int64?] {
            block.tick(at: 0)
            sampler.sample(into: &block, at: 0)
            return [block.last(link), block.last(radio), block.last(Series(.memoryFree))]
        }
        let state = "sys/class/net/wlan0/operstate"
        try scratch.write("proc/net/dev", "wlan0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n")
        try scratch.write("proc/meminfo", "MemFree: 640 kB\n")
        try scratch.write(state, "up\n")
        #expect(sample() == [1, nil, 10])
        try scratch.write("proc/meminfo", "MemFree: 1280 kB\n")
        try FileManager.default.removeItem(at: scratch.url(state))
        try scratch.write(state, "down\n")
        try scratch.write("proc/net/wireless", "wlan0: 0000 50. -60. -256\n")
        #expect(sample() == [1, nil, 20])
        #expect(block.events.isEmpty)
        sampler.lookAgain()
        #expect(sample() == [0, -60, 20])
        #expect(block.events.map(\.kind) == [.linkDown])
        try scratch.write(state, "up\n")
        #expect(sample() == [1, -60, 20])
    }

    @Test("words of a line, and what is a number")
    func words() {
        let line = "a::b = -12\tc9\u{1}x"
        var scanner = WordScanner(Array("\n\(line)\n \n\(String(repeating: "7 ", count: 30))\nend".utf8))
        func words() -> [String] { (0..<scanner.count).map { String(decoding: scanner.word($0), as: UTF8.self) } }
        #expect(scanner.nextLine() && words() == [])
        #expect(scanner.nextLine() && words() == ["a", "b", "-12", "c9\u{1}x"])
        #expect(scanner.isWord(1, "b") && !scanner.isWord(1, "bb") && !scanner.isWord(4, "") && scanner.begins(3, with: "c9"))
        #expect(!scanner.begins(3, with: "c9\u{1}xy") && scanner.begins(9, with: "") && !scanner.begins(9, with: "a"))
        #expect(scanner.isNumber(2) && !scanner.isNumber(3) && !scanner.isNumber(4) && scanner.number(2) == -12 && scanner.number(4) == 0)
        #expect(scanner.nextLine() && words() == [])
        #expect(scanner.nextLine() && words() == [String](repeating: "7", count: 24))
        #expect(scanner.nextLine() && words() == ["end"] && !scanner.nextLine())
        let numbers: [(String, Int64)] = [
            ("", 0), ("-", 0), ("12a", 12), ("-7", -7), ("9223372036854775798", .max - 9), ("9223372036854775807", .max),
            ("18446744073709551615", .max), ("-99999999999999999999", .max), ("007", 7),
        ]
        for (text, value) in numbers { #expect(WordScanner.number(Array(text.utf8)[...]) == value, "\(text)") }
    }

    @Test("what happened stands beside the samples, once")
    func events() throws {
        let watched = try Watched()
        try watched.scratch.write("proc/vmstat", "oom_kill 3\n")
        try watched.scratch.write("proc/net/dev", "eth0: 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n")
        try watched.scratch.write("sys/class/net/eth0/operstate", "up\n")
        let device = try watched.start()
        try watched.tick(device, 2)
        try watched.scratch.write("proc/vmstat", "oom_kill 5\n")
        try watched.tick(device)
        try watched.scratch.write("sys/class/net/eth0/operstate", "down\n")
        watched.offset -= 3_600_000_000
        try watched.tick(device, 2)
        try watched.scratch.write("sys/class/net/eth0/operstate", "up\n")
        try watched.tick(device, 2)
        let blocks = try watched.blocks(device)
        // An out-of-memory kill is on the disk at once.
        #expect(blocks.count == 2)
        let events = blocks.flatMap(\.block.events)
        let kinds = events.map(\.kind.rawValue)
        #expect(kinds == [2, 4, 6, 8, 7], "agent started, OOM kill, link down, clock jump, link up")
        #expect(events[1].value == 2)
        #expect(String(decoding: events[2].subject, as: UTF8.self) == "eth0")
        #expect(events[3].value == -3_600_000)
    }

    @Test("a block is sealed in time, the open one comes again under its number, and a restart goes on")
    func sealing() throws {
        let watched = try Watched()
        var device: Device? = try watched.start { $0.telemetry.sealInterval = 60_000 }
        try watched.tick(device, 8)
        var blocks = try watched.blocks(device)
        #expect(blocks.map(\.sequence) == [1, 2])
        #expect(blocks[0].block.tickCount == 7)
        #expect(blocks[1].block.tickCount == 1)
        try watched.tick(device)
        #expect(try watched.blocks(device, after: 1).first?.block.tickCount == 2)
        let ring = try recorder(device).ringID
        #expect(ring.count == 16)
        try recorder(device).stop()
        device = nil
        device = try watched.start { $0.telemetry.sealInterval = 60_000 }
        #expect(try recorder(device).ringID == ring)
        blocks = try watched.blocks(device)
        #expect(blocks.map(\.sequence) == [1, 2, 3])
        #expect(blocks[1].block.endsInStop)
        #expect(blocks[2].block.events.map(\.kind.rawValue) == [2], "the same boot")
    }

    @Test("an agent that was killed loses at most a minute, and says of the next boot how the last one ended")
    func killed() throws {
        let watched = try Watched()
        var device: Device? = try watched.start()
        try watched.tick(device, 9)
        device = nil
        device = try watched.start()
        let kept = try watched.blocks(device)
        #expect(kept.map(\.sequence) == [1, 2])
        #expect(kept[0].block.tickCount == 7, "the copy of the second look, a minute after the first")
        #expect(!kept[0].block.endsInStop)
        // A power cut: what lay in memory is gone.
        try watched.tick(device, 3)
        device = nil
        try FileManager.default.removeItem(at: watched.scratch.url("run/rollcall/telemetry"))
        try watched.boot("99999999-2222-3333-4444-555555555555")
        let last = kept[0].block.lastTime
        device = try watched.start()
        try watched.tick(device)
        let boot = try #require(try watched.blocks(device).last?.block.events.first)
        #expect(boot.kind == .boot)
        #expect(boot.subject.isEmpty, "nothing says why")
        #expect(boot.value == Int64(last))
        try recorder(device).stop()
        device = nil
        try watched.boot("aaaaaaaa-2222-3333-4444-555555555555")
        device = try watched.start()
        let clean = try #require(try watched.blocks(device).last?.block.events.first)
        #expect(String(decoding: clean.subject, as: UTF8.self) == "shutdown")
        // Power that goes within the hour after a clean start is no shutdown.
        try watched.tick(device)
        device = nil
        try? FileManager.default.removeItem(at: watched.scratch.url("run/rollcall/telemetry"))
        try watched.boot("bbbbbbbb-2222-3333-4444-555555555555")
        device = try watched.start()
        try watched.tick(device)
        let cut = try #require(try watched.blocks(device).flatMap(\.block.events).last { $0.kind == .boot })
        #expect(cut.subject.isEmpty && cut.value >= clean.value)
    }

    @Test("hundreds of series that come and go fill no more than a block may have")
    func storm() throws {
        let watched = try Watched()
        let device = try watched.start()
        for round in 0..<60 {
            let lines = (0..<100).map { "if\(round)x\($0): 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n" }
            try watched.scratch.write("proc/net/dev", lines.joined())
            try watched.tick(device)
        }
        for (_, block) in try watched.blocks(device) {
            #expect(block.columns.count <= TelemetryBlock.columnCountLimit)
            #expect(watched.values(block, .forks)?.count == block.tickCount)
        }
    }

    @Test("a clock that falls back to 1970 and counters near their end are values like others")
    func extremes() throws {
        let watched = try Watched()
        let device = try watched.start()
        try watched.stat(user: Int(UInt32.max) - 1)
        try watched.tick(device)
        watched.offset = -Int64(watched.clock)
        try watched.stat(user: 5)
        try watched.tick(device)
        try watched.scratch.write("proc/stat", "cpu 99999999999999999999999 18446744073709551615 -5\n\u{0}\ncpu\n")
        try watched.tick(device)
        let block = try #require(try watched.blocks(device).last?.block)
        #expect(watched.values(block, .cpuUser) == [Int64(UInt32.max) - 1, 5, .max])
        #expect(block.times[1] < block.times[0])
        #expect(block.events.last?.kind == .clockJump)
    }

    @Test("a disk that takes nothing keeps blocks waiting, then says how many were lost")
    func fullDisk() throws {
        let watched = try Watched()
        let device = try watched.start { $0.telemetry.sealInterval = 10_000 }
        watched.kernel.fault = { $0 == .write ? .noSpace : nil }
        try watched.tick(device, 20)
        watched.kernel.fault = nil
        try watched.tick(device, 4)
        let blocks = try watched.blocks(device)
        #expect(blocks.map(\.sequence) == Array(1...UInt64(blocks.count)))
        let lost = try #require(blocks.flatMap(\.block.events).first { $0.kind == .lost })
        #expect(lost.value > 10)
        #expect(Int(lost.value) + blocks.reduce(0) { $0 + $1.block.tickCount } >= 23)
    }

    @Test("what is asked for now is taken now, with what happened lately, and leaves the open block as it is")
    func present() throws {
        let watched = try Watched()
        let device = try watched.start()
        try watched.tick(device)
        try watched.stat(user: 4711)
        watched.clock += 2_000_000
        let present = try TelemetryBlock(decoding: try recorder(device).presentBlock())
        #expect(present.tickCount == 1)
        #expect(watched.values(present, .cpuUser) == [4711])
        #expect(present.events.map(\.kind.rawValue) == [2])
        #expect(try watched.blocks(device).last?.block.tickCount == 1)
    }
}

@Suite("The ring of telemetry")
struct TelemetryRingTests {
    private let kernel = Kernel()

    private func content(_ number: Int, size: Int = 3_000) -> [UInt8] { (0..<size).map { UInt8(truncatingIfNeeded: $0 &+ number) } }

    private func numbers(_ ring: TelemetryRing) -> [UInt64] {
        var found: [UInt64] = []
        while let next = ring.block(after: found.last ?? 0) {
            #expect(next.content == content(Int(next.sequence), size: next.content.count))
            found.append(next.sequence)
        }
        return found
    }

    @Test("the newest blocks are kept, round and round, and the file never grows")
    func round() throws {
        let scratch = try Scratch()
        let path = scratch.root + Array("/ring".utf8)
        var ring = try TelemetryRing(kernel: kernel, path: path, size: 40_960)
        for number in 1...200 {
            try ring.append(content(number, size: number % 5 * 2_000 + 1))
            #expect(numbers(ring).last == UInt64(number))
            let reopened = try TelemetryRing(kernel: kernel, path: path, size: 40_960)
            #expect(numbers(reopened) == numbers(ring))
            #expect(reopened.id == ring.id)
            #expect(try kernel.status(of: path).size == 40_960)
        }
        #expect(numbers(ring).count >= 3)
    }

    @Test("power that goes after any byte of a write costs the oldest blocks at most")
    func powerCut() throws {
        let scratch = try Scratch()
        let path = scratch.root + Array("/ring".utf8)
        var ring = try TelemetryRing(kernel: kernel, path: path, size: 32_768)
        for number in 1...9 { try ring.append(content(number)) }
        let before = numbers(ring)
        let old = try scratch.read("ring")
        try ring.append(content(10))
        let new = try scratch.read("ring")
        let changed = old.indices.filter { old[$0] != new[$0] }
        let (start, end) = (try #require(changed.first), try #require(changed.last) + 1)
        for cut in Array(start...end).filter({ $0 % 7 == 0 || $0 - start < 40 || end - $0 < 5 }) {
            try scratch.write("ring", Array(new[..<cut] + old[cut...]))
            let found = numbers(try TelemetryRing(kernel: kernel, path: path, size: 32_768))
            #expect(found.allSatisfy { before.contains($0) || $0 == 10 && cut == end })
            #expect(found.count >= before.count - 1)
        }
    }

    @Test("a file cut anywhere, or of anything, is a ring again, and what was whole is there")
    func damage() throws {
        let scratch = try Scratch()
        let path = scratch.root + Array("/ring".utf8)
        var ring = try TelemetryRing(kernel: kernel, path: path, size: 32_768)
        for number in 1...4 { try ring.append(content(number)) }
        let whole = try scratch.read("ring")
        for cut in stride(from: 0, through: whole.count, by: 509) {
            try scratch.write("ring", Array(whole[..<cut]))
            var mended = try TelemetryRing(kernel: kernel, path: path, size: 32_768)
            let kept = numbers(mended)
            #expect(kept == Array(1...4).prefix(max(0, (cut - 3_020) / 4_096)).map { UInt64($0) })
            try mended.append(content(kept.count + 1))
            #expect(try kernel.status(of: path).size == 32_768)
        }
        for seed in 0..<50 {
            try scratch.write("ring", (0..<32_768).map { UInt8(truncatingIfNeeded: ($0 &* 31 &+ seed &* 7) >> (seed % 5)) })
            var mended = try TelemetryRing(kernel: kernel, path: path, size: 32_768)
            #expect(numbers(mended).isEmpty)
            try mended.append(content(1))
            #expect(numbers(mended) == [1])
        }
    }
}

@Suite("What telemetry notes of alarms, units and logins")
struct TelemetryAlertTests {
    private func events(_ watched: Watched, _ device: Device?, _ kind: TelemetryEvent.Kind) throws -> [String] {
        try watched.blocks(device).flatMap(\.block.events).filter { $0.kind == kind }
            .map { String(decoding: $0.subject, as: UTF8.self) }
    }

    /// Goes on until the children that read sensors have answered.
    private func settle(_ device: Device) {
        while !device.executor.isIdle {
            var polls = PollSet()
            device.executor.prepare(&polls)
            polls.wait(timeout: 50_000)
            device.executor.turn(polls)
        }
    }

    private func append(_ text: String, to name: String, _ scratch: Scratch) throws {
        let file = try FileHandle(forWritingTo: scratch.url(name))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
        try file.close()
    }

    @Test("the kernel's warnings of hangs, voltage and heat are noted once and are on the disk at once; programs' and older ones are not")
    func kernelLog() throws {
        let watched = try Watched()
        try watched.scratch.write("dev/kmsg", "0,1,1,-;watchdog: BUG: soft lockup - CPU#0 stuck for 22s! [old:1]\n")
        let device = try watched.start()
        try watched.tick(device)
        try append(
            """
            6,2,2,-;eth0: link up
             SUBSYSTEM=net
            12,3,3,-;soft lockup, says a program
            7,4,4,-;debugging of Under-voltage
            4,5,5,-;half a line without
            """ + "\n", to: "dev/kmsg", watched.scratch)
        try watched.tick(device)
        #expect(try watched.blocks(device).count == 1)
        try append(
            "2,6,6,-;Under-voltage detected! (0x00050005)\n3,7,7,-;INFO: task mmcqd:71 blocked for more than 120 seconds.\n",
            to: "dev/kmsg", watched.scratch)
        try watched.tick(device)
        #expect(try watched.blocks(device).map(\.sequence) == [1], "sealed")
        #expect(try events(watched, device, .alarm) == ["Under-voltage detected! (0x00050005)"])
        #expect(try events(watched, device, .watchdog) == ["INFO: task mmcqd:71 blocked for more than 120 seconds."])
        try watched.tick(device, 3)
        #expect(try events(watched, device, .watchdog).count == 1)
    }

    @Test("a device without a kernel log that can be read is measured all the same")
    func noKernelLog() throws {
        let watched = try Watched()
        let device = try watched.start()
        try watched.tick(device, 3)
        #expect(try watched.blocks(device).last?.block.tickCount == 3)
    }

    @Test("alarms that come and go seal one block in ten minutes, and the first at once")
    func storm() throws {
        let watched = try Watched()
        try watched.scratch.write("proc/vmstat", "oom_kill 0\n")
        let device = try watched.start()
        try watched.tick(device)
        for kill in 1...180 {
            try watched.scratch.write("proc/vmstat", "oom_kill \(kill)\n")
            try watched.tick(device)
            if kill == 1 { #expect(try watched.blocks(device).map(\.sequence) == [1]) }
        }
        let blocks = try watched.blocks(device)
        #expect(blocks.count == 4, "1,800 s: at 10, 610 and 1,210 s, and the open one")
        #expect(blocks.flatMap(\.block.events).filter { $0.kind == .oomKill }.count == 180)
    }

    @Test("a sensor's own alarm is noted when it comes, not while it stays")
    func sensors() throws {
        let watched = try Watched()
        try watched.scratch.write("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "0\n")
        try watched.scratch.write("sys/class/hwmon/hwmon0/temp1_input", "45000\n")
        try watched.scratch.write("sys/class/hwmon/hwmon0/temp1_crit_alarm", "1\n")
        let device = try watched.start()
        func minute() throws {
            try watched.tick(device, 6)
            settle(device)
            try watched.tick(device)
        }
        try minute()
        #expect(try events(watched, device, .alarm) == ["hwmon0/temp1_crit"])
        try watched.scratch.write("sys/class/hwmon/hwmon0/in0_lcrit_alarm", "1\n")
        for _ in 0..<3 { try minute() }
        #expect(try events(watched, device, .alarm) == ["hwmon0/temp1_crit", "hwmon0/in0_lcrit"])
        let last = try #require(try watched.blocks(device).last?.block)
        #expect(watched.values(last, .temperature, "hwmon0/temp1")?.last == 45_000)
        #expect(!last.columns.contains { $0.series.metric == .voltage })
    }

    @Test("without utmp, logins come from logind's sessions: people's, with line and host, and not the door's")
    func sessions() throws {
        let watched = try Watched()
        func session(_ name: String, _ user: String, _ rest: String = "CLASS=user\n") throws {
            try watched.scratch.write("run/systemd/sessions/\(name)", "# This is private data.\nUID=0\nUSER=\(user)\nACTIVE=1\n\(rest)")
        }
        try session("1", "root")
        let device = try watched.start()
        try watched.tick(device)
        try session("2", "rollcall")
        try session("3", "pi", "TTY=pts/0\nREMOTE=1\nREMOTE_HOST=192.0.2.7\nSERVICE=sshd\nCLASS=user\n")
        try session("4", "pi", "CLASS=manager\n")
        try session("5", "gdm", "CLASS=greeter\n")
        try session("6.ref", "fifo")
        try watched.tick(device, 13)
        #expect(try events(watched, device, .login) == ["pi pts/0 192.0.2.7"])
        try FileManager.default.removeItem(at: watched.scratch.url("run/systemd/sessions/3"))
        try session("7", "pi", "TTY=pts/0\nREMOTE_HOST=192.0.2.7\nCLASS=user\n")
        try watched.tick(device, 6)
        #expect(try events(watched, device, .login).count == 2)
    }
}

@Suite("What systemd answers of units that failed")
struct FailedUnitTests {
    /// A message of D-Bus in little-endian order with one field, and its body.
    static func message(_ type: UInt8, _ body: [UInt8]) -> [UInt8] {
        func number(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        let field: [UInt8] = [5, 1, 117, 0, 1, 0, 0, 0]
        return [108, type, 1, 1] + number(body.count) + number(2) + number(field.count + 5) + field + [8, 1, 103, 0, 1] + [0, 0, 0] + body
    }

    /// The body of an answer with a row for each name.
    static func rows(_ names: [String]) -> [UInt8] {
        var rows: [UInt8] = []
        func number(_ value: Int) { rows += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
        func text(_ text: String) {
            while rows.count % 4 != 0 { rows.append(0) }
            number(text.utf8.count)
            rows += Array(text.utf8) + [0]
        }
        for name in names {
            while rows.count % 8 != 0 { rows.append(0) }
            for field in [name, "A unit", "loaded", "failed", "failed", "", "/org/freedesktop/systemd1/unit/x"] { text(field) }
            while rows.count % 4 != 0 { rows.append(0) }
            number(0)
            text("")
            text("/")
        }
        return (0..<4).map { UInt8(truncatingIfNeeded: rows.count >> (8 * $0)) } + [0, 0, 0, 0] + rows
    }

    private static let greeting = Array("OK 0123456789abcdef0123456789abcdef\r\n".utf8)

    @Test("names are read whatever signals come first, and nothing is made of half an answer")
    func answers() {
        let names = ["kiosk-spool.service", "a.mount", "x.timer"]
        let whole = Self.greeting + Self.message(4, [1, 2, 3]) + Self.message(2, Self.rows(names))
        // The signal's body is not padded; what follows it begins at once.
        #expect(FailedUnits.read(whole) == .units(names.map { Array($0.utf8) }))
        for cut in whole.indices { #expect(FailedUnits.read(Array(whole[..<cut])) == .more) }
        #expect(FailedUnits.read(Self.greeting + Self.message(2, Self.rows([]))) == .units([]))
        #expect(FailedUnits.read(Self.greeting + Self.message(3, [])) == .nothing)
        #expect(FailedUnits.read(Array("REJECTED EXTERNAL\r\n".utf8)) == .nothing)
        let many = (0..<100).map { "unit-\($0).service" }
        #expect(FailedUnits.read(Self.greeting + Self.message(2, Self.rows(many))) == .units(many.prefix(32).map { Array($0.utf8) }))
    }

    @Test("a unit that fails is noted once, and once more when it failed again; a systemd that hangs holds nothing up")
    func events() throws {
        let watched = try Watched()
        try FileManager.default.createDirectory(at: watched.scratch.url("run/systemd"), withIntermediateDirectories: true)
        let server = try watched.kernel.listen(watched.scratch.root + Array("/run/systemd/private".utf8))
        let device = try watched.start()
        let telemetry = try #require(device.telemetry)
        /// A minute in which systemd answers with these units; nil: not at all.
        func minute(_ names: [String]?) throws {
            try watched.tick(device)
            let (connection, _) = try watched.kernel.accept(server)
            try watched.kernel.setNonblocking(connection)
            #expect(try watched.kernel.read(connection, limit: 4_096) == Array("\0AUTH EXTERNAL 30\r\nBEGIN\r\n".utf8))
            func say(_ words: ArraySlice<UInt8>) throws {
                try watched.kernel.writeAll(connection, Array(words))
                var polls = PollSet()
                telemetry.prepare(&polls)
                polls.wait(timeout: 1_000_000)
                telemetry.turn(polls)
            }
            if let names {
                // systemd 252 never answers a call that came before this.
                try say(Self.greeting[...])
                let asked = try watched.kernel.read(connection, limit: 4_096)
                #expect(asked.starts(with: Array("l".utf8)) && asked.suffix(7) == Array("failed\0".utf8)[...])
                let answer = Self.message(2, Self.rows(names))
                for piece in [answer[..<50], answer[50...]] { try say(piece) }
            }
            try watched.tick(device, 5)
        }
        try minute(["a.service"])
        try minute(["a.service", "b.service"])
        try minute(nil)
        try minute(["b.service"])
        try minute(["a.service", "b.service"])
        let events = try watched.blocks(device).flatMap(\.block.events).filter { $0.kind == .unitFailed }
        #expect(events.map { String(decoding: $0.subject, as: UTF8.self) } == ["a.service", "b.service", "a.service"])
    }
}
