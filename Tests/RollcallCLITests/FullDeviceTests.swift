import Foundation
import Testing

@Suite(
    "A device whose own disk is full", .enabled(if: Namespace.isPossible, "this user may not make a mount namespace"),
    .timeLimit(.minutes(10)))
struct FullDeviceTests {
    private let device = Workplace.device

    /// An agent whose state lies on a full file system.
    private static let fullDevice = Workplace.Behind.script { folder in
        Namespace.line(
            """
            mount -t tmpfs -o size=512k full /mnt && cp -a $0/state/. /mnt || exit 99
            cat /dev/zero > /mnt/fill 2> /dev/null
            \(Program.agent) serve --standalone --operator alice --role repair --state /mnt --trust $0/../template/trust --desks $0/../template/desks
            rm /mnt/fill && cp -a /mnt/. $0/state/
            """, folder)
    }

    @Test("it answers what is asked, and says why it changes nothing")
    func changes() async throws {
        try await Workplace.with(Self.fullDevice) { place in
            // What is left of the ledger's last page takes some entries still; asking everything uses it up.
            for _ in 1...2 {
                let observed = try await place.rollcall("diagnose", device)
                #expect(observed.exit == 3, "\(observed.error)")
            }
            try await place.expectFailure(
                ["fix", device, "odd.change", "--yes"], exit: 90, kind: "refused-ledger", says: "cannot write its own ledger",
                "Free some space on the device")
        }
    }

    @Test("it takes no catalogue, and says why")
    func push() async throws {
        try await Workplace.with(Self.fullDevice) { place in
            let folder = place.folder + "/other"
            try await place.must("probes", "pack", place.probes, "--out", folder, "--version", "6", "--days", "30")
            for name in ["anna", "bruno"] { try await place.must("probes", "sign", folder, "--key", place.reviewer(name)) }
            try await place.expectFailure(
                ["probes", "push", device, "--catalogue", folder], exit: 90, kind: "refused-storage", says: "does not take the catalogue",
                "Free some space on the device")
            #expect(try await place.must("device", "show", device, "--json").contains("\"catalogueVersion\" : 5"))
        }
    }
}
