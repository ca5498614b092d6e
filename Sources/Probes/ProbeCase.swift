internal import Foundation
public import Wire

/// A recorded answer to a probe, and the facts and findings that must come of it: a folder below `cases/`.
///
/// `answer.yaml` says how the probe ended, `stdout` holds what a program wrote, `expected.yaml` what is to come of it.
public struct ProbeCase: Equatable, Sendable {
    /// How the recorded probe ended.
    public enum Ending: Equatable, Sendable {
        /// It was run.
        case done(Done)
        /// The agent refused it, with this sentence.
        case refused(String)
    }

    /// What the desk knows of the device beside its answers.
    public struct Desk: Equatable, Sendable {
        /// A device that could not be reached.
        public struct Contact: Equatable, Sendable {
            /// When its agent was heard last, and since when it cannot be reached, seconds UTC.
            public var lastSeen, failingSince: Int64?
            /// Code of the failure.
            public var failure: String
        }

        /// Another device of the site.
        public struct Sibling: Equatable, Sendable {
            /// Its name and model.
            public var name, model: String
            /// When its agent was heard last, and when it was tried last, seconds UTC.
            public var lastSeen, lastTried: Int64?
            /// Whether it was reached when it was tried last; nil where that is not known.
            public var isReached: Bool?
        }

        /// A metric's values over time.
        public struct Trend: Equatable, Sendable {
            /// The metric's name.
            public var metric: String
            /// What it is of.
            public var key: String
            /// Hours before the last value, ascending to 0.
            public var hours: [Double]
            /// A value for each.
            public var values: [Double]
        }

        /// The desk's clock, seconds UTC; nil for a desk that knows nothing.
        public var time: Int64?
        /// The device's clock, seconds UTC.
        public var deviceTime: Int64?
        /// That it could not be reached; nil where it could.
        public var contact: Contact?
        /// The other devices of its site.
        public var siblings: [Sibling]
        /// The device's model.
        public var model: String
        /// The device's site.
        public var site: String
        /// Its telemetry.
        public var trends: [Trend]
        /// What devices of its model have when they are well, by kind of ``Lesson/kinds``.
        public var expectations: [String: [[String]]]
    }

    /// What one finding must be.
    public struct ExpectedFinding: Equatable, Sendable {
        /// Id of the rule.
        public var id: String
        /// Values of the subject by column.
        public var subject: [String: String]
        /// Id of the finding it is folded under; nil for a cause.
        public var under: String?
        /// Line in `expected.yaml`.
        public var line: Int
    }

    /// Id of the probe.
    public var probe: String
    /// Name of the case.
    public var name: String
    /// How it ended.
    public var ending: Ending
    /// Standard output, or a reader's rows.
    public var output: [UInt8]
    /// Standard error.
    public var errorOutput: [UInt8]
    /// Cases of other probes whose answers belong to the same device: probe and case.
    public var others: [(probe: String, name: String)] { otherNames.map { ($0[0], $0[1]) } }
    /// What the desk knows; nil for nothing.
    public var desk: Desk?
    /// Whether the answer is complete.
    public var isComplete: Bool
    /// Values by column, a mapping per row; nil where the facts are not compared.
    public var facts: [[String: String]]?
    /// Every finding, in any order.
    public var findings: [ExpectedFinding]
    /// Ids of the rules that cannot be judged, ascending, each once.
    public var unknowns: [String]
    /// Whether the device has nothing for the probe.
    public var isNoData: Bool
    /// Path of `expected.yaml`, relative to the library.
    public var file: String

    /// Lines of the keys in `expected.yaml`.
    let lines: [String: Int]
    /// Line of `with` in `answer.yaml`.
    let otherLine: Int
    private let rowLines: [Int]
    private var otherNames: [[String]]

    /// The line in `expected.yaml` of a key; 1 where it is not there.
    package func line(of key: String) -> Int { lines[key] ?? 1 }

    /// The line in `expected.yaml` of a row of facts, from 0.
    package func line(ofRow row: Int) -> Int { rowLines.indices.contains(row) ? rowLines[row] : line(of: "facts") }

    /// One folder below `cases/` that was read.
    package struct Reading {
        /// Name of the case.
        package let name: String
        /// The case; nil where it has a mistake.
        package let probeCase: ProbeCase?
        /// Every mistake in it.
        package let problems: [ManifestProblem]
    }

    /// Every case of a probe, by name.
    ///
    /// - Throws: `.manifests` with every mistake of every case, `.noCases`, `.unreadable` for the folder.
    public static func all(of manifest: Manifest, directory: String) throws(ProbesError) -> [ProbeCase] {
        let readings = try read(of: manifest, directory: directory)
        let problems = readings.flatMap(\.problems)
        guard problems.isEmpty else { throw ProbesError(.manifests, manifest.id, "The cases have mistakes.", problems: problems) }
        guard !readings.isEmpty else { throw ProbesError(.noCases, manifest.id, "The probe has no cases.") }
        return readings.compactMap(\.probeCase)
    }

    /// Every case of a probe as far as it can be read, by name; none where there is no folder of cases.
    ///
    /// - Throws: `.unreadable` for the folder.
    package static func read(of manifest: Manifest, directory: String) throws(ProbesError) -> [Reading] {
        let path = manifest.file.dropLast("/probe.yaml".count) + "/cases"
        return try names(below: folder(of: manifest, in: directory)).map { name in
            let reader = CaseReader(directory: directory, folder: path + "/" + name)
            let read = reader.read(manifest, name: name)
            return Reading(name: name, probeCase: reader.problems.isEmpty ? read : nil, problems: reader.problems)
        }
    }

    /// Where the cases of a probe are.
    static func folder(of manifest: Manifest, in directory: String) -> String {
        directory + "/" + manifest.file.dropLast("/probe.yaml".count) + "/cases"
    }

    /// Names of the cases in a folder, ascending; what begins with a dot is an editor's or a file system's.
    ///
    /// - Throws: `.unreadable` for a folder that is there.
    static func names(below folder: String) throws(ProbesError) -> [String] {
        guard FileManager.default.fileExists(atPath: folder) else { return [] }
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
            throw ProbesError(.unreadable, folder, "The folder of cases cannot be read.")
        }
        return names.filter { !$0.hasPrefix(".") }.sorted()
    }

    init(probe: String, name: String, file: String, answer: CaseReader.Recorded, expected: CaseReader.Expected) {
        self.probe = probe
        self.name = name
        self.file = file
        (ending, output, errorOutput, otherNames) = (answer.ending, answer.output, answer.errorOutput, answer.others)
        desk = answer.desk
        (lines, rowLines, otherLine) = (expected.lines, expected.rowLines, answer.otherLine)
        (isComplete, facts, findings) = (expected.isComplete, expected.facts, expected.findings)
        (unknowns, isNoData) = (expected.unknowns, expected.isNoData)
    }
}
