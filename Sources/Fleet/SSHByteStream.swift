internal import AgentClient
internal import SSH

/// An SSH channel as a stream to an agent; standard error is kept apart, for complaints.
final class SSHByteStream: ByteStream {
    private let channel: Channel
    private let complaints = Complaints()

    init(channel: Channel) { self.channel = channel }

    private actor Complaints {
        private static let sizeLimit = 4_096
        private var bytes: [UInt8] = []
        func add(_ more: [UInt8]) { bytes += more.prefix(Self.sizeLimit - bytes.count) }
        var isFull: Bool { bytes.count >= Self.sizeLimit }
        var text: String { String(decoding: bytes, as: UTF8.self) }
    }

    func write(_ bytes: [UInt8]) async throws(AgentClientError) {
        do throws(SSHError) {
            try await channel.write(bytes)
        } catch {
            throw AgentClientError(.transport, detail: error.detail, underlying: error)
        }
    }

    func read(within limit: Duration) async throws(AgentClientError) -> [UInt8]? {
        let deadline = ContinuousClock.now + limit
        do throws(SSHError) {
            while let output = try await channel.read(within: max(.zero, deadline - ContinuousClock.now)) {
                switch output {
                case .standardOutput(let bytes): return bytes
                case .standardError(let bytes): await complaints.add(bytes)
                }
            }
            return nil
        } catch {
            throw AgentClientError(error.code == .timedOut ? .timedOut : .transport, detail: error.detail, underlying: error)
        }
    }

    func complaint() async -> String {
        // What the far side says as it leaves may still be on its way.
        let deadline = ContinuousClock.now + .milliseconds(500)
        while await !complaints.isFull, ContinuousClock.now < deadline,
            let more = try? await channel.read(within: max(.zero, deadline - ContinuousClock.now))
        {
            if case .standardError(let bytes) = more { await complaints.add(bytes) }
        }
        return await complaints.text
    }

    func close() async { await channel.close() }
}
