import Foundation
import Ledger
import LedgerCore
import Testing
import Wire

@testable import Store

@Suite("Inventory")
struct InventoryTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
    }

    private func add(_ name: String, site: String = "", model: String = "", tags: [String] = []) throws -> Device {
        try store.addDevice(
            name: name, address: Device.Address(host: "h", port: 2_222), labels: Device.Labels(site: site, model: model, tags: tags),
            hostKeys: ["ssh-ed25519 AAAA"], operator: "alice")
    }

    @Test("a device is there as it was added, also after opening again")
    func added() throws {
        let device = try add("kiosk-1", site: "north", model: "K2", tags: ["blue", "a b\"'"])
        #expect(try scratch.open().device(named: "kiosk-1") == device)
        #expect(device.address == Device.Address(host: "h", port: 2_222, user: "rollcall"))
        #expect(device.labels.tags == ["blue", "a b\"'"] && device.agent.enrolledAt == nil)
    }

    @Test("a name is taken until its device is removed, and what was recorded stays")
    func removed() throws {
        let first = try add("kiosk-1")
        #expect(throws: StoreError.self) { try add("kiosk-1") }
        try store.removeDevice(id: first.id, operator: "alice")
        let second = try add("kiosk-1")
        #expect(second.id != first.id)
        #expect(try store.devices().map(\.id) == [second.id])
        #expect(try store.device(id: first.id).removedAt != nil)
        #expect(
            try store.entries(EntrySelection(device: "kiosk-1")).map(\.entry.kind.name.string) == [
                "device.added", "device.removed", "device.added",
            ])
    }

    @Test("other hardware takes a device's name, place and labels, and nothing of its identity; the old record stays, with its head")
    func replaced() throws {
        let old = try add("kiosk-1", site: "north", model: "K2", tags: ["blue"])
        let new = try store.replaceDevice(
            id: old.id, address: Device.Address(host: "h2"), hostKeys: ["ssh-ed25519 BBBB"], operator: "alice", reason: "board died")
        #expect(new.id != old.id && new.name == "kiosk-1" && new.labels == old.labels)
        #expect(new.address == Device.Address(host: "h2") && new.hostKeys == ["ssh-ed25519 BBBB"])
        #expect(new.agent.enrolledAt == nil && new.agent.verifierKey.isEmpty)
        #expect(try store.device(named: "kiosk-1").id == new.id)
        let kept = try store.device(id: old.id)
        #expect(kept.removedAt != nil && kept.hostKeys == old.hostKeys)
        let entry = try #require(try store.entries(EntrySelection(kind: "device.replaced")).first?.entry)
        #expect(entry.subject == "kiosk-1" && entry.detail == "board died")
        #expect(entry.digest == RollcallDatabase.hostKeysDigest(["ssh-ed25519 BBBB"]))
        #expect { try store.replaceDevice(id: old.id, address: old.address, hostKeys: [], operator: "a", reason: "") } throws: {
            ($0 as? StoreError)?.code == .notFound
        }
    }

    @Test("a taken name is a duplicate, an unknown one is not found, and neither leaves an entry")
    func errors() throws {
        _ = try add("kiosk-1")
        let size = try store.logSize()
        #expect { try add("kiosk-1") } throws: { ($0 as? StoreError)?.code == .duplicate }
        #expect { try store.device(named: "kiosk-2") } throws: { $0 as? StoreError == StoreError(.notFound, "kiosk-2") }
        #expect { try store.removeDevice(id: "x", operator: "a") } throws: { ($0 as? StoreError)?.code == .notFound }
        #expect(try store.logSize() == size)
    }

    @Test(
        "names that an ssh command line would misread are refused", arguments: ["", "-oProxyCommand=x", ".ssh", "a b", "a/b", "ä", "a\n"])
    func names(_ name: String) throws {
        #expect { try add(name) } throws: { ($0 as? StoreError)?.code == .invalid }
    }

    @Test("hosts, users and ports that cannot be are refused")
    func addresses() throws {
        for address in [
            Device.Address(host: "-x"), Device.Address(host: ""), Device.Address(host: "h", port: 0),
            Device.Address(host: "h", port: 70_000),
            Device.Address(host: "h", user: "-l"),
        ] {
            #expect { try store.addDevice(name: "a", address: address, operator: "a") } throws: { ($0 as? StoreError)?.code == .invalid }
        }
    }

    @Test("selections go by patterns of name, site, model and tag")
    func selections() throws {
        _ = try add("kiosk-1", site: "north", model: "K2", tags: ["blue"])
        _ = try add("kiosk-2", site: "south", model: "K2", tags: ["red", "late"])
        _ = try add("gate-1", site: "south", model: "G1")
        func names(_ selection: DeviceSelection) throws -> [String] { try store.devices(selection).map(\.name) }
        #expect(try names(.all) == ["gate-1", "kiosk-1", "kiosk-2"])
        #expect(try names(DeviceSelection(names: ["kiosk-*"])) == ["kiosk-1", "kiosk-2"])
        #expect(try names(DeviceSelection(names: ["gate-?", "kiosk-2"])) == ["gate-1", "kiosk-2"])
        #expect(try names(DeviceSelection(sites: ["south"], models: ["K*"])) == ["kiosk-2"])
        #expect(try names(DeviceSelection(tags: ["l*"])) == ["kiosk-2"])
        #expect(try names(DeviceSelection(tags: ["green"])).isEmpty)
        #expect(try names(DeviceSelection(names: ["' OR 1 --"])).isEmpty)
    }

    @Test("host keys are replaced only on purpose, and the log has the digest of the new ones")
    func hostKeys() throws {
        let device = try add("kiosk-1")
        try store.replaceHostKeys(device: device.id, hostKeys: ["ssh-ed25519 BBBB"], operator: "alice", reason: "new board")
        #expect(try store.device(id: device.id).hostKeys == ["ssh-ed25519 BBBB"])
        let entry = try #require(try store.entries(EntrySelection(kind: "device.rekeyed")).first)
        #expect(entry.entry.digest == SHA256.hash(Array("ssh-ed25519 BBBB\n".utf8)))
        #expect(entry.person == "alice" && entry.entry.detail == "new board")
    }

    @Test("enrolment pins the agent's key, which the log holds in full")
    func enrolled() throws {
        let (device, _, verifier) = try store.enrolled("kiosk-1")
        #expect(device.agent.verifierKey == verifier.text().string && device.agent.enrolledAt != nil)
        let entry = try #require(try store.entries(EntrySelection(kind: "device.enrolled")).first)
        #expect(entry.entry.detail == verifier.text())
        #expect { try store.recordEnrolled(device: device.id, verifierKey: "x", deviceID: "", operator: "a") } throws: {
            ($0 as? StoreError)?.code == .invalid
        }
    }

    @Test("a pushed catalogue is on record, and the device's version follows")
    func catalogue() throws {
        let device = try add("kiosk-1")
        try store.recordPushed(.catalogue, device: device.id, version: 7, digest: [UInt8](repeating: 1, count: 32), operator: "alice")
        #expect(try store.device(id: device.id).agent.catalogueVersion == 7)
        #expect(try store.entries(EntrySelection(kind: "catalogue.installed")).first?.entry.subject == "7")
    }

    @Test("a digest or an id that no reader of the log would take is refused, and leaves nothing")
    func unreadable() throws {
        let device = try add("kiosk-1")
        let size = try store.logSize()
        #expect { try store.recordPushed(.catalogue, device: device.id, version: 7, digest: [1], operator: "alice") } throws: {
            ($0 as? StoreError)?.code == .invalid
        }
        let session = String(repeating: "s", count: 129)
        #expect {
            try store.recordPushed(.catalogue, device: device.id, version: 7, digest: SHA256.hash([]), session: session, operator: "alice")
        } throws: {
            ($0 as? StoreError)?.code == .invalid
        }
        #expect(try store.logSize() == size && store.device(id: device.id).agent.catalogueVersion == 0)
    }

    @Test("what the store takes into the log is exactly what can be read back")
    func readable() {
        let long = Text(String(repeating: "x", count: 129))
        let most = Text(String(repeating: "x", count: 128))
        let entries = [
            LedgerEntry(kind: .gap, time: 0), LedgerEntry(kind: .init(name: most), time: 0, session: most, call: most, device: most),
            LedgerEntry(kind: .init(name: ""), time: 0), LedgerEntry(kind: .init(name: long), time: 0),
            LedgerEntry(kind: .gap, time: 0, session: long), LedgerEntry(kind: .gap, time: 0, call: long),
            LedgerEntry(kind: .gap, time: 0, device: long), LedgerEntry(kind: .gap, time: 0, person: [1]),
            LedgerEntry(kind: .gap, time: 0, digest: [UInt8](repeating: 0, count: 33)),
            LedgerEntry(kind: .gap, time: 0, subject: long + long + long + long + long + long + long + long),
            LedgerEntry(kind: .gap, time: 0, checkpoint: [UInt8](repeating: 0, count: 4_096)),
            LedgerEntry(kind: .gap, time: 0, checkpoint: [UInt8](repeating: 0, count: 4_097)),
        ]
        for entry in entries {
            #expect(WriteTransaction.isReadable(entry) == ((try? LedgerEntry(decoding: entry.encoded)) != nil), "\(entry)")
        }
    }

    @Test("ids sort by time and are of version 7")
    func ids() {
        let ids = (0..<1_000).map { UUIDv7.make(time: 1_700_000_000_000_000 + Int64($0)) }
        #expect(ids == ids.sorted() || Set(ids).count == 1_000)
        #expect(ids[0].hasPrefix("018bcfe5-6800-7"))
        #expect(ids.allSatisfy { $0.count == 36 && "89ab".contains(Array($0)[19]) })
    }
}
