/// What the relay tells the daemon before it relays anything: who sshd let in. Never accepted from the far side.
public struct Door: Equatable, Sendable {
    /// The name that sshd vouches for, from `command=` in authorized_keys.
    public var operatorName: Text
    /// The role beside the name: `observe`, `repair` or `shell`.
    public var role: Text
    /// The key used, as sshd wrote it to SSH_USER_AUTH; empty where sshd does not say.
    public var key: Text
    /// SSH_CONNECTION: addresses and ports of both ends; empty without SSH.
    public var connection: Text

    /// Makes the message of its fields.
    public init(operatorName: Text, role: Text, key: Text, connection: Text) {
        self.operatorName = operatorName
        self.role = role
        self.key = key
        self.connection = connection
    }

    func write(_ fields: inout FieldWriter) {
        fields.text(1, operatorName)
        fields.text(2, role)
        fields.sentence(3, key)
        fields.sentence(4, connection, limit: RollcallProtocol.identifierSizeLimit)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var (operatorName, role, key, connection): (Text, Text, Text, Text) = ("", "", "", "")
        try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: operatorName = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 2: role = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3: key = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            case 4: connection = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            default: return false
            }
            return true
        }
        self.init(operatorName: operatorName, role: role, key: key, connection: connection)
    }
}

/// The agent's first message. Of a hello of another protocol version only the version is read.
public struct Hello: Equatable, Sendable {
    /// Version of the protocol the agent speaks.
    public var protocolVersion: UInt64
    /// Version of the agent program.
    public var agentVersion: Text
    /// The device's stable id: 32 hexadecimal digits derived from /etc/machine-id.
    public var device: Text
    /// The kernel's boot id: 36 characters.
    public var boot: Text
    /// Machine architecture as uname(2) says it.
    public var architecture: Text
    /// The agent's clock, microseconds UTC since 1970.
    public var clock: UInt64
    /// Version of the catalogue in force; 0 without one.
    public var catalogueVersion: UInt64
    /// SHA-256 of the catalogue's header; empty without one.
    public var catalogueDigest: [UInt8]
    /// When the catalogue expires, microseconds UTC; 0 without one.
    public var catalogueExpiry: UInt64
    /// The agent's ledger head: a signed note, C2SP tlog-checkpoint.
    public var checkpoint: [UInt8]
    /// Whether one process is both relay and daemon.
    public var isStandalone: Bool
    /// Whether the agent runs as root.
    public var isRoot: Bool
    /// What never answered and is not asked again until it returns: mounts and probes, oldest first.
    public var stuck: [Text]
    /// Version of the roster in force; 0 without one, nil from an agent that knows none.
    public var rosterVersion: UInt64?

    /// Makes the message of its fields.
    public init(
        protocolVersion: UInt64 = RollcallProtocol.version, agentVersion: Text, device: Text, boot: Text, architecture: Text, clock: UInt64,
        catalogueVersion: UInt64 = 0, catalogueDigest: [UInt8] = [], catalogueExpiry: UInt64 = 0, checkpoint: [UInt8] = [],
        isStandalone: Bool, isRoot: Bool, stuck: [Text] = [], rosterVersion: UInt64? = nil
    ) {
        self.protocolVersion = protocolVersion
        self.agentVersion = agentVersion
        self.device = device
        self.boot = boot
        self.architecture = architecture
        self.clock = clock
        self.catalogueVersion = catalogueVersion
        self.catalogueDigest = catalogueDigest
        self.catalogueExpiry = catalogueExpiry
        self.checkpoint = checkpoint
        self.isStandalone = isStandalone
        self.isRoot = isRoot
        self.stuck = stuck
        self.rosterVersion = rosterVersion
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, protocolVersion)
        fields.text(2, agentVersion)
        fields.text(3, device)
        fields.text(4, boot)
        fields.text(5, architecture)
        fields.unsigned(6, clock)
        fields.unsigned(7, catalogueVersion)
        fields.byteString(8, catalogueDigest)
        fields.unsigned(9, catalogueExpiry)
        fields.byteString(10, checkpoint)
        fields.unsigned(11, (isStandalone ? 1 : 0) | (isRoot ? 2 : 0))
        fields.texts(12, stuck.prefix(RollcallProtocol.stuckCountLimit).map { $0.sentence(limit: RollcallProtocol.sentenceSizeLimit) })
        if let rosterVersion { fields.unsigned(16, rosterVersion) }
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var hello = Hello(agentVersion: "", device: "", boot: "", architecture: "", clock: 0, isStandalone: false, isRoot: false)
        let keys = try reader.fields { (reader, field) throws(WireError) in
            // Another version may mean anything by the other keys; that it is another one is all there is to know.
            if hello.protocolVersion != RollcallProtocol.version { return false }
            let identifier = RollcallProtocol.identifierSizeLimit
            switch field {
            case 1: hello.protocolVersion = try reader.unsigned()
            case 2: hello.agentVersion = try reader.text(limit: identifier)
            case 3: hello.device = try reader.text(limit: identifier)
            case 4: hello.boot = try reader.text(limit: identifier)
            case 5: hello.architecture = try reader.text(limit: identifier)
            case 6: hello.clock = try reader.unsigned()
            case 7: hello.catalogueVersion = try reader.unsigned()
            case 8: hello.catalogueDigest = try reader.hash()
            case 9: hello.catalogueExpiry = try reader.unsigned()
            case 10: hello.checkpoint = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
            case 11:
                let flags = try reader.unsigned()
                (hello.isStandalone, hello.isRoot) = (flags & 1 != 0, flags & 2 != 0)
            case 12: hello.stuck = try reader.texts(count: RollcallProtocol.stuckCountLimit, limit: RollcallProtocol.sentenceSizeLimit)
            case 16: hello.rosterVersion = try reader.unsigned()
            default: return false
            }
            return true
        }
        try keys.require(1)
        if hello.protocolVersion == RollcallProtocol.version { try keys.require(6, 7, 9, 11) }
        self = hello
    }
}

