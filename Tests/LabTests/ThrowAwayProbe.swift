import Foundation
import Synchronization

extension LabDesk {
    /// Brings the shipped probes and one more onto a device, in a catalogue of a higher version, and takes it away from the desk after.
    ///
    /// - Parameter work: Gets the folder of the catalogue, for `--catalogue`.
    func withProbe(
        _ path: String, _ manifest: String, on device: Bench.Device, _ work: (String) async throws -> Void
    ) async throws {
        let version = CatalogueVersions.next()
        let (manifests, catalogue) = (folder + "/probes-\(version)", folder + "/catalogue-\(version)")
        try FileManager.default.copyItem(atPath: LabSite.repository + "/probes", toPath: manifests)
        try FileManager.default.createDirectory(atPath: manifests + "/" + path, withIntermediateDirectories: true)
        try manifest.write(toFile: manifests + "/" + path + "/probe.yaml", atomically: true, encoding: .utf8)
        try await pack(version: version, to: catalogue, from: manifests)
        try await must(["probes", "push", device.name, "--catalogue", catalogue])
        try await work(catalogue)
    }
}

/// A device takes only a higher version than it has, in whichever order the tests come.
private enum CatalogueVersions {
    private static let last = Mutex(1)

    static func next() -> Int {
        last.withLock { version in
            version += 1
            return version
        }
    }
}
