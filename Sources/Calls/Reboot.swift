internal import Store
public import Telemetry
internal import Wire

/// That a device started anew since this desk last saw it, and what it measured before.
public struct Reboot: Sendable {
    /// How it went down, and when the last sample before was taken.
    public let event: TelemetryEvent
    /// Blocks of the boot before, at most two with samples, oldest first.
    public let before: [TelemetryBlock]

    /// Blocks that are looked at: the one with the event, and those before it.
    private static let blockCount: UInt64 = 6
    private static let answerSize: UInt64 = 48 << 10

    /// Looks for it; a round trip or two, and only where the boot id is another than in the session before.
    ///
    /// - Returns: Nil where the device did not start anew, or keeps no telemetry that says so.
    static func find(in session: DeviceSession, desk: Desk) async throws -> Reboot? {
        guard let last = try desk.database.bootBefore(session: session.id, device: session.device.id), !last.isEmpty,
            last != session.hello.boot.string
        else { return nil }
        let present = await session.telemetry(sizeLimit: 0)
        guard let head = present.head else { return nil }
        let reply = await session.telemetry(
            after: head.next - min(head.next, blockCount), ring: head.ring, sizeLimit: answerSize)
        let blocks = reply.blocks.compactMap { try? TelemetryBlock(decoding: $0.encoded) }
        guard let now = blocks.last, let event = blocks.flatMap(\.events).last(where: { $0.kind == .boot }) else { return nil }
        return Reboot(event: event, before: Self.blocks(before: now.boot, in: blocks))
    }

    /// Blocks of other boots, from the last but one that has samples on. The last may hold nothing but that the agent was stopped.
    static func blocks(before boot: [UInt8], in blocks: [TelemetryBlock]) -> [TelemetryBlock] {
        let before = blocks.filter { $0.boot != boot }
        let sampled = before.indices.filter { before[$0].tickCount > 0 }.suffix(2)
        return sampled.first.map { Array(before[$0...]) } ?? Array(before.suffix(1))
    }

    /// When the last sample before was taken, milliseconds UTC by the device's clock; 0 where that is not known.
    public var lastSample: Int64 {
        let known = before.map { Int64(clamping: $0.lastTime) }.max() ?? 0
        return event.value > 0 ? event.value : known
    }
}
