internal import Store
public import Telemetry
internal import Wire

/// That a device started anew since this desk last saw it, and what it measured before.
public struct Reboot: Sendable {
    /// How it went down, and when the last sample before was taken.
    public let event: TelemetryEvent
    /// Blocks of the boot before, at most two, oldest first.
    public let before: [TelemetryBlock]

    /// Blocks that are looked at: the one with the event, and those before it.
    private static let blockCount: UInt64 = 4
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
        return Reboot(event: event, before: Array(blocks.filter { $0.boot != now.boot }.suffix(2)))
    }
}
