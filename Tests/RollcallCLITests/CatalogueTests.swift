import Catalogue
import Foundation
import Probes
import Testing

@Suite("A catalogue that must not come into force", .timeLimit(.minutes(10)))
struct CatalogueTests {
    private let device = Workplace.device
    private static let day: UInt64 = 86_400 * 1_000_000

    /// Packs the test's probes into a new folder and has it signed.
    private func catalogue(_ place: Workplace, version: UInt64, signedBy reviewers: [String]) async throws -> String {
        let folder = place.folder + "/other"
        try await place.must("probes", "pack", place.probes, "--out", folder, "--version", "\(version)", "--days", "30")
        for name in reviewers { try await place.must("probes", "sign", folder, "--key", place.reviewer(name)) }
        return folder
    }

    /// Expects that a push is refused, and that the device's own catalogue is still the one it had.
    private func expectRefused(_ folder: String, _ place: Workplace, exit: Int32, kind: String, says words: String) async throws {
        let inForce = try Data(contentsOf: URL(fileURLWithPath: place.state + "/catalogue"))
        try await place.expectFailure(["probes", "push", device, "--catalogue", folder], exit: exit, kind: kind, says: words)
        #expect(try Data(contentsOf: URL(fileURLWithPath: place.state + "/catalogue")) == inForce)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.state).filter { $0.hasSuffix(".new") }.isEmpty)
        #expect(try await place.must("device", "show", device, "--json").contains("\"catalogueVersion\" : 5"))
    }

    @Test(
        "signed by nobody, by too few, twice by one, or with a key that nobody trusts: refused",
        arguments: [[], ["anna"], ["anna", "mallory"]])
    func unsigned(_ reviewers: [String]) async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, version: 6, signedBy: reviewers)
            try await expectRefused(folder, place, exit: 81, kind: "refused-catalogue-unsigned", says: "rollcall probes sign")
        }
    }

    @Test("one reviewer under two names is still one")
    func twice() async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, version: 6, signedBy: ["anna"])
            try await place.must("probes", "sign", folder, "--key", place.reviewer("anna"), "--name", "bruno")
            try await expectRefused(folder, place, exit: 81, kind: "refused-catalogue-unsigned", says: "rollcall probes sign")
        }
    }

    @Test("a version that is not above the one in force is refused", arguments: [4, 5] as [UInt64])
    func rolledBack(_ version: UInt64) async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, version: version, signedBy: ["anna", "bruno"])
            try await expectRefused(folder, place, exit: 83, kind: "refused-catalogue-rolled-back", says: "--version")
        }
    }

    @Test("a version that leaps is refused")
    func leap() async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, version: 5_000_000, signedBy: ["anna", "bruno"])
            try await expectRefused(folder, place, exit: 85, kind: "refused-catalogue-version-leap", says: "rollcall probes verify")
        }
    }

    /// The test's probes as a catalogue of other times, signed by two.
    private func catalogue(_ place: Workplace, signedDaysAgo: UInt64, expiredDaysAgo: UInt64) async throws -> String {
        let folder = place.folder + "/other"
        let now = UInt64(Date().timeIntervalSince1970 * 1_000_000)
        let packed = try PackedCatalogue(
            try CatalogueFolder(place.catalogue).read().library(), name: "rollcall", version: 6, signedAt: now - signedDaysAgo * Self.day,
            expiresAt: now - expiredDaysAgo * Self.day)
        try CatalogueFolder(folder).write(packed)
        for name in ["anna", "bruno"] { try await place.must("probes", "sign", folder, "--key", place.reviewer(name)) }
        return folder
    }

    @Test("an expired one is refused, by the device and by the desk")
    func expired() async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, signedDaysAgo: 9, expiredDaysAgo: 2)
            try await expectRefused(folder, place, exit: 82, kind: "refused-catalogue-expired", says: "Pack and sign a new one")
            try await place.expectFailure(
                ["probes", "verify", folder, "--trust", place.trust], exit: 82, kind: "refused-catalogue-expired",
                says: "Pack and sign a new one")
        }
    }

    @Test("one that expires while in force closes changes, not observation")
    func expiredInForce() async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, signedDaysAgo: 9, expiredDaysAgo: 2)
            let signed = try CatalogueFolder(folder).signed()
            try Data(signed.encoded).write(to: URL(fileURLWithPath: place.state + "/catalogue"))
            try await place.expectFailure(
                ["fix", device, "odd.change", "--yes"], exit: 82, kind: "refused-catalogue-expired", says: "nothing may be changed")
            let observed = try await place.rollcall("run", device, "odd.nothing")
            #expect(observed.exit == 0, "\(observed.error)")
        }
    }

    @Test("a changed part is found by its digest, whichever it is, before anything is sent", arguments: ["device.cbor", "desk.cbor"])
    func tampered(_ part: String) async throws {
        try await Workplace.with { place in
            let folder = try await catalogue(place, version: 6, signedBy: ["anna", "bruno"])
            let file = URL(fileURLWithPath: folder + "/" + part)
            var bytes = try Data(contentsOf: file)
            // A word of an argument or a text: the file still reads.
            let place600 = try #require(bytes.firstRange(of: Data("600".utf8)))
            bytes.replaceSubrange(place600, with: Data("900".utf8))
            try bytes.write(to: file)
            try await expectRefused(folder, place, exit: 84, kind: "catalogue-tampered", says: "Pack and sign it anew")
            try await place.expectFailure(
                ["diagnose", device, "--catalogue", folder], exit: 84, kind: "catalogue-tampered", says: "Pack and sign it anew")
            #expect(try await place.newEntries().isEmpty)
        }
    }

    @Test("a device finds a changed device part by itself, should a desk send it")
    func tamperedOnTheWay() async throws {
        try await Workplace.with { place in
            let signed = try CatalogueFolder(place.catalogue).signed()
            var bytes = Data(signed.encoded)
            let found = try #require(bytes.firstRange(of: Data("600".utf8)))
            bytes.replaceSubrange(found, with: Data("900".utf8))
            // In force it would be, were it believed.
            try bytes.write(to: URL(fileURLWithPath: place.state + "/catalogue"))
            try await place.expectFailure(
                ["run", device, "odd.nothing"], exit: 85, kind: "refused-no-catalogue", says: "rollcall probes push \(device)")
        }
    }

    @Test("a desk without a catalogue says how to get one")
    func none() async throws {
        try await Workplace.with { place in
            try await place.expectFailure(
                ["diagnose", device, "--catalogue", place.folder + "/nowhere"], exit: 66, kind: "no-catalogue", says: "rollcall probes pack"
            )
        }
    }

    @Test("a manifest with mistakes is not packed, and nothing is written")
    func mistakes() async throws {
        try await Workplace.with { place in
            let folder = place.folder + "/manifests/bad/one"
            try Scratch.make(folder)
            try Scratch.write("id: bad.one\ntitle: x\nimpact: obsrve\nrun: [sh]\n", to: folder + "/probe.yaml")
            let outcome = try await place.rollcall(
                "probes", "pack", place.folder + "/manifests", "--out", place.folder + "/out", "--version", "1")
            #expect(outcome.exit == 65)
            #expect(outcome.error.contains("bad/one/probe.yaml:3:"))
            #expect(!FileManager.default.fileExists(atPath: place.folder + "/out"))
        }
    }
}
