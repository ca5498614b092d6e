/// Watches the server's first bytes, which are in the clear, to tell what answers: lines, version, and the algorithms offered.
///
/// It only looks; libssh2 gets the same bytes. It holds at most 64 KiB, and nothing once the offer has been read.
struct ServerGreeting: Sendable {
    private enum State {
        case lines, offer, finished
    }

    private static let lineLimit = 1024
    private static let lineCountLimit = 64
    private static let packetLimit = 40_000

    private var state = State.lines
    private var pending: [UInt8] = []
    private var lineCount = 0
    /// Whether anything came at all.
    private(set) var receivedAnything = false
    /// The first line that is not a version, if there was one.
    private(set) var firstLine: String?
    /// The version line, e.g. `SSH-2.0-OpenSSH_9.2p1`.
    private(set) var version: String?
    /// What the server's key exchange offer holds, once it is whole.
    private(set) var offer: AlgorithmOffer?
    /// Set once it is certain that this is no SSH 2 server.
    private(set) var isForeign = false

    /// Takes the next bytes from the server.
    mutating func consume(_ bytes: some Sequence<UInt8>) {
        guard state != .finished else { return }
        pending.append(contentsOf: bytes)
        receivedAnything = receivedAnything || !pending.isEmpty
        while state == .lines, takeLine() {}
        if state == .offer { takeOffer() }
        if state == .finished { pending = [] }
    }

    /// Takes one line off the pending bytes; false if none is whole yet.
    private mutating func takeLine() -> Bool {
        guard let end = pending.firstIndex(of: UInt8(ascii: "\n")) else {
            // A line without an end, or with a zero byte, is no banner (RFC 4253 section 4.2).
            if pending.count > Self.lineLimit || pending.contains(0) { giveUp(on: pending) }
            return false
        }
        let line = pending[..<end]
        pending.removeSubrange(...end)
        lineCount += 1
        if line.starts(with: Array("SSH-".utf8)) {
            takeVersion(line)
        } else if lineCount > Self.lineCountLimit || line.count > Self.lineLimit || line.contains(0) {
            giveUp(on: Array(line))
        } else if firstLine == nil {
            firstLine = Self.text(line)
        }
        return true
    }

    private mutating func takeVersion(_ line: ArraySlice<UInt8>) {
        version = Self.text(line)
        if line.starts(with: Array("SSH-2.0-".utf8)) || line.starts(with: Array("SSH-1.99-".utf8)) {
            state = .offer
        } else {
            giveUp(on: Array(line))
        }
    }

    private mutating func takeOffer() {
        var reader = PacketReader(pending.prefix(Self.packetLimit))
        guard let length = reader.uint32() else { return }
        guard length <= Self.packetLimit, length > 1 else {
            state = .finished
            return
        }
        guard let padding = reader.byte(), let payload = reader.bytes(Int(length) - 1) else {
            if pending.count >= Self.packetLimit { state = .finished }
            return
        }
        offer = AlgorithmOffer(payload: payload.dropLast(Int(padding)))
        state = .finished
    }

    private mutating func giveUp(on line: [UInt8]) {
        if firstLine == nil { firstLine = Self.text(line[...]) }
        isForeign = true
        state = .finished
    }

    private static func text(_ line: ArraySlice<UInt8>) -> String {
        printable(line.last == UInt8(ascii: "\r") ? line.dropLast() : line, limit: 120)
    }
}

extension ServerGreeting {
    /// Text that OpenSSH sends instead of a banner when it has no room for another client.
    private static let busyLines = ["Exceeded MaxStartups", "Not allowed at this time"]

    /// The reason for an end before the handshake was done, as far as the first bytes tell; `silent` if the peer hung up.
    func failure(hungUp: Bool) -> (code: SSHError.Code, detail: String)? {
        if let mismatch = offer?.mismatch { return (.noCommonAlgorithm, mismatch) }
        if version != nil && !isForeign { return nil }
        if hungUp, let firstLine, Self.busyLines.contains(where: firstLine.hasPrefix) {
            return (.resetBeforeBanner, "the server said: \(firstLine)")
        }
        // The beginning of a version line is SSH as far as it goes.
        let (begun, prefix) = (pending.prefix(4), Array("SSH-".utf8))
        if firstLine == nil, !isForeign, !begun.isEmpty, prefix.starts(with: begun) { return nil }
        if let line = firstLine ?? version { return (.notSSH, "it answered: \(line)") }
        if receivedAnything { return (.notSSH, "it answered \(pending.count) bytes without a line: \(printable(pending, limit: 60))") }
        return hungUp ? (.resetBeforeBanner, "the server hung up without a word") : nil
    }
}
