public import Probes

/// The facts of many devices in one database, for questions in SQL: every table of the library with a first column `device`.
public final class FleetFacts {
    /// A row for each device that is asked about.
    public struct Member: Equatable, Sendable {
        /// Its name, site and model.
        public var name, site, model: String
        /// When it was asked last, microseconds UTC.
        public var takenAt: Int64
        /// What it answered.
        public var answers: [Answer]

        /// Makes a member of its fields.
        public init(name: String, site: String, model: String, takenAt: Int64, answers: [Answer]) {
            (self.name, self.site, self.model, self.takenAt, self.answers) = (name, site, model, takenAt, answers)
        }
    }

    /// What a question came to.
    public struct Result: Equatable, Sendable {
        /// Names of the columns.
        public var columns: [String]
        /// The rows, values the devices' own: hostile until displayed.
        public var rows: [[FactValue]]
        /// Whether there are more rows than were asked for.
        public var isCut: Bool
    }

    private let database: FactDatabase

    /// The columns of a probe's table here: a fact that is itself called `device`, such as a disk, is `its_device`.
    public static func columns(of manifest: Manifest) -> [(name: String, type: FactType)] {
        [("device", .text)] + manifest.facts.map { ($0.name == "device" ? "its_device" : $0.name, $0.type) }
    }

    /// Reads all answers. Facts of an answer that is not complete are left out; the table `answers` says of which, and why.
    ///
    /// - Throws: `.database` where the facts do not fit into memory.
    public init(_ members: [Member], library: ManifestLibrary) throws(DiagnosisError) {
        database = try FactDatabase()
        try database.create(
            "devices", columns: [("device", .text), ("site", .text), ("model", .text), ("taken_at", .int)])
        try database.create("answers", columns: [("device", .text), ("probe", .text), ("state", .text), ("reason", .text)])
        let manifests = library.manifests.filter { !$0.facts.isEmpty }
        for manifest in manifests {
            try database.create(manifest.table, columns: Self.columns(of: manifest))
        }
        for member in members {
            try database.insert(
                [[.text(member.name), .text(member.site), .text(member.model), .int(member.takenAt / 1_000_000)]], into: "devices")
        }
        for manifest in manifests {
            let reader = AnswerReader(manifest: manifest)
            for member in members {
                guard let answer = member.answers.last(where: { $0.probe == manifest.id }) else { continue }
                let parsed = reader.read(answer)
                let (state, reason): (String, FactValue) =
                    switch parsed.state {
                    case .complete: ("complete", .null)
                    case .incomplete(let reason): ("incomplete", .text(reason))
                    case .nothing(let reason): ("nothing", .text(reason))
                    case .notAsked: ("not asked", .null)
                    }
                try database.insert([[.text(member.name), .text(manifest.id), .text(state), reason]], into: "answers")
                if parsed.state == .complete {
                    try database.insert(parsed.rows.map { [.text(member.name)] + $0 }, into: manifest.table)
                }
            }
        }
        database.seal(stepFactor: 100)
    }

    /// Asks a question that only reads.
    ///
    /// - Throws: `.refusedSQL` with what SQLite says, `.slowSQL`.
    public func ask(_ sql: String, limit: Int) throws(DiagnosisError) -> Result {
        let rows = try database.rows(try database.prepare(sql).statement, limit: limit)
        return Result(columns: rows.columns, rows: rows.rows, isCut: rows.isCut)
    }
}
