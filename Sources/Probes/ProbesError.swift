/// Why manifests could not be read, or a catalogue not be made, kept or opened.
public struct ProbesError: Error, Equatable, Sendable {
    /// The kinds of failure; more may be added.
    public struct Code: Equatable, Sendable {
        /// Stable name of the kind, for logs and exit codes.
        public let name: String

        init(_ name: String) { self.name = name }

        /// Manifests have mistakes; ``ProbesError/problems`` lists all of them.
        public static let manifests = Code("manifests")
        /// A file could not be read.
        public static let unreadable = Code("unreadable")
        /// What is to be made is there already, and is left as it is.
        public static let exists = Code("exists")
        /// A folder holds no manifest.
        public static let noManifest = Code("no-manifest")
        /// A folder is that of one probe, and not the one that all are in.
        public static let innerFolder = Code("inner-folder")
        /// A probe has no case.
        public static let noCases = Code("no-cases")
        /// A file could not be written; nothing half-written was left in its place.
        public static let unwritable = Code("unwritable")
        /// A catalogue's file is not in its format, or does not belong to its header.
        public static let catalogue = Code("catalogue")
        /// What was asked of the packer cannot be packed.
        public static let pack = Code("pack")
        /// ssh-keygen did not sign.
        public static let signing = Code("signing")
        /// No probe of that id.
        public static let unknownProbe = Code("unknown-probe")
    }

    /// The kind of failure.
    public let code: Code
    /// What it concerns: a path, an id or a program.
    public let object: String
    /// What happened, as one sentence without a path.
    public let sentence: String
    /// Every mistake found, in the order of files and lines; empty unless the code is `.manifests`.
    public let problems: [ManifestProblem]

    /// Makes an error of its fields.
    public init(_ code: Code, _ object: String, _ sentence: String, problems: [ManifestProblem] = []) {
        self.code = code
        self.object = object
        self.sentence = sentence
        self.problems = problems
    }
}

/// One mistake in a manifest or in one of its cases.
public struct ManifestProblem: Equatable, Hashable, Sendable, Codable, CustomStringConvertible {
    /// The file, relative to the folder that was read.
    public var file: String
    /// Line, from 1.
    public var line: Int
    /// What is wrong, as one sentence.
    public var message: String
    /// What may have been meant; nil where nothing comes near.
    public var suggestion: String?

    /// Makes a problem of its fields.
    public init(file: String, line: Int, message: String, suggestion: String? = nil) {
        self.file = file
        self.line = line
        self.message = message
        self.suggestion = suggestion
    }

    /// `file:line: message`, as compilers write it.
    public var description: String {
        "\(file):\(line): \(message)" + (suggestion.map { " Did you mean \($0)?" } ?? "")
    }
}
