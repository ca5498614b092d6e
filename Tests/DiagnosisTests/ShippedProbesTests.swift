import Probes
import Testing

@testable import Diagnosis

struct ShippedProbesTests {
    static let ids = (try? shippedLibrary())?.manifests.map(\.id) ?? []

    @Test("the shipped probes have no mistake and the ids that people rely on")
    func lint() throws {
        #expect(try FolderLint(directory: shippedProbes, check: Diagnostician.ruleCheck).mistakes == [])
        // A desk's habits and scripts name them; one that goes or is renamed is a change of what people rely on.
        let expected: Set = [
            "access.ways",
            "agent.state",
            "boot.crash", "boot.history", "boot.reboot", "boot.required", "boot.state", "boot.watchdog",
            "certificate.files", "certificate.keys",
            "clock.enable-sync", "clock.kernel", "clock.restart", "clock.servers", "clock.service", "clock.sync", "clock.zone",
            "container.states",
            "cpu.processes", "cpu.throttling",
            "load",
            "log.empty-large", "log.errors", "log.files", "log.journald", "log.kernel", "log.restart-journald", "log.rotate",
            "memory.pressure",
            "network.addresses", "network.dns", "network.errors", "network.flush-neighbours", "network.hosts", "network.links",
            "network.listeners", "network.manager", "network.neighbours", "network.ports", "network.resolver", "network.restart",
            "network.routes",
            "network.settings", "network.sockets", "network.tcp", "network.wifi",
            "package.configure", "package.interrupted", "package.running", "package.state",
            "permission.close-host-keys", "permission.close-secret", "permission.open-tmp", "permission.paths", "permission.writable",
            "power.battery", "power.voltage",
            "printer.cancel-jobs", "printer.queues", "printer.restart",
            "process.limits",
            "security.accounts", "security.expiry", "security.exposed", "security.passwords",
            "serial.lines", "serial.ports",
            "service.active", "service.daemon-reload", "service.events", "service.failed", "service.inactive", "service.links",
            "service.log", "service.messages", "service.reset-failed", "service.restart", "service.start", "service.start-timers",
            "service.timers",
            "service.unmask",
            "storage.clean-packages", "storage.clean-temporary", "storage.health", "storage.io", "storage.links", "storage.mount-all",
            "storage.mounts",
            "storage.remove-coredumps", "storage.smart", "storage.smart-written", "storage.space",
            "storage.usage", "storage.vacuum-journal",
            "temperature.sensors", "temperature.zones",
            "usb.devices",
        ]
        #expect(expected.subtracting(Self.ids) == [])
    }

    @Test("every shipped case comes out as its recording says", arguments: ids)
    func cases(id: String) throws {
        let results = try CaseRunner(library: try shippedLibrary(), directory: shippedProbes).run(id)
        #expect(!results.isEmpty)
        for problem in results.flatMap(\.problems) { Issue.record("\(problem)") }
    }

    @Test(
        "every probe that states facts has a healthy, a garbled and an absent case; one that asks the caller, one that cannot tell",
        arguments: ids)
    func coverage(id: String) throws {
        let manifest = try shippedLibrary().manifest(id)
        let names = Set(try ProbeCase.all(of: manifest, directory: shippedProbes).map(\.name))
        let wanted: Set =
            manifest.facts.isEmpty ? ["done"] : manifest.questions.isEmpty ? ["healthy", "garbled", "absent"] : ["healthy", "cannot-tell"]
        #expect(wanted.subtracting(names) == [])
    }
}
