/// What a server asks in keyboard-interactive authentication (RFC 4256 section 3.2), fit to be shown: printable ASCII, and bounded.
public struct KeyboardChallenge: Sendable, Hashable {
    /// One question.
    public struct Prompt: Sendable, Hashable {
        /// E.g. `Password: `; 200 characters at most.
        public let text: String
        /// Whether the answer may be seen while it is typed.
        public let isEchoed: Bool
    }

    private static let textLimit = 200
    private static let instructionLimit = 1000

    /// A title, often empty; 200 characters at most.
    public let name: String
    /// What to do, often empty; 1,000 characters at most.
    public let instruction: String
    /// The questions in the server's order, 100 at most; with none there is only something to be read.
    public let prompts: [Prompt]

    init(name: some Sequence<UInt8>, instruction: some Sequence<UInt8>, prompts: [(text: some Sequence<UInt8>, isEchoed: Bool)]) {
        self.name = printable(name, limit: Self.textLimit)
        self.instruction = printable(instruction, limit: Self.instructionLimit)
        self.prompts = prompts.map { Prompt(text: printable($0.text, limit: Self.textLimit), isEchoed: $0.isEchoed) }
    }

    /// Whether there is nothing to be asked or shown.
    var isEmpty: Bool { name.isEmpty && instruction.isEmpty && prompts.isEmpty }
}
