internal import Wire

/// Paths of files that are carried, as text: no symbolic link is ever followed, so what a path says is what it means.
enum FilePath {
    /// Whether it is absolute and has neither empty parts nor `.` or `..` in it; the root itself is no path of a file.
    static func isPlain(_ path: [UInt8]) -> Bool {
        guard path.first == 47, path.count > 1, path.count <= RollcallProtocol.targetSizeLimit, !path.contains(0) else { return false }
        return path.dropFirst().split(separator: 47, omittingEmptySubsequences: false).allSatisfy {
            !$0.isEmpty && !$0.elementsEqual([46]) && !$0.elementsEqual([46, 46])
        }
    }

    /// The paths in a text, with spaces between them.
    static func list(_ text: Text) -> [[UInt8]] { text.bytes.split(separator: 32).map { Array($0) } }

    /// Whether `path` is `top`, or lies beneath it.
    static func isBeneath(_ path: [UInt8], _ top: [UInt8]) -> Bool {
        path.starts(with: top) && (path.count == top.count || path[top.count] == 47)
    }

    /// The directory of a plain path, and the name in it.
    static func parts(_ path: [UInt8]) -> (directory: [UInt8], name: [UInt8]) {
        let slash = path.lastIndex(of: 47) ?? 0
        return (Array(path[..<slash]), Array(path[(slash + 1)...]))
    }

    /// Checks a path against the rules that hold for everybody: the agent's own files are nobody's.
    static func check(_ path: [UInt8], _ settings: Settings) throws(Refusal) {
        guard isPlain(path) else {
            throw Refusal(.path, "A path begins with / and has no empty part, no . and no .. in it.")
        }
        let full = settings.root + path
        // Beside the program lie the one it replaced and, while on trial, the one that is to replace it; their names begin with its own.
        if isBeneath(full, settings.state) || isBeneath(full, parts(settings.configuration).directory)
            || full.starts(with: settings.program)
        {
            throw Refusal(.path, "The agent's own files are neither read nor written through the door.")
        }
    }

    /// Checks that `path` lies beneath one of `tops`.
    static func check(_ path: [UInt8], beneath tops: [[UInt8]], _ key: Text) throws(Refusal) {
        for top in tops where isBeneath(path, top) && path.count > top.count { return }
        var list: [UInt8] = []
        for top in tops { list += [32] + escaped(top, limit: 80).bytes }
        throw Refusal(.path, "With this role files are carried only beneath" + Text(list) + " (" + key + " in agent.conf).")
    }
}
