import Store
import Telemetry
import Testing

@Suite("Telemetry in the store")
struct TelemetryStoreTests {
    private func received(_ sequence: UInt64, _ seconds: ClosedRange<UInt64>, isOpen: Bool = false) throws -> RollcallDatabase.ReceivedBlock
    {
        var open = OpenTelemetryBlock(boot: [UInt8](repeating: 1, count: 16), interval: 1_000)
        for second in seconds {
            open.tick(at: second * 1_000)
            open.set(Series(.load1), Int64(second))
        }
        let encoded = open.encoded
        return .init(sequence: sequence, isOpen: isOpen, encoded: encoded, block: try TelemetryBlock(decoding: encoded))
    }

    @Test("blocks are kept once, open ones until they are closed, and the cursor is the last that was closed")
    func keeping() throws {
        let scratch = try ScratchStore()
        let store = try scratch.open()
        let device = try store.addDevice(
            name: "kiosk-1", address: Device.Address(host: "10.0.0.1", port: 22), labels: Device.Labels(), operator: "alice"
        ).id
        let (first, second) = ([UInt8](repeating: 1, count: 16), [UInt8](repeating: 2, count: 16))
        #expect(try store.telemetryCursor(device: device) == nil)
        #expect(try store.recordTelemetry(device: device, ring: first, [received(1, 0...9), received(2, 10...14, isOpen: true)]) == 2)
        #expect(try store.telemetryCursor(device: device) == .init(ring: first, sequence: 1))
        // The same again changes nothing; the open one comes longer, then closed, and then never again.
        #expect(try store.recordTelemetry(device: device, ring: first, [received(1, 0...3)]) == 0)
        #expect(try store.recordTelemetry(device: device, ring: first, [received(2, 10...16, isOpen: true)]) == 1)
        #expect(try store.recordTelemetry(device: device, ring: first, [received(2, 10...19)]) == 1)
        #expect(try store.recordTelemetry(device: device, ring: first, [received(2, 10...11)]) == 0)
        #expect(try store.telemetryCursor(device: device) == .init(ring: first, sequence: 2))
        #expect(try store.telemetry(device: device, from: 0, to: 100_000).map(\.tickCount) == [10, 10])
        #expect(try store.telemetry(device: device, from: 10_000, to: 12_000).map(\.tickCount) == [10])
        #expect(try store.telemetry(device: "nobody", from: 0, to: 100_000).isEmpty)
        // A device set up anew begins with number one again, in another ring.
        #expect(try store.recordTelemetry(device: device, ring: second, [received(1, 40...44, isOpen: true)]) == 1)
        #expect(try store.telemetryCursor(device: device) == .init(ring: second, sequence: 0))
        #expect(try store.telemetry(device: device, from: 0, to: 100_000).map(\.tickCount) == [10, 10, 5])
    }
}
