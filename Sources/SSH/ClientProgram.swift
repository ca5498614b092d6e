internal import Subprocess

/// `ssh -G`, as a process.
struct ClientProgram: Sendable {
    private static let outputLimitInBytes = 256 * 1024

    /// The only configuration file to be read; `nil` for the usual ones.
    let file: String?
    /// Where `ssh` is looked for; `PATH` if `nil`.
    let searchPath: String?
    /// How long it may take.
    let deadline: Duration

    /// What `ssh -G -- name` writes; `nil` if there is no `ssh`.
    ///
    /// - Throws: `.configuration`, `.timedOut`.
    func output(about target: ClientConfigurations.Target) async throws(SSHError) -> [UInt8]? {
        let ended = await withTaskGroup(of: Result<[UInt8]?, SSHError>?.self) { group in
            group.addTask { await run(about: target) }
            group.addTask {
                try? await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            return await group.next() ?? nil
        }
        guard let ended else { throw SSHError(.timedOut, detail: "ssh -G -- \(target.name) has not ended within \(deadline)") }
        return try ended.get()
    }

    private func run(about target: ClientConfigurations.Target) async -> Result<[UInt8]?, SSHError> {
        var options = PlatformOptions()
        // A program that its configuration starts (Match exec) ends with it.
        options.processGroupID = 0
        options.teardownSequence = [.send(signal: .kill, toProcessGroup: true, allowedDurationToNextStep: .zero)]
        var changes: [Environment.Key: String?] = ["LC_ALL": "C"]
        if let searchPath { changes["PATH"] = searchPath }
        var words = file.map { ["-F", $0] } ?? []
        if let user = target.user { words += ["-l", user] }
        if let port = target.port { words += ["-p", "\(port)"] }
        do {
            let result = try await Subprocess.run(
                .name("ssh"), arguments: Arguments(words + ["-G", "--", target.name]),
                environment: .inherit.updating(changes), platformOptions: options, output: .bytes(limit: Self.outputLimitInBytes),
                error: .bytes(limit: Self.outputLimitInBytes))
            if result.terminationStatus.isSuccess { return .success(result.standardOutput) }
            let line = result.standardError.split(separator: UInt8(ascii: "\n")).first ?? Array("it did not say why".utf8)[...]
            return .failure(SSHError(.configuration, detail: "ssh -G: \(printable(line.filter { $0 != UInt8(ascii: "\r") }))"))
        } catch let error as SubprocessError where error.code == .executableNotFound {
            return .success(nil)
        } catch {
            return .failure(SSHError(.configuration, detail: "ssh -G: \(printable("\(error)".utf8))"))
        }
    }
}
