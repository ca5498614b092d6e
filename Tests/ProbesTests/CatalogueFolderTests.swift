import Catalogue
import Foundation
import Probes
import Subprocess
import Testing
import Wire

private let signedAt: UInt64 = 1_795_000_000_000_000
private let expiresAt = signedAt + 90 * 86_400_000_000

/// A scratch folder with reviewers' keys, removed with the last reference.
private final class Reviewers {
    let folder: URL
    var catalogue: CatalogueFolder { CatalogueFolder(folder.appending(path: "catalogue").path()) }

    init(_ names: String...) async throws {
        // An ssh-keygen that ends before it has read its input must fail a test, not end all of them.
        signal(SIGPIPE, SIG_IGN)
        folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        for name in names {
            let made = try await Subprocess.run(
                .name("ssh-keygen"), arguments: ["-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key(name)], output: .discarded)
            #expect(made.terminationStatus.isSuccess)
        }
        try catalogue.write(try packed(version: 7))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func key(_ name: String) -> String { folder.appending(path: name).path() }

    func trust(_ threshold: Int, _ names: String...) throws -> TrustPolicy {
        let keys = try names.map { try String(contentsOfFile: key($0) + ".pub", encoding: .utf8) }
        return try TrustPolicy(file: Array("threshold \(threshold)\n\(keys.joined())".utf8))
    }

    func packed(version: UInt64) throws -> PackedCatalogue {
        try PackedCatalogue(
            try ManifestLibrary(directory: shippedProbes), name: "test", version: version, signedAt: signedAt, expiresAt: expiresAt)
    }

    func rule(_ trust: TrustPolicy, now: UInt64 = signedAt + 1, inForce: UInt64? = nil) -> CatalogueError.Rule? {
        do {
            _ = try catalogue.verify(trust: trust, now: now, versionInForce: inForce)
            return nil
        } catch {
            return (error as? CatalogueError)?.rule
        }
    }
}

struct CatalogueFolderTests {
    @Test("the same manifests pack to the same bytes, and their manifests come back from the desk part")
    func deterministic() async throws {
        let reviewers = try await Reviewers()
        #expect(try reviewers.packed(version: 7) == (try reviewers.packed(version: 7)))
        #expect(try reviewers.packed(version: 8).header != (try reviewers.packed(version: 7)).header)
        let read = try reviewers.catalogue.read()
        #expect(read == (try reviewers.packed(version: 7)))
        let library = try read.library()
        #expect(library.manifests.map(\.id) == (try ManifestLibrary(directory: shippedProbes)).manifests.map(\.id))
        #expect(try DevicePart(decoding: read.devicePart).probes == library.manifests.compactMap(\.definition))
    }

    @Test("ssh-keygen accepts the signature that ssh-keygen made, and so does the device's code")
    func sshKeygenAgrees() async throws {
        let reviewers = try await Reviewers("alice")
        try await reviewers.catalogue.sign(key: reviewers.key("alice"), name: "alice")
        let publicKey = try String(contentsOfFile: reviewers.key("alice") + ".pub", encoding: .utf8)
        let allowed = reviewers.key("allowed")
        try Data("alice namespaces=\"rollcall-catalogue\" \(publicKey)".utf8).write(to: URL(filePath: allowed))
        let path = reviewers.catalogue.path
        let header = try reviewers.catalogue.read().header
        let checked = try await Subprocess.run(
            .name("ssh-keygen"),
            arguments: ["-Y", "verify", "-n", "rollcall-catalogue", "-I", "alice", "-f", allowed, "-s", path + "/signatures/alice.sig"],
            input: .array(header), output: .discarded)
        #expect(checked.terminationStatus.isSuccess)
        let verified = try reviewers.catalogue.verify(trust: try reviewers.trust(1, "alice"), now: signedAt + 1)
        #expect(verified.header.version == 7)
        #expect(try verified.probe("storage.space").source == .statfs)
    }

    @Test("a threshold of two takes two distinct trusted keys; one key under two names counts once")
    func threshold() async throws {
        let reviewers = try await Reviewers("alice", "bob", "mallory")
        let trust = try reviewers.trust(2, "alice", "bob")
        let folder = reviewers.catalogue
        #expect(reviewers.rule(trust) == .notEnoughSignatures)
        try await folder.sign(key: reviewers.key("alice"), name: "alice")
        try await folder.sign(key: reviewers.key("alice"), name: "alice-again")
        try await folder.sign(key: reviewers.key("mallory"), name: "mallory")
        #expect(try folder.signed().signatures.count == 3)
        #expect(reviewers.rule(trust) == .notEnoughSignatures)
        try await folder.sign(key: reviewers.key("bob"), name: "bob")
        #expect(reviewers.rule(trust) == nil)
        #expect(reviewers.rule(trust, now: expiresAt) == .expired)
        #expect(reviewers.rule(trust, inForce: 7) == .rolledBack)
    }

    @Test("a signature made for another purpose does not count")
    func namespace() async throws {
        let reviewers = try await Reviewers("alice")
        let header = try reviewers.catalogue.read().header
        let other = try await Subprocess.run(
            .name("ssh-keygen"), arguments: ["-Y", "sign", "-n", "git", "-f", reviewers.key("alice")], input: .array(header),
            output: .bytes(limit: 4_096))
        try Data(other.standardOutput).write(to: URL(filePath: reviewers.catalogue.path + "/signatures/alice.sig"))
        #expect(reviewers.rule(try reviewers.trust(1, "alice")) == .notEnoughSignatures)
    }

    @Test("a tampered part is found by its digest, and a new header removes the old signatures")
    func tampered() async throws {
        let reviewers = try await Reviewers("alice")
        let folder = reviewers.catalogue
        try await folder.sign(key: reviewers.key("alice"), name: "alice")
        let trust = try reviewers.trust(1, "alice")
        for part in ["device.cbor", "desk.cbor"] {
            let file = URL(filePath: folder.path + "/" + part)
            let whole = try Data(contentsOf: file)
            try (whole + Data([0])).write(to: file)
            #expect(throws: (any Error).self) { try folder.verify(trust: trust, now: signedAt + 1) }
            #expect(throws: ProbesError.self) { try folder.read().library() }
            try whole.write(to: file)
        }
        // A change that leaves the format whole: only the digest tells.
        let desk = URL(filePath: folder.path + "/desk.cbor")
        let whole = try Data(contentsOf: desk)
        let sentence = try #require(whole.range(of: Data("nearly full".utf8)))
        var changed = whole
        changed.replaceSubrange(sentence, with: Data("quite empty".utf8))
        try changed.write(to: desk)
        #expect(throws: ProbesError.self) { try folder.read().library() }
        try whole.write(to: desk)
        #expect(reviewers.rule(trust) == nil)
        try folder.write(try reviewers.packed(version: 7))
        #expect(try folder.signed().signatures.count == 1)
        try folder.write(try reviewers.packed(version: 8))
        #expect(try folder.signed().signatures.isEmpty)
    }

    @Test("a key that is not there, or a name that would leave the folder, is refused and writes nothing")
    func refused() async throws {
        let reviewers = try await Reviewers("alice")
        for (key, name) in [("nobody", "nobody"), ("alice", "../alice"), ("alice", ".alice"), ("alice", "")] {
            await #expect(throws: ProbesError.self) { try await reviewers.catalogue.sign(key: reviewers.key(key), name: name) }
        }
        #expect(try reviewers.catalogue.signed().signatures.isEmpty)
    }
}
