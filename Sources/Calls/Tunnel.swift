internal import AgentClient
public import Fleet
internal import LedgerCore
internal import Store
internal import Wire

/// Connections from this desk's loopback to a host and port that the device reaches, every one of them on record.
extension DeviceSession {
    /// How one connection ended.
    public struct TunnelEnding: Sendable {
        /// Bytes carried, both ways.
        public let byteCount: UInt64
        /// The agent's refusal, or nil.
        public let refused: (rule: String, sentence: String)?
        /// Whether both sides saw the same bytes.
        public let digestAgrees: Bool
    }

    /// Serves the clients of `listener` until it is closed, or the session ends.
    ///
    /// - Parameters:
    ///   - target: Numeric address and port, as the device's agent.conf lists it.
    ///   - report: Is told of the end of every connection.
    /// - Throws: What ended the session.
    public func tunnel(
        to target: String, listener: LocalListener, report: @escaping @Sendable (TunnelEnding) -> Void
    ) async throws {
        let streams = TwoWayStreams(session: agent)
        let reading = Task { () -> AgentClientError? in
            do throws(AgentClientError) {
                try await streams.run()
                return nil
            } catch {
                listener.close()
                return error
            }
        }
        try? await listener.serve(
            { client in if let ending = try? await self.carry(client, target: target, streams) { report(ending) } },
            closed: { await streams.stop() })
        await streams.stop()
        if let error = await reading.value { throw error }
    }

    private func carry(_ client: LocalListener.Client, target: String, _ streams: TwoWayStreams) async throws -> TunnelEnding? {
        let request = await agent.streamNumber()
        try desk.database.recordStream(session: id, request: request, subject: "tunnel " + target)
        guard
            let events = try await streams.open(
                OpenStream(request: request, kind: "tunnel", target: Text(target), credit: 0))
        else { return nil }
        let ending = Ending()
        do {
            try await client.use { input, output in
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        do {
                            try await input.forEach { try await streams.send(request, $0) }
                            try await streams.sendEnd(request)
                        } catch {
                            await streams.cancel(request)
                        }
                    }
                    var isGone = false
                    for await event in events {
                        switch event {
                        case .opened: break
                        case .bytes(let bytes):
                            if isGone { continue }
                            do { try await output.write(bytes) } catch {
                                isGone = true
                                await streams.cancel(request)
                            }
                            await streams.passedOn(request, bytes.count)
                        case .endOfBytes: output.finish()
                        case .ended(let end): await ending.set(end)
                        case .lost: break
                        }
                    }
                    group.cancelAll()
                }
            }
        } catch {
            // A client that breaks off ends its own connection; how, the agent has said or will not say any more.
            await streams.cancel(request)
            for await event in events { if case .ended(let end) = event { await ending.set(end) } }
        }
        guard let end = await ending.value else { return nil }
        return try record(end, request: request)
    }

    private func record(_ end: TwoWayStreams.Ending, request: UInt64) throws -> TunnelEnding {
        switch end.outcome {
        case .refused(let refused):
            try desk.database.recordAnswers(session: id, [(request, .refused(refused))], kind: .streamClosed)
            return TunnelEnding(byteCount: 0, refused: (refused.rule.string, refused.sentence.string), digestAgrees: true)
        case .done(let done):
            let isWhole = done.ending == .exited
            try desk.database.recordAnswers(session: id, [(request, .done(done, digest: isWhole ? end.digest : []))], kind: .streamClosed)
            return TunnelEnding(byteCount: done.sentByteCount, refused: nil, digestAgrees: !isWhole || done.digest == end.digest)
        }
    }

    private actor Ending {
        private(set) var value: TwoWayStreams.Ending?
        func set(_ end: TwoWayStreams.Ending) { value = end }
    }
}
