/// Why facts could not be kept or asked, or a case not be played.
public struct DiagnosisError: Error, Equatable, Sendable {
    /// The kinds of failure; more may be added.
    public struct Code: Equatable, Sendable {
        /// Stable name of the kind.
        public let name: String

        init(_ name: String) { self.name = name }

        /// SQLite did not take a statement of a rule.
        public static let refusedSQL = Code("refused-sql")
        /// A rule took longer than a rule may.
        public static let slowSQL = Code("slow-sql")
        /// SQLite failed otherwise.
        public static let database = Code("database")
        /// A recorded case is not readable.
        public static let badCase = Code("case")
    }

    /// The kind of failure.
    public let code: Code
    /// What SQLite or the reader of the case said, as a fragment of a sentence.
    public let reason: String

    /// Makes an error of its fields.
    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}
