import Foundation

/// A private ssh-agent for one test.
enum Agent {
    /// Starts an agent in `folder`, adds the key files, and ends it after `body`.
    static func with<Value>(folder: String, keys: [String], _ body: (String) async throws -> Value) async throws -> Value {
        let socket = "\(folder)/agent"
        let child = Child("eval \"$(/usr/bin/ssh-agent -s -a $0)\"; cat; kill -KILL $SSH_AGENT_PID; rm -f $0", [socket])
        // SIGTERM may be blocked in it, since it inherits the mask of a thread of the tests, and it never unblocks it.
        // It goes to the background once it listens, and the shell says so.
        guard try !child.start().availableData.isEmpty else { throw Scratch.Failure(description: "ssh-agent did not start") }
        do {
            for key in keys {
                try Scratch.run("/usr/bin/ssh-add", ["-q", key], environment: ["SSH_AUTH_SOCK": socket])
            }
            let value = try await body(socket)
            await child.stop()
            return value
        } catch {
            await child.stop()
            throw error
        }
    }
}
