public import Catalogue
internal import Foundation
public import Wire

/// Writes an answer down as a case: what ``ProbeCase`` reads.
public struct CaseWriter: Sendable {
    /// What comes of the answer, to be looked at by its author before it is kept.
    public struct Expectation: Sendable {
        /// Whether it was read completely.
        public var isComplete: Bool
        /// Whether the device has nothing for the probe.
        public var isNoData: Bool
        /// Values by column, a row each; NULL is nil.
        public var facts: [[(name: String, value: String?)]]
        /// Findings: id and subject.
        public var findings: [(id: String, subject: [(name: String, value: String)])]
        /// Ids of rules that could not be judged.
        public var unknowns: [String]

        /// Makes an expectation of its fields.
        public init(
            isComplete: Bool, isNoData: Bool, facts: [[(name: String, value: String?)]],
            findings: [(id: String, subject: [(name: String, value: String)])], unknowns: [String]
        ) {
            (self.isComplete, self.isNoData, self.facts) = (isComplete, isNoData, facts)
            (self.findings, self.unknowns) = (findings, unknowns)
        }

        /// Where rules came to something else than for another answer, as a fragment of a sentence; nil where they came to the same.
        public func difference(from other: Expectation) -> String? {
            func less(_ left: [String], _ right: [String]) -> [String] { Set(left).subtracting(right).sorted() }
            let (ids, otherIDs) = (findings.map(\.id), other.findings.map(\.id))
            var parts = less(ids, otherIDs).map { "\($0) is found now" } + less(otherIDs, ids).map { "\($0) is not found any more" }
            parts += less(unknowns, other.unknowns).map { "\($0) is unknown now" }
            parts += less(other.unknowns, unknowns).map { "\($0) is not unknown any more" }
            if (isComplete, isNoData) != (other.isComplete, other.isNoData) { parts.append("it is read otherwise") }
            if parts.isEmpty, ids.count != otherIDs.count { parts.append("there are \(ids.count) findings and not \(otherIDs.count)") }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
    }

    /// Rows of facts that are written down at most: enough to see that they are read rightly.
    private static let factLimit = 20

    /// The folder of the case.
    public let folder: String

    /// Writes into `folder`, which must not be there yet.
    public init(folder: String) { self.folder = folder }

    /// Writes the case.
    ///
    /// - Parameters:
    ///   - output: Standard output, or a reader's rows; with nothing in it that should not be kept.
    /// - Throws: `.exists`, `.unwritable`; `.unreadable` for rows that are not a reader's.
    public func write(
        _ source: ProbeSource, done: Done, output: [UInt8], errorOutput: [UInt8], expecting expectation: Expectation
    ) throws(ProbesError) {
        var answer: [String] = []
        let endings: [(Done.Ending, String)] = [
            (.exited, "exited"), (.signalled, "signalled"), (.timedOut, "timed-out"), (.abandoned, "abandoned"),
            (.notStarted, "not-started"), (.cancelled, "cancelled"),
        ]
        answer.append("ending: " + (endings.first { $0.0 == done.ending }?.1 ?? "exited"))
        if done.code != 0 { answer.append("code: \(done.code)") }
        if done.cutByteCount > 0 { answer.append("cut: \(done.cutByteCount)") }
        if !errorOutput.isEmpty { answer.append("stderr: " + Self.quoted(String(decoding: errorOutput, as: UTF8.self))) }
        answer += try rows(source, output)
        var stdout: [UInt8]?
        if case .run = source, !output.isEmpty { stdout = output }
        try put(answer, expected(expectation), stdout)
    }

    /// Writes what a caller answered, by the names of questions.
    ///
    /// - Throws: `.exists`, `.unwritable`.
    public func write(answers: [(name: String, answer: String)], expecting expectation: Expectation) throws(ProbesError) {
        let lines = ["answers:"] + answers.map { "  \($0.name): \(Self.quoted($0.answer))" }
        try put(lines, expected(expectation), nil)
    }

