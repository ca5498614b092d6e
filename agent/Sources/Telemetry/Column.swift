internal import Wire

/// How one value of a series follows from those before it, for both directions: they must do the same sums, which may wrap.
///
/// A gauge is expected to stay as it is, a counter to go on as it went. What differs is written as a Rice code whose parameter follows the
/// size of the differences; where a difference is nought, the noughts that follow it are counted instead.
struct Prediction {
    private let isCounter: Bool
    private var last: Int64
    /// Mean step, in sixteenths.
    private var drift: Int64 = 0
    private var sum: UInt64 = 4
    private var count: UInt64 = 1

    /// Zeros before a Rice code's one from which on the difference is written as it is.
    static let escape = 16

    init(isCounter: Bool, first: Int64) {
        self.isCounter = isCounter
        last = first
    }

    /// The value that is expected next.
    @inline(__always)
    var expected: Int64 { isCounter ? last &+ drift >> 4 : last }

    /// The Rice parameter.
    @inline(__always)
    var parameter: UInt64 {
        // The bits of half the mean difference, which is what suits a geometric distribution.
        let mean = sum / (count * 2)
        return UInt64(64 - mean.leadingZeroBitCount)
    }

    /// Takes note of the value that came.
    @inline(__always)
    mutating func note(_ value: Int64) {
        if isCounter { drift = drift &+ ((value &- last) &<< 4 &- drift) >> 2 }
        last = value
    }

    /// Takes note of a difference that was written.
    @inline(__always)
    mutating func note(difference: UInt64) {
        // One far-off value must not spoil the parameter of the many after it.
        sum += min(difference, sum &* 4 + 16) & 0xFFFF_FFFF_FFFF
        count += 1
        if count > 16 {
            sum >>= 1
            count >>= 1
        }
    }
}

/// A difference as a number without sign: 0, -1, 1, -2 and so on.
@inline(__always)
func folded(_ difference: Int64) -> UInt64 { UInt64(bitPattern: difference &<< 1 ^ difference >> 63) }

@inline(__always)
func unfolded(_ number: UInt64) -> Int64 { Int64(bitPattern: number >> 1) ^ -Int64(bitPattern: number & 1) }

/// The values of one series in a block, encoded as they come.
public struct ColumnEncoder {
    /// What the values are of.
    public let series: Series
    /// The tick of the first value.
    public let start: UInt64
    /// How many values there are.
    public private(set) var count: UInt64 = 1
    /// The value that came last.
    public private(set) var last: Int64
    private let first: Int64
    private var prediction: Prediction
    private var bits = BitWriter()
    /// Noughts since the last one that was written; nil where a difference is due.
    private var run: UInt64?

    /// Begins a column with its first value.
    public init(_ series: Series, start: UInt64, first: Int64) {
        self.series = series
        self.start = start
        self.first = first
        last = first
        prediction = Prediction(isCounter: series.metric.isCounter, first: first)
    }

    /// Adds the value of the next tick.
    public mutating func append(_ value: Int64) {
        count += 1
        let difference = folded(value &- prediction.expected)
        prediction.note(value)
        last = value
        if let run {
            if difference == 0 {
                self.run = run + 1
                return
            }
            Self.write(run: run, to: &bits)
            self.run = nil
            // After a run a nought cannot come.
            write(difference - 1)
        } else {
            write(difference)
            if difference == 0 { run = 0 }
        }
    }

    private mutating func write(_ difference: UInt64) {
        let parameter = prediction.parameter
        let zeros = parameter < 64 ? difference >> parameter : 0
        if zeros < UInt64(Prediction.escape) {
            bits.write(1, count: zeros + 1)
            bits.write(difference, count: parameter)
        } else {
            bits.write(0, count: UInt64(Prediction.escape))
            let length = UInt64(64 - difference.leadingZeroBitCount)
            bits.write(length - 1, count: 6)
            bits.write(difference >> 32, count: length > 32 ? length - 32 : 0)
            bits.write(difference, count: min(length, 32))
        }
        prediction.note(difference: difference)
    }

    /// Elias gamma of the run's length and one.
    private static func write(run: UInt64, to bits: inout BitWriter) {
        let length = UInt64(64 - (run + 1).leadingZeroBitCount)
        bits.write(0, count: length - 1)
        bits.write(run + 1, count: length)
    }

    /// Bytes of its bits so far.
    public var bitByteCount: Int { bits.finished.count }

    /// Writes the column as an item of its block.
    func write(to writer: inout CBORWriter) {
        var bits = bits
        if let run, run > 0 { Self.write(run: run, to: &bits) }
        writer.array(6)
        writer.unsigned(series.metric.rawValue)
        writer.byteString(series.subject)
        writer.unsigned(start)
        writer.unsigned(count)
        writer.integer(first)
        writer.byteString(bits.finished)
    }
}

/// The values of one series in a block, as they came.
public struct Column: Equatable, Sendable {
    /// What the values are of.
    public let series: Series
    /// The tick of the first value, from 0.
    public let start: Int
    /// One for each tick from ``start`` on.
    public let values: [Int64]

    /// Decodes what ``ColumnEncoder`` wrote.
    ///
    /// - Throws: `.truncated` where the bits end before the values do.
    static func values(isCounter: Bool, first: Int64, count: Int, bits: [UInt8]) throws(WireError) -> [Int64] {
        var isTruncated = false
        let values = [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
            bits.withUnsafeBufferPointer { isTruncated = !decode(isCounter, first, $0, into: buffer, count) }
            initialized = isTruncated ? 0 : count
        }
        if isTruncated { throw WireError(.truncated, UInt64(count)) }
        return values
    }

    private static func decode(
        _ isCounter: Bool, _ first: Int64, _ bits: UnsafeBufferPointer<UInt8>, into values: UnsafeMutableBufferPointer<Int64>, _ count: Int
    ) -> Bool {
        var reader = BitReader(bits)
        var prediction = Prediction(isCounter: isCounter, first: first)
        values[0] = first
        var index = 1
        var isAfterRun = false
        while index < count {
            var difference = read(prediction.parameter, &reader)
            if reader.isBeyondEnd { return false }
            prediction.note(difference: difference)
            if isAfterRun {
                difference &+= 1
                isAfterRun = false
            }
            let value = prediction.expected &+ unfolded(difference)
            prediction.note(value)
            values[index] = value
            index += 1
            guard difference == 0, index < count else { continue }
            var run = readRun(&reader, limit: count - index)
            if reader.isBeyondEnd { return false }
            while run > 0 {
                let value = prediction.expected
                prediction.note(value)
                values[index] = value
                index += 1
                run -= 1
            }
            isAfterRun = true
        }
        return true
    }

    @inline(__always)
    private static func read(_ parameter: UInt64, _ reader: inout BitReader) -> UInt64 {
        let zeros = reader.zeros(limit: Prediction.escape)
        if zeros < Prediction.escape { return UInt64(zeros) &<< parameter | reader.read(Int(parameter)) }
        let length = Int(reader.read(6)) + 1
        let high = reader.read(max(length - 32, 0))
        return high << 32 | reader.read(min(length, 32))
    }

    @inline(__always)
    private static func readRun(_ reader: inout BitReader, limit: Int) -> Int {
        let length = reader.zeros(limit: 40)
        if length >= 40 { return limit }
        let run = (1 << UInt64(length) | reader.read(length)) - 1
        return Int(min(run, UInt64(limit)))
    }
}
