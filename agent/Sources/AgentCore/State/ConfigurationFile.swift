internal import Wire

/// A file of settings, agent.conf or owner.conf: lines `key value`; empty ones and those that begin with `#` are passed over.
public struct ConfigurationFile: Equatable, Sendable {
    /// One setting: its words, the key first; never none.
    public struct Line: Equatable, Sendable {
        /// Counted from 1.
        public let number: UInt64
        /// The words, between blanks.
        public let words: [[UInt8]]
    }

    /// Longest file, bytes.
    public static let sizeLimit = 65_536

    /// In the file's order; none where there is no file.
    public let lines: [Line]

    /// Reads a file of at most 64 KiB; one that is not there says nothing.
    init(kernel: Kernel, path: [UInt8]) throws(Errno) {
        var content: [UInt8] = []
        do throws(Errno) { content = try kernel.content(of: path, limit: Self.sizeLimit) } catch {
            guard error == .noEntry else { throw error }
        }
        self.init(content: content)
    }

    /// Reads what stands in a file.
    public init(content: [UInt8]) {
        var lines: [Line] = []
        var number: UInt64 = 0
        for line in content.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }.map { Array($0) }
            guard let key = words.first, key[0] != 35 else { continue }
            lines.append(Line(number: number, words: words))
        }
        self.lines = lines
    }
}

/// A row of the table of a file's keys.
struct ConfigurationKey {
    /// The first word of its lines.
    let name: Text
    /// What the second may be, for a sentence.
    let form: Text
    /// Whether it may stand in several lines.
    var isRepeatable = false
}

/// Goes through a file by the table of its keys.
struct ConfigurationReader {
    private let file: ConfigurationFile
    private let keys: [ConfigurationKey]
    private var index = 0

    init(_ file: ConfigurationFile, keys: [ConfigurationKey]) {
        self.file = file
        self.keys = keys
    }

    /// The next setting: the place of its key in the table, and its value; nil at the end.
    mutating func next() throws(ConfigurationMistake) -> (key: Int, value: [UInt8])? {
        if index == file.lines.count { return nil }
        let line = file.lines[index]
        guard let key = keys.firstIndex(where: { $0.name.bytes == line.words[0] }) else {
            throw ConfigurationMistake(line: line.number, complaint: "names no setting that this agent knows")
        }
        if !keys[key].isRepeatable, file.lines[..<index].contains(where: { $0.words[0] == line.words[0] }) {
            throw ConfigurationMistake(line: line.number, complaint: "says " + keys[key].name + " for the second time")
        }
        index += 1
        guard line.words.count == 2 else { throw mistake(key) }
        return (key, line.words[1])
    }

    /// The complaint that the value of the line read last is not what `key` takes.
    func mistake(_ key: Int) -> ConfigurationMistake {
        let line = file.lines[index - 1]
        return ConfigurationMistake(line: line.number, complaint: "should say " + keys[key].name + " " + keys[key].form)
    }
}

/// A line that is not understood; a setting that is passed over would be a limit the owner believes in.
struct ConfigurationMistake: Error {
    /// Counted from 1.
    let line: UInt64
    /// What is wrong with it, to follow the name of the file.
    let complaint: Text

    /// The mistake as the beginning of a sentence about `file`.
    func sentence(_ file: Text) -> Text { "Line " + .decimal(line) + " of " + file + " " + complaint }
}
