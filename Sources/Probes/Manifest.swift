public import Catalogue
internal import Wire

/// One probe as its author writes it: what the device is asked, how the answer is read, and what follows from it.
public struct Manifest: Equatable, Sendable {
    /// Id such as `storage.space`; also the folder below `probes/`.
    public var id: String
    /// What it tells or does, as a heading.
    public var title: String
    /// What it may do to a device.
    public var impact: Impact
    /// How the agent answers it; nil where the caller is asked and not the device.
    public var source: ProbeSource?
    /// What the caller is asked, in this order; empty where the device is asked.
    public var questions: [CallerQuestion]
    /// Models whose callers are asked; empty for all.
    public var models: [String]
    /// What may be asked for.
    public var parameters: [ParameterDefinition]
    /// Wall time, milliseconds.
    public var timeLimit: UInt64
    /// Output in bytes, both streams together.
    public var outputLimit: UInt64
    /// User it runs as.
    public var user: String
    /// Supplementary groups.
    public var groups: [String]
    /// Whether it may use the network.
    public var mayUseNetwork: Bool
    /// Whether it may open Unix sockets.
    public var mayUseLocalSockets: Bool
    /// Absolute paths at and beneath which it may write.
    public var writable: [String]
    /// Whether a full diagnosis asks it, where it only observes and takes no parameter.
    public var isInDiagnosis: Bool
    /// Exit codes that count as an answer.
    public var acceptedExitCodes: [UInt64]
    /// How its output becomes rows; nil where it states no facts.
    public var parse: ParseRule?
    /// Columns of its fact table, in the order of the file.
    public var facts: [FactColumn]
    /// Queries that rules may read like fact tables.
    public var views: [View]
    /// What follows from the facts, in the order of the file.
    public var findings: [FindingRule]
    /// By what a device is in use that this would disturb; empty where it disturbs nobody.
    public var inUse: [UseRule]
    /// What takes this back; nil where nothing does.
    public var undo: FindingRule.RemedyReference?
    /// The states of a device that this changes, so that ``undo`` leads back to them: one of them is right before. Empty where every state is.
    public var undoStates: [StateRule]
    /// What of the facts is compared with earlier times and with like devices; nil for nothing.
    public var watch: WatchRule?
    /// What healthy devices of a model teach about it, by kind.
    public var lessons: [Lesson]
    /// The file it was read from, relative to the library.
    public var file: String
    /// The file's bytes.
    public var text: [UInt8]

    /// Name of its fact table: the id with every dot and dash as an underscore.
    public var table: String { Self.table(of: id) }

    /// Whether a probe may have this id: words of a-z, 0-9 and dashes joined by dots, 64 bytes at most.
    public static func isID(_ id: String) -> Bool { ManifestReader.isID(id) }

    /// Name of the fact table of a probe.
    public static func table(of id: String) -> String { String(decoding: id.utf8.map { $0 == 45 || $0 == 46 ? 95 : $0 }, as: UTF8.self) }

    /// The probe as the agent knows it: the device part of the manifest; nil where the caller is asked, of which no device hears.
    public var definition: ProbeDefinition? {
        guard let source else { return nil }
        return ProbeDefinition(
            id: Text(id), impact: impact, source: source, parameters: parameters, timeLimit: timeLimit, outputLimit: outputLimit,
            user: Text(user), groups: groups.map { Text($0) }, mayUseNetwork: mayUseNetwork,
            mayUseLocalSockets: mayUseLocalSockets, writable: writable.map { Text($0) })
    }
}

/// Type of a fact: a column type of SQLite's STRICT tables.
public enum FactType: String, Sendable {
    /// UTF-8 text.
    case text
    /// A whole number of 64 bits.
    case int
    /// A floating-point number.
    case real
}

/// One column of a fact table.
public struct FactColumn: Equatable, Sendable {
    /// Where in an answer a column's value stands.
    public enum Place: Equatable, Sendable {
        /// The first of these keys or groups that is there.
        case keys([String])
        /// The n-th word of a line, from 1.
        case column(Int)
        /// The first group of a regular expression in a file, or in the output where `file` is nil.
        case match(file: String?, pattern: String)
        /// All of a file, without blanks at its ends.
        case content(file: String)
        /// How often a regular expression matches.
        case count(file: String?, pattern: String)
    }

    /// Name of the column.
    public var name: String
    /// Its type.
    public var type: FactType
    /// Where its value stands.
    public var place: Place
    /// What a number is multiplied by.
    public var scale: Double?
    /// What stands for a value that is not there; nil means NULL.
    public var defaultValue: String?
    /// Line in the manifest.
    public var line: Int
}

/// How an answer's bytes become rows of facts.
public struct ParseRule: Equatable, Sendable {
    /// The kinds of reading.
    public enum Form: Equatable, Sendable {
        /// Rows of the `statfs` reader.
        case mounts
        /// Rows of the `files` reader: path, status, content.
        case files
        /// Rows of the `stat` reader.
        case status
        /// The row of the `clock` reader.
        case clock
        /// Rows of the reader `resolve`.
        case names
        /// Rows of the reader `connect`.
        case connections
        /// One row in all, each column found by a regular expression.
        case record
        /// A row for every distinct text that a regular expression matches at the start of a file's path; columns are its named groups,
        /// and what stands in the files whose paths go on from there.
        case each(pattern: String)
        /// A row for every X.509 certificate in the files.
        case certificates
        /// One JSON document; rows are the array, or the one object, at a path of keys.
        case document(path: [String])
        /// One JSON object a line; where `match` is given, lines that it does not match are passed over.
        case jsonLines(match: String?)
        /// A line a row: a regular expression with named groups; lines that `skip` matches are passed over.
        case lines(pattern: String, skip: String?)
        /// `key<separator>value` lines; records end at an empty line where `manyRecords`.
        case pairs(separator: String, manyRecords: Bool)
        /// Words between blanks; the first `skip` lines are headings.
        case columns(skip: Int)
    }

