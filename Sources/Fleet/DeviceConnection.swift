public import AgentClient
public import SSH

/// An SSH connection to one device, over which sessions with its agent are opened.
public struct DeviceConnection: Sendable {
    /// An sshd that turns one away for its many logins lets the next in.
    private static let attempts = 3

    private let connection: Connection

    private init(connection: Connection) { self.connection = connection }

    /// Connects and logs in, through the jump hosts that `destination` names.
    ///
    /// - Throws: `.keyFile` where there is no key to log in with; what `Connection.open` throws.
    public static func open(to destination: Destination) async throws(SSHError) -> DeviceConnection {
        if destination.identities.isEmpty {
            let reasons = destination.unusedKeyFiles.map(\.detail)
            let facts = reasons.isEmpty ? "the ssh-agent holds none, and no usual key file is there" : reasons.joined(separator: "; ")
            throw SSHError(.keyFile, phase: .authentication, detail: facts)
        }
        return DeviceConnection(connection: try await Connection.open(to: destination, attempts: attempts))
    }

    /// Opens a session with the device's agent; the batch rides in the exec request where it fits.
    public func session(
        _ batch: OpeningBatch, patience: AgentSession.Patience = AgentSession.Patience()
    ) async throws(AgentClientError) -> AgentSession {
        let command = batch.command
        let channel: Channel
        do throws(SSHError) {
            channel = try await connection.exec(command ?? "")
        } catch {
            throw AgentClientError(.transport, detail: error.detail, underlying: error)
        }
        return try await AgentSession.open(
            over: SSHByteStream(channel: channel), batch: batch, batchIsSent: command != nil, patience: patience)
    }

    /// Closes the connection in good order.
    public func close() async { await connection.close() }
}
