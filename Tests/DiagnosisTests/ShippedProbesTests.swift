import Probes
import Testing

@testable import Diagnosis

struct ShippedProbesTests {
    static let ids = (try? shippedLibrary())?.manifests.map(\.id) ?? []

    @Test("the shipped probes have no mistake and the ids that people rely on")
    func lint() throws {
        #expect(try ManifestLibrary.lint(directory: shippedProbes, check: Diagnostician.ruleCheck) == [])
        let expected = [
            "access.ways", "clock.service", "clock.sync", "load", "log.errors", "memory.pressure", "service.failed", "service.log",
            "service.restart", "storage.clean-packages", "storage.space", "storage.vacuum-journal",
        ]
        #expect(Self.ids == expected)
    }

    @Test("every shipped case comes out as its recording says", arguments: ids)
    func cases(id: String) throws {
        let results = try CaseRunner(library: try shippedLibrary(), directory: shippedProbes).run(id)
        #expect(!results.isEmpty)
        for problem in results.flatMap(\.problems) { Issue.record("\(problem)") }
    }

    @Test("every probe that states facts has a healthy, a garbled and an absent case", arguments: ids)
    func coverage(id: String) throws {
        let manifest = try shippedLibrary().manifest(id)
        let names = Set(try ProbeCase.all(of: manifest, directory: shippedProbes).map(\.name))
        let wanted: Set = manifest.facts.isEmpty ? ["done"] : ["healthy", "garbled", "absent"]
        #expect(wanted.subtracting(names) == [])
    }
}
