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
        subcommands: [List.self, Show.self, Verify.self, Key.self])

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
            let entries = try options.database().entries(EntrySelection(device: device, call: call, kind: kind, limit: max(1, limit)))
            if options.json { return try printJSON(entries.map(EntryBody.init)) }
            var table = TextTable(["#", "TIME", "KIND", "DEVICE", "WHO", "WHAT"])
            for item in entries {
                let what = [item.entry.subject.string, item.entry.detail.string].filter { !$0.isEmpty }.joined(separator: ": ")
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
            let item: LogEntry
            do throws(StoreError) { item = try options.openDatabase().entry(at: index) } catch {
                throw CommandFailure(error, what: "entry \(index)")
            }
            try printJSON(EntryBody(item))
        }
    }

    struct Key: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "key", abstract: "Print the public key of the desk's ledger, for a device's list of desks.")

        @OptionGroup var options: DeskOptions

        func run() async throws { Terminal.current.line(try options.database().verifierKey) }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Check that nothing of the record is missing or altered; with --device, that the device's own record agrees.")

        @Option(name: .customLong("device"), help: "Read this device's ledger too and compare; may be repeated.")
        var devices: [String] = []

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
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
            if options.json { try printJSON(VerifyBody(report, comparisons)) } else { show(report, comparisons) }
            guard report.isWhole, comparisons.allSatisfy(\.isWhole) else {
                throw CommandFailure(
                    .recordBroken, kind: "record-broken", "The record does not hold, or the two sides disagree; the list above says where.",
                    next: "Keep the store as it is, and show it to whoever answers for the record.")
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
                    "\(comparison.device.name)'s ledger: \(word), \(comparison.entryCount) entries, \(comparison.tree == .whole ? "root as the device signed it" : comparison.tree.rawValue); "
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

extension DeskOptions {
    /// The store, where errors of other kinds cannot occur but the configuration's.
    func openDatabase() throws(StoreError) -> RollcallDatabase {
        guard let path = try? configuration().data else { throw StoreError(.notFound, "store") }
        return try RollcallDatabase(path: path + "/rollcall.db")
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

    init(_ item: LogEntry) {
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

    init(_ report: LogReport, _ comparisons: [LedgerComparison]) {
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
