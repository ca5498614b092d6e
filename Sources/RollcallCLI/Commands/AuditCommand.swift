internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Ledger
internal import LedgerCore
internal import Store
internal import Wire

/// The record: what was done, and that nothing of it is missing or altered.
struct AuditCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audit", abstract: "The record: what was done, and that nothing of it is missing or altered.",
        subcommands: [List.self, Show.self, Play.self, Search.self, Verify.self, Key.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List entries of the desk's ledger, newest last.")

        @Option(help: "Only of this device.")
        var device: String?

        @Option(help: "Only of this call.")
        var call: String?

        @Option(help: "Only of this kind, such as probe.requested.")
        var kind: String?

        @Option(help: "At most so many.")
        var limit = 1_000

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let entries = try database.entries(EntrySelection(device: device, call: call, kind: kind, limit: max(1, limit)))
            let recorded = Set(try KeptRecording.all(database, folder: "", device: device).map(\.session))
            if options.json { return try printJSON(entries.map { EntryBody($0, isRecorded: recorded.contains($0.entry.session.string)) }) }
            var table = TextTable(["#", "TIME", "KIND", "DEVICE", "WHO", "WHAT"])
            for item in entries {
                var what = [item.entry.subject.string, item.entry.detail.string].filter { !$0.isEmpty }.joined(separator: ": ")
                // What `audit play` takes.
                if item.entry.kind == .sessionOpened, recorded.contains(item.entry.session.string) {
                    what = "[recorded \(item.entry.session.string)] " + what
                }
                table.add([
                    "\(item.index)", timeText(Int64(clamping: item.entry.time)), displayed(item.entry.kind.name.string, limit: 24),
                    displayed(item.entry.device.string, limit: 24), displayed(item.person ?? "", limit: 16), displayed(what, limit: 60),
                ])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "show", abstract: "Show one entry whole.")

        @Argument(help: "Number of the entry.")
        var index: UInt64

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let item: LogEntry
            do throws(StoreError) { item = try database.entry(at: index) } catch {
                throw CommandFailure(error, what: "entry \(index)")
            }
            let session = item.entry.session.string
            let isRecorded = try !session.isEmpty && !KeptRecording.all(database, folder: "", session: session).isEmpty
            try printJSON(EntryBody(item, isRecorded: isRecorded))
        }
    }

    struct Key: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "key", abstract: "Print the public key of the desk's ledger, for a device's list of desks.")

        @OptionGroup var options: DeskOptions

        func run() async throws { Terminal.current.line(try options.readableDatabase().verifierKey) }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Check that nothing of the record is missing or altered; with --device, that the device's own record agrees.",
            discussion: "Without --device it takes neither the desk's signing key nor a store that can be written.")

        @Option(name: .customLong("device"), help: "Read this device's ledger too and compare; may be repeated.")
        var devices: [String] = []

        @Option(help: "The key that `rollcall audit key` printed earlier: the record must be signed with it.")
        var deskKey: String?

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            if let deskKey, deskKey != database.verifierKey {
                throw CommandFailure(
                    .recordBroken, kind: "other-key", "This record is signed with another key: \(displayed(database.verifierKey)).",
                    next: "It is another desk's record, or one that was made anew; ask whoever answers for it.")
            }
            let report = try database.verifyLog()
            var comparisons: [LedgerComparison] = []
            if !devices.isEmpty {
                for name in devices {
                    let machine = name == ThisMachine.name ? try await ThisMachine.open(options) : nil
                    let desk = if let machine { machine.desk } else { try await options.desk() }
                    let device = try findDevice(name, database)
                    let way = machine?.way ?? .ssh
                    comparisons.append(try await withDevice(device) { try await LedgerComparison.run(device, desk: desk, way: way) })
                }
            }
            let recordings = try KeptRecording.all(database, folder: try options.configuration().recordings).map { ($0, $0.condition) }
            if options.json {
                try printJSON(VerifyBody(report, comparisons, recordings))
            } else {
                show(report, comparisons)
                show(recordings)
            }
            let isRecordingWhole = recordings.allSatisfy { $0.1 == .whole || $0.1 == .unfinished }
            guard report.isWhole, isRecordingWhole, comparisons.allSatisfy(\.isWhole) else {
                throw CommandFailure(
                    .recordBroken, kind: "record-broken", "The record does not hold, or the two sides disagree; the list above says where.",
                    next: "Keep the store as it is, and show it to whoever answers for the record.")
            }
        }

        private func show(_ recordings: [(KeptRecording, KeptRecording.Condition)]) {
            if recordings.isEmpty { return }
            let terminal = Terminal.current
            let count = recordings.count { $0.1 == .whole }
            let isWhole = recordings.allSatisfy { $0.1 == .whole || $0.1 == .unfinished }
            let word = isWhole ? terminal.styled("whole", .green) : terminal.styled("BROKEN", .red)
            terminal.line("Recordings: \(word), \(count) of \(recordings.count) as they were recorded")
            for (recording, condition) in recordings where condition != .whole {
                let why = condition == .unfinished ? " (its shell is open, or the desk ended before it)" : ""
                terminal.line("   \(condition.rawValue): session \(displayed(recording.session)) on \(displayed(recording.device))\(why)")
            }
        }

        private func show(_ report: LogReport, _ comparisons: [LedgerComparison]) {
            let terminal = Terminal.current
            let word = report.isWhole ? terminal.styled("whole", .green) : terminal.styled("BROKEN", .red)
            terminal.line(
                "Desk's ledger: \(word), \(report.entryCount) entries, \(report.checkpointCount) signed heads, \(report.cosignatureCount) cosigned by devices"
            )
            for fault in report.faults.prefix(20) {
                terminal.line("   \(fault.code.name) at \(fault.index)\(fault.device.isEmpty ? "" : " (\(displayed(fault.device)))")")
            }
            for comparison in comparisons {
                let word = comparison.isWhole ? terminal.styled("agrees", .green) : terminal.styled("DISAGREES", .red)
                let sides = comparison.reconciliation
                terminal.line(
                    "\(comparison.device.name)'s ledger: \(word), \(comparison.entryCount) entries, \(comparison.tree.words); "
                        + "\(sides.sharedSessionCount) sessions on both sides, \(sides.agreedCount) points the same")
                for difference in sides.discrepancies.prefix(20) {
                    let why = difference.explanation == .none ? "" : " (explained: \(difference.explanation.rawValue))"
                    terminal.line("   \(difference.code.name): session \(displayed(difference.session.string))\(why)")
                }
                for line in VerdictText.alarms(comparison.heads) { terminal.line(line) }
            }
        }
    }
}

