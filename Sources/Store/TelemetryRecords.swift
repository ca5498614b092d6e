internal import Foundation
internal import GRDB
public import Telemetry

/// Telemetry of devices: blocks as they came, each once.
extension RollcallDatabase {
    /// How far a device's telemetry was taken in.
    public struct TelemetryCursor: Equatable, Sendable {
        /// The device's ring, 16 bytes.
        public var ring: [UInt8]
        /// Number of the newest block that was closed.
        public var sequence: UInt64

        /// Makes a cursor of its fields.
        public init(ring: [UInt8], sequence: UInt64) {
            self.ring = ring
            self.sequence = sequence
        }
    }

    /// A block as it came.
    public struct ReceivedBlock: Sendable {
        /// Its number in the ring.
        public var sequence: UInt64
        /// Whether it will come again, longer.
        public var isOpen: Bool
        /// Its encoding.
        public var encoded: [UInt8]
        /// What it holds.
        public var block: TelemetryBlock

        /// Makes a block of its fields.
        public init(sequence: UInt64, isOpen: Bool, encoded: [UInt8], block: TelemetryBlock) {
            self.sequence = sequence
            self.isOpen = isOpen
            self.encoded = encoded
            self.block = block
        }
    }

    /// How far a device's telemetry was taken in; nil where there is none.
    public func telemetryCursor(device: String) throws(StoreError) -> TelemetryCursor? {
        try read(device) { database in
            // The ring that answered last, and in it the last block that does not come again.
            let row = try Row.fetchOne(
                database,
                sql: """
                    SELECT ring, coalesce(max(sequence) FILTER (WHERE is_open = 0), 0) AS sequence FROM telemetry_blocks
                    WHERE device = ?1 AND ring = (
                      SELECT ring FROM telemetry_blocks WHERE device = ?1 ORDER BY received_at DESC, sequence DESC LIMIT 1
                    ) GROUP BY ring
                    """, arguments: [device])
            return try row.map { TelemetryCursor(ring: try $0.bytes("ring"), sequence: try $0.count("sequence")) }
        }
    }

    /// Keeps blocks of a device; those that are there already, closed, stay as they are.
    ///
    /// - Returns: How many are new, or longer than before.
    @discardableResult
    public func recordTelemetry(device: String, ring: [UInt8], _ blocks: [ReceivedBlock]) throws(StoreError) -> Int {
        if blocks.isEmpty { return 0 }
        let now = currentTime()
        return try write(device) { database in
            var count = 0
            for block in blocks {
                let times = block.block.times + block.block.events.map { Int64(clamping: $0.time) }
                try database.execute(
                    sql: """
                        INSERT INTO telemetry_blocks VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                        ON CONFLICT (device, ring, sequence) DO UPDATE SET first_time = excluded.first_time, last_time = excluded.last_time,
                          is_open = excluded.is_open, received_at = excluded.received_at, block = excluded.block
                        WHERE telemetry_blocks.is_open = 1
                        """,
                    arguments: [
                        device, blob(ring), Int64(clamping: block.sequence), times.min() ?? 0, times.max() ?? 0, block.isOpen, now,
                        blob(block.encoded),
                    ])
                count += database.changesCount
            }
            return count
        }
    }

    /// Blocks of a device with something in them from `start` to `end`, in the order in which they came about.
    ///
    /// - Parameters: `start` and `end`: milliseconds UTC since 1970, by the device's clock.
    public func telemetry(device: String, from start: Int64, to end: Int64) throws(StoreError) -> [TelemetryBlock] {
        try read(device) { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT block FROM telemetry_blocks WHERE device = ?1 AND last_time >= ?2 AND first_time <= ?3
                    ORDER BY min(received_at) OVER (PARTITION BY ring), ring, sequence
                    """, arguments: [device, start, end])
            return try rows.map { row in
                do { return try TelemetryBlock(decoding: try row.bytes("block")) } catch { throw StoreError(.corrupt, "telemetry_blocks") }
            }
        }
    }

    /// The boot id that the device's agent named in its session before `session`; nil where there is none.
    public func bootBefore(session: String, device: String) throws(StoreError) -> String? {
        try read(device) { database in
            try Row.fetchOne(
                database,
                sql: """
                    SELECT agent_boot FROM sessions WHERE device = ?1 AND id <> ?2 AND agent_boot IS NOT NULL
                    ORDER BY started_at DESC, id DESC LIMIT 1
                    """, arguments: [device, session])?.text("agent_boot")
        }
    }
}
