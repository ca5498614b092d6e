internal import Catalogue
internal import Probes
internal import Wire

/// Answers of the readers that are built into the agent: CBOR sequences.
extension AnswerReader {
    func mounts(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        var reader = CBORReader(output)
        while !reader.isAtEnd {
            guard let mount = try? MountRow(&reader) else { return parsed.fail("gave rows that are not in the agreed encoding") }
            parsed.rows.append(row(of: mount))
            if parsed.rows.count > Self.rowLimit { return }
        }
    }

    private func row(of mount: MountRow) -> [FactValue] {
        let options = String(decoding: mount.options, as: UTF8.self).split(separator: ",")
        let isAnswered = mount.status == 0
        func bytes(_ blocks: UInt64) -> FactValue {
            let (product, overflow) = blocks.multipliedReportingOverflow(by: mount.blockSize)
            guard isAnswered, !overflow, let size = Int64(exactly: product) else { return .null }
            return .int(size)
        }
        func share(_ used: UInt64, of all: UInt64) -> FactValue {
            guard isAnswered, all > 0, used <= all else { return .null }
            return .real((Double(used) / Double(all) * 1_000).rounded() / 10)
        }
        func number(_ value: UInt64) -> FactValue { Int64(exactly: value).map { .int($0) } ?? .null }
        // As df(1) counts: what is reserved for root is neither used nor available.
        let used = mount.blocks >= mount.freeBlocks ? mount.blocks - mount.freeBlocks : 0
        let (usable, overflow) = used.addingReportingOverflow(mount.availableBlocks)
        let values: [String: FactValue] = [
            "mount": .text(String(decoding: mount.mount, as: UTF8.self)), "source": .text(String(decoding: mount.source, as: UTF8.self)),
            "fstype": .text(String(decoding: mount.type, as: UTF8.self)), "options": .text(options.joined(separator: ",")),
            "read_only": .int(options.contains("ro") ? 1 : 0), "answered": .int(mount.status == 110 ? 0 : 1), "error": number(mount.status),
            "size_bytes": bytes(mount.blocks), "free_bytes": bytes(mount.freeBlocks), "avail_bytes": bytes(mount.availableBlocks),
            "used_pct": overflow ? .null : share(used, of: usable), "inodes": isAnswered ? number(mount.inodes) : .null,
            "inodes_free": isAnswered ? number(mount.freeInodes) : .null,
            "inodes_used_pct": mount.freeInodes <= mount.inodes ? share(mount.inodes - mount.freeInodes, of: mount.inodes) : .null,
        ]
        return manifest.facts.map { values[$0.name] ?? .null }
    }

    private func fileRows(_ output: [UInt8], _ parsed: inout ParsedAnswer) -> [FileRow] {
        var reader = CBORReader(output)
        var rows: [FileRow] = []
        while !reader.isAtEnd, rows.count <= Self.rowLimit {
            guard let row = try? FileRow(&reader) else {
                parsed.fail("gave rows that are not in the agreed encoding")
                return rows
            }
            rows.append(row)
        }
        return rows
    }

    func files(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        for file in fileRows(output, &parsed) {
            let values: [String: FactValue] = [
                "path": .text(String(decoding: file.path, as: UTF8.self)), "error": Int64(exactly: file.status).map { .int($0) } ?? .null,
                "content": file.status == 0 ? .text(String(decoding: file.content, as: UTF8.self)) : .null,
            ]
            parsed.rows.append(manifest.facts.map { values[$0.name] ?? .null })
        }
    }

    func status(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        var reader = CBORReader(output)
        while !reader.isAtEnd, parsed.rows.count <= Self.rowLimit {
            guard let row = try? StatusRow(&reader) else { return parsed.fail("gave rows that are not in the agreed encoding") }
            func number(_ value: UInt64) -> FactValue { row.status == 0 ? Int64(exactly: value).map { .int($0) } ?? .null : .null }
            let values: [String: FactValue] = [
                "path": .text(String(decoding: row.path, as: UTF8.self)), "error": Int64(exactly: row.status).map { .int($0) } ?? .null,
                "type": Self.types[row.type].map { row.status == 0 ? .text($0) : .null } ?? .null, "mode": number(row.mode),
                "uid": number(row.user), "gid": number(row.group), "size_bytes": number(row.size), "links": number(row.links),
                "modified": number(row.changedAt / 1_000_000), "device": number(row.device),
            ]
            parsed.rows.append(manifest.facts.map { values[$0.name] ?? .null })
        }
    }

