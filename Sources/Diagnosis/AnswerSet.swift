internal import Wire

extension Answer {
    /// Answers as one piece, to be kept and read again: a CBOR array of `[probe, message, output, error]`, where the message is the `done` or
    /// `refused` that ended it. Probes that gave no answer are left out.
    public static func encode(_ answers: [Answer]) -> [UInt8] {
        let ended = answers.compactMap { answer -> (Answer, Message)? in
            switch answer.ending {
            case .done(let done): (answer, .done(done))
            case .refused(let refused): (answer, .refused(refused))
            case .none: nil
            }
        }
        var writer = CBORWriter()
        writer.array(ended.count)
        for (answer, message) in ended {
            writer.array(4)
            writer.text(Text(answer.probe))
            writer.byteString(message.encoded)
            writer.byteString(answer.output)
            writer.byteString(answer.errorOutput)
        }
        return writer.bytes
    }

    /// Reads what ``encode(_:)`` wrote.
    ///
    /// - Throws: `WireError` for anything else.
    public static func decode(_ bytes: [UInt8]) throws -> [Answer] {
        var reader = CBORReader(bytes)
        var answers: [Answer] = []
        for _ in 0..<(try reader.array(limit: 4_096)) {
            guard try reader.array(limit: 4) == 4 else { throw WireError(.malformed, UInt64(reader.offset)) }
            let probe = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            let ending: Ending
            switch try Message(decoding: try reader.byteString()) {
            case .done(let done): ending = .done(done)
            case .refused(let refused): ending = .refused(refused)
            default: throw WireError(.malformed, UInt64(reader.offset))
            }
            answers.append(
                Answer(probe: probe.string, ending: ending, output: try reader.byteString(), errorOutput: try reader.byteString()))
        }
        try reader.end()
        return answers
    }
}
