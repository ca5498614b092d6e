import Foundation
import Telemetry
import Wire

/// What the recorded samples cost when they are encoded as the agent does, and how fast they are decoded again.
///
/// `telemetry-bench FILE`: FILE holds blocks, each after its length (4 bytes, little-endian); their values count, not how they lie there.
/// It prints `bytes VALUES BYTES SAMPLES SERIES` for every sample and for every tenth, and `decoded VALUES SECONDS`.
@main
struct TelemetryBench {
    /// Samples in a block: half an hour of the agent's.
    private static let blockSize = 180

    static func main() throws {
        guard CommandLine.arguments.count == 2, let data = FileManager.default.contents(atPath: CommandLine.arguments[1]) else {
            FileHandle.standardError.write(Data("usage: telemetry-bench FILE\n".utf8))
            exit(64)
        }
        let samples = try Self.samples([UInt8](data))
        for step in [1, 10] {
            let chosen = stride(from: 0, to: samples.count, by: step).map { samples[$0] }
            let blocks = encode(chosen)
            let values = try blocks.map { try TelemetryBlock(decoding: $0) }.reduce(0) { $0 + count($1) }
            // Decoding must give back what was encoded, or the figures are worth nothing.
            let again = try blocks.flatMap { Self.samples(of: try TelemetryBlock(decoding: $0)) }
            guard again == chosen else { fatalError("not what it was") }
            print("bytes", values, blocks.reduce(0) { $0 + $1.count }, chosen.count, chosen.map(\.values.count).min() ?? 0)
        }
        try measureDecoding(encode(samples))
    }

    /// One tick: its time and its values, in the order in which they were taken.
    private struct Sample: Equatable {
        var time: Int64
        var values: [(series: Series, value: Int64)] = []

        static func == (left: Sample, right: Sample) -> Bool {
            left.time == right.time && left.values.count == right.values.count
                && zip(left.values, right.values).allSatisfy { $0.series == $1.series && $0.value == $1.value }
        }
    }

    private static func samples(_ file: [UInt8]) throws -> [Sample] {
        var samples: [Sample] = []
        var at = 0
        while at + 4 <= file.count {
            let length = (0..<4).reduce(0) { $0 | Int(file[at + $1]) << (8 * $1) }
            samples += self.samples(of: try TelemetryBlock(decoding: Array(file[at + 4..<at + 4 + length])))
            at += 4 + length
        }
        return samples
    }

    private static func samples(of block: TelemetryBlock) -> [Sample] {
        var samples = block.times.map { Sample(time: $0) }
        for column in block.columns.dropFirst() {
            for (offset, value) in column.values.enumerated() { samples[column.start + offset].values.append((column.series, value)) }
        }
        return samples
    }

    private static func encode(_ samples: [Sample]) -> [[UInt8]] {
        var blocks: [[UInt8]] = []
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: 1, count: 16), interval: 10_000)
        for sample in samples {
            open.tick(at: UInt64(sample.time))
            for (series, value) in sample.values { open.set(series, value) }
            if open.tickCount == UInt64(blockSize) {
                blocks.append(open.encoded)
                open = OpenTelemetryBlock(boot: [UInt8](repeating: 1, count: 16), interval: 10_000)
            }
        }
        return open.isEmpty ? blocks : blocks + [open.encoded]
    }

    private static func count(_ block: TelemetryBlock) -> Int { block.columns.reduce(0) { $0 + $1.values.count } }

    private static func measureDecoding(_ blocks: [[UInt8]]) throws {
        let clock = ContinuousClock()
        let began = clock.now
        var count = 0
        repeat {
            for block in blocks { count += self.count(try TelemetryBlock(decoding: block)) }
        } while clock.now - began < .seconds(3)
        print("decoded", count, (clock.now - began) / .seconds(1))
    }
}
