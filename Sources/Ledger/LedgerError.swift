/// Why a log, a head or a key was not accepted.
public struct LedgerError: Error, Equatable, Sendable {
    /// The kinds of refusal; more may be added.
    public struct Code: Equatable, Sendable {
        /// Stable word of the kind, for logs and JSON.
        public let name: String
        /// Makes a kind of its word.
        public init(name: String) { self.name = name }
        /// A text is not a verifier key as C2SP signed-note writes it, or its key id does not match.
        public static let malformedKey = Code(name: "malformed-key")
        /// Bytes are not a signed note that holds a checkpoint.
        public static let malformedCheckpoint = Code(name: "malformed-checkpoint")
        /// A checkpoint of another log than the one expected.
        public static let otherOrigin = Code(name: "other-origin")
        /// A checkpoint without a valid signature of the key expected.
        public static let badSignature = Code(name: "bad-signature")
    }

    /// The kind of refusal.
    public let code: Code
    /// What it concerns: a key's name or an origin; empty where it says nothing.
    public let subject: String

    /// Makes an error of `code` about `subject`.
    public init(_ code: Code, _ subject: String = "") {
        self.code = code
        self.subject = subject
    }
}
