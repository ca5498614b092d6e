internal import Foundation
internal import Wire

/// Reads one folder below `cases/`.
final class CaseReader {
    struct Recorded {
        var ending: ProbeCase.Ending
        var output: [UInt8]
        var errorOutput: [UInt8]
        var others: [[String]]
        var desk: ProbeCase.Desk?
        var otherLine: Int
    }

    struct Expected {
        var isComplete = true
        var facts: [[String: String]]?
        var findings: [ProbeCase.ExpectedFinding] = []
        var unknowns: [String] = []
        var isNoData = false
        /// Lines of the keys, and of the rows of facts.
        var lines: [String: Int] = [:]
        var rowLines: [Int] = []
    }

    private let directory: String
    private let folder: String
    private let answerList: ProblemList
    private let expectedList: ProblemList

    var problems: [ManifestProblem] { answerList.problems + expectedList.problems }

    init(directory: String, folder: String) {
        self.directory = directory
        self.folder = folder
        answerList = ProblemList(file: folder + "/answer.yaml", kind: "The answer of a case")
        expectedList = ProblemList(file: folder + "/expected.yaml", kind: "What is expected of a case")
    }

    func read(_ manifest: Manifest, name: String) -> ProbeCase? {
        let answer = document("answer.yaml", answerList, "ending: exited").flatMap { recorded($0, manifest) }
        let expected = document("expected.yaml", expectedList, "findings: []").flatMap(self.expected)
        guard let answer, let expected else { return nil }
        return ProbeCase(probe: manifest.id, name: name, file: folder + "/expected.yaml", answer: answer, expected: expected)
    }

    /// - Parameter least: What must stand in it at least.
    private func document(_ name: String, _ list: ProblemList, _ least: String) -> YAMLValue? {
        let path = directory + "/" + folder + "/" + name
        guard let bytes = FileManager.default.contents(atPath: path) else {
            let isThere = FileManager.default.fileExists(atPath: path)
            list.add(1, isThere ? "The file cannot be read." : "The file is not there: write it, with `\(least)` at least.")
            return nil
        }
        return YAMLValue(text: String(decoding: bytes, as: UTF8.self), problems: list)
    }

    private func recorded(_ root: YAMLValue, _ manifest: Manifest) -> Recorded? {
        guard
            let fields = root.fields(
                [
                    "ending", "code", "cut", "refused", "stderr", "mounts", "files", "paths", "replies", "connections", "clock", "hex",
                    "with",
                    "desk", "answers",
                ], hints: ["stdout": "What a program wrote is the file stdout beside it."])
        else {
            return nil
        }
        let ending =
            fields["ending"]?.choice([
                ("exited", Done.Ending.exited), ("signalled", .signalled), ("timed-out", .timedOut), ("abandoned", .abandoned),
                ("not-started", .notStarted), ("cancelled", .cancelled),
            ]) ?? .exited
        let code = fields["code"].flatMap { $0.integer(0...255) } ?? 0
        if ending == .notStarted, code == 0 {
            root.report("A probe that was not started has the errno in code, such as 2 where its program is not there.")
        }
        let cut = fields["cut"].flatMap { $0.integer(0...1 << 40) } ?? 0
        var output = [UInt8](FileManager.default.contents(atPath: directory + "/" + folder + "/stdout") ?? Data())
        for mount in fields["mounts"]?.list() ?? [] { output += self.mount(mount)?.encoded ?? [] }
        for file in fields["files"]?.list() ?? [] { output += self.file(file)?.encoded ?? [] }
        for path in fields["paths"]?.list() ?? [] { output += status(path)?.encoded ?? [] }
        for row in fields["replies"]?.list() ?? [] { output += reply(row)?.encoded ?? [] }
        for row in fields["connections"]?.list() ?? [] { output += connection(row)?.encoded ?? [] }
        output += fields["clock"].flatMap(clock)?.encoded ?? []
        output += fields["hex"].flatMap(hexadecimal) ?? []
        if !manifest.questions.isEmpty { output += answers(fields["answers"] ?? root, manifest) }
        if manifest.questions.isEmpty, let answers = fields["answers"] { answers.report("\(manifest.id) asks the device, not the caller.") }
        let done = Done(
            request: 1, ending: ending, code: UInt64(code), sentByteCount: UInt64(output.count), cutByteCount: UInt64(cut))
        let others = (fields["with"]?.list() ?? []).compactMap { value -> [String]? in
            let words = value.text()?.split(separator: "/").map(String.init) ?? []
            if words.count == 2 { return words }
            value.report("Another case is named as probe/case, such as service.failed/healthy.")
            return nil
        }
        return Recorded(
            ending: fields["refused"].flatMap { $0.text() }.map { .refused($0) } ?? .done(done), output: output,
            errorOutput: Array((fields["stderr"].flatMap { $0.anyText() } ?? "").utf8), others: others, desk: fields["desk"].flatMap(desk),
            otherLine: root.line(of: "with"))
    }

