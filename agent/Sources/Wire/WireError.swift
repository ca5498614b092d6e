/// Why bytes of a peer, or of a file in Rollcall's formats, were not accepted.
public struct WireError: Error, Equatable, Sendable {
    /// The kinds of refusal; more may be added.
    public struct Code: Equatable, Sendable {
        /// Stable number of the kind, for logs.
        public let rawValue: UInt8
        /// What the kind means, as a fragment of a sentence.
        public let meaning: StaticString

        init(_ rawValue: UInt8, _ meaning: StaticString) {
            self.rawValue = rawValue
            self.meaning = meaning
        }

        /// Compares the numbers.
        public static func == (left: Code, right: Code) -> Bool { left.rawValue == right.rawValue }

        /// The bytes end inside an item.
        public static let truncated = Code(1, "the message ends too early")
        /// Not the deterministic encoding of RFC 8949 section 4.2, or a kind of item that the protocol does not use.
        public static let malformed = Code(2, "the message is not in the agreed encoding")
        /// An item of another type than the protocol says stands here.
        public static let unexpectedType = Code(3, "a field has the wrong type")
        /// A number, count or length beyond what the protocol allows.
        public static let outOfRange = Code(4, "a field is out of its range")
        /// A field without which the message means nothing is absent.
        public static let missingField = Code(5, "a required field is missing")
        /// A frame longer than ``Frame/sizeLimit``.
        public static let oversizeFrame = Code(6, "a frame is longer than 64 KiB")
        /// A message type this side does not know.
        public static let unknownMessage = Code(7, "the message type is unknown")
        /// Bytes follow where the item should have ended.
        public static let trailingBytes = Code(8, "bytes follow the end of the message")
    }

    /// The kind of refusal.
    public let code: Code
    /// What it concerns: an offset in bytes, a key, or a message type; 0 where it says nothing.
    public let detail: UInt64

    /// Makes an error of `code` about `detail`.
    public init(_ code: Code, _ detail: UInt64 = 0) {
        self.code = code
        self.detail = detail
    }
}
