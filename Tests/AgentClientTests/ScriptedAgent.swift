import AgentClient
import Wire

/// An agent in memory: it plays a script of bytes and writes down what the controller says.
actor ScriptedAgent: ByteStream {
    private var script: [[UInt8]]
    private(set) var heard: [UInt8] = []
    private(set) var isClosed = false
    private let lastWords: String
    private let staysSilent: Bool
    private let endless: [UInt8]?

    /// - Parameters:
    ///   - script: What reads give, one after the other.
    ///   - staysSilent: Whether it never answers again after the script, rather than ending the stream.
    ///   - endless: What every read gives after the script, for ever; nil for an end.
    init(_ script: [[UInt8]], lastWords: String = "", staysSilent: Bool = false, endless: [UInt8]? = nil) {
        self.script = script
        self.endless = endless
        self.lastWords = lastWords
        self.staysSilent = staysSilent
    }

    func write(_ bytes: [UInt8]) async throws(AgentClientError) { heard += bytes }

    func read(within limit: Duration) async throws(AgentClientError) -> [UInt8]? {
        if !script.isEmpty { return script.removeFirst() }
        if let endless { return endless }
        if staysSilent { throw AgentClientError(.timedOut) }
        return nil
    }

    func complaint() async -> String { lastWords }
    func close() async { isClosed = true }

    /// The messages heard so far.
    var messages: [Message] {
        get throws {
            var reader = FrameReader()
            reader.append(heard)
            var messages: [Message] = []
            while let bytes = try reader.next() { messages.append(try Message(decoding: bytes)) }
            return messages
        }
    }
}

/// A hello as an honest agent says it.
let hello = Hello(
    agentVersion: "1", device: "0123", boot: "b", architecture: "x86_64", clock: 1, checkpoint: [1], isStandalone: true, isRoot: true)

/// An opening for session `s`.
let opening = Open(controllerVersion: "1", session: "s", call: "", operatorName: "alice", reason: "test")

/// What an honest agent says up to the session's opening.
func greeting(version: UInt64 = RollcallProtocol.version, session: Text = "s") -> [UInt8] {
    var hello = hello
    hello.protocolVersion = version
    return Message.hello(hello).frame + Message.opened(Opened(session: session, role: "observe", operatorName: "alice")).frame
}
