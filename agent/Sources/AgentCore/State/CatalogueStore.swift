public import Catalogue
internal import Wire

/// The catalogue in force: loaded from the state directory, replaced only by one that reviewers signed.
public final class CatalogueStore {
    private let kernel: Kernel
    private let state: StateDirectory
    private let trust: [UInt8]

    /// The catalogue in force; nil without one.
    public private(set) var current: VerifiedCatalogue?
    /// Why the catalogue that is there is not in force; nil where there is none or it is.
    public private(set) var problem: CatalogueError?

    private static let name: Text = "catalogue"

    /// Loads the catalogue that lies in `state`, judged by the owner's file `trust`.
    ///
    /// An expired one is loaded too: expiry closes changes, not observation.
    public init(kernel: Kernel, state: StateDirectory, trust: [UInt8]) {
        self.kernel = kernel
        self.state = state
        self.trust = trust
        guard let bytes = (try? state.content(Self.name, limit: RollcallProtocol.pushSizeLimit)) ?? nil else { return }
        do throws(CatalogueError) {
            current = try Self.decoded(bytes).authenticated(trust: try policy())
        } catch {
            problem = error
        }
    }

    private static func decoded(_ bytes: [UInt8]) throws(CatalogueError) -> SignedCatalogue {
        guard let catalogue = try? SignedCatalogue(decoding: bytes) else {
            throw CatalogueError(.malformed, "The catalogue is not in the format this version reads.")
        }
        return catalogue
    }

    /// The owner's trust file, read anew.
    public func policy() throws(CatalogueError) -> TrustPolicy {
        guard let file = try? kernel.content(of: trust, limit: 65_536) else {
            throw CatalogueError(.trustMalformed, "The device has no trust file, so it takes no catalogue; enrol it.")
        }
        return try TrustPolicy(file: file)
    }

    /// Judges a pushed catalogue, and writes it down beside the one in force.
    public func stage(_ bytes: [UInt8], now: UInt64) throws(Refusal) -> VerifiedCatalogue {
        let verified: VerifiedCatalogue
        do throws(CatalogueError) {
            verified = try Self.decoded(bytes).verified(
                trust: try policy(), now: max(now, current?.header.signedAt ?? 0), versionInForce: current?.header.version)
        } catch {
            throw Refusal(error)
        }
        do throws(Errno) { try state.stage(Self.name, bytes) } catch { throw Self.storage }
        return verified
    }

    /// Puts the staged catalogue in force.
    ///
    /// - Returns: Whether the disk has confirmed it; where not, it is in force all the same, but a power cut may bring the old one back.
    /// - Throws: `.storage`; then the one in force is untouched.
    public func commit(_ verified: VerifiedCatalogue) throws(Refusal) -> Bool {
        do throws(Errno) { try state.putInPlace(Self.name) } catch { throw Self.storage }
        current = verified
        problem = nil
        return (try? state.syncNames()) != nil
    }

    /// Throws the staged catalogue away.
    public func discard() { state.discard(Self.name) }

    private static let storage = Refusal(
        .storage, "The device's disk does not take the catalogue; free some space, the one in force is untouched.")
}
