internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store

/// What a caller said beforehand, for where nobody is asked.
struct CallerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "An answer of the caller, or a file with one a line; may be repeated. Used where the device cannot be reached.",
            valueName: "question=answer|file"))
    var answers: [String] = []

    /// The replies, checked against the questions of some probes.
    ///
    /// - Throws: `.parameter` for a question that there is not, or an answer that it does not take.
    func replies(to manifests: [Manifest]) throws(CommandFailure) -> CallerReplies {
        var replies = CallerReplies()
        for item in answers {
            guard item.contains("=") || FileManager.default.isReadableFile(atPath: item) else {
                throw CommandFailure(
                    .notFound, kind: "answers", "\"\(displayed(item, limit: 80))\" is neither question=answer nor a file that can be read.",
                    next: "Write it as question=answer; with --json a device that cannot be reached lists the questions.")
            }
            let lines =
                item.contains("=")
                ? [item] : String(decoding: try readFile(item), as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
            for line in lines where !line.allSatisfy({ $0.isWhitespace }) && !line.hasPrefix("#") {
                try replies.add(line, among: manifests)
            }
        }
        return replies
    }
}

/// Replies by probe and question.
struct CallerReplies {
    private var replies: [[String]: CallerQuestion.Reply] = [:]

    /// Takes `question=answer`; where several probes ask a question of that name, `probe.question=answer`.
    fileprivate mutating func add(_ line: String, among manifests: [Manifest]) throws(CommandFailure) {
        let words = line.split(separator: "=", maxSplits: 1).map { $0.trimmingCharacters(in: .whitespaces) }
        let all = manifests.flatMap { manifest in manifest.questions.map { (manifest, $0) } }
        let found = all.filter { words.first == $0.1.name || words.first == $0.0.id + "." + $0.1.name }
        guard words.count == 2, let (manifest, question) = found.first, found.count == 1 else {
            let names = found.count > 1 ? found : all
            throw CommandFailure(
                .parameter, kind: "answers",
                found.count > 1
                    ? "Several probes ask \(displayed(words[0], limit: 60))." : "\"\(displayed(line, limit: 80))\" answers no question.",
                next: names.isEmpty
                    ? "The catalogue has no questions to callers; `rollcall probes list` shows its probes."
                    : "Say one of these, = and the answer: \(names.map { "\($0.0.id).\($0.1.name)" }.joined(separator: ", ")).")
        }
        guard let reply = question.reply(words[1]) else {
            throw CommandFailure(
                .parameter, kind: "answers", "To \(question.name) nobody can answer \"\(displayed(words[1], limit: 80))\".",
                next: "It takes: \(question.choices), \(CallerQuestion.cannotTell).")
        }
        replies[[manifest.id, question.name]] = reply
    }

    var isEmpty: Bool { replies.isEmpty }

    /// Names of the questions, ascending.
    var names: [String] { replies.keys.map { $0.joined(separator: ".") }.sorted() }

    /// The reply to a question.
    func reply(to question: CallerQuestion, of manifest: Manifest) -> CallerQuestion.Reply? { replies[[manifest.id, question.name]] }
}

extension CallerInterview {
    /// Asks what is still to be asked: of the replies given beforehand, then of a person.
    ///
    /// - Parameter mayAsk: Whether somebody is at the terminal. Otherwise what was not answered beforehand is not asked.
    mutating func hold(_ replies: CallerReplies, mayAsk: Bool) throws {
        let terminal = Terminal.current
        var isAsking = mayAsk
        if isAsking { terminal.line(terminal.styled("Ask the caller, a key for each answer; Control-D ends it.", .faint)) }
        while let (manifest, question) = try next() {
            if let reply = replies.reply(to: question, of: manifest) {
                answer(reply)
            } else if isAsking, let reply = terminal.reply(to: question) {
                answer(reply)
            } else {
                // Who has had enough of one question is asked no more.
                isAsking = false
                skip()
            }
        }
        let asked = Set(exchanges.map { $0.manifest.id + "." + $0.question.name })
        for name in replies.names where !asked.contains(name) {
            terminal.complain("\(name) was not used: after the other answers it is not asked.")
        }
    }
}

extension Terminal {
    /// Asks a person one question to the caller; nil where no answer came.
    fileprivate func reply(to question: CallerQuestion) -> CallerQuestion.Reply? {
        let words: [String]
        switch question.kind {
        case .yesNo: words = ["yes", "no"]
        case .choice(let choices): words = choices
        case .integer, .number, .text:
            while true {
                writeOut("   \(displayed(question.sentence)) (\(displayed(question.choices)); ? for cannot tell) ".utf8, to: STDERR_FILENO)
                guard let line = readLine() else { return nil }
                if let reply = question.reply(line) { return reply }
            }
        }
        let keys = question.kind == .yesNo ? ["y", "n"] : words.indices.map { "\($0 + 1)" }
        let shown = zip(keys, words).map { question.kind == .yesNo ? "\($0) \($1)" : "\($0) \(displayed($1))" }
        guard
            let place = key(
                "   \(displayed(question.sentence)) [\(shown.joined(separator: ", ")), ? cannot tell] ", among: keys + ["?"],
                saying: words + ["cannot tell"])
        else { return nil }
        return place == words.count ? .cannotTell : question.reply(words[place])
    }

    /// Waits for one of some keys.
    ///
    /// - Returns: Its place; nil where nobody can be asked, or the person gave up with Control-C or Control-D.
    private func key(_ question: String, among keys: [String], saying words: [String]) -> Int? {
        withKeys { terminal in
            terminal.show(Array(question.utf8))
            while let byte = terminal.byte() {
                if byte == 3 || byte == 4 { break }
                let typed = String(decoding: [byte], as: UTF8.self).lowercased()
                guard let place = keys.firstIndex(of: typed) else { continue }
                terminal.show(Array("\(words[place])\n".utf8))
                return place
            }
            terminal.show([UInt8(ascii: "\n")])
            return nil
        }
    }
}

extension CallerReplies {
    /// Says that a device was reached, so that nobody needed its caller's answers.
    func sayUnused(of device: Device) {
        if isEmpty { return }
        Terminal.current.complain("\(device.name) was reached, so that the answers of the caller were not used.")
    }
}
