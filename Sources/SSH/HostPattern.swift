/// The patterns that OpenSSH's files name hosts by (ssh_config(5) "PATTERNS"): `*` is any text, `?` any one byte.
///
/// Bytes are compared as they are; callers lower the case of both sides.
enum HostPattern {
    /// Whether all of `name` is what `pattern` describes. Takes at most the product of both lengths.
    static func matches(_ pattern: some RandomAccessCollection<UInt8>, _ name: [UInt8]) -> Bool {
        let pattern = Array(pattern)
        var (place, position) = (0, 0)
        // Where to go on when what follows the last star does not fit: one byte further.
        var lastStar: (place: Int, position: Int)?
        while position < name.count {
            if place < pattern.count, pattern[place] == UInt8(ascii: "*") {
                lastStar = (place, position)
                place += 1
            } else if place < pattern.count, pattern[place] == UInt8(ascii: "?") || pattern[place] == name[position] {
                place += 1
                position += 1
            } else if let star = lastStar {
                lastStar = (star.place, star.position + 1)
                place = star.place + 1
                position = star.position + 1
            } else {
                return false
            }
        }
        return pattern[place...].allSatisfy { $0 == UInt8(ascii: "*") }
    }

    /// Whether one of the comma-separated patterns matches, and none of those that begin with `!` does.
    static func listMatches(_ list: some RandomAccessCollection<UInt8>, _ name: [UInt8]) -> Bool {
        var isNamed = false
        for pattern in list.split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) {
            let isNegated = pattern.first == UInt8(ascii: "!")
            guard matches(isNegated ? pattern.dropFirst() : pattern, name) else { continue }
            if isNegated { return false }
            isNamed = true
        }
        return isNamed
    }

    /// ASCII letters in lower case, other bytes as they are.
    static func lowercased(_ bytes: some Sequence<UInt8>) -> [UInt8] {
        bytes.map { (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains($0) ? $0 | 0x20 : $0 }
    }
}
