internal import ArgumentParser
internal import Diagnosis
internal import Foundation
internal import Report
internal import Store

/// The figures of a period.
struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report", abstract: "The figures of a period's calls: outcomes, truck rolls avoided, time to outcome.")

    @Option(help: "How far back, such as 30d or 12h.")
    var since = "30d"

    @OptionGroup var options: DeskOptions

    func run() async throws {
        let database = try options.readableDatabase()
        let figures = try database.callFigures(since: RollcallDatabase.systemTime() - (try period()), window: avoidanceWindow)
        let report = CallReport(figures)
        if options.json { return try printJSON(report) }
        for line in report.lines { Terminal.current.line(line) }
    }

    /// The period in microseconds.
    private func period() throws -> Int64 {
        let hour: Int64 = 3_600 * 1_000_000
        let units: [Character: Int64] = ["h": hour, "d": 24 * hour, "w": 7 * 24 * hour]
        guard let unit = since.last.flatMap({ units[$0] }), let count = Int64(since.dropLast()), (1...100_000).contains(count) else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(since))\" is not a period.", next: "Give --since a number and h, d or w, such as 30d."
            )
        }
        return count * unit
    }
}
