internal import LedgerCore
internal import Wire

/// SHA-256 of pieces of every length: whole blocks go by the processor's own instructions where it has them, single bytes never do.
struct Hashes {
    let findings: Findings

    /// Hashes the same bytes in pieces and one by one, and what FIPS 180-4 gives the result of.
    func checkAll() {
        findings.about("SHA-256 in pieces") {
            var bytes: [UInt8] = []
            for number in 0..<2_000 { bytes.append(UInt8(truncatingIfNeeded: number &* 167 &+ number >> 3)) }
            for count in [0, 1, 55, 56, 63, 64, 65, 127, 128, 129, 191, 192, 193, 1_024, 2_000] {
                let whole = Array(bytes[..<count])
                let wanted = hash(whole, pieces: 1)
                for size in [2, 63, 64, 65, 100, 128, 200, 500, 2_000] {
                    findings.check(hash(whole, pieces: size) == wanted, "in pieces")
                }
            }
            let thousand = [UInt8](repeating: 97, count: 1_000)
            var million = SHA256()
            for _ in 0..<1_000 { million.update(thousand) }
            let expected: [UInt8] = [
                0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14, 0xfb, 0x92, 0x81, 0xa1, 0xc7, 0xe2, 0x84, 0xd7, 0x3e, 0x67,
                0xf1, 0x80, 0x9a, 0x48, 0xa4, 0x97, 0x20, 0x0e, 0x04, 0x6d, 0x39, 0xcc, 0xc7, 0x11, 0x2c, 0xd0,
            ]
            findings.check(million.finish() == expected, "a million times a")
        }
    }

    private func hash(_ bytes: [UInt8], pieces size: Int) -> [UInt8] {
        var hash = SHA256()
        var start = 0
        while start < bytes.count {
            let end = min(start + size, bytes.count)
            hash.update(Array(bytes[start..<end]))
            start = end
        }
        return hash.finish()
    }
}