    /// The upper four bits of st_mode (inode(7)).
    private static let types: [UInt64: String] = [
        1: "fifo", 2: "character", 4: "directory", 6: "block", 8: "file", 10: "symlink", 12: "socket",
    ]

    func clock(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        var reader = CBORReader(output)
        guard let row = try? ClockRow(&reader), reader.isAtEnd else {
            return parsed.fail("gave rows that are not in the agreed encoding")
        }
        let values: [String: FactValue] = [
            "time": .int(Int64(clamping: row.time / 1_000_000)), "uptime_s": .int(Int64(clamping: row.uptime / 1_000_000)),
            "synchronized": .int(row.isSynchronised ? 1 : 0), "offset_us": .int(row.offset), "error_us": .int(row.error),
            "frequency_ppm": .real(Double(row.frequency) / 65_536),
        ]
        parsed.rows = [manifest.facts.map { values[$0.name] ?? .null }]
    }

    /// One row for each name, server and type. Without a server there is nothing to ask.
    func names(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        if output.isEmpty { parsed.state = .nothing("no name server is configured") }
        var reader = CBORReader(output)
        while !reader.isAtEnd, parsed.rows.count <= Self.rowLimit {
            guard let row = try? NameRow(&reader) else { return parsed.fail("gave rows that are not in the agreed encoding") }
            let reply = row.status == 0 ? NameReply(row.reply) : nil
            let values: [String: FactValue] = [
                "name": .text(String(decoding: row.name, as: UTF8.self)), "server": .text(String(decoding: row.server, as: UTF8.self)),
                "type": row.type == 1 ? .text("A") : row.type == 28 ? .text("AAAA") : .null,
                "outcome": .text(row.status == 0 ? reply?.outcome ?? "garbled" : Self.failure(row.status)),
                "error": Int64(exactly: row.status).map { .int($0) } ?? .null,
                "milliseconds": .real(Double(row.duration / 10) / 100),
                "addresses": reply.map { .text($0.addresses.joined(separator: " ")) } ?? .null,
            ]
            parsed.rows.append(manifest.facts.map { values[$0.name] ?? .null })
        }
    }

    /// One row for each target, which must be those of the manifest in their order.
    func connections(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        guard case .connect(let targets) = manifest.source else { return parsed.fail("cannot be read by its manifest") }
        var reader = CBORReader(output)
        for target in targets where !reader.isAtEnd {
            guard let row = try? ConnectionRow(&reader) else { return parsed.fail("gave rows that are not in the agreed encoding") }
            guard row.target == target.bytes else { return parsed.fail("gave a row that nobody asked for") }
            let address = SocketAddress(row.target)
            let values: [String: FactValue] = [
                "target": .text(target.string), "address": address.map { .text(String(decoding: $0.address, as: UTF8.self)) } ?? .null,
                "port": address.map { .int(Int64($0.port)) } ?? .null, "outcome": .text(Self.outcome(ofConnecting: row.status)),
                "error": Int64(exactly: row.status).map { .int($0) } ?? .null, "milliseconds": .real(Double(row.duration / 10) / 100),
            ]
            parsed.rows.append(manifest.facts.map { values[$0.name] ?? .null })
        }
        if !reader.isAtEnd { parsed.fail("gave more rows than it was asked for") }
        if parsed.rows.count < targets.count { parsed.fail("gave fewer rows than it was asked for") }
    }

    private static func outcome(ofConnecting status: UInt64) -> String {
        switch status {
        case 0: "connected"
        // EPERM, EACCES: a Unix socket of others, or a firewall.
        case 1, 13: "denied"
        // ENOENT: no such Unix socket.
        case 2: "absent"
        // EAGAIN: the queue of a Unix socket has no room.
        case 11: "full"
        default: failure(status)
        }
    }

    /// How an attempt to reach another machine failed, by its errno.
    private static func failure(_ status: UInt64) -> String {
        switch status {
        case 110: "timed-out"
        case 111: "refused"
        // ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH.
        case 100, 101, 112, 113: "unreachable"
        default: "failed"
        }
    }

