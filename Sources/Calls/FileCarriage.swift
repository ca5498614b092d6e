internal import AgentClient
internal import LedgerCore
internal import Store
public import Wire

/// Files through the door, on record before the device hears of them.
extension DeviceSession {
    /// How a file was carried.
    public struct Carriage: Sendable {
        /// Bytes of the whole file.
        public let byteCount: UInt64
        /// Where it was gone on with.
        public let offset: UInt64
        /// SHA-256 of the whole, as this side computed it and the device says it.
        public let digest: [UInt8]
    }

    /// Why a file was not carried.
    public enum CarriageError: Error, Sendable {
        /// The agent refused.
        case refused(Refused)
        /// It ended otherwise than it should.
        case ended(Done)
        /// What arrived has another digest than the device says.
        case digestDiffers
    }

    /// Fetches a file into `file`, which goes on with what it has.
    public func get(_ path: String, into file: any IncomingFile) async throws -> Carriage {
        let request = await agent.streamNumber()
        let subject = "get " + path
        try desk.database.recordStream(session: id, request: request, subject: subject)
        let known = try file.known()
        let open = OpenStream(
            request: request, kind: "get", target: Text(path), offset: known?.offset ?? 0, time: known?.time ?? 0,
            digest: known?.digest ?? [], credit: 0)
        let outcome = try await agent.get(open, begin: { try file.begin($0) }, take: { try file.take($0) })
        let done = try record(outcome, request: request, digest: { file.digest })
        let digest = file.digest
        guard done.digest == digest else { throw CarriageError.digestDiffers }
        return Carriage(byteCount: file.byteCount, offset: file.byteCount - min(done.sentByteCount, file.byteCount), digest: digest)
    }

    /// Brings a file to the device.
    ///
    /// - Parameter replaces: Whether it may take the place of a file that is there.
    public func put(_ file: any OutgoingFile, to path: String, replaces: Bool) async throws -> Carriage {
        let subject = "put " + path
        let (byteCount, digest) = try await file.whole()
        var flags: OpenStream.Flags = replaces ? [.replace] : []
        while true {
            let request = await agent.streamNumber()
            try desk.database.recordStream(session: id, request: request, subject: subject, digest: digest, byteCount: byteCount)
            let open = OpenStream(
                request: request, kind: "put", target: Text(path), size: byteCount, digest: digest, flags: flags, credit: 0)
            guard let outcome = try await agent.put(open, begin: { try file.begin($0) }, next: { try file.next($0) }) else {
                // The device has other bytes under that digest than this side: once more, and without them.
                try desk.database.recordAnswers(
                    session: id, [(request, .done(Done(request: request, ending: .cancelled), digest: []))], kind: .streamClosed)
                guard !flags.contains(.afresh) else { throw CarriageError.digestDiffers }
                flags.insert(.afresh)
                continue
            }
            let done = try record(outcome, request: request, digest: { digest })
            guard done.digest == digest else { throw CarriageError.digestDiffers }
            return Carriage(byteCount: byteCount, offset: byteCount - min(done.sentByteCount, byteCount), digest: digest)
        }
    }

    private func record(
        _ outcome: AgentSession.StreamOutcome, request: UInt64, digest: () -> [UInt8]
    ) throws -> Done {
        switch outcome {
        case .refused(let refused):
            try desk.database.recordAnswers(session: id, [(request, .refused(refused))], kind: .streamClosed)
            throw CarriageError.refused(refused)
        case .done(let done):
            let isWhole = done.ending == .exited
            try desk.database.recordAnswers(
                session: id, [(request, .done(done, digest: isWhole ? digest() : []))], kind: .streamClosed)
            guard isWhole else { throw CarriageError.ended(done) }
            return done
        }
    }
}

/// A file that comes from a device, written as it comes.
public protocol IncomingFile: Sendable {
    /// What an earlier attempt left: its bytes, when the device's file was changed last, and the digest of the bytes.
    func known() throws -> (offset: UInt64, time: UInt64, digest: [UInt8])?
    /// The device is about to send.
    func begin(_ opened: StreamOpened) throws
    /// Takes the next bytes.
    func take(_ bytes: [UInt8]) throws
    /// Bytes there are.
    var byteCount: UInt64 { get }
    /// SHA-256 of them.
    var digest: [UInt8] { get }
}

/// A file that goes to a device.
public protocol OutgoingFile: Sendable {
    /// Bytes and SHA-256 of the whole, waited for where it is still being hashed.
    func whole() async throws -> (byteCount: UInt64, digest: [UInt8])
    /// Goes to where the device wants to go on; false where the device has other bytes before it.
    func begin(_ opened: StreamOpened) throws -> Bool
    /// The next bytes, at most `limit`; none at the end.
    func next(_ limit: Int) throws -> [UInt8]
}
