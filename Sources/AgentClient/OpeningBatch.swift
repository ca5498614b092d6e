internal import LedgerCore
public import Wire

/// The first things a controller says, ready before there is a connection, so that they can ride in the SSH exec request.
public struct OpeningBatch: Sendable {
    /// The session's opening.
    public let open: Open
    /// The requests that follow it at once, in order; their numbers ascend from 1.
    public let requests: [Run]

    /// Makes the batch; requests get their numbers in order.
    ///
    /// - Parameter probes: Ids and parameters, at most ``RollcallProtocol/requestsInFlightLimit`` of them.
    public init(open: Open, probes: [(id: String, parameters: [Parameter])]) {
        precondition(probes.count <= RollcallProtocol.requestsInFlightLimit, "a first batch holds at most 64 requests")
        self.open = open
        self.requests = probes.enumerated().map { index, probe in
            Run(request: UInt64(index + 1), probe: Text(probe.id), parameters: probe.parameters)
        }
    }

    /// The frames, in order.
    public var frames: [UInt8] {
        requests.reduce(into: Message.open(open).frame) { $0 += Message.run($1).frame }
    }

    /// The command of an exec request that carries the whole batch; nil where it is too long for one.
    public var command: String? {
        let frames = frames
        guard frames.count <= RollcallProtocol.batchSizeLimit else { return nil }
        return RollcallProtocol.batchPrefix.string + String(decoding: Base64.encode(frames), as: UTF8.self)
    }
}
