/// One thing in a log that is not as it was written.
public struct LogFault: Equatable, Sendable {
    /// The kinds of fault; more may be added.
    public struct Code: Hashable, Sendable {
        /// Stable word of the kind, for JSON.
        public let name: String
        /// Makes a kind of its word.
        public init(name: String) { self.name = name }
        /// An entry is not there.
        public static let missingEntry = Code(name: "missing-entry")
        /// An entry does not hash to what was stored when it was written.
        public static let alteredEntry = Code(name: "altered-entry")
        /// The hashes kept with an entry do not follow from the entries before it.
        public static let alteredHash = Code(name: "altered-hash")
        /// An entry is not in the encoding that LEDGER.md specifies.
        public static let unreadableEntry = Code(name: "unreadable-entry")
        /// What an entry is listed under is not what stands in it.
        public static let alteredListing = Code(name: "altered-listing")
        /// The name kept beside an entry is not the one whose digest stands in it.
        public static let alteredPerson = Code(name: "altered-person")
        /// The stored head is not that of the entries.
        public static let alteredHead = Code(name: "altered-head")
        /// A checkpoint, signed earlier, has another root than the entries have now.
        public static let otherRoot = Code(name: "other-root")
        /// A checkpoint is unreadable, of another log, or not signed by the log's key.
        public static let badCheckpoint = Code(name: "bad-checkpoint")
        /// A device's cosignature is not valid for the checkpoint it stands under.
        public static let badCosignature = Code(name: "bad-cosignature")
        /// A device's own head is unreadable or not signed by the key pinned for it.
        public static let badDeviceHead = Code(name: "bad-device-head")
    }

    /// The kind of fault.
    public let code: Code
    /// Number of the entry, or size of the checkpoint, that it concerns.
    public let index: UInt64
    /// The device it concerns, or empty.
    public let device: String

    /// Makes a fault of its parts.
    public init(_ code: Code, index: UInt64, device: String = "") {
        self.code = code
        self.index = index
        self.device = device
    }
}

/// What the verification of a whole log came to.
public struct LogReport: Equatable, Sendable {
    /// Number of entries read.
    public let entryCount: UInt64
    /// Root of the tree over the entries, 32 bytes; of those before the first missing one where one is missing.
    public let root: [UInt8]
    /// Checkpoints checked.
    public let checkpointCount: Int
    /// Cosignatures of devices checked.
    public let cosignatureCount: Int
    /// What was wrong, in the order found; at most ``LogVerifier/faultLimit``.
    public let faults: [LogFault]

    /// Whether nothing was wrong.
    public var isWhole: Bool { faults.isEmpty }
    /// The first entry that is missing or altered, if any.
    public var brokenIndex: UInt64? {
        let codes: Set<LogFault.Code> = [.missingEntry, .alteredEntry, .alteredHash, .unreadableEntry, .alteredListing, .alteredPerson]
        return faults.first { codes.contains($0.code) }?.index
    }
}
