/// Reads the tables of /proc: lines of words. A missing word is empty, and what is no number is 0.
struct WordScanner {
    private let bytes: [UInt8]
    private var next = 0
    private let end: Int
    private var words: [Range<Int>] = []

    /// Words of a line that are kept; a line about interrupts has thousands.
    private static let wordCountLimit = 24

    init(_ bytes: [UInt8]) { self.init(bytes, count: bytes.count) }

    /// Reads the first `count` bytes.
    init(_ bytes: [UInt8], count: Int) {
        self.bytes = bytes
        end = count
        words.reserveCapacity(Self.wordCountLimit)
    }

    /// Goes to the next line; false at the end. Words end at blanks, colons and equals signs.
    mutating func nextLine() -> Bool {
        guard next < end else { return false }
        words.removeAll(keepingCapacity: true)
        var start = next
        while next < end {
            let byte = bytes[next]
            if byte <= 61, byte == 32 || byte == 10 || byte == 9 || byte == 58 || byte == 61 {
                keep(start..<next)
                start = next + 1
            }
            next += 1
            if byte == 10 { return true }
        }
        keep(start..<next)
        return true
    }

    private mutating func keep(_ word: Range<Int>) {
        if !word.isEmpty, words.count < Self.wordCountLimit { words.append(word) }
    }

    /// How many words the line has, of those that are kept.
    var count: Int { words.count }

    func word(_ index: Int) -> ArraySlice<UInt8> { index < words.count ? bytes[words[index]] : [] }

    func isWord(_ index: Int, _ text: StaticString) -> Bool {
        guard index < words.count, words[index].count == text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { $0.elementsEqual(bytes[words[index]]) }
    }

    func begins(_ index: Int, with text: StaticString) -> Bool {
        text.withUTF8Buffer { word(index).starts(with: $0) }
    }

    /// A number; what does not fit is as much as does, for counters of a hostile or newer kernel must not stop the sampler.
    func number(_ index: Int) -> Int64 { Self.number(word(index)) }

    /// Whether a word is there and begins like a number.
    func isNumber(_ index: Int) -> Bool { word(index).first.map { $0 == 45 || $0 >= 48 && $0 <= 57 } ?? false }

    static func number(_ word: ArraySlice<UInt8>) -> Int64 {
        var value: UInt64 = 0
        var isNegative = false
        for byte in word {
            if byte == 45, value == 0 {
                isNegative = true
                continue
            }
            guard byte >= 48, byte <= 57 else { break }
            let (product, isOver) = value.multipliedReportingOverflow(by: 10)
            if isOver || product > UInt64(Int64.max) - 9 { return .max }
            value = product + UInt64(byte - 48)
        }
        return isNegative ? -Int64(value) : Int64(value)
    }
}
