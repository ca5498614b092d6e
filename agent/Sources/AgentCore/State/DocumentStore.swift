internal import Catalogue
internal import Wire

/// Keeps something signed in the state directory: what is in force, and beside it what is about to be.
final class DocumentStore {
    let kernel: Kernel
    let state: StateDirectory
    /// The owner's trust file.
    let trust: [UInt8]
    /// What is kept; its name is the file's.
    let kind: DocumentKind

    init(kernel: Kernel, state: StateDirectory, trust: [UInt8], kind: DocumentKind) {
        self.kernel = kernel
        self.state = state
        self.trust = trust
        self.kind = kind
    }

    /// What lies in the state directory; nil where nothing does.
    ///
    /// - Throws: `-malformed`.
    func load() throws(CatalogueError) -> SignedDocument? {
        guard let bytes = (try? state.content(kind.name, limit: RollcallProtocol.pushSizeLimit)) ?? nil else { return nil }
        return try decoded(bytes)
    }

    func decoded(_ bytes: [UInt8]) throws(CatalogueError) -> SignedDocument {
        guard let document = try? SignedDocument(decoding: bytes) else { throw kind.malformed }
        return document
    }

    /// The owner's trust file, read anew.
    func policy() throws(CatalogueError) -> TrustPolicy {
        guard let file = try? kernel.content(of: trust, limit: TrustPolicy.fileSizeLimit) else {
            throw CatalogueError(.trustMalformed, "The device has no trust file, so it takes no " + kind.name + "; enrol it.")
        }
        return try TrustPolicy(file: file)
    }

    /// Writes what was judged down beside what is in force.
    func stage(_ bytes: [UInt8]) throws(Refusal) {
        do throws(Errno) { try state.stage(kind.name, bytes) } catch { throw storage }
    }

    /// Puts in place what was staged.
    ///
    /// - Returns: Whether the disk has confirmed it; where not, it is in force all the same, but a power cut may bring the old one back.
    /// - Throws: `.storage`; then the one in force is untouched.
    func commit() throws(Refusal) -> Bool {
        do throws(Errno) { try state.putInPlace(kind.name) } catch { throw storage }
        return (try? state.syncNames()) != nil
    }

    /// Throws away what is staged.
    func discard() { state.discard(kind.name) }

    /// The refusal where the disk takes nothing.
    var storage: Refusal {
        Refusal(.storage, "The device's disk does not take the " + kind.name + "; free some space, the one in force is untouched.")
    }
}
