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
    private var signaturesPath: String { path + "/signatures" }

    /// Puts a catalogue there; signatures of another header are removed.
    ///
    /// The header comes last and each file takes its place whole, so that a write that was cut short is seen by the digests.
    ///
    /// - Throws: `.unwritable`.
    public func write(_ catalogue: PackedCatalogue) throws(ProbesError) {
        do {
            try FileManager.default.createDirectory(atPath: signaturesPath, withIntermediateDirectories: true)
            if FileManager.default.contents(atPath: headerPath).map({ [UInt8]($0) }) != catalogue.header {
                for name in try signatureNames() { try FileManager.default.removeItem(atPath: signaturesPath + "/" + name) }
            }
        } catch {
            throw ProbesError(.unwritable, path, "The catalogue's folder cannot be written.")
        }
        try put(catalogue.devicePart, "device.cbor")
        try put(catalogue.deskPart, "desk.cbor")
        try put(catalogue.header, "header.cbor")
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
    public func signed() throws(ProbesError) -> SignedCatalogue {
        let packed = try read()
        let names: [String]
        do { names = try signatureNames() } catch { names = [] }
        var signatures: [[UInt8]] = []
        for name in names {
            guard let blob = SSHSignature.unarmour(try contents(of: signaturesPath + "/" + name)) else {
                throw ProbesError(.catalogue, name, "The signature is not in the form that ssh-keygen writes.")
            }
            signatures.append(blob)
        }
        return SignedCatalogue(header: packed.header, devicePart: packed.devicePart, signatures: signatures)
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
        let isPlain = name.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8.contains($0) }
        guard isPlain, !name.isEmpty, name.utf8.count <= 64, name.utf8.first != 46 else {
            throw ProbesError(.signing, name, "A signature's name has only letters, digits and . _ - and does not begin with a dot.")
        }
        let armoured = try await KeySigner(key: key).sign(try contents(of: headerPath))
        do {
            try FileManager.default.createDirectory(atPath: signaturesPath, withIntermediateDirectories: true)
        } catch {
            throw ProbesError(.unwritable, signaturesPath, "The catalogue's folder cannot be written.")
        }
        try put(armoured, "signatures/\(name).sig")
    }

    private func signatureNames() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: signaturesPath).filter { $0.hasSuffix(".sig") }.sorted()
    }

    private func put(_ bytes: [UInt8], _ name: String) throws(ProbesError) {
        do {
            try Data(bytes).write(to: URL(filePath: path + "/" + name), options: .atomic)
        } catch {
            throw ProbesError(.unwritable, path + "/" + name, "The file cannot be written.")
        }
    }
}
