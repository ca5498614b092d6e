public import Catalogue
public import Probes
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

    /// The answer without whose device it came from, to be kept as a case: what a program wrote, or the texts of a reader's rows.
    public func redacted(by redaction: inout Redaction, source: ProbeSource) -> Answer {
        func redact(_ bytes: [UInt8]) -> [UInt8] { Array(redaction.redact(String(decoding: bytes, as: UTF8.self)).utf8) }
        var (answer, reader, rows) = (self, CBORReader(output), [UInt8]())
        answer.errorOutput = redact(errorOutput)
        switch source {
        case .run: rows = redact(output)
        case .files(let paths):
            // What the manifest names is no secret, and is looked up by its name.
            let named = Set(paths.map(\.bytes))
            while !reader.isAtEnd, let row = try? FileRow(&reader) {
                let path = named.contains(row.path) ? row.path : redact(row.path)
                rows += FileRow(path: path, status: row.status, content: redact(row.content)).encoded
            }
        case .stat(let paths):
            let named = Set(paths.map(\.bytes))
            while !reader.isAtEnd, var row = try? StatusRow(&reader) {
                if !named.contains(row.path) { row.path = redact(row.path) }
                rows += row.encoded
            }
        case .statfs:
            while !reader.isAtEnd, var row = try? MountRow(&reader) {
                (row.mount, row.source, row.options) = (redact(row.mount), redact(row.source), redact(row.options))
                rows += row.encoded
            }
        case .resolve:
            // What a name server answered holds its addresses as bytes: they stay.
            while !reader.isAtEnd, var row = try? NameRow(&reader) {
                (row.name, row.server) = (redact(row.name), redact(row.server))
                rows += row.encoded
            }
        // What was connected to is the manifest's own.
        case .clock, .connect: rows = output
        }
        answer.output = rows
        return answer
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
