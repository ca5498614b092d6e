internal import ArgumentParser
internal import Calls
internal import Catalogue
internal import Diagnosis
internal import Foundation
internal import Ledger
internal import LedgerCore
internal import Probes
internal import SSH
internal import Store
internal import Wire

/// Operators, and the signed roster by which devices let them in.
struct OperatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "operator", abstract: "Operators, and the signed roster by which devices let them in.",
        discussion: """
            add, revoke and expire change this desk's list; it holds on devices once it was packed, signed by reviewers, and pushed:
            rollcall operator pack; rollcall operator sign --key REVIEWER; rollcall operator push '*'
            """,
        subcommands: [Add.self, List.self, Revoke.self, Expire.self, Pack.self, Sign.self, Push.self])

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "add", abstract: "Add an operator to this desk's list.")

        @Argument(help: "The name that devices write down: letters, digits and . _ -, at most 64.")
        var name: String

        @Option(name: .customLong("key"), help: "File of a public key; may be repeated.")
        var keys: [String]

        @Option(help: "observe, repair or shell.")
        var role: String

        @Option(help: "Let in until then: a date as 2027-01-31, or a time as 2027-01-31T18:00:00Z; UTC.")
        var until: String?

        @OptionGroup var options: DeskOptions

        func validate() throws {
            guard Role(Text(role)) != nil else { throw ValidationError("A role is observe, repair or shell.") }
            guard keys.count <= RosterOperator.keyCountLimit else { throw ValidationError("An operator has at most 8 keys.") }
            guard RosterOperator.isName(Array(name.utf8)) else {
                throw ValidationError("A name has letters, digits and . _ -, begins with none of . and -, and has at most 64 of them.")
            }
        }

        func run() async throws {
            let database = try options.database()
            var lines: [String] = []
            for file in keys {
                let key = try Self.key(file)
                if !lines.contains(key) { lines.append(key) }
            }
            let expiresAt = try until.map { text throws(CommandFailure) in try Moment.parse(text) }
            let person = try options.configuration().operatorName
            let added: Operator
            do throws(StoreError) {
                added = try database.addOperator(name: name, role: role, keys: lines, expiresAt: expiresAt, operator: person)
            } catch {
                throw Self.failure(error, name)
            }
            if options.json { return try printJSON(OperatorBody(added)) }
            Terminal.current.line("Added \(added.name), role \(added.role); it holds once the roster is packed, signed and pushed.")
        }

        /// The key in a file, as one OpenSSH line without a comment.
        private static func key(_ file: String) throws -> String {
            let key = HostKey(openSSH: String(decoding: try readFile(file), as: UTF8.self))
            guard let key, key.blob.count <= RosterOperator.keySizeLimit, RosterOperator.keyType(key.blob) != nil else {
                throw CommandFailure(
                    .badData, kind: "public-key",
                    "\(displayed(file)) is not a public key of type ssh-ed25519, sk-ssh-ed25519@openssh.com or ecdsa-sha2-nistp256, 384, 521.",
                    next: "Name the .pub file; `ssh-keygen -t ed25519` makes a pair.")
            }
            return key.openSSH
        }

        private static func failure(_ error: StoreError, _ name: String) -> CommandFailure {
            guard error.code == .duplicate else { return CommandFailure(error, what: "operator \"\(displayed(name))\"") }
            guard let space = error.subject.firstIndex(of: " ") else {
                return CommandFailure(
                    .badData, kind: "duplicate", "There is an operator \(displayed(name)) already.",
                    next: "Revoke that one first to give the name other keys or another role.")
            }
            return CommandFailure(
                .badData, kind: "duplicate", "The key is \(displayed(String(error.subject[..<space])))'s already.",
                next: "Each operator has keys of their own, so that devices can tell them apart.")
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(commandName: "list", abstract: "List operators, those that were revoked too.")

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let operators = try options.readableDatabase().operators()
            if options.json { return try printJSON(operators.map(OperatorBody.init)) }
            if operators.isEmpty { return Terminal.current.line("No operator is on this desk's list.") }
            var table = TextTable(["NAME", "ROLE", "STANDING", "KEYS"])
            for one in operators {
                let keys = one.keys.compactMap { HostKey(openSSH: $0)?.fingerprint }
                table.add([one.name, one.role, OperatorBody.standing(one), keys.joined(separator: " ")])
            }
            for line in table.lines(.current) { Terminal.current.line(line) }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "revoke", abstract: "Take an operator out; devices end their sessions when they get the next roster.")

        @Argument(help: "The operator's name.")
        var name: String

        @Option(help: "Why, for the record.")
        var reason = ""

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let person = try options.configuration().operatorName
            try withOperator(name) { () throws(StoreError) in
                try database.revokeOperator(named: name, reason: reason, operator: person)
            }
            if options.json { return try printJSON(try OperatorCommand.last(name, database)) }
            Terminal.current.line("Revoked \(name); devices let them in until they get a new roster: rollcall device list --drift")
        }
    }

    /// The operator of that name who was added last.
    fileprivate static func last(_ name: String, _ database: RollcallDatabase) throws -> [OperatorBody] {
        try database.operators().filter { $0.name == name }.suffix(1).map(OperatorBody.init)
    }

    struct Expire: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "expire", abstract: "Set from when on an operator is no longer let in.")

        @Argument(help: "The operator's name.")
        var name: String

        @Argument(help: "A date as 2027-01-31, or a time as 2027-01-31T18:00:00Z, UTC; or never.")
        var date: String

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let database = try options.database()
            let person = try options.configuration().operatorName
            let at = date == "never" ? nil : try Moment.parse(date)
            try withOperator(name) { () throws(StoreError) in
                try database.setOperatorExpiry(named: name, at, operator: person)
            }
            if options.json { return try printJSON(try OperatorCommand.last(name, database)) }
            Terminal.current.line(
                "\(name) is let in \(at.map { "until " + timeText($0) } ?? "without end"), once devices have a new roster.")
        }
    }

    struct Pack: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "pack", abstract: "Pack the operators who are let in now into a roster for reviewers to sign.")

        @Option(help: "Its version; by default the next one.")
        var version: UInt64?

        @Option(help: "Name of the roster.")
        var name = "rollcall"

        @Option(help: "Days in which it can be pushed, at most 3650; one in force stays so.")
        var days: UInt64 = 365

        @Option(help: "File of the desks whose ledgers devices witness, a line of `rollcall audit key` each; by default each device's own.")
        var desks: String?

        @OptionGroup var options: DeskOptions

        func validate() throws {
            guard (1...3_650).contains(days) else { throw ValidationError("--days is 1 to 3650.") }
            guard version != 0, version ?? 0 < UInt64(Int64.max) else { throw ValidationError("--version is at least 1.") }
            guard !name.isEmpty, name.utf8.count <= RollcallProtocol.identifierSizeLimit else {
                throw ValidationError("A roster's name has 1 to 128 bytes.")
            }
        }

        func run() async throws {
            let (configuration, database) = (try options.configuration(), try options.database())
            let now = UInt64(RollcallDatabase.systemTime())
            let (header, roster) = try RosterDesk(RosterFolder(configuration.roster)).pack(
                database, name: name, version: version, desks: try deskKeys(), now: now, expiresAt: now + days * 86_400 * 1_000_000,
                operator: configuration.operatorName)
            if options.json {
                return try printJSON(PackedBody(header, roster))
            }
            let count = roster.operators.count
            Terminal.current.line(
                "Packed \(count) \(count == 1 ? "operator" : "operators") as roster \(header.version) into \(configuration.roster); it is not signed yet."
            )
        }

        private func deskKeys() throws -> [String] {
            guard let desks else { return [] }
            let lines = String(decoding: try readFile(desks), as: UTF8.self).split(whereSeparator: \.isNewline).map(String.init)
            for (index, line) in lines.enumerated() where (try? NoteVerifier(text: Text(line))) == nil {
                throw CommandFailure(
                    .badData, kind: "desks", "Line \(index + 1) of \(displayed(desks)) is not a desk's verifier key.",
                    next: "`rollcall audit key` prints the one of a desk.")
            }
            return lines
        }
    }

    struct Sign: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "sign", abstract: "Sign the roster as a reviewer, with ssh-keygen, after showing who is in it.")

        @Option(help: "Private key file, or a public key file whose key is in the ssh-agent.")
        var key: String

        @Option(help: "Name of the signature; by default the key file's.")
        var name: String?

        @OptionGroup var options: DeskOptions

        func run() async throws {
            let folder = RosterFolder(try existing(options))
            let (header, roster) = try folder.read()
            for one in roster.operators where !options.json {
                let until = one.expiresAt == 0 ? "" : ", until " + timeText(Int64(clamping: one.expiresAt))
                Terminal.current.line("   \(displayed(one.name.string))  \(one.role.name.string)\(until)")
                for key in one.keys.compactMap({ HostKey(blob: $0) }) { Terminal.current.line("      \(key.algorithm) \(key.fingerprint)") }
            }
            let signature = name ?? SignatureName.of(key)
            try await folder.sign(key: key, name: signature)
            if options.json { return try printJSON(PackedBody(header, roster)) }
            Terminal.current.line("Signed roster \(header.version) as \(displayed(signature)).")
        }
    }

    struct Push: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "push", abstract: "Push the signed roster to devices, through their doors.")

        @Flag(help: "Push it although it does not let in the key that this desk logs in with.")
        var force = false

        @OptionGroup var selection: SelectionOptions
        @OptionGroup var options: DeskOptions

        func validate() throws {
            guard selection.selection != .all else { throw ValidationError("Name devices, with * and ? as wildcards: '*' for all.") }
        }

        func run() async throws {
            let desk = try await options.desk()
            let rosterDesk = RosterDesk(RosterFolder(try existing(options)))
            let devices = try desk.database.devices(selection.selection).filter { $0.name != ThisMachine.name }
            guard !devices.isEmpty else {
                throw CommandFailure(
                    .notFound, kind: "no-devices", "No device matches \(displayed(selection.words)).",
                    next: "`rollcall device list` shows those there are.")
            }
            var failed: [CommandFailure] = []
            var pushed: [PushedBody] = []
            for device in devices {
                do {
                    let version = try await withDevice(device) {
                        try await rosterDesk.push(to: device, desk: desk, now: UInt64(RollcallDatabase.systemTime()), force: force)
                    }
                    pushed.append(PushedBody(device: device.name, version: version, error: nil))
                    if !options.json { Terminal.current.line("\(device.name) accepted roster \(version).") }
                } catch let failure as CommandFailure where devices.count > 1 {
                    // The next device may well take it: a revoked key is to be locked out of as many as can be reached.
                    if !options.json { Terminal.current.complain("rollcall: \(device.name): " + failure.sentence) }
                    pushed.append(PushedBody(device: device.name, version: nil, error: failure.sentence))
                    failed.append(failure)
                }
            }
            if options.json { try printJSON(pushed) }
            guard let first = failed.first else { return }
            throw CommandFailure(
                first.status, kind: first.kind, "\(failed.count) of \(devices.count) devices did not take the roster.",
                next: "`rollcall device list --drift` shows them; push again when they can be reached.")
        }
    }
}

