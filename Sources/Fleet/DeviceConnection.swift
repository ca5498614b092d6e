public import AgentClient
public import SSH

/// How a device is reached: where, as whom, and which host key it must show.
public struct DeviceAddress: Sendable {
    /// Name of the device, for messages.
    public var name: String
    /// Host and port of its sshd.
    public var address: Address
    /// Login name, usually `rollcall`.
    public var user: String
    /// Host keys pinned at enrolment, any of which it may show.
    public var hostKeys: [HostKey]

    /// Makes an address of its parts.
    public init(name: String, address: Address, user: String, hostKeys: [HostKey]) {
        self.name = name
        self.address = address
        self.user = user
        self.hostKeys = hostKeys
    }
}

/// An SSH connection to one device, over which sessions with its agent are opened.
public struct DeviceConnection: Sendable {
    private let connection: Connection

    private init(connection: Connection) { self.connection = connection }

    /// Connects and logs in.
    ///
    /// - Parameters:
    ///   - device: Where and as whom. Without a pinned host key nothing is trusted: `.hostKeyUnknown`.
    ///   - identities: Keys to log in with, tried in order.
    public static func open(
        to device: DeviceAddress, identities: [Identity], deadlines: Deadlines = Deadlines()
    ) async throws(SSHError) -> DeviceConnection {
        let connection = try await Connection.open(
            to: device.address, user: device.user, hostKey: .pinned(device.hostKeys), identities: identities, deadlines: deadlines)
        return DeviceConnection(connection: connection)
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
