internal import Catalogue
internal import Telemetry
internal import Wire

/// What may make a reader wait, mounts and sensors, read once a minute by the executor's children, and worth the same until the next
/// answer.
final class SlowReadings {
    private let executor: Executor
    private let kernel: Kernel
    private(set) var values: [(series: Series, value: Int64)] = []
    private var mounts: [(series: Series, value: Int64)] = []
    private var sensors: [(series: Series, value: Int64)] = []
    /// Mounts that were read-only or hung at the last look.
    private var readOnly: [[UInt8]]?
    private var hanging: [[UInt8]] = []
    private var hot: [[UInt8]] = []
    private var alarms: [[UInt8]] = []
    private var isAsking: [Bool] = [false, false]
    /// What happened since it was last taken.
    private(set) var news: [TelemetryEvent] = []

    /// Thousandths of a degree Celsius from which a sensor is hot: parts that are made for devices are for 85 to 105.
    private static let hotFrom: Int64 = 90_000
    private static let mountCountLimit = 48
    private static let answerSizeLimit: UInt64 = 65_536

    init(executor: Executor, kernel: Kernel) {
        self.executor = executor
        self.kernel = kernel
    }

    func takeNews() -> [TelemetryEvent] {
        defer { news = [] }
        return news
    }

    /// Asks for new readings; what is still being read is not asked for twice.
    func ask() {
        let user: Text = kernel.isRoot ? "root" : "nobody"
        ask(0, ProbeDefinition(id: "telemetry.mounts", impact: .observe, source: .statfs, outputLimit: Self.answerSizeLimit, user: user)) {
            self.takeMounts($0)
        }
        let patterns: [Text] = [
            "/sys/class/thermal/thermal_zone*/temp", "/sys/class/hwmon/hwmon*/temp*_input", "/sys/class/hwmon/hwmon*/in*_input",
            "/sys/class/hwmon/hwmon*/*_alarm", "/sys/class/power_supply/*/capacity", "/sys/class/power_supply/*/online",
            "/sys/bus/mmc/devices/*/life_time",
        ]
        ask(
            1,
            ProbeDefinition(
                id: "telemetry.sensors", impact: .observe, source: .files(patterns), outputLimit: Self.answerSizeLimit, user: user)
        ) { self.takeSensors($0) }
    }

    private func ask(_ number: Int, _ definition: ProbeDefinition, _ take: @escaping ([UInt8]) -> Void) {
        if isAsking[number] { return }
        var bytes: [UInt8] = []
        let answering = Answering(
            session: 0, request: UInt64(number), hasRoom: { true }, deliver: { if $0.stream == .output { bytes += $0.bytes } },
            finish: { done in
                self.isAsking[number] = false
                // Half an answer is none: what it lacks would look gone.
                if done.ending == .exited, done.code == 0, done.cutByteCount == 0 { take(bytes) }
                bytes = []
                self.values = self.mounts + self.sensors
            })
        // What hangs is not asked again until it returns; the executor knows.
        isAsking[number] = (try? executor.submit(definition, values: [], answering: answering, isOwn: true)) != nil
    }

    private func takeMounts(_ bytes: [UInt8]) {
        var reader = CBORReader(bytes)
        var found: [(series: Series, value: Int64)] = []
        var (locked, stuck): ([[UInt8]], [[UInt8]]) = ([], [])
        var seen: [[UInt8]] = []
        while seen.count < Self.mountCountLimit, let row = try? MountRow(&reader) {
            // What has no device behind it is no disk, except memory that fills up like one.
            let (tmpfs, overlay): (Text, Text) = ("tmpfs", "overlay")
            guard row.source.contains(47) || row.type == tmpfs.bytes || row.type == overlay.bytes, !seen.contains(row.mount) else {
                continue
            }
            seen.append(row.mount)
            let mount = row.mount
            found.append((Series(.mountHangs, mount), row.status == 110 ? 1 : 0))
            if row.status == 110 { stuck.append(mount) }
            guard row.status == 0 else { continue }
            let isReadOnly = row.options.starts(with: [114, 111])
            // 64 KiB each; a block count that would not fit is nobody's disk.
            let figures: [(UInt64, UInt64)] = [
                (150, row.blocks &* row.blockSize >> 16), (152, row.availableBlocks &* row.blockSize >> 16), (154, row.inodes),
                (156, row.freeInodes), (158, isReadOnly ? 1 : 0),
            ]
            for (metric, value) in figures { found.append((Series(Metric(rawValue: metric), mount), Int64(clamping: value))) }
            if isReadOnly { locked.append(mount) }
        }
        mounts = found
        if let readOnly { note(.readOnly, locked.filter { !readOnly.contains($0) && seen.contains($0) }) }
        note(.mountHangs, stuck.filter { !hanging.contains($0) })
        (readOnly, hanging) = (locked, stuck)
    }

    private func takeSensors(_ bytes: [UInt8]) {
        var reader = CBORReader(bytes)
        var found: [(series: Series, value: Int64)] = []
        var (hotNow, alarmsNow): ([[UInt8]], [[UInt8]]) = ([], [])
        while found.count < 64, let row = try? FileRow(&reader) {
            let parts = row.path.split(separator: 47)
            guard row.status == 0, parts.count >= 2, let file = parts.last else { continue }
            let holder = Array(parts[parts.count - 2])
            let value = WordScanner.number(row.content[...])
            // `_alarm`; other files of these end in `t`, `p`, `y`, `e`.
            if file.last == UInt8(ascii: "m") {
                if value != 0 { alarmsNow.append(holder + [47] + file.dropLast(6)) }
                continue
            }
            let isTemperature = file.starts(with: [116])
            switch file.first {
            case UInt8(ascii: "t"), UInt8(ascii: "i"):
                // `temp` of a zone; `temp1_input` and `in1_input` of a chip.
                let name: [UInt8] = file.count == 4 ? holder : holder + [47] + file.prefix { $0 != 95 }
                found.append((Series(isTemperature ? .temperature : .voltage, name), value))
                if isTemperature, value >= Self.hotFrom { hotNow.append(name) }
            case UInt8(ascii: "c"): found.append((Series(.charge, holder), value))
            case UInt8(ascii: "o"): found.append((Series(.supply, holder), value))
            default: found.append((Series(.wear, holder), wear(row.content)))
            }
        }
        sensors = found
        note(.hot, hotNow.filter { !hot.contains($0) })
        note(.alarm, alarmsNow.filter { !alarms.contains($0) })
        (hot, alarms) = (hotNow, alarmsNow)
    }

    /// The higher of the two hexadecimal figures that JEDEC's eMMC standard has for wear.
    private func wear(_ content: [UInt8]) -> Int64 {
        var highest: Int64 = 0
        for word in content.split(whereSeparator: { $0 <= 32 }) {
            guard let digit = word.last else { continue }
            let value = digit >= 97 ? Int64(digit) - 87 : Int64(digit) - 48
            highest = max(highest, min(max(value, 0), 15))
        }
        return highest
    }

    private func note(_ kind: TelemetryEvent.Kind, _ subjects: [[UInt8]]) {
        for subject in subjects.prefix(Self.mountCountLimit) {
            news.append(TelemetryEvent(kind, time: kernel.realtime / 1_000, subject: subject))
        }
    }
}
