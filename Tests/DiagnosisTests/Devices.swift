import Foundation
import Probes
import Wire

@testable import Diagnosis

/// The shipped probes, found from this file.
let shippedProbes = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "probes").path()

/// A library of manifests written in a test.
func library(_ manifests: String...) throws -> ManifestLibrary {
    try ManifestLibrary(
        texts: manifests.enumerated().map { ("test\($0.offset).yaml", Array($0.element.utf8)) }, check: Diagnostician.ruleCheck)
}

/// The library that ships.
func shippedLibrary() throws -> ManifestLibrary {
    try ManifestLibrary(directory: shippedProbes, check: Diagnostician.ruleCheck)
}

extension Answer {
    /// What a program wrote before it exited.
    static func text(_ probe: String, _ output: String, code: UInt64 = 0, cut: UInt64 = 0) -> Answer {
        Answer(
            probe: probe, ending: .done(Done(request: 1, ending: .exited, code: code, cutByteCount: cut)), output: Array(output.utf8))
    }

    /// Mounts as the agent's reader gives them.
    static func mounts(_ rows: [MountRow]) -> Answer {
        Answer(probe: "storage.space", ending: .done(Done(request: 1, ending: .exited)), output: rows.flatMap(\.encoded))
    }

    /// What the failed services wrote to the journal.
    static func log(_ lines: [(unit: String, message: String)], code: UInt64 = 3, cut: UInt64 = 0) -> Answer {
        let text = lines.map {
            "{\"__REALTIME_TIMESTAMP\":\"1795529214161955\",\"_SYSTEMD_UNIT\":\"\($0.unit)\",\"MESSAGE\":\"\($0.message)\",\"PRIORITY\":\"3\"}\n"
        }
        return .text("service.log", text.joined(), code: code, cut: cut)
    }

    /// Units of which nothing is to be said but what failed and what ``log(_:code:cut:)`` tells of it.
    static let quietUnits = [
        Answer.text("service.messages", ""), .text("service.events", ""), .text("service.inactive", ""), .text("service.links", ""),
        .text("service.active", "Id=systemd-journald.service\nSubState=running\nNRestarts=0\nNeedDaemonReload=no\n"),
    ]

    /// Failed services, by name.
    static func failed(_ units: String...) -> Answer {
        let records = units.map { "Id=\($0)\nDescription=A service\nActiveState=failed\nResult=exit-code\nExecMainStatus=1\nNRestarts=5\n" }
        return .text("service.failed", records.joined(separator: "\n"))
    }
}

extension DeskFacts {
    /// A desk and a device whose clocks agree.
    static var inTime: DeskFacts {
        var desk = DeskFacts()
        (desk.time, desk.deviceTime) = (1_795_529_274, 1_795_529_274)
        return desk
    }
}

extension MountRow {
    /// A mount of 4 KiB blocks, sizes in MiB.
    static func of(
        _ mount: String, source: String = "/dev/sda1", type: String = "ext4", options: String = "rw", status: UInt64 = 0,
        size: UInt64 = 1_000,
        available: UInt64 = 900, inodes: UInt64 = 1_000, freeInodes: UInt64 = 900
    ) -> MountRow {
        let isAnswered = status == 0
        return MountRow(
            mount: Array(mount.utf8), source: Array(source.utf8), type: Array(type.utf8), options: Array(options.utf8), status: status,
            blockSize: isAnswered ? 4_096 : 0, blocks: isAnswered ? size * 256 : 0, freeBlocks: isAnswered ? available * 256 : 0,
            availableBlocks: isAnswered ? available * 256 : 0, inodes: isAnswered ? inodes : 0, freeInodes: isAnswered ? freeInodes : 0)
    }
}