extension LedgerComparison.Tree {
    /// What a person is told.
    fileprivate var words: String {
        switch self {
        case .whole: "root as the device signed it, now and before"
        case .beginsLater: "its oldest entries were dropped, so that its root cannot be made anew"
        case .incomplete: "entries are missing that its signed heads cover"
        case .otherRoot: "another root than the device signed"
        case .rewritten: "its log was rewritten: it is not the one that the device signed before"
        case .badSignature: "its head is not signed by the key pinned at its enrolment"
        }
    }
}

/// An entry for `--json`.
private struct EntryBody: Encodable {
    let index: UInt64
    let time: String
    let kind: String
    let device: String
    let session: String
    let call: String
    let person: String?
    let subject: String
    let detail: String
    let digest: String
    let count: UInt64?
    let request: UInt64?
    let checkpoint: String?
    let leafHash: String
    /// Whether its session has a recording.
    let recorded: Bool

    init(_ item: LogEntry, isRecorded: Bool) {
        recorded = isRecorded
        index = item.index
        time = timeText(Int64(clamping: item.entry.time))
        kind = item.entry.kind.name.string
        device = item.entry.device.string
        session = item.entry.session.string
        call = item.entry.call.string
        person = item.person
        subject = item.entry.subject.string
        detail = item.entry.detail.string
        digest = Self.hexadecimal(item.entry.digest)
        count = item.entry.count
        request = item.entry.request
        checkpoint = item.entry.checkpoint.isEmpty ? nil : String(decoding: item.entry.checkpoint, as: UTF8.self)
        leafHash = Self.hexadecimal(MerkleTree.leafHash(item.encoded))
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }.joined()
    }
}

/// A verification for `--json`.
private struct VerifyBody: Encodable {
    let whole: Bool
    let entries: UInt64
    let signedHeads: Int
    let cosignatures: Int
    let faults: [Fault]
    let devices: [Side]
    let recordings: [Recorded]

    struct Recorded: Encodable {
        let session: String
        let device: String
        let condition: String
    }

    struct Fault: Encodable {
        let kind: String
        let index: UInt64
        let device: String
    }

    struct Side: Encodable {
        let device: String
        let agrees: Bool
        let entries: Int
        let tree: String
        let sharedSessions: Int
        let samePoints: Int
        let discrepancies: [Difference]
    }

    struct Difference: Encodable {
        let kind: String
        let session: String
        let explanation: String
    }

    init(_ report: LogReport, _ comparisons: [LedgerComparison], _ recordings: [(KeptRecording, KeptRecording.Condition)]) {
        self.recordings = recordings.map { recording, condition in
            Recorded(session: recording.session, device: recording.device, condition: condition.rawValue)
        }
        whole = report.isWhole
        entries = report.entryCount
        signedHeads = report.checkpointCount
        cosignatures = report.cosignatureCount
        faults = report.faults.map { Fault(kind: $0.code.name, index: $0.index, device: $0.device) }
        devices = comparisons.map { comparison in
            Side(
                device: comparison.device.name, agrees: comparison.isWhole, entries: comparison.entryCount, tree: comparison.tree.rawValue,
                sharedSessions: comparison.reconciliation.sharedSessionCount, samePoints: comparison.reconciliation.agreedCount,
                discrepancies: comparison.reconciliation.discrepancies.map {
                    Difference(kind: $0.code.name, session: displayed($0.session.string), explanation: $0.explanation.rawValue)
                })
        }
    }
}
