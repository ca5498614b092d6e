/// What a command wrote, and how it ended.
public struct CommandResult: Sendable, Hashable {
    /// All of its standard output.
    public let standardOutput: [UInt8]
    /// All of its standard error.
    public let standardError: [UInt8]
    /// How it ended.
    public let exit: ExitStatus
}

extension Connection {
    /// Runs a command to its end: writes `input` to it and closes its standard input, gathers what it writes.
    ///
    /// - Parameter outputLimit: Bytes of both streams together; more is `.outputLimit`, and the command is hung up on.
    /// - Throws: What `exec`, `write` and `read` throw. A command that ends without reading all its input is not an error.
    public func run(_ command: String, input: [UInt8] = [], outputLimit: Int = 1 << 20) async throws(SSHError) -> CommandResult {
        let channel = try await exec(command)
        let feeding = input.isEmpty ? nil : feed(input, to: channel)
        if input.isEmpty { try? await channel.sendEOF() }
        do {
            let result = try await gather(channel, outputLimit: outputLimit)
            feeding?.cancel()
            await channel.close()
            return result
        } catch {
            feeding?.cancel()
            await channel.close()
            throw error
        }
    }

    private func feed(_ input: [UInt8], to channel: Channel) -> Task<Void, Never> {
        Task {
            guard (try? await channel.write(input)) != nil else { return }
            try? await channel.sendEOF()
        }
    }

    private func gather(_ channel: Channel, outputLimit: Int) async throws(SSHError) -> CommandResult {
        var output: [UInt8] = []
        var errors: [UInt8] = []
        while let piece = try await channel.read() {
            switch piece {
            case .standardOutput(let bytes): output += bytes
            case .standardError(let bytes): errors += bytes
            }
            guard output.count + errors.count <= outputLimit else {
                throw SSHError(.outputLimit, phase: .channel, detail: "more than \(outputLimit) bytes of output")
            }
        }
        return CommandResult(standardOutput: output, standardError: errors, exit: try await channel.exitStatus())
    }
}