    private func rows(_ source: ProbeSource, _ output: [UInt8]) throws(ProbesError) -> [String] {
        var reader = CBORReader(output)
        var lines: [String] = []
        do throws(WireError) {
            switch source {
            case .run: return []
            case .files:
                lines.append("files:")
                while !reader.isAtEnd {
                    let row = try FileRow(&reader)
                    let content =
                        row.status == 0 ? "content: " + Self.quoted(String(decoding: row.content, as: UTF8.self)) : "status: \(row.status)"
                    lines.append("  - {path: \(Self.quoted(row.path)), \(content)}")
                }
            case .stat:
                lines.append("paths:")
                let types: [UInt64: String] = [
                    1: "fifo", 2: "character", 4: "directory", 6: "block", 8: "file", 10: "symlink", 12: "socket",
                ]
                while !reader.isAtEnd {
                    let row = try StatusRow(&reader)
                    let rest =
                        row.status != 0
                        ? "status: \(row.status)"
                        : "type: \(types[row.type] ?? "file"), mode: \"\(String(row.mode, radix: 8))\", uid: \(row.user), gid: \(row.group), "
                            + "size: \(row.size), links: \(row.links), modified: \(row.changedAt / 1_000_000), device: \(row.device)"
                    lines.append("  - {path: \(Self.quoted(row.path)), \(rest)}")
                }
            case .statfs:
                lines.append("mounts:")
                while !reader.isAtEnd {
                    let row = try MountRow(&reader)
                    let texts = [("mount", row.mount), ("source", row.source), ("fstype", row.type), ("options", row.options)]
                    let numbers = [
                        ("status", row.status), ("block_size", row.blockSize), ("blocks", row.blocks), ("free", row.freeBlocks),
                        ("available", row.availableBlocks), ("inodes", row.inodes), ("free_inodes", row.freeInodes),
                    ]
                    let fields = texts.filter { !$0.1.isEmpty }.map { "\($0.0): \(Self.quoted($0.1))" } + numbers.map { "\($0.0): \($0.1)" }
                    lines.append("  - {" + fields.joined(separator: ", ") + "}")
                }
            case .resolve:
                lines.append("replies:")
                while !reader.isAtEnd {
                    let row = try NameRow(&reader)
                    let reply = row.reply.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
                    lines.append(
                        "  - {name: \(Self.quoted(row.name)), server: \(Self.quoted(row.server)), type: \(row.type), status: \(row.status), "
                            + "microseconds: \(row.duration)" + (reply.isEmpty ? "}" : ", reply: \"\(reply)\"}"))
                }
            case .connect:
                lines.append("connections:")
                while !reader.isAtEnd {
                    let row = try ConnectionRow(&reader)
                    lines.append("  - {target: \(Self.quoted(row.target)), status: \(row.status), microseconds: \(row.duration)}")
                }
            case .clock:
                let row = try ClockRow(&reader)
                lines.append(
                    "clock: {time: \(row.time / 1_000_000), uptime: \(row.uptime / 1_000_000), synchronized: \(row.isSynchronised), "
                        + "offset_us: \(row.offset), error_us: \(row.error), frequency: \(row.frequency)}")
            }
        } catch {
            throw ProbesError(.unreadable, folder, "The answer is not in the agreed encoding and makes no case.")
        }
        return lines.count == 1 && !lines[0].hasPrefix("clock") ? [lines[0] + " []"] : lines
    }

    private func expected(_ expectation: Expectation) -> [String] {
        if expectation.isNoData { return ["no-data: true", "findings: []"] }
        var lines = expectation.isComplete ? [] : ["complete: false"]
        if !expectation.facts.isEmpty, expectation.facts.count <= Self.factLimit {
            lines.append("facts:")
            lines += expectation.facts.map { row in
                "  - {" + row.map { "\($0.name): \($0.value.map { Self.quoted($0) } ?? "null")" }.joined(separator: ", ") + "}"
            }
        }
        lines.append(expectation.findings.isEmpty ? "findings: []" : "findings:")
        lines += expectation.findings.map { finding in
            let subject = finding.subject.map { "\($0.name): \(Self.quoted($0.value))" }.joined(separator: ", ")
            return "  - {id: \(finding.id)" + (subject.isEmpty ? "" : ", subject: {\(subject)}") + "}"
        }
        if !expectation.unknowns.isEmpty { lines.append("unknown: [\(expectation.unknowns.sorted().joined(separator: ", "))]") }
        return lines
    }

    private func put(_ answer: [String], _ expected: [String], _ stdout: [UInt8]?) throws(ProbesError) {
        if FileManager.default.fileExists(atPath: folder) {
            throw ProbesError(.exists, folder, "There is a case of this name already.")
        }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            var files = [("answer.yaml", Array((answer.joined(separator: "\n") + "\n").utf8))]
            files.append(("expected.yaml", Array((expected.joined(separator: "\n") + "\n").utf8)))
            if let stdout { files.append(("stdout", stdout)) }
            for (name, bytes) in files { try Data(bytes).write(to: URL(filePath: folder + "/" + name), options: .atomic) }
        } catch {
            throw ProbesError(.unwritable, folder, "The case cannot be written.")
        }
    }

    /// A text as YAML in double quotes: what is not printable, as escapes.
    private static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\n": quoted += "\\n"
            case "\t": quoted += "\\t"
            case _ where scalar.value < 32 || (127..<160).contains(scalar.value) || scalar.value == 0xFEFF:
                let digits = String(scalar.value, radix: 16)
                quoted += "\\x" + (digits.count < 2 ? "0" : "") + digits.suffix(2)
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func quoted(_ bytes: [UInt8]) -> String { quoted(String(decoding: bytes, as: UTF8.self)) }
}
