internal import ArgumentParser
internal import Calls
internal import Diagnosis
internal import Foundation
internal import Probes
internal import Store

/// What healthy devices of a model have.
struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model", abstract: "What devices of a model have when they are well: services, ports, mounts, USB devices, and so on.",
        discussion: "Rules compare a device with it by the tables expected_services, expected_ports, ... of docs/PROBES.md.",
        subcommands: [Learn.self, Show.self, Diff.self, Add.self, Remove.self, Forget.self])

    /// Derives what is expected from good devices.
    struct Learn: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take what all of these devices have for what every device of the model must have.",
            discussion: "It is taken from their last diagnosis in which nothing was found; no device is asked now.")

        @Argument(help: "The model.")
        var model: String
        @Argument(help: "Good devices of it; the more, the less of what only one of them has.")
        var devices: [String]
        @Flag(help: "Do not ask before what is known is replaced.")
        var yes = false
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let desk = try await options.desk()
            let answers = try devices.map { name in try ModelCommand.answers(.good, of: findDevice(name, desk.database), desk.database) }
            let known = try desk.database.expectations(model: model)
            let learnt = try Diagnostician(library: try await desk.library()).lessons(of: answers)
            let records = learnt.flatMap { kind, items in items.map { ExpectationRecord(kind: kind, item: $0) } }
            guard !records.isEmpty else {
                throw CommandFailure(
                    .badData, kind: "nothing-learnt", "These devices have nothing in common that a model is known by.",
                    next: "`rollcall query` shows what each of them answered.")
            }
            if !known.isEmpty, !yes {
                let (new, gone) = (Set(records).subtracting(known), Set(known).subtracting(records))
                guard
                    Terminal.current.confirm(
                        "\(displayed(model)) is known already; \(new.count) would be new, \(gone.count) gone. Replace it?")
                else { return Terminal.current.line("Nothing was changed.") }
            }
            try desk.database.setExpectations(records, model: model)
            try ModelCommand.show(records, model, json: options.json)
        }
    }

    /// Shows what is expected.
    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Show what is expected of devices of a model.")
        @Argument(help: "The model.")
        var model: String
        @OptionGroup var options: DeskOptions

        func run() async throws {
            try ModelCommand.show(ModelCommand.known(model, options.readableDatabase()), model, json: options.json)
        }
    }

    /// Compares a device with what is expected of it.
    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show what a device has not, or has beside, what its model is expected to have, by its last answers.")
        @Argument(help: "The device.")
        var device: String
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.readableDatabase()
            let found = try findDevice(device, database)
            let known = Set(try ModelCommand.known(found.labels.model, database))
            let answers = try ModelCommand.answers(.last, of: found, database)
            let has = try Diagnostician(library: try options.library()).lessons(of: [answers])
            let records = Set(has.flatMap { kind, items in items.map { ExpectationRecord(kind: kind, item: $0) } })
            let (missing, beside) = (ModelCommand.ordered(known.subtracting(records)), ModelCommand.ordered(records.subtracting(known)))
            if options.json {
                struct Body: Encodable { let missing, beside: [Item] }
                return try printJSON(Body(missing: missing.map(Item.init), beside: beside.map(Item.init)))
            }
            for record in missing { Terminal.current.line("- " + Item(record).line) }
            for record in beside { Terminal.current.line("+ " + Item(record).line) }
            if missing.isEmpty, beside.isEmpty { Terminal.current.line("\(found.name) has what its model has.") }
        }
    }

    /// Expects one thing more.
    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Expect one thing more.",
            discussion: "Kinds: " + Lesson.kinds.map { "\($0.name) (\($0.columns.joined(separator: ", ")))" }.joined(separator: "; ") + ".")
        @OptionGroup var item: ItemArguments
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let known = try database.expectations(model: item.model)
            try database.setExpectations(known + [try item.record()], model: item.model)
        }
    }

    /// Expects one thing less.
    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Expect one thing less.")
        @OptionGroup var item: ItemArguments
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let record = try item.record()
            let known = try ModelCommand.known(item.model, database)
            guard known.contains(record) else {
                throw CommandFailure(
                    .notFound, kind: "not-expected", "\(displayed(item.model)) is not expected to have \(Item(record).line).",
                    next: "`rollcall model show \(displayed(item.model))` lists what is.")
            }
            try database.setExpectations(known.filter { $0 != record }, model: item.model)
        }
    }

    /// Forgets a model.
    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Expect nothing of devices of a model any more.")
        @Argument(help: "The model.")
        var model: String
        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            _ = try ModelCommand.known(model, database)
            try database.setExpectations([], model: model)
        }
    }

    /// A model, a kind and an item.
    struct ItemArguments: ParsableArguments {
        @Argument(help: "The model.")
        var model: String
        @Argument(help: "The kind, such as services.")
        var kind: String
        @Argument(help: "Its values, such as cups.service, or tcp 631.")
        var values: [String]

        func record() throws -> ExpectationRecord {
            guard let known = Lesson.kinds.first(where: { $0.name == kind }) else {
                throw ValidationError("There is no kind \(displayed(kind)); kinds are \(Lesson.kinds.map(\.name).joined(separator: ", ")).")
            }
            guard known.columns.count == values.count else {
                throw ValidationError("\(kind) takes: \(known.columns.joined(separator: ", ")).")
            }
            return ExpectationRecord(kind: kind, item: values)
        }
    }

    /// An item for people and for `--json`.
    struct Item: Encodable {
        let kind: String
        let item: [String]

        init(_ record: ExpectationRecord) { (kind, item) = (record.kind, record.item) }

        var line: String { "\(kind) " + item.map { displayed($0, limit: 120) }.joined(separator: " ") }
    }

    private static func ordered(_ records: some Sequence<ExpectationRecord>) -> [ExpectationRecord] {
        records.sorted { ($0.kind, $0.item.joined(separator: "\u{0}")) < ($1.kind, $1.item.joined(separator: "\u{0}")) }
    }

    private static func show(_ records: [ExpectationRecord], _ model: String, json: Bool) throws {
        if json { return try printJSON(ordered(records).map(Item.init)) }
        for record in ordered(records) { Terminal.current.line(Item(record).line) }
    }

    private static func known(_ model: String, _ database: RollcallDatabase) throws -> [ExpectationRecord] {
        let known = try database.expectations(model: model)
        guard !known.isEmpty else {
            throw CommandFailure(
                .notFound, kind: "unknown-model", "Nothing is expected of devices of the model \"\(displayed(model))\".",
                next: "`rollcall model learn MODEL DEVICE...` learns it from good devices.")
        }
        return known
    }

    private static func answers(_ kind: AnswerRecord.Kind, of device: Device, _ database: RollcallDatabase) throws -> [Answer] {
        guard let record = try database.answers(kind, device: device.id) else {
            throw CommandFailure(
                .notFound, kind: "no-answers",
                kind == .good ? "\(device.name) was never found well by this desk." : "\(device.name) has not answered this desk yet.",
                next: "`rollcall diagnose \(device.name)` asks it.")
        }
        guard let answers = try? Answer.decode(record.encoded) else { throw StoreError(.corrupt, "answers") }
        return answers
    }
}
