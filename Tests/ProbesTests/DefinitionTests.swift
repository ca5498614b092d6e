import Catalogue
import Foundation
import Probes
import Testing
import Wire

let shippedProbes = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "probes").path()

struct DefinitionTests {
    @Test("a manifest compiles to what the agent knows of the probe")
    func compiles() throws {
        let restart = try #require(try ManifestLibrary(directory: shippedProbes).manifest("service.restart").definition)
        #expect(restart.impact == .change)
        #expect(restart.user == "root")
        #expect(restart.timeLimit == 100_000)
        #expect(restart.parameters == [ParameterDefinition(name: "unit", type: .unit)])
        #expect(restart.commandLine(["cups.service"]) == ["/usr/bin/systemctl", "restart", "--", "cups.service"])
    }

    /// Programs beside systemctl and timedatectl that talk to a service by a Unix socket: to a resolver, CUPS, Docker, what dpkg starts, D-Bus.
    private static let asking: Set = [
        "network.dns", "printer.cancel-jobs", "printer.queues", "container.states", "package.configure", "service.bus",
    ]
    /// What speaks to others, or asks the kernel about the network: in a namespace of its own it would see none.
    private static let networking: Set = [
        "access.ways", "network.addresses", "network.dns", "network.errors", "network.flush-neighbours", "network.listeners",
        "network.neighbours", "network.lookup", "network.ports",
        "network.routes", "network.sockets", "network.tcp", "network.wifi", "package.configure", "printer.cancel-jobs", "printer.queues",
        "security.exposed",
    ]

    @Test("a shipped probe has nothing open that it does not use")
    func sandbox() throws {
        let library = try ManifestLibrary(directory: shippedProbes)
        for manifest in library.manifests {
            guard let definition = manifest.definition else { continue }
            let words = definition.commandLine(definition.parameters.map { _ in "x" })?.map(\.string) ?? []
            // journalctl reads files, and asks journald only to rotate them.
            let asksServices =
                ["/usr/bin/systemctl", "/usr/bin/timedatectl"].contains(words.first)
                || words.starts(with: ["/usr/bin/journalctl", "--rotate"])
            #expect(definition.mayUseLocalSockets == (asksServices || Self.asking.contains(manifest.id)), "\(manifest.id)")
            #expect(definition.mayUseNetwork == Self.networking.contains(manifest.id), "\(manifest.id)")
        }
        #expect(try library.manifest("storage.clean-packages").definition?.writable == ["/var/cache/apt/archives"])
    }

    @Test("a full diagnosis asks what only observes and takes no parameter")
    func diagnosis() throws {
        let library = try ManifestLibrary(directory: shippedProbes)
        let ids = library.diagnosisProbes.map(\.id)
        #expect(ids.contains("storage.space"))
        #expect(!ids.contains("service.restart"))
        #expect(!ids.contains("storage.vacuum-journal"))
        #expect(!ids.contains("access.ways"), "it says that a diagnosis does not ask it")
    }
}
