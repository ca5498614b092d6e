internal import Catalogue
internal import Foundation
internal import Wire

extension ManifestReader {
    /// What the agent does: exactly one of `run` and `read`.
    func source(_ fields: [String: YAMLValue], of root: YAMLValue, parameters: [ParameterDefinition]) -> ProbeSource? {
        switch (fields["run"], fields["read"]) {
        case (let run?, nil): return program(run, parameters)
        case (nil, let read?):
            if !parameters.isEmpty { root.report("A probe that reads takes no parameters.") }
            return reader(read)
        case (nil, nil): root.report("The manifest says neither run nor read.")
        case (_?, let read?): read.report("The manifest says both run and read; it must be one of them.")
        }
        return nil
    }

    private func program(_ value: YAMLValue, _ parameters: [ParameterDefinition]) -> ProbeSource? {
        guard let words = value.list() else { return nil }
        guard let first = words.first, words.count <= 64 else {
            value.report("run must name a program and at most 63 arguments.")
            return nil
        }
        if let path = first.text(), path.first != "/" || path.contains("{") {
            first.report("The program must be an absolute path; this is \(path).")
        }
        var used = Set<Int>()
        let arguments = words.compactMap { argument($0, parameters, &used) }
        for (index, parameter) in parameters.enumerated() where !used.contains(index) {
            value.report("The parameter \(parameter.name.string) is not an argument of run.")
        }
        return arguments.count == words.count ? .run(arguments) : nil
    }

    private func argument(_ value: YAMLValue, _ parameters: [ParameterDefinition], _ used: inout Set<Int>) -> ProbeSource.Argument? {
        guard let text = value.text() else { return nil }
        guard text.utf8.count <= 1_024, !text.utf8.contains(0) else {
            value.report("An argument has at most 1,024 bytes and no NUL.")
            return nil
        }
        for (index, parameter) in parameters.enumerated() where text.contains("{\(parameter.name.string)}") {
            guard text == "{\(parameter.name.string)}" else {
                value.report("A parameter is a whole argument and never a part of one; this is \(text).")
                return nil
            }
            used.insert(index)
            return .parameter(index)
        }
        if text != "{}", text.first == "{", text.last == "}" {
            let name = String(text.dropFirst().dropLast())
            value.report(
                "There is no parameter \(name).", suggestion: nearest(to: name, in: parameters.map(\.name.string)))
            return nil
        }
        return .literal(Text(text))
    }

    private func reader(_ value: YAMLValue) -> ProbeSource? {
        guard value.isMapping else { return value.choice([("statfs", ProbeSource.statfs), ("clock", .clock)]) }
        guard let fields = value.fields(["files", "stat", "resolve", "connect"]), fields.count == value.keyCount else { return nil }
        guard fields.count == 1, let kind = fields.keys.first, let files = fields[kind], let patterns = files.list() else {
            value.report("read must be statfs, clock, {files: [paths]}, {stat: [paths]}, {resolve: [names]} or {connect: [targets]}.")
            return nil
        }
        if kind == "resolve" { return names(files, patterns) }
        if kind == "connect" { return connections(files, patterns) }
        if patterns.isEmpty || patterns.count > 64 { files.report("\(files.name) must name 1 to 64 paths.") }
        var paths: [Text] = []
        for pattern in patterns {
            guard let path = pattern.text() else { continue }
            if !Self.isPlainPath(path) { pattern.report("A path must be absolute and without ..; this is \(path).") }
            paths.append(Text(path))
        }
        return fields["stat"] == nil ? .files(paths) : .stat(paths)
    }

    /// What the reader `resolve` asks name servers for.
    private func names(_ value: YAMLValue, _ items: [YAMLValue]) -> ProbeSource {
        if items.isEmpty || items.count > 8 { value.report("\(value.name) must name 1 to 8 names.") }
        return .resolve(
            items.compactMap { item in
                guard let text = item.text() else { return nil }
                if ProbeDefinition.labels(of: Array(text.utf8)) == nil {
                    item.report("A name to look up is letters, digits and dashes joined by dots, or a dot alone; this is \(text).")
                }
                return Text(text)
            })
    }

    /// What the reader `connect` tries.
    private func connections(_ value: YAMLValue, _ items: [YAMLValue]) -> ProbeSource {
        if items.isEmpty || items.count > 16 { value.report("\(value.name) must name 1 to 16 targets.") }
        var targets: [Text] = []
        for item in items {
            guard let text = item.text() else { continue }
            let target = Text(text)
            if text.first == "/" {
                if !Self.isPlainPath(text) || text.contains("*") || target.bytes.count > ConnectionRow.targetSizeLimit {
                    item.report(
                        "The path of a Unix socket is absolute, without .. and *, and has at most \(ConnectionRow.targetSizeLimit) bytes; "
                            + "this is \(text).")
                }
            } else if !Self.isSocketAddress(target.bytes) {
                item.report(
                    "A target is a numeric address and a port from 1 to 65535, such as 127.0.0.1:80 or [::1]:80, or the absolute path of "
                        + "a Unix socket; this is \(text).")
            }
            if targets.contains(target) { item.report("\(text) is named twice.") }
            targets.append(target)
        }
        return .connect(targets)
    }

    /// Whether it is an address of IPv4, or one of IPv6 in brackets, and a port, as inet_pton(3) reads addresses.
    private static func isSocketAddress(_ text: [UInt8]) -> Bool {
        guard text.count <= ConnectionRow.targetSizeLimit, let target = SocketAddress(text) else { return false }
        let (family, isBracketed) = (text.first == 91 ? AF_INET6 : AF_INET, text.first == 91)
        guard isBracketed == target.address.contains(58) else { return false }
        var room = in6_addr()
        return inet_pton(family, String(decoding: target.address, as: UTF8.self), &room) == 1
    }
}
