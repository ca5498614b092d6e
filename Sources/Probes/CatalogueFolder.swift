public import Catalogue
internal import Foundation
internal import LedgerCore

/// A catalogue on disk: `header.cbor`, `device.cbor`, `desk.cbor`, and `signatures/NAME.sig` as ssh-keygen writes them.
public struct CatalogueFolder: Sendable {
    /// The folder.
    public let path: String

    /// Names a folder, which need not exist yet.
    public init(_ path: String) { self.path = path }

    var headerPath: String { path + "/header.cbor" }
    private var signatures: SignatureFolder { SignatureFolder(path: path + "/signatures", kind: .catalogue) }

    /// Puts a catalogue there; signatures of another header are removed.
    ///
    /// The header comes last and each file takes its place whole, so that a write that was cut short is seen by the digests.
    ///
    /// - Throws: `.unwritable`.
    public func write(_ catalogue: PackedCatalogue) throws(ProbesError) {
        try signatures.prepare(for: catalogue.header, at: headerPath)
        try replace(catalogue.devicePart, at: path + "/device.cbor")
        try replace(catalogue.deskPart, at: path + "/desk.cbor")
        try replace(catalogue.header, at: headerPath)
    }

    /// Reads the catalogue without judging it.
    ///
    /// - Throws: `.unreadable` naming the file.
    public func read() throws(ProbesError) -> PackedCatalogue {
        PackedCatalogue(
            header: try contents(of: headerPath), devicePart: try contents(of: path + "/device.cbor"),
            deskPart: try contents(of: path + "/desk.cbor"))
    }

    /// The catalogue with its signatures, as it is pushed to devices.
    ///
    /// - Throws: `.unreadable`, `.catalogue` for a signature file that is not what ssh-keygen writes.
    public func signed() throws(ProbesError) -> SignedDocument {
        let packed = try read()
        return SignedDocument(header: packed.header, part: packed.devicePart, signatures: try signatures.blobs())
    }

    /// Judges the catalogue as a device would, and both parts against the header.
    ///
    /// - Parameters:
    ///   - trust: Whose signatures count.
    ///   - now: Microseconds UTC.
    ///   - versionInForce: Version on the device; nil where none is.
    /// - Throws: ``CatalogueError`` with the rule that refuses, ``ProbesError`` for the files.
    public func verify(trust: TrustPolicy, now: UInt64, versionInForce: UInt64? = nil) throws -> VerifiedCatalogue {
        let verified = try signed().verified(trust: trust, now: now, versionInForce: versionInForce)
        _ = try read().library()
        return verified
    }

    /// Adds the signature of a reviewer, replacing one of the same name.
    ///
    /// - Parameters:
    ///   - key: A private key file, or a public key file whose key is in ssh-agent.
    ///   - name: Name of the signature's file: letters, digits, `.`, `_`, `-`; as a rule the reviewer's.
    /// - Throws: `.signing` with what ssh-keygen said; nothing is written then.
    public func sign(key: String, name: String) async throws(ProbesError) {
        try await signatures.add(key: key, name: name, to: try contents(of: headerPath))
    }
}