/// The roster's folder, in which there is one.
private func existing(_ options: DeskOptions) throws(CommandFailure) -> String {
    let path = try options.configuration().roster
    guard RosterFolder(path).exists else {
        throw CommandFailure(
            .notFound, kind: "no-roster", "There is no roster at \(path).",
            next: "Add operators with `rollcall operator add`, then pack with `rollcall operator pack`.")
    }
    return path
}

/// Changes an operator of the list, and says by name that there is none.
private func withOperator(_ name: String, _ work: () throws(StoreError) -> Void) throws(CommandFailure) {
    do throws(StoreError) { try work() } catch {
        throw CommandFailure(error, what: "operator \"\(displayed(name))\" who was not revoked")
    }
}

/// Times that people type.
enum Moment {
    /// Microseconds UTC of `2027-01-31` (its beginning) or `2027-01-31T18:00:00Z`.
    static func parse(_ text: String) throws(CommandFailure) -> Int64 {
        let whole = text.utf8.count == 10 ? text + "T00:00:00Z" : text
        guard let date = try? Date(whole, strategy: .iso8601), (0..<32_503_680_000).contains(date.timeIntervalSince1970),
            // What is no day of the calendar comes back as another one.
            date.formatted(.iso8601) == whole
        else {
            throw CommandFailure(
                .usage, kind: "usage", "\"\(displayed(text))\" is not a date.", next: "Write 2027-01-31, or 2027-01-31T18:00:00Z.")
        }
        return Int64(date.timeIntervalSince1970) * 1_000_000
    }
}

