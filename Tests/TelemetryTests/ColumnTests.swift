import Testing
import Wire

@testable import Telemetry

@Suite("Telemetry blocks")
struct TelemetryBlockTests {
    @Test("a record's checksum is CRC-32C")
    func checksum() {
        // RFC 3720, appendix B.4, and the check value that catalogues of such sums give.
        #expect(RingRecord.checksum([Array("1234".utf8), Array("56789".utf8)]) == 0xE306_9283)
        #expect(RingRecord.checksum([[UInt8](repeating: 0, count: 32)]) == 0x8A91_36AA)
        #expect(RingRecord.checksum([Array(0..<32)]) == 0x46DD_794E)
    }

    /// A block with one series of these values.
    private func block(_ metric: Metric, _ values: [Int64]) -> OpenTelemetryBlock {
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: 7, count: 16), interval: 10_000)
        for (tick, value) in values.enumerated() {
            open.tick(at: 1_700_000_000_000 + UInt64(tick) * 10_000)
            open.set(Series(metric, Array("eth0".utf8)), value)
        }
        return open
    }

    private func values(_ metric: Metric, _ values: [Int64]) throws -> [Int64] {
        let decoded = try TelemetryBlock(decoding: block(metric, values).encoded)
        #expect(decoded.tickCount == values.count)
        #expect(decoded.times == values.indices.map { 1_700_000_000_000 + Int64($0) * 10_000 })
        return decoded.columns[1].values
    }

    @Test("values come back as they were, whatever they are", arguments: [Metric.load1, .received])
    func roundTrip(_ metric: Metric) throws {
        let extremes: [Int64] = [0, -1, 1, .max, .min, 0, 0, 0, .min, .max, 1 << 40, 7, 7, 7, 7, 8, 8, -(1 << 33)]
        #expect(try values(metric, extremes) == extremes)
        var generator = SystemRandomNumberGenerator()
        for bits in 0..<64 {
            var list: [Int64] = []
            for _ in 0..<300 {
                let isSame = Int.random(in: 0..<3, using: &generator) == 0
                list.append(isSame ? list.last ?? 5 : Int64(truncatingIfNeeded: UInt64.random(in: 0...(1 << UInt64(bits)))))
            }
            #expect(try values(metric, list) == list, "\(list)")
        }
        for length in 1...70 {
            let same = [Int64](repeating: -3, count: length)
            #expect(try values(metric, same) == same)
            #expect(try values(metric, same + [4] + same) == same + [4] + same)
        }
    }
}
