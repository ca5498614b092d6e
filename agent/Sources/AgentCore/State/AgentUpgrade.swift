internal import Catalogue
internal import LedgerCore
internal import Wire

/// Another agent in place of this one: taken piece by piece onto the disk beside the program, tried, and only then put in its place.
///
/// What stands at the program's own path is always an agent that has answered before. Through every step, and a power cut at any, a file in
/// the state directory says what is under way; the next start of the daemon concludes from it what became of that.
final class AgentUpgrade {
    /// How a trial ended, as the file says it.
    enum Outcome: UInt8 {
        /// It has not ended, or the device went down in it.
        case open
        /// The new agent ended by itself.
        case ended
        /// It gave no hello in time.
        case silent
        /// It could not be started, or not be put in its place.
        case failed

        /// What the ledger says where the old agent is still there.
        var sentence: Text {
            switch self {
            case .open: "the old one is kept: the device or the agent was stopped during the trial"
            case .ended: "the old one is kept: the new one ended by itself"
            case .silent: "the old one is kept: the new one gave no hello within 60 s"
            case .failed: "the old one is kept: the new one could not be started, or not be put in its place"
            }
        }
    }

    private let kernel: Kernel
    private let state: StateDirectory
    /// Whose signatures count, and what the disk refuses.
    private let documents: DocumentStore
    /// Where the program in force stands.
    let program: [UInt8]
    /// What is staged whole and waits for its trial; and when that begins at the latest, by the monotonic clock in microseconds.
    private(set) var staged: (header: AgentHeader, dueAt: UInt64)?
    /// Number of the session that pushed it, which is to end in good order before.
    private var session: UInt64 = 0
    fileprivate var isTaking = false

    /// Microseconds that the session which pushed it has to end in good order.
    private static let grace: UInt64 = 5_000_000
    private static let marker: Text = "upgrade"
    /// The header of the one that was put in force last.
    private static var inForce: Text { DocumentKind.agent.name }
    private static let sizeLimit = 4_097

    init(kernel: Kernel, state: StateDirectory, trust: [UInt8], program: [UInt8]) {
        self.kernel = kernel
        self.state = state
        documents = DocumentStore(kernel: kernel, state: state, trust: trust, kind: .agent)
        self.program = program
    }

    /// Where the new program waits, and where the one that it replaced is kept.
    var newPath: [UInt8] { program + Text(".new").bytes }
    private var oldPath: [UInt8] { program + Text(".old").bytes }

    /// Judges what a signed agent says of itself, and opens a file for its program.
    ///
    /// - Parameters:
    ///   - piece: The first piece, in which the envelope is whole.
    ///   - size: Bytes of the whole.
    func begin(_ piece: [UInt8], size: UInt64) throws(Refusal) -> IncomingAgent {
        guard !isTaking, staged == nil, !kernel.isOnTrial else {
            throw Refusal(.busy, "Another agent is being taken or tried on this device; try again in two minutes.")
        }
        let header: AgentHeader
        let (encoded, end): ([UInt8], Int)
        do throws(CatalogueError) {
            guard let found = try? AgentEnvelope.first(in: piece) else { throw DocumentKind.agent.malformed }
            header = try found.envelope.authenticated(trust: try documents.policy())
            guard header.size == size - UInt64(found.end) else { throw DocumentKind.agent.malformed }
            guard header.architecture == Settings.architecture else {
                throw DocumentKind.agent.error(
                    "architecture", " is for " + header.architecture + ", and this device's is for " + Settings.architecture + ".")
            }
            if let current = stored(Self.inForce), header.signedAt <= current.signedAt {
                throw DocumentKind.agent.error("rolled-back", " was packed no later than the one that was put in force here last.")
            }
            (encoded, end) = (found.envelope.header, found.end)
        } catch {
            throw Refusal(error)
        }
        guard (try? kernel.status(of: program))?.kind == .regular else {
            throw Refusal(.storage, "There is no program to replace at " + escaped(program, limit: 200) + " on this device.")
        }
        do throws(Errno) {
            try? kernel.unlink(newPath)
            let file = try kernel.open(newPath, [.write, .create, .truncate, .noFollow], permissions: 0o700)
            isTaking = true
            let incoming = IncomingAgent(upgrade: self, kernel: kernel, file: file, header: header, encoded: encoded)
            try incoming.write(piece[end...])
            return incoming
        } catch {
            throw storage
        }
    }

    /// Says on the disk that the new agent is to be tried.
    fileprivate func stage(_ header: AgentHeader, encoded: [UInt8]) throws(Refusal) {
        do throws(Errno) { try state.replace(Self.marker, [Outcome.open.rawValue] + encoded) } catch { throw storage }
        staged = (header, kernel.monotonic.addingReportingOverflow(Self.grace).partialValue)
    }

