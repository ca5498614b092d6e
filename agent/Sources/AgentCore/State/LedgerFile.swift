internal import LedgerCore
internal import Wire

/// What the ledger's file begins with: the edge of the tree over the entries that are no longer in it.
public struct LedgerHeader: Equatable {
    /// Edge of the tree over the dropped entries.
    var base = CompactRange()
    /// Time of the oldest dropped entry, microseconds UTC; 0 where none was dropped.
    var firstTime: UInt64 = 0
    /// Time of the newest dropped entry.
    var lastTime: UInt64 = 0

    private static let magic: [UInt8] = ("RCLEDG1\n" as Text).bytes

    /// Magic, then a record that holds the numbers.
    public var encoded: [UInt8] {
        var fields = FieldWriter()
        fields.unsigned(0, base.size)
        fields.byteStrings(1, base.hashes)
        fields.unsigned(2, firstTime)
        fields.unsigned(3, lastTime)
        return Self.magic + LedgerRecord.encode(fields.bytes)
    }

    init() {}

    /// Reads a header from the front of a file; nil where it is damaged.
    public init?(_ file: [UInt8]) {
        guard file.starts(with: Self.magic), let record = LedgerRecord(file[Self.magic.count...]) else { return nil }
        var (size, hashes): (UInt64, [[UInt8]]) = (0, [])
        var header = LedgerHeader()
        var reader = CBORReader(record.content)
        do throws(WireError) {
            try reader.fields { (reader, field) throws(WireError) in
                switch field {
                case 0: size = try reader.unsigned()
                case 1: hashes = try reader.byteStrings(count: 64, limit: 32)
                case 2: header.firstTime = try reader.unsigned()
                case 3: header.lastTime = try reader.unsigned()
                default: return false
                }
                return true
            }
            try reader.end()
        } catch { return nil }
        guard let base = CompactRange(size: size, hashes: hashes) else { return nil }
        header.base = base
        self = header
    }
}

/// One record of the ledger's file: length (4 bytes, big-endian), the first 4 bytes of the leaf hash, the content.
public struct LedgerRecord {
    /// What was put into it.
    public let content: [UInt8]
    /// The leaf hash of it.
    let leafHash: [UInt8]

    /// Bytes before the content.
    static let headSize = 8

    /// A record of `content`.
    public static func encode(_ content: [UInt8]) -> [UInt8] {
        var record: [UInt8] = []
        for shift in [24, 16, 8, 0] { record.append(UInt8(truncatingIfNeeded: content.count >> shift)) }
        return record + MerkleTree.leafHash(content).prefix(4) + content
    }

    /// Reads a record from the front of `bytes`; nil where it is torn or damaged.
    public init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.count >= Self.headSize else { return nil }
        let start = bytes.startIndex
        var stated: UInt32 = 0
        for index in start..<start + 4 { stated = stated << 8 | UInt32(bytes[index]) }
        guard stated > 0, stated <= UInt32(RollcallProtocol.entrySizeLimit) else { return nil }
        let length = Int(stated)
        guard bytes.count - Self.headSize >= length else { return nil }
        content = Array(bytes[(start + Self.headSize)..<(start + Self.headSize + length)])
        leafHash = MerkleTree.leafHash(content)
        guard leafHash.prefix(4).elementsEqual(bytes[(start + 4)..<(start + Self.headSize)]) else { return nil }
    }
}