    /// What the caller said, by the names of questions; what is not named was not asked.
    private func answers(_ value: YAMLValue, _ manifest: Manifest) -> [UInt8] {
        if value.name != "answers" { value.report("A case of questions to the caller has answers.") }
        var replies: [String: CallerQuestion.Reply] = [:]
        for (name, value) in (value.name == "answers" ? value.fields(manifest.questions.map(\.name)) : nil) ?? [:] {
            guard let question = manifest.questions.first(where: { $0.name == name }) else { continue }
            replies[name] = question.reply(value.plain ?? "")
            if replies[name] == nil { value.report("To \(name) may be answered: \(question.choices), \(CallerQuestion.cannotTell).") }
        }
        return manifest.output(of: replies)
    }

    /// What the desk knows beside the answers.
    private func desk(_ value: YAMLValue) -> ProbeCase.Desk? {
        guard let fields = value.fields(["time", "device_time", "model", "site", "trends", "expected", "contact", "siblings"]) else {
            return nil
        }
        var expectations: [String: [[String]]] = [:]
        for (kind, things) in fields["expected"]?.fields(Lesson.kinds.map(\.name)) ?? [:] {
            let count = Lesson.kinds.first { $0.name == kind }?.columns.count ?? 0
            expectations[kind] = (things.list() ?? []).compactMap { thing in
                let words = thing.texts()
                if words?.count != count { thing.report("What is expected of \(kind) has \(count) columns.") }
                return words
            }
        }
        let trends = (fields["trends"]?.list() ?? []).compactMap { value -> ProbeCase.Desk.Trend? in
            guard let fields = value.fields(["metric", "key", "hours", "values"]), let metric = required("metric", in: fields, of: value)
            else { return nil }
            let (hours, values) = (fields["hours"]?.list() ?? [], fields["values"]?.list() ?? [])
            if hours.count != values.count || hours.isEmpty { value.report("A trend has as many values as hours, one at least.") }
            return ProbeCase.Desk.Trend(
                metric: metric, key: fields["key"].flatMap { $0.anyText() } ?? "", hours: hours.compactMap { $0.real() },
                values: values.compactMap { $0.real() })
        }
        return ProbeCase.Desk(
            time: fields["time"].flatMap { $0.integer(0...1 << 40) },
            deviceTime: fields["device_time"].flatMap { $0.integer(0...1 << 40) }, contact: fields["contact"].flatMap(contact),
            siblings: (fields["siblings"]?.list() ?? []).compactMap(sibling), model: fields["model"].flatMap { $0.anyText() } ?? "",
            site: fields["site"].flatMap { $0.anyText() } ?? "", trends: trends, expectations: expectations)
    }

    private func contact(_ value: YAMLValue) -> ProbeCase.Desk.Contact? {
        guard let fields = value.fields(["last_seen", "failing_since", "failure"]) else { return nil }
        return ProbeCase.Desk.Contact(
            lastSeen: fields["last_seen"].flatMap { $0.integer(0...1 << 40) },
            failingSince: fields["failing_since"].flatMap { $0.integer(0...1 << 40) },
            failure: fields["failure"].flatMap { $0.text() } ?? "timedOut")
    }

    private func sibling(_ value: YAMLValue) -> ProbeCase.Desk.Sibling? {
        guard let fields = value.fields(["name", "model", "last_seen", "last_tried", "reached"]),
            let name = required("name", in: fields, of: value)
        else { return nil }
        return ProbeCase.Desk.Sibling(
            name: name, model: fields["model"].flatMap { $0.anyText() } ?? "",
            lastSeen: fields["last_seen"].flatMap { $0.integer(0...1 << 40) },
            lastTried: fields["last_tried"].flatMap { $0.integer(0...1 << 40) }, isReached: fields["reached"].flatMap { $0.flag() })
    }

    private func required(_ key: String, in fields: [String: YAMLValue], of parent: YAMLValue) -> String? {
        if let value = fields[key] { return value.text() }
        parent.report("\(parent.name) lacks the key \(key).")
        return nil
    }

    /// A mount as statfs(2) gives it.
    private func mount(_ value: YAMLValue) -> MountRow? {
        let numbers = ["status", "block_size", "blocks", "free", "available", "inodes", "free_inodes"]
        guard let fields = value.fields(["mount", "source", "fstype", "options"] + numbers) else { return nil }
        func bytes(_ key: String) -> [UInt8] { Array((fields[key].flatMap { $0.anyText() } ?? "").utf8) }
        func number(_ key: String) -> UInt64 { UInt64(fields[key].flatMap { $0.integer(0...(.max)) } ?? 0) }
        return MountRow(
            mount: bytes("mount"), source: bytes("source"), type: bytes("fstype"), options: bytes("options"), status: number("status"),
            blockSize: number("block_size"), blocks: number("blocks"), freeBlocks: number("free"), availableBlocks: number("available"),
            inodes: number("inodes"), freeInodes: number("free_inodes"))
    }

    private func file(_ value: YAMLValue) -> FileRow? {
        guard let fields = value.fields(["path", "status", "content"]) else { return nil }
        return FileRow(
            path: Array((required("path", in: fields, of: value) ?? "").utf8),
            status: UInt64(fields["status"].flatMap { $0.integer(0...200) } ?? 0),
            content: Array((fields["content"].flatMap { $0.anyText() } ?? "").utf8))
    }