/// The controller's ledger head, offered to the agent as a witness.
public struct WitnessOffer: Equatable, Sendable {
    /// The controller's checkpoint: a signed note, C2SP tlog-checkpoint.
    public var checkpoint: [UInt8]
    /// Size of the tree that `proof` starts from: what this device saw last, as far as the controller knows; 0 for the first time.
    public var provenSize: UInt64
    /// RFC 6962 consistency proof from `provenSize` to the checkpoint's size, 32 bytes each.
    public var proof: [[UInt8]]

    /// Makes an offer of its fields.
    public init(checkpoint: [UInt8] = [], provenSize: UInt64 = 0, proof: [[UInt8]] = []) {
        self.checkpoint = checkpoint
        self.provenSize = provenSize
        self.proof = proof
    }

    func write(_ fields: inout FieldWriter, from key: UInt64) {
        fields.byteString(key, checkpoint)
        fields.unsigned(key + 1, provenSize)
        fields.byteStrings(key + 2, proof)
    }

    mutating func read(_ reader: inout CBORReader, field: UInt64, from key: UInt64) throws(WireError) -> Bool {
        switch field {
        case key: checkpoint = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
        case key + 1: provenSize = try reader.unsigned(limit: RollcallProtocol.ledgerSizeLimit)
        case key + 2: proof = try reader.hashes(count: RollcallProtocol.proofCountLimit)
        default: return false
        }
        return true
    }
}

/// What the agent, as a witness, makes of the controller's ledger head.
public struct WitnessAnswer: Equatable, Sendable {
    /// The answers; more may be added.
    public struct Status: Equatable, Sendable {
        /// The number on the wire.
        public let rawValue: UInt64
        /// Makes a status of the number on the wire.
        public init(rawValue: UInt64) { self.rawValue = rawValue }
        /// No checkpoint was offered, or it could not be read.
        public static let none = Status(rawValue: 0)
        /// The first checkpoint of this origin that this device saw.
        public static let first = Status(rawValue: 1)
        /// The new tree continues the one seen last.
        public static let consistent = Status(rawValue: 2)
        /// The new tree does not continue the one seen last: history was rewritten. Both checkpoints are on record.
        public static let inconsistent = Status(rawValue: 3)
        /// The proof starts from another size than the device saw last; `lastSeen` says which.
        public static let otherSize = Status(rawValue: 4)
    }

    /// What the agent found.
    public var status: Status
    /// The checkpoint of this origin that the device saw before, if any.
    public var lastSeen: [UInt8]
    /// The agent's cosignature line for the new checkpoint (C2SP tlog-cosignature), where it vouches for it.
    public var cosignature: [UInt8]

    /// Makes an answer of its fields.
    public init(status: Status = .none, lastSeen: [UInt8] = [], cosignature: [UInt8] = []) {
        self.status = status
        self.lastSeen = lastSeen
        self.cosignature = cosignature
    }

    func write(_ fields: inout FieldWriter, from key: UInt64) {
        fields.unsigned(key, status.rawValue)
        fields.byteString(key + 1, lastSeen)
        fields.byteString(key + 2, cosignature)
    }

    mutating func read(_ reader: inout CBORReader, field: UInt64, from key: UInt64) throws(WireError) -> Bool {
        switch field {
        case key: status = Status(rawValue: try reader.unsigned())
        case key + 1: lastSeen = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
        case key + 2: cosignature = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
        default: return false
        }
        return true
    }
}

/// The controller's first message: who asks, for what, and its ledger head. Of another protocol version only the version is read.
public struct Open: Equatable, Sendable {
    /// Version of the protocol the controller speaks.
    public var protocolVersion: UInt64
    /// Version of the controller program.
    public var controllerVersion: Text
    /// Id of the session on both sides' ledgers, made by the controller: a UUIDv7 in text.
    public var session: Text
    /// Id of the call the session belongs to; empty outside a call.
    public var call: Text
    /// Who sits at the controller, by its own word; the name sshd vouches for stands beside it in the agent's ledger.
    public var operatorName: Text
    /// Why the session is opened, for the owner to read.
    public var reason: Text
    /// The controller's ledger head.
    public var witness: WitnessOffer

