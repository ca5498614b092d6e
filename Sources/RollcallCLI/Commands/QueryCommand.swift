internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store

/// Asks the facts of many devices a question in SQL.
struct QueryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "query", abstract: "Ask the facts of every device's last diagnosis or sweep a question in SQL.",
        discussion: """
            Every probe is a table, named like its id with _ for dots and dashes, whose first column is the device: storage.space is
            storage_space. devices has device, site, model and taken_at (seconds UTC); answers has device, probe, state and reason. Only reading
            is allowed. No device is asked: `rollcall sweep` does that.

            rollcall query "SELECT device, mount, used_pct FROM storage_space WHERE used_pct > 80 ORDER BY used_pct DESC"
            """)

    @Argument(help: "One statement that reads. Without it, the tables and their columns.")
    var sql: String?

    @OptionGroup var selection: SelectionOptions

    @Option(help: "Rows at most.")
    var limit = 10_000

    @Flag(help: "Rows as CSV.")
    var csv = false

    @OptionGroup var options: DeskOptions

    func validate() throws {
        if csv, options.json { throw ValidationError("Give --csv or --json, not both.") }
        guard (1...1_000_000).contains(limit) else { throw ValidationError("--limit is 1 to 1000000.") }
    }

    func run() async throws {
        let (library, database) = (try options.library(), try options.readableDatabase())
        guard let sql else { return try describe(library) }
        var members: [FleetFacts.Member] = []
        for device in try database.devices(selection.selection) {
            guard let record = try database.answers(.last, device: device.id) else { continue }
            guard let answers = try? Answer.decode(record.encoded) else { throw StoreError(.corrupt, "answers") }
            members.append(
                FleetFacts.Member(
                    name: device.name, site: device.labels.site, model: device.labels.model, takenAt: record.takenAt, answers: answers))
        }
        guard !members.isEmpty else {
            throw CommandFailure(
                .notFound, kind: "no-answers", "No device of \(displayed(selection.words)) has answered yet.",
                next: "`rollcall sweep` asks them.")
        }
        let result: FleetFacts.Result
        do throws(DiagnosisError) {
            result = try FleetFacts(members, library: library).ask(sql, limit: limit)
        } catch {
            throw CommandFailure(
                .badData, kind: error.code.name, "The question is refused: \(displayed(error.reason)).",
                next: "`rollcall query` lists the tables and their columns.")
        }
        try show(result, deviceCount: members.count)
        if result.isCut {
            Terminal.current.complain("There are more than \(limit) rows; --limit says how many are shown.")
        }
    }

    private func show(_ result: FleetFacts.Result, deviceCount: Int) throws {
        if options.json {
            struct Body: Encodable {
                let columns: [String]
                let rows: [[FactValue]]
                let devices: Int
                let isCut: Bool
            }
            return try printJSON(Body(columns: result.columns, rows: result.rows, devices: deviceCount, isCut: result.isCut))
        }
        if csv {
            let lines = [result.columns] + result.rows.map { $0.map { $0 == .null ? "" : $0.text } }
            let text = lines.map { $0.map(Self.quoted).joined(separator: ",") + "\r\n" }.joined()
            return writeOut(text.utf8)
        }
        var table = TextTable(result.columns.map { displayed($0, limit: 40) })
        for row in result.rows { table.add(row.map { $0 == .null ? "" : displayed($0.text, limit: 80) }) }
        for line in table.lines(.current) { Terminal.current.line(line) }
        let rows = result.rows.count == 1 ? "1 row" : "\(result.rows.count) rows"
        Terminal.current.line(
            Terminal.current.styled("\(rows); answers of \(deviceCount == 1 ? "1 device" : "\(deviceCount) devices")", .faint))
    }

    /// A field of CSV (RFC 4180). What a spreadsheet would take for a formula is marked as text, because devices write these.
    private static func quoted(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let text = isFormula && Double(text) == nil ? "'" + text : text
        guard text.contains(where: { ",\"\r\n".contains($0) || $0 == "\r\n" }) else { return text }
        return "\"" + text.replacing("\"", with: "\"\"") + "\""
    }

    private func describe(_ library: ManifestLibrary) throws {
        let tables = library.manifests.filter { !$0.facts.isEmpty }.map {
            ($0.table, $0.title, FleetFacts.columns(of: $0).dropFirst().map { "\($0.name) \($0.type.rawValue)" })
        }
        if options.json {
            struct Body: Encodable {
                let table, title: String
                let columns: [String]
            }
            return try printJSON(tables.map { Body(table: $0.0, title: $0.1, columns: $0.2) })
        }
        for (table, title, columns) in tables {
            Terminal.current.line(Terminal.current.styled(table, .bold) + "  " + title)
            Terminal.current.line("   " + Terminal.current.wrapped((["device text"] + columns).joined(separator: ", "), indent: 3))
        }
    }
}
