public import Wire

/// Why a catalogue, a roster, a trust file or a parameter was refused.
public struct CatalogueError: Error, Equatable, Sendable {
    /// The rule that refused; more may be added. Those of a ``DocumentKind`` begin with its name. The name goes over the wire and into ledgers.
    public struct Rule: Equatable, Sendable {
        /// Stable name of the rule.
        public let name: Text

        init(_ name: Text) { self.name = name }

        /// The file is not in the format.
        public static let malformed = Rule("catalogue-malformed")
        /// A part does not have the digest that the signed header gives.
        public static let tampered = Rule("catalogue-tampered")
        /// Too few distinct trusted keys have signed.
        public static let notEnoughSignatures = Rule("catalogue-unsigned")
        /// A signature of a kind that is not accepted.
        public static let unsupportedSignature = Rule("signature-unsupported")
        /// The catalogue's time has passed.
        public static let expired = Rule("catalogue-expired")
        /// The catalogue says it was signed in the future.
        public static let notYetValid = Rule("catalogue-not-yet-valid")
        /// The version is not above the one in force.
        public static let rolledBack = Rule("catalogue-rolled-back")
        /// The version leaps further than ``DocumentKind/versionStepLimit``.
        public static let versionLeap = Rule("catalogue-version-leap")
        /// The trust file is not in its format.
        public static let trustMalformed = Rule("trust-malformed")
        /// No probe of that id.
        public static let unknownProbe = Rule("unknown-probe")
        /// A parameter is unknown, missing or not what the catalogue allows.
        public static let parameter = Rule("parameter")
    }

    /// The rule that refused.
    public let rule: Rule
    /// One sentence for people.
    public let sentence: Text

    /// Makes an error of `rule` with a sentence.
    public init(_ rule: Rule, _ sentence: Text) {
        self.rule = rule
        self.sentence = sentence
    }
}
