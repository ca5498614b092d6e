/// What keeps a recording from being written or read.
public struct RecordingError: Error, Equatable, Sendable {
    /// The kinds; more may be added.
    public struct Code: Equatable, Sendable {
        /// A stable word.
        public let name: String
        private init(_ name: String) { self.name = name }
        /// There is none.
        public static let missing = Code("missing")
        /// There is one already.
        public static let exists = Code("exists")
        /// The disk is full.
        public static let full = Code("full")
        /// The file has its largest size.
        public static let tooLarge = Code("too-large")
        /// It cannot be opened, written or read for another reason.
        public static let io = Code("io")
        /// It is no asciicast of version 2.
        public static let malformed = Code("malformed")
    }

    /// What kind it is.
    public let code: Code
    /// The file.
    public let path: String
    /// The line that is malformed, from 1; or the errno.
    public let number: Int

    /// Makes an error.
    public init(_ code: Code, _ path: String = "", number: Int = 0) {
        (self.code, self.path, self.number) = (code, path, number)
    }
}
