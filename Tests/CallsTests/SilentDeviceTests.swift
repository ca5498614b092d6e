import Calls
import Fleet
import Foundation
import Glibc
import Ledger
import LedgerCore
import Probes
import SSH
import Store
import Testing
import Wire

/// A port on loopback that takes connections, because the kernel does, and never says a word.
private final class SilentPort {
    let number: Int
    private let descriptor: Int32

    init() throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listens = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0 && listen(descriptor, 8) == 0
            }
        }
        try #require(listens)
        self.descriptor = descriptor
        number = Int(UInt16(bigEndian: address.sin_port))
    }

    deinit { close(descriptor) }
}

@Suite("A device that says nothing")
struct SilentDeviceTests {
    @Test("it is given up within its deadline, and the failure is on record")
    func silent() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("calls-test-\(UUID().uuidString.prefix(8))").path
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let database = try RollcallDatabase(path: folder + "/rollcall.db")
        let manifest = Array("id: one.silent\ntitle: One\nimpact: observe\nrun: [/bin/true]\n".utf8)
        let desk = Desk(
            database: database, library: { try ManifestLibrary(texts: [("one/silent/probe.yaml", manifest)]) }, catalogueDigest: [],
            operatorName: "alice", keys: LoginKeys(only: [.ed25519(Ed25519Key.generate())]),
            deadlines: Deadlines(handshake: .milliseconds(200)))
        let port = try SilentPort()
        let device = try database.addDevice(
            name: "silent-1", address: Device.Address(host: "127.0.0.1", port: port.number), labels: Device.Labels(), operator: "alice")
        let error = await #expect(throws: SSHError.self) { _ = try await DeviceDiagnosis.run(device, desk: desk, reason: "test") }
        #expect(error?.code == .timedOut)
        #expect(error?.phase == .handshake)
        let kinds = try database.entries(EntrySelection(device: "silent-1")).map { $0.entry.kind.name.string }
        #expect(kinds.last == "session.failed")
        #expect(try database.verifyLog().isWhole)
    }
}