    /// Makes the message of its fields.
    public init(
        protocolVersion: UInt64 = RollcallProtocol.version, controllerVersion: Text, session: Text, call: Text, operatorName: Text,
        reason: Text, witness: WitnessOffer = WitnessOffer()
    ) {
        self.protocolVersion = protocolVersion
        self.controllerVersion = controllerVersion
        self.session = session
        self.call = call
        self.operatorName = operatorName
        self.reason = reason
        self.witness = witness
    }

    func write(_ fields: inout FieldWriter) {
        fields.unsigned(1, protocolVersion)
        fields.text(2, controllerVersion)
        fields.text(3, session)
        fields.text(4, call)
        fields.text(5, operatorName)
        fields.sentence(6, reason)
        witness.write(&fields, from: 7)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var open = Open(controllerVersion: "", session: "", call: "", operatorName: "", reason: "")
        let keys = try reader.fields { (reader, field) throws(WireError) in
            if open.protocolVersion != RollcallProtocol.version { return false }
            let identifier = RollcallProtocol.identifierSizeLimit
            switch field {
            case 1: open.protocolVersion = try reader.unsigned()
            case 2: open.controllerVersion = try reader.text(limit: identifier)
            case 3: open.session = try reader.text(limit: identifier)
            case 4: open.call = try reader.text(limit: identifier)
            case 5: open.operatorName = try reader.text(limit: identifier)
            case 6: open.reason = try reader.text(limit: RollcallProtocol.sentenceSizeLimit)
            default: return try open.witness.read(&reader, field: field, from: 7)
            }
            return true
        }
        try keys.require(1)
        if open.protocolVersion == RollcallProtocol.version { try keys.require(3, 8) }
        self = open
    }
}

/// The agent's answer to ``Open``.
public struct Opened: Equatable, Sendable {
    /// Id of the session.
    public var session: Text
    /// The role in force.
    public var role: Text
    /// The name sshd vouches for.
    public var operatorName: Text
    /// What the agent makes of the controller's ledger head.
    public var witness: WitnessAnswer

    /// Makes the message of its fields.
    public init(session: Text, role: Text, operatorName: Text, witness: WitnessAnswer = WitnessAnswer()) {
        self.session = session
        self.role = role
        self.operatorName = operatorName
        self.witness = witness
    }

    func write(_ fields: inout FieldWriter) {
        fields.text(1, session)
        fields.text(2, role)
        fields.text(3, operatorName)
        witness.write(&fields, from: 4)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var opened = Opened(session: "", role: "", operatorName: "")
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: opened.session = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 2: opened.role = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            case 3: opened.operatorName = try reader.text(limit: RollcallProtocol.identifierSizeLimit)
            default: return try opened.witness.read(&reader, field: field, from: 4)
            }
            return true
        }
        try keys.require(4)
        self = opened
    }
}

/// Ends a session: the controller's ledger head after it, for the agent to witness.
public struct Close: Equatable, Sendable {
    /// The controller's ledger head.
    public var witness: WitnessOffer

    /// Makes the message of its field.
    public init(witness: WitnessOffer = WitnessOffer()) { self.witness = witness }

    func write(_ fields: inout FieldWriter) { witness.write(&fields, from: 1) }

    init(_ reader: inout CBORReader) throws(WireError) {
        var close = Close()
        let keys = try reader.fields { (reader, field) throws(WireError) in try close.witness.read(&reader, field: field, from: 1) }
        try keys.require(2)
        self = close
    }
}

/// The agent's last message in a session.
public struct Closed: Equatable, Sendable {
    /// The agent's ledger head with the whole session in it: a signed note.
    public var checkpoint: [UInt8]
    /// What the agent makes of the controller's last ledger head.
    public var witness: WitnessAnswer
    /// Wall time in which at least one request of the session was running, microseconds.
    public var busyTime: UInt64

    /// Makes the message of its fields.
    public init(checkpoint: [UInt8], witness: WitnessAnswer = WitnessAnswer(), busyTime: UInt64 = 0) {
        self.checkpoint = checkpoint
        self.witness = witness
        self.busyTime = busyTime
    }

    func write(_ fields: inout FieldWriter) {
        fields.byteString(1, checkpoint)
        witness.write(&fields, from: 2)
        fields.unsigned(5, busyTime)
    }

    init(_ reader: inout CBORReader) throws(WireError) {
        var closed = Closed(checkpoint: [])
        let keys = try reader.fields { (reader, field) throws(WireError) in
            switch field {
            case 1: closed.checkpoint = try reader.byteString(limit: RollcallProtocol.checkpointSizeLimit)
            case 5: closed.busyTime = try reader.unsigned()
            default: return try closed.witness.read(&reader, field: field, from: 2)
            }
            return true
        }
        try keys.require(2, 5)
        self = closed
    }
}
