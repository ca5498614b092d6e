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

    /// One row of what regular expressions find in files, or in a program's output.
    func record(_ output: [UInt8], _ parsed: inout ParsedAnswer) {
        var contents: [String?: String] = [:]
        if case .files(_) = manifest.source {
            let files = fileRows(output, &parsed)
            for file in files where file.status == 0 {
                contents[String(decoding: file.path, as: UTF8.self)] = String(decoding: file.content, as: UTF8.self)
            }
            if parsed.state == .complete, contents.isEmpty {
                // ENOENT throughout is a device without the thing; anything else is one that would not tell.
                let isAbsent = files.allSatisfy { $0.status == 2 }
                parsed.state = isAbsent ? .nothing("the device does not have the files it reads") : .incomplete("could not read its files")
                return
            }
        } else {
            contents[nil] = String(decoding: output, as: UTF8.self)
        }
        parsed.rows = [
            manifest.facts.map { column in
                guard let text = found(column.place, contents) ?? column.defaultValue else { return .null }
                return FactValue(text, as: column.type, scale: column.scale)
            }
        ]
    }

    private func found(_ place: FactColumn.Place, _ contents: [String?: String]) -> String? {
        switch place {
        case .match(let file, let pattern):
            guard let text = contents[file], let match = text.firstMatch(of: multiline(pattern)), match.count > 1 else { return nil }
            return match[1].substring.map { String($0) }
        case .count(let file, let pattern): return contents[file].map { String($0.matches(of: multiline(pattern)).count) }
        default: return nil
        }
    }

    /// The expression, in which `^` and `$` stand at the ends of lines; one that never matches where the manifest's is none.
    private func multiline(_ pattern: String) -> Regex<AnyRegexOutput> {
        ((try? Regex(pattern)) ?? Regex(verbatim: "\u{0}\u{FFFF}")).anchorsMatchLineEndings()
    }
}