    /// Has the trial wait until this session is over, though not for long.
    func waits(for session: UInt64) { self.session = session }

    /// Whether the trial is to begin: the session that pushed the agent is over, or had its time.
    func isDue(_ isThere: (UInt64) -> Bool) -> Bool {
        guard let staged else { return false }
        return kernel.monotonic >= staged.dueAt || !isThere(session)
    }

    /// Puts the new agent in the old one's place, which is kept beside it.
    func putInPlace() throws(Errno) {
        try? kernel.unlink(oldPath)
        try kernel.link(program, to: oldPath)
        try kernel.rename(newPath, to: program)
        try state.syncDirectory(of: program)
    }

    /// Says on the disk why the new agent is not to be, for the next start.
    func reject(_ outcome: Outcome) {
        try? kernel.unlink(newPath)
        guard let bytes = content(Self.marker), let first = bytes.first, first != outcome.rawValue else { return }
        try? state.replace(Self.marker, [outcome.rawValue] + bytes.dropFirst())
    }

    /// Concludes, when a daemon starts, what became of an upgrade that was under way, and writes it down.
    func conclude(_ ledger: DeviceLedger) {
        guard !kernel.isOnTrial, let bytes = content(Self.marker), let first = bytes.first else { return }
        let encoded = Array(bytes.dropFirst())
        guard let header = try? AgentHeader(decoding: encoded) else { return state.remove(Self.marker) }
        let isInPlace = programDigest() == header.digest
        let outcome = Outcome(rawValue: first) ?? .failed
        let entry = LedgerEntry(
            kind: isInPlace ? .agentInstalled : .agentKept, time: kernel.realtime, subject: header.version, digest: SHA256.hash(encoded),
            detail: isInPlace ? "" : outcome.sentence)
        do throws(Errno) {
            if isInPlace { try state.replace(Self.inForce, [0] + encoded) } else { try? kernel.unlink(newPath) }
            try ledger.append(entry)
            try ledger.sync()
            state.remove(Self.marker)
        } catch {
            // The file is there still, and the next start says it.
        }
    }

    private func content(_ name: Text) -> [UInt8]? { (try? state.content(name, limit: Self.sizeLimit)) ?? nil }

    private func stored(_ name: Text) -> AgentHeader? {
        content(name).flatMap { try? AgentHeader(decoding: Array($0.dropFirst())) }
    }

    private func programDigest() -> [UInt8] {
        var hash = SHA256()
        guard let file = try? kernel.open(program, [.read, .noFollow]) else { return [] }
        while let piece = try? kernel.read(file, limit: 16_384) {
            if piece.isEmpty { return hash.finish() }
            hash.update(piece)
        }
        return []
    }

    fileprivate var storage: Refusal { documents.storage }
}

/// A new agent of which some pieces have come. What was taken is thrown away with it, unless it is staged.
final class IncomingAgent {
    private let upgrade: AgentUpgrade
    private let kernel: Kernel
    private let file: Descriptor
    /// What reviewers signed.
    let header: AgentHeader
    private let encoded: [UInt8]
    private var hash = SHA256()
    private var isStaged = false

    fileprivate init(upgrade: AgentUpgrade, kernel: Kernel, file: Descriptor, header: AgentHeader, encoded: [UInt8]) {
        self.upgrade = upgrade
        self.kernel = kernel
        self.file = file
        self.header = header
        self.encoded = encoded
    }

    deinit {
        upgrade.isTaking = false
        if !isStaged { try? kernel.unlink(upgrade.newPath) }
    }

    /// SHA-256 of the header, which stands for it in ledgers.
    var digest: [UInt8] { SHA256.hash(encoded) }

    fileprivate func write(_ bytes: ArraySlice<UInt8>) throws(Errno) {
        let piece = Array(bytes)
        hash.update(piece)
        try kernel.writeAll(file, piece)
    }

    /// Takes the next piece.
    func take(_ bytes: [UInt8]) throws(Refusal) {
        do throws(Errno) { try write(bytes[...]) } catch { throw upgrade.storage }
    }

    /// Checks that the whole is what was signed.
    func check() throws(Refusal) {
        guard hash.finish() == header.digest else {
            throw Refusal(DocumentKind.agent.error("tampered", "'s content is not what was signed."))
        }
        do throws(Errno) {
            try kernel.setPermissions(file, 0o755)
            try kernel.sync(file)
        } catch {
            throw upgrade.storage
        }
    }

    /// Has it tried as soon as the session is over.
    func stage() throws(Refusal) {
        try upgrade.stage(header, encoded: encoded)
        isStaged = true
    }
}
