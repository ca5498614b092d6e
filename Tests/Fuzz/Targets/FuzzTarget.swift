import Catalogue
import LedgerCore
import Wire

/// A parser of foreign bytes, as something to throw any bytes at.
///
/// It must never trap, and what it accepts must encode to the same bytes again, as long as no key of a later version stands in them. What
/// is only read here, and never written, has properties of its own.
public struct FuzzTarget: Sendable {
    /// Name of the target and of its folder under Tests/Fuzz/Corpus.
    public let name: String
    /// Feeds the parser. Returns false if a property does not hold.
    public let holds: @Sendable ([UInt8]) -> Bool

    /// All targets.
    public static let all: [FuzzTarget] = [
        FuzzTarget(name: "frames", holds: fuzzFrames),
        FuzzTarget(name: "message", holds: fuzzMessage),
        FuzzTarget(name: "rows", holds: fuzzRows),
        FuzzTarget(name: "entry", holds: fuzzEntry),
        FuzzTarget(name: "note", holds: fuzzNote),
        FuzzTarget(name: "proof", holds: fuzzProof),
        FuzzTarget(name: "signature", holds: fuzzSignature),
        FuzzTarget(name: "trust", holds: fuzzTrust),
        FuzzTarget(name: "catalogue", holds: fuzzCatalogue),
        FuzzTarget(name: "agent", holds: fuzzAgent),
        FuzzTarget(name: "part", holds: fuzzPart),
        FuzzTarget(name: "parameter", holds: fuzzParameter),
        FuzzTarget(name: "roster", holds: fuzzRoster),
        FuzzTarget(name: "agent-configuration", holds: fuzzAgentConfiguration),
        FuzzTarget(name: "owner-configuration", holds: fuzzOwnerConfiguration),
        FuzzTarget(name: "ledger", holds: fuzzLedger),
        FuzzTarget(name: "people", holds: fuzzPeople),
        FuzzTarget(name: "cbor", holds: fuzzCBOR),
        FuzzTarget(name: "telemetry", holds: fuzzTelemetry),
        FuzzTarget(name: "ring-record", holds: fuzzRingRecord),
        FuzzTarget(name: "failed-units", holds: fuzzFailedUnits),
        FuzzTarget(name: "known-hosts", holds: fuzzKnownHosts),
        FuzzTarget(name: "client-configuration", holds: fuzzClientConfiguration),
        FuzzTarget(name: "certificate", holds: fuzzCertificate),
        FuzzTarget(name: "name-reply", holds: fuzzNameReply),
        FuzzTarget(name: "terminal", holds: fuzzTerminal),
        FuzzTarget(name: "cast", holds: fuzzCast),
    ]

    /// The target of this name.
    public static func named(_ name: String) -> FuzzTarget? { all.first { $0.name == name } }
}

/// Whether the re-encoding of a map is the same, or the input has a key above `lastKey`, which this version passes over.
func isSame(_ encoded: [UInt8], as input: [UInt8], lastKey: UInt64) -> Bool {
    if encoded == input { return true }
    return keys(of: input).contains { $0 > lastKey }
}

func keys(of map: [UInt8]) -> [UInt64] {
    var reader = CBORReader(map)
    var keys: [UInt64] = []
    _ = try? reader.fields { (_, key) throws(WireError) in
        keys.append(key)
        return false
    }
    return keys
}
