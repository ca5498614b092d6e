import Wire

/// A stream of frames, whole and cut in two at its first byte's place: both must give the same messages.
public func fuzzFrames(_ bytes: [UInt8]) -> Bool {
    let stream = bytes.dropFirst()
    let cut = min(Int(bytes.first ?? 0), stream.count)
    let whole = frames([stream])
    let parts = frames([stream.prefix(cut), stream.dropFirst(cut)])
    guard whole.messages == parts.messages, whole.isOversize == parts.isOversize else { return false }
    let again = whole.messages.flatMap(Frame.encode)
    return Array(stream.prefix(again.count)) == again
}

private func frames(_ parts: [ArraySlice<UInt8>]) -> (messages: [[UInt8]], isOversize: Bool) {
    var reader = FrameReader()
    var messages: [[UInt8]] = []
    for part in parts {
        reader.append(part)
        do throws(WireError) {
            while let message = try reader.next() { messages.append(message) }
        } catch {
            return (messages, true)
        }
    }
    return (messages, false)
}

/// One message. Texts for people may come back shown otherwise: control characters are replaced when written.
public func fuzzMessage(_ bytes: [UInt8]) -> Bool {
    guard let message = try? Message(decoding: bytes) else { return true }
    switch message {
    // Of another version nothing but the version is read, so nothing else can come back.
    case .hello(let hello) where hello.protocolVersion != RollcallProtocol.version: return true
    case .open(let open) where open.protocolVersion != RollcallProtocol.version: return true
    default: break
    }
    let encoded = message.encoded
    guard let again = try? Message(decoding: encoded), again.encoded == encoded else { return false }
    return isSame(encoded, as: bytes) || again != message
}

/// A sequence of rows of both readers.
public func fuzzRows(_ bytes: [UInt8]) -> Bool {
    var reader = CBORReader(bytes)
    var files: [UInt8] = []
    while !reader.isAtEnd, let row = try? FileRow(&reader) { files += row.encoded }
    reader = CBORReader(bytes)
    var mounts: [UInt8] = []
    while !reader.isAtEnd, let row = try? MountRow(&reader) { mounts += row.encoded }
    reader = CBORReader(bytes)
    let isWhole = (try? reader.skip()) != nil
    return bytes.starts(with: files) && bytes.starts(with: mounts) && (isWhole || files.isEmpty && mounts.isEmpty)
}
