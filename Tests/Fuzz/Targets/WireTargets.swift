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
    // Flags of a later version are passed over, as unknown keys are.
    case .hello where (try? helloFlags(bytes)).map { $0 > 3 } ?? true: return true
    default: break
    }
    let encoded = message.encoded
    guard let again = try? Message(decoding: encoded), again.encoded == encoded else { return false }
    // Between 12 and 16 a hello has no keys: they are unknown as those above are.
    if case .hello = message, keys(of: bytes).contains(where: { 13...15 ~= $0 }) { return true }
    return isSame(encoded, as: bytes, lastKey: lastKey(of: message)) || again != message
}

private func helloFlags(_ bytes: [UInt8]) throws(WireError) -> UInt64 {
    var reader = CBORReader(bytes)
    var flags: UInt64 = 0
    try reader.fields { (reader, key) throws(WireError) in
        guard key == 11 else { return false }
        flags = try reader.unsigned()
        return true
    }
    return flags
}

/// The highest key that this version gives a message of this type.
private func lastKey(of message: Message) -> UInt64 {
    switch message {
    case .door: 4
    case .hello: 16
    case .open: 9
    case .opened: 6
    case .run: 3
    case .chunk: 3
    case .done: 10
    case .refused: 3
    case .push: 5
    case .entries: 3
    case .close: 3
    case .closed: 5
    case .cancel: 1
    case .telemetry: 4
    case .stream: 9
    case .streamOpened: 6
    case .data: 2
    case .control: 4
    }
}

/// A sequence of rows of the readers.
public func fuzzRows(_ bytes: [UInt8]) -> Bool {
    var reader = CBORReader(bytes)
    var files: [UInt8] = []
    while !reader.isAtEnd, let row = try? FileRow(&reader) { files += row.encoded }
    reader = CBORReader(bytes)
    var mounts: [UInt8] = []
    while !reader.isAtEnd, let row = try? MountRow(&reader) { mounts += row.encoded }
    reader = CBORReader(bytes)
    var others: [UInt8] = []
    while !reader.isAtEnd, let row = try? StatusRow(&reader) { others += row.encoded }
    reader = CBORReader(bytes)
    var clocks: [UInt8] = []
    while !reader.isAtEnd, let row = try? ClockRow(&reader) { clocks += row.encoded }
    reader = CBORReader(bytes)
    var names: [UInt8] = []
    while !reader.isAtEnd, let row = try? NameRow(&reader) { names += row.encoded }
    reader = CBORReader(bytes)
    var connections: [UInt8] = []
    while !reader.isAtEnd, let row = try? ConnectionRow(&reader) { connections += row.encoded }
    reader = CBORReader(bytes)
    let isWhole = (try? reader.skip()) != nil
    return bytes.starts(with: files) && bytes.starts(with: mounts) && bytes.starts(with: others) && bytes.starts(with: clocks)
        && bytes.starts(with: names) && bytes.starts(with: connections)
        && (isWhole
            || files.isEmpty && mounts.isEmpty && others.isEmpty && clocks.isEmpty && names.isEmpty && connections.isEmpty)
}
