internal import Wire

/// An answer that is made a piece at a time, as there is room for it.
enum AnswerStream {
    case entries(EntryStream)
    case telemetry(TelemetryStream)

    /// The request it answers.
    var request: UInt64 {
        switch self {
        case .entries(let stream): stream.request
        case .telemetry(let stream): stream.request
        }
    }

    /// The next piece; nil at the end.
    mutating func next(_ device: Device) -> [UInt8]? {
        switch self {
        case .entries(var stream):
            let piece = stream.next(device.ledger)
            self = .entries(stream)
            return piece
        case .telemetry(var stream):
            let piece = device.telemetry.flatMap { stream.next($0) }
            self = .telemetry(stream)
            return piece
        }
    }

    /// The end of the answer.
    var done: Done {
        switch self {
        case .entries(let stream): stream.done
        case .telemetry(let stream): stream.done
        }
    }
}
