public import Catalogue
internal import Foundation
internal import LedgerCore

/// A roster on disk: `header.cbor`, `roster.cbor`, and `signatures/NAME.sig` as ssh-keygen writes them.
public struct RosterFolder: Sendable {
    /// The folder.
    public let path: String

    /// Names a folder, which need not exist yet.
    public init(_ path: String) { self.path = path }

    private var headerPath: String { path + "/header.cbor" }
    private var rosterPath: String { path + "/roster.cbor" }
    private var signatures: SignatureFolder { SignatureFolder(path: path + "/signatures", kind: .roster) }

    /// Whether a roster is there.
    public var exists: Bool { FileManager.default.fileExists(atPath: headerPath) }

    /// Puts a roster there; signatures of another one are removed.
    ///
    /// The header comes last, so that a write that was cut short is seen by the digest.
    ///
    /// - Parameters:
    ///   - roster: Encoding of the ``Roster``.
    ///   - header: Encoding of its header.
    /// - Throws: `.unwritable`.
    public func write(header: [UInt8], roster: [UInt8]) throws(ProbesError) {
        try signatures.prepare(for: header, at: headerPath)
        try replace(roster, at: rosterPath)
        try replace(header, at: headerPath)
    }

    /// The roster with its signatures, as it is pushed to devices.
    ///
    /// - Throws: `.unreadable`, `.catalogue` for a signature file that is not what ssh-keygen writes.
    public func signed() throws(ProbesError) -> SignedDocument {
        SignedDocument(header: try contents(of: headerPath), part: try contents(of: rosterPath), signatures: try signatures.blobs())
    }

    /// The roster and its header, whoever has signed it.
    ///
    /// - Throws: `.unreadable`, `.catalogue` where the files are no roster, or do not belong together.
    public func read() throws(ProbesError) -> (header: DocumentHeader, roster: Roster) {
        let signed = try signed()
        guard let header = try? DocumentHeader(decoding: signed.header), header.kind == .roster,
            SHA256.hash(signed.part) == header.partDigest, let roster = try? Roster(decoding: signed.part)
        else { throw ProbesError(.catalogue, path, "The roster is not whole, or not in the format this version reads.") }
        return (header, roster)
    }

    /// Adds the signature of a reviewer, as ``CatalogueFolder/sign(key:name:)`` does.
    public func sign(key: String, name: String) async throws(ProbesError) {
        try await signatures.add(key: key, name: name, to: try contents(of: headerPath))
    }
}
