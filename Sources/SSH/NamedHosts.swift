import Glibc

/// Which hosts OpenSSH's client configuration files name, so that those they do not name need not be asked about one by one.
///
/// It reads `Host`, `Match`, `Include` and `CanonicalizeHostname` and nothing else, and errs on the side of naming a host: wherever a file says something that
/// this does not understand, it names every host.
package struct NamedHosts: Sendable {
    private static let sizeLimitInBytes = 1 << 20
    private static let fileLimit = 256
    private static let depthLimit = 8

    /// Patterns without wildcards, in lower case and without their `!`.
    private var names: Set<[UInt8]> = []
    /// The others, `*` left out.
    private var patterns: Set<[UInt8]> = []
    private var namesEveryHost = false
    private var fileCount = 0

    /// The user's and the machine's files, or only `file`, and what they include.
    ///
    /// - Parameter home: The user's home folder, whose `.ssh` relative names in the user's file start from.
    init(file: String?, home: String) {
        let user = "\(home)/.ssh"
        read(file ?? "\(user)/config", folder: user, home: home, depth: 0)
        if file == nil { read("/etc/ssh/ssh_config", folder: "/etc/ssh", home: home, depth: 0) }
    }

    /// What one file's text names, without what it includes.
    package init(text: [UInt8]) {
        for words in Self.lines(of: text) { note(words) }
    }

    /// Whether something may be said about `name` that is not said about every host.
    package func mayName(_ name: String) -> Bool {
        let name = HostPattern.lowercased(name.utf8)
        return namesEveryHost || names.contains(name) || patterns.contains { HostPattern.matches($0, name) }
    }

    private mutating func read(_ path: String, folder: String, home: String, depth: Int) {
        fileCount += 1
        guard depth <= Self.depthLimit, fileCount <= Self.fileLimit else { return namesEveryHost = true }
        guard let text = try? BoundedFile.contents(ofFile: path, limitInBytes: Self.sizeLimitInBytes) else { return namesEveryHost = true }
        for words in Self.lines(of: text) {
            if words.first == Array("include".utf8) {
                for word in words.dropFirst() { include(word, folder: folder, home: home, depth: depth + 1) }
            } else {
                note(words)
            }
        }
    }

    private mutating func include(_ word: [UInt8], folder: String, home: String, depth: Int) {
        let text = String(decoding: word, as: UTF8.self)
        let isOwnHome = text.hasPrefix("~/")
        // A token, a variable or somebody else's home.
        guard !namesEveryHost, isOwnHome || !text.hasPrefix("~"), !text.contains(where: { $0 == "%" || $0 == "$" }) else {
            return namesEveryHost = true
        }
        let pattern = isOwnHome ? home + text.dropFirst() : text.hasPrefix("/") ? text : "\(folder)/\(text)"
        for path in Self.paths(matching: pattern) { read(path, folder: folder, home: home, depth: depth) }
    }

    private mutating func note(_ words: [[UInt8]]) {
        let arguments = words.dropFirst().map { HostPattern.lowercased($0) }
        switch words.first.map({ String(decoding: $0, as: UTF8.self) }) {
        case "host":
            for word in arguments { noteHost(word.first == UInt8(ascii: "!") ? Array(word.dropFirst()) : word) }
        case "match": if arguments != [Array("all".utf8)] { namesEveryHost = true }
        // With it the name is looked up in other domains, and the files are read again for what is found.
        case "canonicalizehostname": if arguments != [Array("no".utf8)] { namesEveryHost = true }
        default: break
        }
    }

    private mutating func noteHost(_ pattern: [UInt8]) {
        if pattern == Array("*".utf8) { return }
        if pattern.contains(where: { "*?".utf8.contains($0) }) { patterns.insert(pattern) } else { names.insert(pattern) }
    }

    /// The words of each line that has some, the keyword in lower case. Quotes are taken off: a name has no blanks to protect.
    private static func lines(of text: [UInt8]) -> [[[UInt8]]] {
        text.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let plain = line.filter { !"\"'\\".utf8.contains($0) }
            let start = plain.drop { isBlank($0) }
            guard start.first != UInt8(ascii: "#") else { return nil }
            let keyword = start.prefix { !isBlank($0) && $0 != UInt8(ascii: "=") }
            let rest = start.dropFirst(keyword.count).drop { isBlank($0) || $0 == UInt8(ascii: "=") }
            return keyword.isEmpty ? nil : [HostPattern.lowercased(keyword)] + rest.split(whereSeparator: isBlank).map(Array.init)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool { " \t\r\u{c}".utf8.contains(byte) }

    private static func paths(matching pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0 else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { found.gl_pathv[$0].map { String(cString: $0) } }
    }
}
