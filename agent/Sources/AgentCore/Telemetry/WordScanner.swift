/// Reads the tables of /proc: lines of words. A missing word is empty, and what is no number is 0.
///
/// What is done for every byte or word works on the buffers themselves: most of what a tick takes of the processor outside the kernel is
/// spent here.
struct WordScanner {
    private let bytes: [UInt8]
    private var next = 0
    private let end: Int
    /// Where each word of the line begins and ends, one after the other.
    private var edges = [Int](repeating: 0, count: 2 * wordCountLimit)
    /// How many words the line has, of those that are kept.
    private(set) var count = 0

    /// Words of a line that are kept; a line about interrupts has thousands.
    private static let wordCountLimit = 24

    init(_ bytes: [UInt8]) { self.init(bytes, count: bytes.count) }

    /// Reads the first `count` bytes.
    init(_ bytes: [UInt8], count: Int) {
        self.bytes = bytes
        end = count
    }

    /// Goes to the next line; false at the end. Words end at blanks, colons and equals signs.
    mutating func nextLine() -> Bool {
        guard next < end else { return false }
        var (at, found) = (next, 0)
        let end = end
        bytes.withUnsafeBufferPointer { bytes in
            edges.withUnsafeMutableBufferPointer { edges in
                var start = at
                while at < end {
                    let byte = bytes[at]
                    at += 1
                    if byte > 61 || byte != 32 && byte != 10 && byte != 9 && byte != 58 && byte != 61 { continue }
                    if start < at - 1, found < Self.wordCountLimit {
                        (edges[2 * found], edges[2 * found + 1]) = (start, at - 1)
                        found += 1
                    }
                    start = at
                    if byte == 10 { return }
                }
                if start < at, found < Self.wordCountLimit {
                    (edges[2 * found], edges[2 * found + 1]) = (start, at)
                    found += 1
                }
            }
        }
        (next, count) = (at, found)
        return true
    }

    private func range(_ index: Int) -> Range<Int> { edges[2 * index]..<edges[2 * index + 1] }

    func word(_ index: Int) -> ArraySlice<UInt8> { index < count ? bytes[range(index)] : [] }

    func isWord(_ index: Int, _ text: StaticString) -> Bool {
        guard index < count, edges[2 * index + 1] - edges[2 * index] == text.utf8CodeUnitCount else { return false }
        return begins(index, with: text)
    }

    func begins(_ index: Int, with text: StaticString) -> Bool {
        guard index < count else { return text.utf8CodeUnitCount == 0 }
        let (start, length) = (edges[2 * index], text.utf8CodeUnitCount)
        guard length <= edges[2 * index + 1] - start else { return false }
        return bytes.withUnsafeBufferPointer { bytes in
            for offset in 0..<length where bytes[start + offset] != text.utf8Start[offset] { return false }
            return true
        }
    }

    /// A number; what does not fit is as much as does, for counters of a hostile or newer kernel must not stop the sampler.
    func number(_ index: Int) -> Int64 { Self.number(word(index)) }

    /// Whether a word is there and begins like a number.
    func isNumber(_ index: Int) -> Bool {
        guard index < count else { return false }
        let first = bytes[edges[2 * index]]
        return first == 45 || first >= 48 && first <= 57
    }

    static func number(_ word: ArraySlice<UInt8>) -> Int64 {
        var value: UInt64 = 0
        var isNegative = false
        word.withUnsafeBufferPointer { word in
            for index in 0..<word.count {
                let byte = word[index]
                if byte == 45, value == 0 {
                    isNegative = true
                    continue
                }
                guard byte >= 48, byte <= 57 else { return }
                // Of 10 digits more than this the product does not fit any more.
                if value > (UInt64(Int64.max) - 9) / 10 {
                    value = UInt64(Int64.max)
                    isNegative = false
                    return
                }
                value = value * 10 + UInt64(byte - 48)
            }
        }
        return isNegative ? -Int64(value) : Int64(value)
    }
}
