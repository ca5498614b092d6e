internal import Wire

/// A file of settings: lines `key value`; empty ones and those that begin with `#` are passed over.
struct ConfigurationFile {
    /// One setting: its words, the key first; never none.
    struct Line {
        /// Counted from 1.
        let number: UInt64
        let words: [[UInt8]]
    }

    private static let sizeLimit = 65_536

    /// In the file's order; none where there is no file.
    private(set) var lines: [Line] = []

    /// Reads a file of at most 64 KiB.
    init(kernel: Kernel, path: [UInt8]) throws(Errno) {
        let content: [UInt8]
        do throws(Errno) { content = try kernel.content(of: path, limit: Self.sizeLimit) } catch {
            if error == .noEntry { return }
            throw error
        }
        var number: UInt64 = 0
        for line in content.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }.map { Array($0) }
            guard let key = words.first, key[0] != 35 else { continue }
            lines.append(Line(number: number, words: words))
        }
    }
}
