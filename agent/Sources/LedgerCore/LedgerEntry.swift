public import Wire

/// One thing that was done, asked for or refused, as both sides write it down. docs/LEDGER.md is the specification.
///
/// The encoding is one CBOR map; what is hashed and proven is exactly those bytes. Names of people stand in it only as salted digests.
public struct LedgerEntry: Equatable, Sendable {
    /// The kinds of entry; more may be added, and an unknown kind is kept as it is.
    public struct Kind: Equatable, Sendable {
        /// The word in the entry.
        public let name: Text
        /// Makes a kind of its word.
        public init(name: Text) { self.name = name }
        /// The log begins; the subject is its origin.
        public static let logCreated = Kind(name: "log.created")
        /// A device was enrolled; the subject is its name.
        public static let deviceEnrolled = Kind(name: "device.enrolled")
        /// A catalogue came into force; the subject is its version, the digest its header's.
        public static let catalogueInstalled = Kind(name: "catalogue.installed")
        /// A roster came into force; the subject is its version, the digest its bytes', the detail what it changed.
        public static let rosterInstalled = Kind(name: "roster.installed")
        /// A new agent was pushed and is about to be tried; the subject is its version, the digest its header's.
        public static let agentTried = Kind(name: "agent.tried")
        /// It answered and came into force; as ``agentTried``.
        public static let agentInstalled = Kind(name: "agent.installed")
        /// It did not, and the old one is kept; as ``agentTried``, the detail says why.
        public static let agentKept = Kind(name: "agent.kept")
        /// A call was opened; the detail is the symptom.
        public static let callOpened = Kind(name: "call.opened")
        /// A call ended; the subject is the outcome.
        public static let callClosed = Kind(name: "call.closed")
        /// A session was opened; the detail is the reason given.
        public static let sessionOpened = Kind(name: "session.opened")
        /// A session ended; the count is the number of its requests.
        public static let sessionClosed = Kind(name: "session.closed")
        /// A session could not be opened; the subject is the rule or the error's code.
        public static let sessionFailed = Kind(name: "session.failed")
        /// A probe was asked for; the subject is its id, the digest that of its parameters.
        public static let probeRequested = Kind(name: "probe.requested")
        /// A probe answered; the subject is its id, the digest the answer's, the detail how it ended.
        public static let probeAnswered = Kind(name: "probe.answered")
        /// A stream was asked for; the subject is its kind and target, the digest that of the file to be written.
        public static let streamOpened = Kind(name: "stream.opened")
        /// A stream ended; the digest is that of what it carried, the count its bytes, the detail how it ended.
        public static let streamClosed = Kind(name: "stream.closed")
        /// Something was refused; the subject is what, the detail the rule.
        public static let refused = Kind(name: "refused")
        /// The device's owner consents to what follows in the session; the detail says until when.
        public static let ownerConsented = Kind(name: "owner.consented")
        /// The other side's ledger head was seen; the checkpoint is it, the detail the witness's status.
        public static let headSeen = Kind(name: "head.seen")
        /// The oldest entries were dropped to stay within bounds; the count is how many, the digest their tree's root.
        public static let gap = Kind(name: "gap")
        /// The log's file was found damaged and cut to its last whole entry.
        public static let repaired = Kind(name: "log.repaired")
        /// A sweep ended; the subject is its id, the count its targets, the detail the sums.
        public static let sweepEnded = Kind(name: "sweep.ended")
    }

    /// What happened.
    public var kind: Kind
    /// When, microseconds UTC since 1970, by the writer's clock.
    public var time: UInt64
    /// The session it belongs to, or empty.
    public var session: Text
    /// The call it belongs to, or empty.
    public var call: Text
    /// The device's id or name, or empty.
    public var device: Text
    /// Who: `SHA-256(salt || name)`, the salt and the name kept beside the log; or empty.
    public var person: [UInt8]
    /// What it was about; the kind says.
    public var subject: Text
    /// 32 bytes; the kind says of what. Or empty.
    public var digest: [UInt8]
    /// More; the kind says.
    public var detail: Text
    /// A number; the kind says of what.
    public var count: UInt64?
    /// Request number within the session, so that the two sides' entries can be laid beside each other.
    public var request: UInt64?
    /// The other side's signed ledger head, or empty.
    public var checkpoint: [UInt8]

    /// Makes an entry of its fields.
    public init(
        kind: Kind, time: UInt64, session: Text = "", call: Text = "", device: Text = "", person: [UInt8] = [], subject: Text = "",
        digest: [UInt8] = [], detail: Text = "", count: UInt64? = nil, request: UInt64? = nil, checkpoint: [UInt8] = []
    ) {
        self.kind = kind
        self.time = time
        self.session = session
        self.call = call
        self.device = device
        self.person = person
        self.subject = subject
        self.digest = digest
        self.detail = detail
        self.count = count
        self.request = request
        self.checkpoint = checkpoint
    }

    /// The entry's encoding. Subject and detail are written as ``Text/sentence(limit:)`` makes them.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.text(0, kind.name)
        fields.unsigned(1, time)
        fields.text(2, session)
        fields.text(3, call)
        fields.text(4, device)
        fields.byteString(5, person)
        fields.sentence(6, subject)
        fields.byteString(7, digest)
        fields.sentence(8, detail)
        if let count { fields.unsigned(9, count) }
        if let request { fields.unsigned(10, request) }
        fields.byteString(11, checkpoint)
        return fields.bytes
    }

    /// Reads an entry from its encoding.
    ///
    /// - Throws: ``WireError``; `.outOfRange` with the length where it is over ``RollcallProtocol/entrySizeLimit``.
    public init(decoding bytes: [UInt8]) throws(WireError) {
        guard bytes.count <= RollcallProtocol.entrySizeLimit else { throw WireError(.outOfRange, UInt64(bytes.count)) }
        var (kind, time): (Text?, UInt64?)
        var entry = LedgerEntry(kind: Kind(name: ""), time: 0)
        var reader = CBORReader(bytes)
        try reader.fields { (reader, field) throws(WireError) in
            let identifier = RollcallProtocol.identifierSizeLimit
            switch field {
            case 0: kind = try reader.text(limit: identifier)
            case 1: time = try reader.unsigned()
            case 2: entry.session = try reader.text(limit: identifier)
            case 3: entry.call = try reader.text(limit: identifier)
            case 4: entry.device = try reader.text(limit: identifier)
            case 5: entry.person = try reader.hash()
            case 6: entry.subject = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            case 7: entry.digest = try reader.hash()
            case 8: entry.detail = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            case 9: entry.count = try reader.unsigned()
            case 10: entry.request = try reader.unsigned()
            case 11: entry.checkpoint = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
            default: return false
            }
            return true
        }
        try reader.end()
        entry.kind = Kind(name: try required(kind, 0))
        entry.time = try required(time, 1)
        self = entry
    }

    /// The digest that stands for a person's name.
    public static func personDigest(salt: [UInt8], name: Text) -> [UInt8] { SHA256.hash(salt + name.bytes) }

    /// The digest that stands for a request's parameters: SHA-256 over the CBOR array of its `[name, value]` pairs.
    public static func parametersDigest(_ parameters: [Parameter]) -> [UInt8] {
        var writer = CBORWriter()
        writer.array(parameters.count)
        for parameter in parameters {
            writer.array(2)
            writer.text(parameter.name)
            writer.text(parameter.value)
        }
        return SHA256.hash(writer.bytes)
    }
}
