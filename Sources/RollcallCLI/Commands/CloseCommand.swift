internal import ArgumentParser
internal import Diagnosis
internal import Foundation
internal import Store

/// Ends a call with an outcome.
struct CloseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "close", abstract: "End a call with its outcome.",
        discussion: "Outcomes: " + SupportCall.Outcome.allCases.map(\.rawValue).joined(separator: ", ") + ".")

    @Argument(help: "How the call ended.")
    var outcome: SupportCall.Outcome

    @Option(help: ArgumentHelp("Which call; not needed where only one is open.", valueName: "id"))
    var call: String?

    @Option(help: ArgumentHelp("What the next one to look at this should know.", valueName: "text"))
    var note = ""

    @Option(help: ArgumentHelp("Parts that a visit must bring.", valueName: "text"))
    var parts = ""

    @Option(help: ArgumentHelp("What a visitor must be able to do.", valueName: "text"))
    var skill = ""

    @OptionGroup var options: DeskOptions

    func validate() throws {
        if outcome == .visitNeeded, skill.isEmpty { throw ValidationError("A visit needs --skill, and --parts where it brings some.") }
    }

    func run() async throws {
        let database = try options.database()
        let id = try call ?? onlyOpenCall(database)
        let closing = SupportCall.Closing(outcome: outcome, notes: note, parts: parts, skill: skill)
        let person = try options.configuration().operatorName
        let closed: SupportCall
        do throws(StoreError) {
            closed = try database.recordCallClosed(id: id, closing, operator: person)
        } catch {
            throw CommandFailure(error, what: "call \(id)")
        }
        if options.json { try printJSON(CallBody(try database.callHistory(id: closed.id))) } else { showClosed(closed) }
    }

    private func onlyOpenCall(_ database: RollcallDatabase) throws -> String {
        let open = try database.calls(CallSelection(isOpen: true, limit: 10))
        guard let first = open.first else {
            throw CommandFailure(.notFound, kind: "no-open-call", "No call is open.", next: "`rollcall call DEVICE` opens one.")
        }
        guard open.count == 1 else {
            throw CommandFailure(
                .usage, kind: "several-open-calls", "\(open.count) calls are open.",
                next: "Say which one with --call: " + open.map { "\($0.id) (\($0.device.name))" }.joined(separator: ", ") + ".")
        }
        return first.id
    }
}

/// What is on record of calls.
struct CallsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "calls", abstract: "List calls, or show all that is on record of one.", subcommands: [List.self, Show.self],
        defaultSubcommand: List.self)

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List calls, newest first.")

        @Option(help: "Only of this device.")
        var device: String?

        @Flag(help: "Only open ones.")
        var open = false

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let id = try device.map { try findDevice($0, database).id }
            let calls = try database.calls(CallSelection(device: id, isOpen: open ? true : nil))
            if options.json { return try printJSON(try calls.map { CallBody(try database.callHistory(id: $0.id)) }) }
            if calls.isEmpty { return Terminal.current.line("No call is on record.") }
            var table = TextTable(["OPENED", "DEVICE", "CASE", "SYMPTOM", "OUTCOME", "ID"])
            for call in calls {
                table.add([
                    timeText(call.openedAt), call.device.name, displayed(call.caseID, limit: 20), displayed(call.symptom, limit: 40),
                    call.closing?.outcome.rawValue ?? "open", call.id,
                ])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "show", abstract: "Show all that is on record of a call; the newest one unless named.")

        @Argument(help: "Id of the call.")
        var call: String?

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            guard let id = try call ?? database.calls(CallSelection(limit: 1)).first?.id else {
                throw CommandFailure(.notFound, kind: "no-call", "No call is on record.", next: "`rollcall call DEVICE` opens one.")
            }
            let history: CallHistory
            do throws(StoreError) { history = try database.callHistory(id: id) } catch {
                throw CommandFailure(error, what: "call \(displayed(id))")
            }
            if options.json { return try printJSON(CallBody(history)) }
            for line in CallText(terminal: .current).lines(history) { Terminal.current.line(line) }
        }
    }
}
