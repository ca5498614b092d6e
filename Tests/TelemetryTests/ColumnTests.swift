import Testing
import Wire

@testable import Telemetry

@Suite("Telemetry blocks")
struct TelemetryBlockTests {
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