    /// The kind of reading.
    public var form: Form
    /// Rows without which the answer counts as unreadable.
    public var minimumRowCount: Int
    /// Line in the manifest.
    public var line: Int
}

/// What of a fact table should be as it was, and as on like devices.
public struct WatchRule: Equatable, Sendable {
    /// Columns that tell one row from another.
    public var subject: [String]
    /// Columns whose values are compared; none where only the rows themselves are.
    public var columns: [String]
}

/// A query over fact tables under a name of its own, for what several rules have in common.
public struct View: Equatable, Sendable {
    /// Name by which rules read it.
    public var name: String
    /// The query.
    public var query: String
    /// Line in the manifest.
    public var line: Int
}

/// Things that every healthy device of a model has, found by a query over its facts.
public struct Lesson: Equatable, Sendable {
    /// Kinds of things, and the columns that a query for one gives.
    public static let kinds: [(name: String, columns: [String])] = [
        ("services", ["unit"]), ("ports", ["protocol", "port"]), ("mounts", ["mount"]), ("usb", ["vendor", "product"]),
        ("interfaces", ["name"]), ("packages", ["name"]), ("serial", ["name"]),
    ]

    /// Name of the kind.
    public var kind: String
    /// The query.
    public var query: String
    /// Line in the manifest.
    public var line: Int
}

/// How bad a finding is, from less to more.
public enum Severity: String, Codable, CaseIterable, Comparable, Sendable {
    /// Worth knowing; nothing to do.
    case info
    /// Will do harm if nobody acts.
    case warning
    /// Does harm now.
    case critical

    /// Less severe first.
    public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

    private var rank: Int {
        switch self {
        case .info: 0
        case .warning: 1
        case .critical: 2
        }
    }
}

/// Whether a finding takes somebody to the device.
public enum VisitAdvice: String, Codable, CaseIterable, Sendable {
    /// It does not.
    case none
    /// When the remedies did not help.
    case ifRemediesFail = "if-remedies-fail"
    /// It does; nothing remote mends it.
    case advised
}

/// When a device is in use by what a remedy would disturb: what a probe says just before it.
public struct UseRule: Equatable, Sendable {
    /// Id of the probe that is asked.
    public var probe: String
    /// The SQL that finds a use; it may also read the remedy's `parameters`.
    public var test: FindingRule.Test
    /// What uses the device, as the end of a sentence.
    public var sentence: Template
    /// Line in the manifest.
    public var line: Int
}

/// A state of a device in which a remedy changes something.
public struct StateRule: Equatable, Sendable {
    /// Id of the probe that is asked.
    public var probe: String
    /// The SQL that has a row in that state; it may also read the remedy's `parameters`.
    public var test: FindingRule.Test
    /// Line in the manifest.
    public var line: Int
}

/// What follows from facts.
public struct FindingRule: Equatable, Sendable {
    /// The SQL that finds it.
    public enum Test: Equatable, Sendable {
        /// A condition over each row of the probe's own table.
        case when(String)
        /// A query; every row of it is a finding.
        case select(String)
    }

    /// A finding that this one explains, with the evidence it takes.
    public struct Explanation: Equatable, Sendable {
        /// Id of the explained finding.
        public var finding: String
        /// SQL condition over the rows `cause` and `effect` and any fact table.
        public var condition: String
        /// Line in the manifest.
        public var line: Int
    }

    /// A remedy and how its parameters are filled from the finding's row.
    public struct RemedyReference: Equatable, Sendable {
        /// Id of the remedy's probe.
        public var probe: String
        /// Parameters: name, and the template of the value.
        public var parameters: [String: Template]
        /// Line in the manifest.
        public var line: Int
    }

    /// Id such as `storage.full`.
    public var id: String
    /// Columns that tell one finding of this rule from another.
    public var subject: [String]
    /// The SQL that finds it.
    public var test: Test
    /// How bad it is.
    public var severity: Severity
    /// What to say to the customer: in English, or in the language of ``ManifestLibrary/spoken(in:)`` where the rule has it.
    public var customer: Template
    /// What to say in other languages than English, by their codes.
    public var translations: [String: Template]
    /// The evidence, for an engineer.
    public var engineer: Template
    /// What it explains.
    public var explains: [Explanation]
    /// What usually mends it, best first.
    public var remedies: [RemedyReference]
    /// Whether somebody must go there.
    public var visit: VisitAdvice
    /// What they must bring.
    public var parts: [String]
    /// What they must be able to do; nil where anybody will do.
    public var skill: String?
    /// Line of the rule in the manifest.
    public var line: Int
    /// Line of its SQL in the manifest.
    public var testLine: Int
}