    /// Reads each file that could be read. One that is not there is passed over; where none is, the device has nothing to read.
    ///
    /// - Parameter passingOver: Error numbers of other files that are passed over too.
    func eachFile(
        _ output: [UInt8], _ parsed: inout ParsedAnswer, passingOver others: Set<UInt64> = [],
        _ read: (FileRow, inout ParsedAnswer) -> Void
    ) {
        let files = fileRows(output, &parsed)
        if parsed.state == .complete, files.allSatisfy({ $0.status == 2 }) {
            parsed.state = .nothing(Self.noFiles)
            return
        }
        for file in files where file.status != 2 && !others.contains(file.status) {
            if file.status == 0 {
                read(file, &parsed)
            } else {
                let path = displayed(String(decoding: file.path, as: UTF8.self), limit: 120)
                parsed.fail("could not read \(path) (errno \(file.status))")
            }
            if parsed.rows.count > Self.rowLimit { return }
        }
    }

    /// A row for every distinct beginning of paths that `pattern` matches.
    func each(_ output: [UInt8], _ pattern: String, _ parsed: inout ParsedAnswer) {
        let pattern = expressions.line(pattern)
        var starts: [String] = []
        var groups: [String: [String: String]] = [:]
        var contents: [String: [String: String]] = [:]
        let names = manifest.facts.flatMap { fact -> [String] in if case .keys(let keys) = fact.place { keys } else { [] } }
        for file in fileRows(output, &parsed) where file.status != 2 {
            let path = String(decoding: file.path, as: UTF8.self)
            guard let match = path.prefixMatch(of: pattern), let end = match[0].range?.upperBound else { continue }
            let start = String(path[..<end])
            if contents[start] == nil {
                starts.append(start)
                contents[start] = [:]
                for name in names {
                    groups[start, default: [:]][name] = match[name]?.substring.map { String($0) }
                }
            }
            if file.status == 0 {
                contents[start]?[String(path[end...])] = String(decoding: file.content, as: UTF8.self)
            }
        }
        if parsed.state == .complete, starts.isEmpty { parsed.state = .nothing(Self.noFiles) }
        parsed.rows = starts.prefix(Self.rowLimit + 1).map { start in
            row { column in
                guard case .keys(let keys) = column.place else { return found(column.place, contents[start] ?? [:]) }
                for key in keys { if let text = groups[start]?[key] { return text } }
                return nil
            }
        }
    }

    private static let noFiles = "the device does not have the files it reads"

    /// One row of what regular expressions find in files, or in a program's output.
    func record(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        var contents: [String: String] = [:]
        if case .files(_) = manifest.source {
            let files = fileRows(output, &parsed)
            for file in files where file.status == 0 {
                contents[String(decoding: file.path, as: UTF8.self)] = String(decoding: file.content, as: UTF8.self)
            }
            if parsed.state == .complete, contents.isEmpty {
                // ENOENT throughout is a device without the thing; anything else is one that would not tell.
                let isAbsent = files.allSatisfy { $0.status == 2 }
                parsed.state = isAbsent ? .nothing(Self.noFiles) : .incomplete("could not read its files")
                return
            }
        } else {
            contents[""] = String(decoding: output, as: UTF8.self)
        }
        parsed.rows = [
            manifest.facts.map { column in
                guard let text = found(column.place, contents) ?? column.defaultValue else { return .null }
                return FactValue(text, as: column.type, scale: column.scale)
            }
        ]
    }

    /// What stands at a place; a program's output has the name "".
    private func found(_ place: FactColumn.Place, _ contents: [String: String]) -> String? {
        switch place {
        case .match(let file, let pattern):
            guard let text = contents[file ?? ""], let match = text.firstMatch(of: expressions.multiline(pattern)), match.count > 1
            else { return nil }
            return match[1].substring.map { String($0) }
        case .count(let file, let pattern):
            return contents[file ?? ""].map { String($0.matches(of: expressions.multiline(pattern)).count) }
        case .content(let file): return contents[file].map { $0[...].trimmingBlanks }
        case .keys, .column: return nil
        }
    }
}

/// The regular expressions of one answer, each compiled once.
final class Expressions {
    private var lines: [String: Regex<AnyRegexOutput>] = [:]
    private var multilines: [String: Regex<AnyRegexOutput>] = [:]

    /// An expression over a line; one that never matches where the manifest's is none.
    func line(_ pattern: String) -> Regex<AnyRegexOutput> {
        if let known = lines[pattern] { return known }
        let compiled = (try? Regex(pattern)) ?? Regex(verbatim: "\u{0}\u{FFFF}")
        lines[pattern] = compiled
        return compiled
    }

    /// An expression in which `^` and `$` stand at the ends of lines.
    func multiline(_ pattern: String) -> Regex<AnyRegexOutput> {
        if let known = multilines[pattern] { return known }
        let compiled = line(pattern).anchorsMatchLineEndings()
        multilines[pattern] = compiled
        return compiled
    }
}
