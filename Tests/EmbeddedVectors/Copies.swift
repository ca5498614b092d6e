internal import Wire

/// Copies of bytes as Wire makes them in Embedded Swift in place of the library's own.
struct Copies {
    let findings: Findings

    /// Adds and takes pieces of every length around what arrays have room for.
    func checkAll() {
        findings.about("copies of bytes") {
            for first in 0..<70 { for second in [0, 1, 2, 15, 16, 17, 31, 33, 64, 200] { check(first, second) } }
        }
    }

    private func bytes(_ count: Int, from start: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        for number in start..<start + count { bytes.append(UInt8(truncatingIfNeeded: number)) }
        return bytes
    }

    private func check(_ first: Int, _ second: Int) {
        let (left, right, wanted) = (bytes(first, from: 0), bytes(second, from: first), bytes(first + second, from: 0))
        var sum = left
        sum += right
        findings.check(Self.isSame(sum, wanted), "added")
        findings.check(Self.isSame(left, bytes(first, from: 0)), "changed by a copy of it that grew")
        var slices: [UInt8] = []
        slices += wanted[..<first]
        slices.append(contentsOf: wanted[first...])
        findings.check(Self.isSame(slices, wanted), "added in slices")
        findings.check(Self.isSame(Array(wanted[first...]), right), "taken from the middle")
        var twice = wanted
        twice += twice
        twice.append(contentsOf: twice[wanted.count...])
        let isThrice = twice.count == 3 * wanted.count && Self.isSame(Array(twice[(2 * wanted.count)...]), wanted)
        findings.check(isThrice && Self.isSame(Array(twice[..<wanted.count]), wanted), "added to itself")
    }

    /// By single bytes, as nothing here copies.
    private static func isSame(_ one: [UInt8], _ other: [UInt8]) -> Bool {
        if one.count != other.count { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }
}