/// An operator for `--json`.
private struct OperatorBody: Encodable {
    let name: String
    let role: String
    let standing: String
    let keys: [String]
    let expiresAt: String?
    let addedAt: String
    let revokedAt: String?
    let reason: String?

    init(_ one: Operator) {
        (name, role, standing) = (one.name, one.role, Self.standing(one))
        keys = one.keys.compactMap { HostKey(openSSH: $0)?.fingerprint }
        expiresAt = one.expiresAt.map(timeText)
        addedAt = timeText(one.addedAt)
        revokedAt = one.revokedAt.map(timeText)
        reason = one.reason.isEmpty ? nil : displayed(one.reason)
    }

    static func standing(_ one: Operator) -> String {
        if let at = one.revokedAt { return "revoked " + timeText(at) }
        guard let at = one.expiresAt else { return "let in" }
        return (one.isLetIn(at: RollcallDatabase.systemTime()) ? "until " : "expired ") + timeText(at)
    }
}

private struct PackedBody: Encodable {
    let name: String
    let version: UInt64
    let operators: [String]
    let expiresAt: String

    init(_ header: DocumentHeader, _ roster: Roster) {
        (name, version) = (header.name.string, header.version)
        operators = roster.operators.map(\.name.string)
        expiresAt = timeText(Int64(clamping: header.expiresAt))
    }
}

/// What became of a push to one device, for `--json`.
private struct PushedBody: Encodable {
    let device: String
    /// Absent where the device did not take it.
    let version: UInt64?
    /// Why it did not.
    let error: String?
}
