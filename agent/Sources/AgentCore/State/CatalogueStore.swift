public import Catalogue
internal import Wire

/// The catalogue in force: loaded from the state directory, replaced only by one that reviewers signed.
public final class CatalogueStore {
    private let store: DocumentStore

    /// The catalogue in force; nil without one.
    public private(set) var current: VerifiedCatalogue?
    /// Why the catalogue that is there is not in force; nil where there is none or it is.
    public private(set) var problem: CatalogueError?
    private var staged: VerifiedCatalogue?

    /// Loads the catalogue that lies in `state`, judged by the owner's file `trust`.
    ///
    /// An expired one is loaded too: expiry closes changes, not observation.
    public init(kernel: Kernel, state: StateDirectory, trust: [UInt8]) {
        store = DocumentStore(kernel: kernel, state: state, trust: trust, kind: .catalogue)
        do throws(CatalogueError) {
            if let found = try store.load() { current = try found.authenticated(trust: try policy()) }
        } catch {
            problem = error
        }
    }

    /// The owner's trust file, read anew.
    public func policy() throws(CatalogueError) -> TrustPolicy { try store.policy() }

    /// Judges a pushed catalogue, and writes it down beside the one in force.
    ///
    /// - Returns: Its version and digest.
    func stage(_ bytes: [UInt8], now: UInt64) throws(Refusal) -> (version: UInt64, digest: [UInt8]) {
        let verified: VerifiedCatalogue
        do throws(CatalogueError) {
            verified = try store.decoded(bytes).verified(
                trust: try policy(), now: max(now, current?.header.signedAt ?? 0), versionInForce: current?.header.version)
        } catch {
            throw Refusal(error)
        }
        try store.stage(bytes)
        staged = verified
        return (verified.header.version, verified.digest)
    }

    /// Puts the staged catalogue in force, as ``DocumentStore/commit()`` says.
    func commit() throws(Refusal) -> Bool {
        let isConfirmed = try store.commit()
        current = staged
        problem = nil
        return isConfirmed
    }

    /// Throws the staged catalogue away.
    func discard() { store.discard() }
}