    /// A path as the stat reader gives it; `mode` in octal.
    private func status(_ value: YAMLValue) -> StatusRow? {
        let types: [(String, UInt64)] = [
            ("fifo", 1), ("character", 2), ("directory", 4), ("block", 6), ("file", 8), ("symlink", 10), ("socket", 12),
        ]
        let numbers = ["status", "uid", "gid", "size", "links", "modified", "device"]
        guard let fields = value.fields(["path", "type", "mode"] + numbers) else { return nil }
        func number(_ key: String) -> UInt64 { UInt64(fields[key].flatMap { $0.integer(0...(.max)) } ?? 0) }
        var mode: UInt64 = 0
        if let text = fields["mode"]?.plain {
            if let bits = UInt64(text, radix: 8), bits < 0o10000 { mode = bits } else { value.report("mode must be octal, such as 1777.") }
        }
        return StatusRow(
            path: Array((fields["path"].flatMap { $0.text() } ?? "").utf8), status: number("status"),
            type: fields["type"]?.choice(types) ?? (fields["status"] == nil ? 8 : 0), mode: mode, user: number("uid"),
            group: number("gid"), size: number("size"), links: number("links"), changedAt: number("modified") &* 1_000_000,
            device: number("device"))
    }

    /// What a name server answered the reader `resolve`; `reply` in hexadecimal.
    private func reply(_ value: YAMLValue) -> NameRow? {
        guard let fields = value.fields(["name", "server", "type", "status", "microseconds", "reply"]) else { return nil }
        func bytes(_ key: String) -> [UInt8] { Array((fields[key]?.plain ?? "").utf8) }
        func number(_ key: String) -> UInt64 { UInt64(fields[key].flatMap { $0.integer(0...(1 << 50)) } ?? 0) }
        return NameRow(
            name: bytes("name"), server: bytes("server"), type: number("type"), status: number("status"), duration: number("microseconds"),
            reply: fields["reply"].flatMap(hexadecimal) ?? [])
    }

    /// What came of one attempt of the reader `connect`.
    private func connection(_ value: YAMLValue) -> ConnectionRow? {
        guard let fields = value.fields(["target", "status", "microseconds"]) else { return nil }
        func number(_ key: String) -> UInt64 { UInt64(fields[key].flatMap { $0.integer(0...(1 << 50)) } ?? 0) }
        return ConnectionRow(
            target: Array((fields["target"]?.plain ?? "").utf8), status: number("status"), duration: number("microseconds"))
    }

    private func clock(_ value: YAMLValue) -> ClockRow? {
        let bound = Int64(1) << 50
        guard let fields = value.fields(["time", "uptime", "synchronized", "offset_us", "error_us", "frequency"]) else { return nil }
        func number(_ key: String) -> Int64 { fields[key].flatMap { $0.integer(-bound...bound) } ?? 0 }
        func seconds(_ key: String) -> UInt64 { UInt64(fields[key].flatMap { $0.integer(0...1 << 40) } ?? 0) * 1_000_000 }
        return ClockRow(
            time: seconds("time"), uptime: seconds("uptime"), isSynchronised: fields["synchronized"]?.flag() ?? true,
            offset: number("offset_us"), error: number("error_us"), frequency: number("frequency"))
    }

    private func hexadecimal(_ value: YAMLValue) -> [UInt8]? {
        let digits = Array(value.anyText() ?? "")
        let bytes = stride(from: 0, to: digits.count - digits.count % 2, by: 2).compactMap { UInt8(String(digits[$0...$0 + 1]), radix: 16) }
        if bytes.count * 2 != digits.count { value.report("hex must be pairs of hexadecimal digits.") }
        return bytes
    }

    private func expected(_ root: YAMLValue) -> Expected? {
        guard let fields = root.fields(["complete", "facts", "findings", "unknown", "no-data"]) else { return nil }
        var expected = Expected()
        expected.isComplete = fields["complete"]?.flag() ?? true
        expected.isNoData = fields["no-data"]?.flag() ?? false
        for key in fields.keys { expected.lines[key] = root.line(of: key) }
        let rows = fields["facts"]?.list()
        expected.facts = rows?.map(words)
        expected.rowLines = rows?.map(\.line) ?? []
        expected.unknowns = (fields["unknown"]?.texts() ?? []).sorted()
        guard let findings = fields["findings"] else {
            root.report("expected.yaml must say which findings come, even if none: findings: [].")
            return nil
        }
        for value in findings.list() ?? [] {
            guard let finding = value.fields(["id", "subject", "under"]), finding.count == value.keyCount else { continue }
            guard let id = required("id", in: finding, of: value) else { continue }
            expected.findings.append(
                ProbeCase.ExpectedFinding(
                    id: id, subject: finding["subject"].map(words) ?? [:], under: finding["under"]?.text(),
                    line: value.line))
        }
        return expected
    }

    private func words(_ value: YAMLValue) -> [String: String] {
        var words: [String: String] = [:]
        for (key, value) in value.pairs() ?? [] { words[key] = value.plain ?? "" }
        return words
    }
}
