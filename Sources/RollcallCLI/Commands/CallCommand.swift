public import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
public import Store
internal import Wire

/// Opens a call: who it is, what was before, what is wrong now, and what usually helps.
struct CallCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Open a support call on a device: brief, diagnosis, and what usually fixes it.",
        discussion: "On a terminal a prompt follows; elsewhere the call stays open for `rollcall fix` and `rollcall close`.")

    @Argument(help: "The device's name.")
    var device: String

    @Option(name: .customLong("case"), help: ArgumentHelp("Number of the case in the ticket system.", valueName: "id"))
    var caseID = ""

    @Option(help: ArgumentHelp("What the customer says.", valueName: "text"))
    var symptom = ""

    @Option(help: "Would a truck roll without Rollcall: yes, no or unsure. Frozen now, for the figures later.")
    var wouldRoll = SupportCall.WouldRoll.unsure

    @OptionGroup var caller: CallerOptions
    @OptionGroup var options: DeskOptions

    func run() async throws {
        let desk = try await options.desk()
        let found = try findDevice(device, desk.database)
        let replies = try await caller.replies(to: desk.library().callerProbes(model: found.labels.model))
        if let open = try desk.database.calls(CallSelection(device: found.id, isOpen: true, limit: 1)).first {
            throw CommandFailure(
                .badData, kind: "call-open", "\(found.name) has an open call already, \(open.id), since \(timeText(open.openedAt)).",
                next: "Go on in it with `rollcall diagnose` and `rollcall fix`, or end it with `rollcall close OUTCOME --call \(open.id)`.")
        }
        let earlier = try desk.database.calls(CallSelection(device: found.id, limit: 3))
        let call = try desk.database.recordCallOpened(
            device: found.id, caseID: caseID, symptom: symptom, wouldRoll: wouldRoll, operator: desk.operatorName)
        if !options.json { brief(found, call: call, earlier: earlier) }
        let diagnosis: DeviceDiagnosis
        do {
            diagnosis = try await DeviceDiagnosis.run(
                found, desk: desk, call: call.id, reason: symptom.isEmpty ? "call" : "call: \(symptom)")
        } catch {
            let verdict = try await attend(found, failedWith: error, desk: desk, call: call.id, replies: replies, json: options.json)
            if let verdict, !options.json, Terminal.current.canAsk {
                return try await CallConsole(desk: desk, device: found, call: call, verdict: verdict).run()
            }
            guard let failure = CommandFailure(error, device: found) else { throw error }
            throw CommandFailure(
                failure.status, kind: failure.kind, failure.sentence,
                next: failure.nextStep + " The call is open all the same: `rollcall close unreachable --call \(call.id)` ends it.")
        }
        replies.sayUnused(of: found)
        if options.json || !Terminal.current.canAsk { try show(diagnosis, device: found, desk: desk, call: call.id, json: options.json) }
        printVerdict(diagnosis, device: found, desk: desk)
        try await CallConsole(desk: desk, device: found, call: call, verdict: diagnosis.verdict).run()
    }

    private func brief(_ device: Device, call: SupportCall, earlier: [SupportCall]) {
        let terminal = Terminal.current
        terminal.line(terminal.styled("Call \(call.id)", .faint) + (caseID.isEmpty ? "" : "  case \(displayed(caseID, limit: 60))"))
        if earlier.isEmpty {
            terminal.line("No earlier call on \(device.name).")
        }
        for old in earlier {
            let end = old.closing.map { closing in
                closing.outcome.rawValue + (closing.notes.isEmpty ? "" : ": " + displayed(closing.notes, limit: 80))
            }
            terminal.line("Before: \(timeText(old.openedAt))  \(displayed(old.symptom, limit: 60))  ->  \(end ?? "still open")")
        }
    }
}

extension SupportCall.WouldRoll: ExpressibleByArgument {}

extension SupportCall.Outcome: ExpressibleByArgument {}

/// The prompt of a call on a terminal.
struct CallConsole {
    let desk: Desk
    let device: Device
    let call: SupportCall
    /// The last one of this call: of the device's answers, or of its caller's.
    let verdict: Verdict

    private static let help = """
        diagnose                    ask everything again; where the device cannot be reached, its caller
        fix REMEDY [name=value ...] run a remedy, with before and after
            ... --now REASON        although the device is in use; the reason goes on both records
        undo                        take back the last remedy of this call that can be taken back
        run PROBE [name=value ...]  run one probe
        close OUTCOME [note]        end the call: fixed-remotely, customer-action, no-fault-found, visit-needed, unreachable, abandoned
        leave, quit                 leave the call open
        """

