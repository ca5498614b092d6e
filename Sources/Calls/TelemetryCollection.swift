internal import AgentClient
internal import Store
public import Telemetry
internal import Wire

/// What was taken in of a device's telemetry.
public struct TelemetryCollection: Sendable {
    /// Blocks that are new, or longer than before.
    public let newCount: Int
    /// Blocks that the device dropped before anybody came for them.
    public let missedCount: UInt64
    /// By how much the device's clock is ahead of the desk's, milliseconds.
    public let clockLead: Int64

    /// Why there is none.
    public enum Failure: Error, Sendable {
        /// The agent refused, by this rule and with this sentence; foreign text.
        case refused(rule: String, sentence: String)
        /// There was no answer, or one that is not in the format; one printable line.
        case unreadable(String)
    }

    /// Bytes of blocks in one answer.
    private static let answerSize: UInt64 = 1 << 20
    /// Answers after which a device that always has more is left alone.
    private static let answerCountLimit = 64

    /// Takes in what a device has and the store has not, oldest first; what came before a failure is kept.
    ///
    /// - Throws: `Failure`, `StoreError`.
    public static func take(in session: DeviceSession, desk: Desk) async throws -> TelemetryCollection {
        let device = session.device.id
        var cursor = try desk.database.telemetryCursor(device: device)
        var (newCount, missedCount): (Int, UInt64) = (0, 0)
        for round in 0..<answerCountLimit {
            let (head, blocks) = try await ask(session, after: cursor, sizeLimit: answerSize)
            let isSameRing = cursor?.ring == head.ring
            if round == 0, isSameRing, let cursor, head.first > cursor.sequence + 1 { missedCount = head.first - cursor.sequence - 1 }
            newCount += try desk.database.recordTelemetry(device: device, ring: head.ring, blocks)
            let last = blocks.last { !$0.isOpen }?.sequence
            cursor = RollcallDatabase.TelemetryCursor(ring: head.ring, sequence: last ?? (isSameRing ? cursor?.sequence ?? 0 : 0))
            if blocks.isEmpty || blocks.contains(where: \.isOpen) || last == nil { break }
        }
        return TelemetryCollection(
            newCount: newCount, missedCount: missedCount,
            clockLead: Int64(clamping: session.hello.clock / 1_000) - RollcallDatabase.systemTime() / 1_000)
    }

    /// How the device is now, with what happened lately.
    ///
    /// - Throws: `Failure`.
    public static func now(in session: DeviceSession) async throws -> TelemetryBlock {
        let (_, blocks) = try await ask(session, after: nil, sizeLimit: 0)
        guard let block = blocks.first?.block else { throw Failure.unreadable("the answer holds no sample") }
        return block
    }

    private static func ask(
        _ session: DeviceSession, after cursor: RollcallDatabase.TelemetryCursor?, sizeLimit: UInt64
    ) async throws -> (head: TelemetryHead, blocks: [RollcallDatabase.ReceivedBlock]) {
        let reply = await session.telemetry(after: cursor?.sequence ?? 0, ring: cursor?.ring ?? [], sizeLimit: sizeLimit)
        guard let head = reply.head else {
            switch reply.answer.outcome {
            case .refused(let refused): throw Failure.refused(rule: refused.rule.string, sentence: refused.sentence.string)
            case .missing(let error): throw error
            case .done: throw Failure.unreadable("the answer is not in the format of telemetry")
            }
        }
        var blocks: [RollcallDatabase.ReceivedBlock] = []
        for (sequence, encoded) in reply.blocks {
            // Numbers that do not ascend would make the cursor jump back.
            guard sequence > blocks.last?.sequence ?? 0 else { throw Failure.unreadable("its blocks are not in order") }
            do throws(WireError) {
                let block = try TelemetryBlock(decoding: encoded)
                blocks.append(.init(sequence: sequence, isOpen: sequence >= head.next, encoded: encoded, block: block))
            } catch {
                throw Failure.unreadable("block \(sequence) is not in the format: \(error.code.meaning)")
            }
        }
        return (head, blocks)
    }
}
