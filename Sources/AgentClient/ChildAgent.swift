internal import Foundation
internal import NIOCore
internal import NIOPosix

/// An agent that runs as a child of this process, on a socket pair: how this very machine is diagnosed.
public final class ChildAgent: ByteStream {
    private let process: Process
    private let channel: any Channel
    private let bytes: SocketBytes
    private let complaints: FileHandle

    /// Bytes of the child's standard error that are kept.
    private static let complaintSizeLimit = 4_096

    private init(process: Process, channel: any Channel, bytes: SocketBytes, complaints: FileHandle) {
        self.process = process
        self.channel = channel
        self.bytes = bytes
        self.complaints = complaints
    }

    /// Starts the agent program with an empty environment.
    ///
    /// - Parameters:
    ///   - path: The agent's binary.
    ///   - arguments: Such as `serve --standalone --operator NAME --role ROLE`.
    /// - Throws: `.notStarted` with the reason.
    public static func start(path: String, arguments: [String]) async throws(AgentClientError) -> ChildAgent {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw AgentClientError(.notStarted, detail: "no socket pair: \(String(cString: strerror(errno)))")
        }
        let far = FileHandle(fileDescriptor: ends[1], closeOnDealloc: true)
        let complaints = Pipe()
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = [:]
        process.standardInput = far
        process.standardOutput = far
        process.standardError = complaints
        do {
            try process.run()
            try far.close()
        } catch {
            _ = Glibc.close(ends[0])
            throw AgentClientError(.notStarted, detail: "\(path) could not be started", underlying: error)
        }
        let bytes = SocketBytes()
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .channelOption(.autoRead, value: false)
                .channelInitializer { $0.pipeline.addHandler(bytes) }
                .withConnectedSocket(ends[0]).get()
            return ChildAgent(process: process, channel: channel, bytes: bytes, complaints: complaints.fileHandleForReading)
        } catch {
            process.terminate()
            throw AgentClientError(.notStarted, detail: "the socket to it could not be set up", underlying: error)
        }
    }

    /// Sends bytes.
    public func write(_ bytes: [UInt8]) async throws(AgentClientError) {
        let channel = self.channel
        do {
            // A child that does not read would keep this waiting for ever: giving up means giving it up.
            try await withTaskCancellationHandler {
                try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
            } onCancel: {
                channel.close(promise: nil)
            }
        } catch {
            throw AgentClientError(.transport, detail: "the agent went away", underlying: error)
        }
    }

    /// The next bytes, or nil at the end.
    public func read(within limit: Duration) async throws(AgentClientError) -> [UInt8]? {
        do {
            return try await bytes.next(on: channel, within: TimeAmount(limit)).get()
        } catch let error as AgentClientError {
            throw error
        } catch {
            throw AgentClientError(.transport, detail: "the agent went away", underlying: error)
        }
    }

    /// What the child wrote to standard error, once it has ended.
    public func complaint() async -> String {
        await close()
        let bytes = (try? complaints.read(upToCount: Self.complaintSizeLimit)) ?? Data()
        return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Ends the stream; the child sees it and ends.
    public func close() async {
        try? await channel.close()
    }
}
