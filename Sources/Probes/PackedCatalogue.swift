public import Catalogue
internal import LedgerCore
internal import Wire

/// A catalogue before it is signed: the header that reviewers sign, and the two parts it vouches for.
public struct PackedCatalogue: Equatable, Sendable {
    /// Encoding of the ``DocumentHeader``.
    public let header: [UInt8]
    /// What devices get.
    public let devicePart: [UInt8]
    /// What desks need beside it.
    public let deskPart: [UInt8]

    /// Takes parts as they were read from a folder, unjudged.
    init(header: [UInt8], devicePart: [UInt8], deskPart: [UInt8]) {
        self.header = header
        self.devicePart = devicePart
        self.deskPart = deskPart
    }

    /// Packs a library. The same manifests, name, version and times make the same bytes.
    ///
    /// - Parameters:
    ///   - library: The manifests.
    ///   - name: Name of the catalogue, 1 to 128 bytes.
    ///   - version: Above that of every catalogue of this name before.
    ///   - signedAt: Now, microseconds UTC.
    ///   - expiresAt: When it stops to hold, microseconds UTC.
    /// - Throws: `.pack` for an empty or overlong name, version 0, an expiry before the signing, or too much to push.
    public init(
        _ library: ManifestLibrary, name: String, version: UInt64, signedAt: UInt64, expiresAt: UInt64
    ) throws(ProbesError) {
        guard !name.isEmpty, name.utf8.count <= RollcallProtocol.identifierSizeLimit else {
            throw ProbesError(.pack, name, "A catalogue's name has 1 to 128 bytes.")
        }
        guard version > 0 else { throw ProbesError(.pack, name, "A catalogue's version begins at 1.") }
        guard expiresAt > signedAt else { throw ProbesError(.pack, name, "The catalogue would expire before it is signed.") }
        devicePart = DevicePart(probes: library.manifests.compactMap(\.definition)).encoded
        deskPart = DeskPart(library).encoded
        // What the header, the signatures and the frame around them take is far below a part's half.
        guard library.manifests.count <= DevicePart.probeCountLimit, devicePart.count <= RollcallProtocol.pushSizeLimit / 2 else {
            throw ProbesError(.pack, name, "The catalogue has too many probes to be pushed to a device.")
        }
        header =
            DocumentHeader(
                name: Text(name), version: version, signedAt: signedAt, expiresAt: expiresAt, partDigest: SHA256.hash(devicePart),
                deskDigest: SHA256.hash(deskPart)
            ).encoded
    }

    /// The manifests in the desk part, after comparing its digest with the header's.
    ///
    /// Who signed the header is for ``SignedDocument`` to judge.
    ///
    /// - Throws: `.catalogue` where the parts do not belong to the header, `.manifests` where a manifest does not hold.
    public func library(check: ManifestLibrary.RuleCheck = { _ in [] }) throws(ProbesError) -> ManifestLibrary {
        try checkParts()
        guard let desk = try? DeskPart(decoding: deskPart) else {
            throw ProbesError(.catalogue, "desk.cbor", "The desk part is not in the format this version reads.")
        }
        let library = try ManifestLibrary(texts: desk.texts, check: check)
        // A desk that judged by other manifests than the device runs would show its reviewers one thing and do another.
        guard DevicePart(probes: library.manifests.compactMap(\.definition)).encoded == devicePart else {
            throw ProbesError(.catalogue, "desk.cbor", "The desk part's manifests do not make the device part.")
        }
        return library
    }

    /// Compares both parts' digests with the header's, without reading what is in them.
    ///
    /// - Throws: `.catalogue`.
    public func checkParts() throws(ProbesError) {
        let header = try openedHeader()
        guard SHA256.hash(deskPart) == header.deskDigest else {
            throw ProbesError(.catalogue, "desk.cbor", "The desk part is not the one that was signed.")
        }
        guard SHA256.hash(devicePart) == header.partDigest else {
            throw ProbesError(.catalogue, "device.cbor", "The device part is not the one that was signed.")
        }
    }

    /// The header, opened.
    ///
    /// - Throws: `.catalogue`.
    public func openedHeader() throws(ProbesError) -> DocumentHeader {
        guard let header = try? DocumentHeader(decoding: header) else {
            throw ProbesError(.catalogue, "header.cbor", "The header is not in the format this version reads.")
        }
        return header
    }
}

/// The part of a catalogue that desks need beside the device part: the manifests' texts, so that a desk judges by what was signed.
///
/// The encoding is a CBOR array of pairs: id, and the bytes of the manifest; ascending by id.
struct DeskPart {
    let texts: [(file: String, text: [UInt8])]

    static let sizeLimit = 16 << 20

    init(_ library: ManifestLibrary) {
        texts = library.manifests.map { ($0.id, $0.text) }.sorted { left, right in left.0.utf8.lexicographicallyPrecedes(right.0.utf8) }
    }

    var encoded: [UInt8] {
        var writer = CBORWriter()
        writer.array(texts.count)
        for (id, text) in texts {
            writer.array(2)
            writer.text(Text(id))
            writer.byteString(text)
        }
        return writer.bytes
    }

    init(decoding bytes: [UInt8]) throws(WireError) {
        var reader = CBORReader(bytes)
        var texts: [(file: String, text: [UInt8])] = []
        for _ in 0..<(try reader.array(limit: DevicePart.probeCountLimit)) {
            guard try reader.array(limit: 2) == 2 else { throw WireError(.malformed, UInt64(reader.offset)) }
            let id = try reader.text(limit: RollcallProtocol.identifierSizeLimit).string
            texts.append((id, try reader.byteString(limit: 65_536)))
        }
        try reader.end()
        self.texts = texts
    }
}