    /// Reads commands until the call ends or is left.
    func run() async throws {
        let terminal = Terminal.current
        var verdict = verdict
        terminal.line(terminal.styled("\nThe call is open. Type a command, or help.", .faint))
        while true {
            writeOut("\(device.name)> ".utf8, to: STDERR_FILENO)
            guard let line = readLine() else { return leave() }
            let words = line.split(separator: " ").map(String.init)
            guard let word = words.first else { continue }
            do {
                switch word {
                case "help", "?": terminal.line(Self.help)
                case "leave", "quit", "exit": return leave()
                case "diagnose":
                    do {
                        let again = try await DeviceDiagnosis.run(device, desk: desk, call: call.id, reason: "call: \(call.symptom)")
                        verdict = again.verdict
                        printVerdict(again, device: device, desk: desk)
                    } catch {
                        let said = try await attend(
                            device, failedWith: error, desk: desk, call: call.id, replies: CallerReplies(), json: false)
                        guard let said else { throw error }
                        verdict = said
                    }
                case "undo": try await fix(device, .undo, urgency: nil, desk: desk, asks: true, json: false)
                case "fix" where words.count > 1:
                    let (before, after) = (words.prefix { $0 != "--now" }, words.drop { $0 != "--now" }.dropFirst())
                    let urgency = try UrgencyOptions.reason(words.contains("--now") ? after.joined(separator: " ") : nil)
                    let values = try parameters(Array(before.dropFirst(2))).map { Parameter(name: Text($0.name), value: Text($0.value)) }
                    try await fix(device, .remedy(words[1], values), urgency: urgency, desk: desk, asks: true, json: false)
                case "run" where words.count > 1:
                    let command = try RunCommand.parse([device.name] + words.dropFirst())
                    try await command.run()
                case "close" where words.count > 1:
                    guard let outcome = SupportCall.Outcome(rawValue: words[1]) else { terminal.line(Self.help); continue }
                    let note = words.dropFirst(2).joined(separator: " ")
                    guard let closing = closing(outcome, note: note, verdict: verdict) else { continue }
                    showClosed(try desk.database.recordCallClosed(id: call.id, closing, operator: desk.operatorName))
                    return
                default:
                    terminal.complain("\"\(displayed(line, limit: 80))\" is not a command of this prompt.")
                    terminal.line(Self.help)
                }
            } catch {
                guard let failure = CommandFailure(error, device: device) else { throw error }
                terminal.complain(failure.sentence)
                if !failure.nextStep.isEmpty { terminal.complain("  " + failure.nextStep) }
            }
        }
    }

    /// A visit is sent with the parts and the skill that the findings name; who knows better says so.
    private func closing(_ outcome: SupportCall.Outcome, note: String, verdict: Verdict) -> SupportCall.Closing? {
        guard outcome == .visitNeeded else { return SupportCall.Closing(outcome: outcome, notes: note) }
        let findings = verdict.findings.filter { $0.visit != .none }
        var seen: Set<String> = []
        let parts = findings.flatMap(\.parts).filter { seen.insert($0).inserted }.joined(separator: ", ")
        let skills = findings.compactMap(\.skill).filter { seen.insert($0).inserted }.joined(separator: ", ")
        func ask(_ question: String, _ proposal: String) -> String? {
            let shown = proposal.isEmpty ? "" : " [\(displayed(proposal))]"
            writeOut("\(question)\(shown): ".utf8, to: STDERR_FILENO)
            guard let line = readLine()?.trimmingCharacters(in: .whitespaces) else { return nil }
            return line.isEmpty ? proposal : line
        }
        guard let brought = ask("Parts to bring", parts), let skill = ask("What the visitor must be able to do", skills) else { return nil }
        if skill.isEmpty {
            Terminal.current.complain("A visit needs to know what the visitor must be able to do.")
            return nil
        }
        return SupportCall.Closing(outcome: outcome, notes: note, parts: brought, skill: skill)
    }

    private func leave() {
        Terminal.current.line("The call stays open; end it with `rollcall close OUTCOME --call \(call.id)`.")
    }
}

/// Says how a call ended.
func showClosed(_ call: SupportCall) {
    let terminal = Terminal.current
    let outcome = call.closing?.outcome.rawValue ?? "open"
    terminal.line("Call on \(call.device.name) closed: " + terminal.styled(outcome, .bold))
    if let closing = call.closing, !closing.parts.isEmpty { terminal.line("   parts: \(displayed(closing.parts))") }
    if let closing = call.closing, !closing.skill.isEmpty { terminal.line("   skill: \(displayed(closing.skill))") }
    if let until = call.provisionalUntil(window: avoidanceWindow) {
        terminal.line("   A truck roll was avoided, provisionally: it counts if nobody has to go there before \(timeText(until)).")
    }
}
