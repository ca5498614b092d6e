import Foundation
import Wire

/// Programs that stand where an agent should: shell scripts that say what a test wrote down for them.
enum FakeAgent {
    /// Stands for the session's id in what a scripted agent says.
    private static let placeholder = "00000000-0000-0000-0000-000000000000"

    /// A hello of a given version of the protocol.
    static func hello(version: UInt64 = RollcallProtocol.version, stuck: [Text] = []) -> Message {
        .hello(
            Hello(
                protocolVersion: version, agentVersion: "9.9", device: "fake", boot: "", architecture: "x86_64", clock: 0,
                isStandalone: true,
                isRoot: false, stuck: stuck))
    }

    /// The answer to any opening.
    static let opened = Message.opened(Opened(session: Text(placeholder), role: "repair", operatorName: "alice"))

    /// A script that says these messages as soon as it was told the session's id, then listens until the controller is gone.
    ///
    /// - Parameter folder: Where the messages are kept for it.
    static func script(saying messages: [Message], in folder: String) throws -> String {
        let bytes = messages.flatMap { $0.frame }
        try Data(bytes).write(to: URL(fileURLWithPath: folder + "/frames"))
        return """
            batch=${SSH_ORIGINAL_COMMAND#rollcall-batch-1:}
            session=$(printf %s "$batch" | base64 -d | LC_ALL=C grep -aoE '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}' | head -n 1)
            LC_ALL=C sed "s/\(placeholder)/$session/g" \(folder)/frames
            exec cat > /dev/null

            """
    }

    /// A script that runs `command` and nothing else.
    static func script(running command: String) -> String { "exec \(command)\n" }
}
