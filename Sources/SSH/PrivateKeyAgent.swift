import Glibc
internal import Subprocess

/// An ssh-agent of this process's own that holds the key of one file, for keys that cannot be read here: encrypted ones, and ECDSA.
///
/// It listens in a folder that only this user can enter, and ends, folder and all, when it is closed, when nobody holds it any more, or
/// when this process ends in whatever way. So it is to be held for as long as its identities are used. OpenSSH's own programs do all of it:
/// ssh-agent(1) and ssh-add(1).
public final class PrivateKeyAgent: Sendable {
    /// The file's key, to connect with.
    public let identities: [Identity]
    private let leash: AgentLeash

    private init(identities: [Identity], leash: AgentLeash) {
        self.identities = identities
        self.leash = leash
    }

    deinit {
        leash.release()
    }

    /// Starts an agent and gives it the key.
    ///
    /// - Parameters:
    ///   - passphrase: Handed to ssh-add through a pipe: it is in no argument, no file and no environment. Not asked for if the file is
    ///     not encrypted.
    ///   - lifetime: How long the agent keeps the key, in whole seconds, at least one.
    /// - Throws: `.keyFile` if the file cannot be read or the passphrase is not accepted; `.unsupportedKey` if libssh2 cannot use a key of
    ///   its kind; `.agentUnavailable` without ssh-agent and ssh-add. Nothing is left running then.
    public static func open(
        keyFile path: String, passphrase: Secret, lifetime: Duration = .seconds(3600)
    ) async throws(SSHError) -> PrivateKeyAgent {
        try await open(keyFile: path, passphrase: passphrase, lifetime: lifetime, searchPath: nil)
    }

    /// - Parameter searchPath: Where the programs are looked for instead of in PATH; for tests.
    static func open(
        keyFile path: String, passphrase: Secret, lifetime: Duration, searchPath: String?
    ) async throws(SSHError) -> PrivateKeyAgent {
        let leash = try await AgentLeash.start(searchPath: searchPath)
        do throws(SSHError) {
            let addition = KeyAddition(path: path, socketPath: leash.socketPath, searchPath: searchPath)
            try await addition.run(passphrase: passphrase, lifetime: lifetime)
            let held = try await agentIdentities(socketPath: leash.socketPath)
            let identities = held.map { Identity.agent(socketPath: leash.socketPath, publicKeyBlob: $0.blob) }
            if let identity = identities.first, let reason = identity.unsupportedReason {
                throw SSHError(.unsupportedKey, detail: "\(path): \(identity.label): \(reason)")
            }
            return PrivateKeyAgent(identities: identities, leash: leash)
        } catch {
            await leash.end()
            throw error
        }
    }

    /// Ends the agent and waits until nothing is left of it. May be called again.
    public func close() async {
        await leash.end()
    }
}

/// A running ssh-agent, held by a pipe: its shell ends it when the pipe's other end is closed, by whatever ends this process.
private final class AgentLeash: Sendable {
    /// A shell's words, with the agent's folder as `$0`. The agent alone keeps the output open, so that its end is seen there; it is killed,
    /// since it may have inherited a blocked SIGTERM.
    private static let script = """
        exec 3<&0
        ssh-agent -D -a "$0/socket" </dev/null 3<&- &
        exec >/dev/null
        while read -r word <&3; do :; done
        kill -KILL $!
        wait
        rm -rf "$0"
        """

    let socketPath: String
    private let leash: AsyncStream<Never>.Continuation
    private let life: Task<Void, Never>

    private init(folder: String, searchPath: String?, started: AsyncStream<Bool>.Continuation) {
        socketPath = "\(folder)/socket"
        let (held, leash) = AsyncStream<Never>.makeStream()
        self.leash = leash
        life = Task {
            // A shell that does not start says so by the end of `started`.
            _ = try? await Subprocess.run(
                .name("sh"), arguments: ["-c", Self.script, folder], environment: .programs(searchPath), platformOptions: .ownSession,
                input: .inputWriter, output: .sequence, error: .discarded
            ) { execution in
                // It says where it listens once it does.
                var words = execution.standardOutput.makeAsyncIterator()
                started.yield(try await words.next() != nil)
                for await _ in held {}
                try await execution.standardInputWriter.finish()
            }
            started.finish()
            rmdir(folder)
        }
    }

    static func start(searchPath: String?) async throws(SSHError) -> AgentLeash {
        let folder = try makeFolder()
        let (answers, started) = AsyncStream<Bool>.makeStream()
        let leash = AgentLeash(folder: folder, searchPath: searchPath, started: started)
        var answer = answers.makeAsyncIterator()
        if await answer.next() == true { return leash }
        await leash.end()
        if Task.isCancelled { throw SSHError(.cancelled) }
        throw SSHError(.agentUnavailable, detail: "ssh-agent could not be started; it comes with OpenSSH's client")
    }

    /// Lets go, without waiting.
    func release() {
        leash.finish()
    }

    func end() async {
        release()
        await life.value
    }

    /// A new folder of mode 0700; where the session has one of its own in memory, there.
    private static func makeFolder() throws(SSHError) -> String {
        let tops = [getenv("XDG_RUNTIME_DIR"), getenv("TMPDIR")].compactMap { $0.map { String(cString: $0) } } + ["/tmp"]
        for top in tops where top.hasPrefix("/") {
            var template = Array("\(top)/ssh-key-XXXXXX".utf8CString)
            if mkdtemp(&template) != nil { return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self) }
        }
        throw SSHError(.agentUnavailable, detail: "no folder for an ssh-agent: \(String(cString: strerror(errno)))")
    }
}

/// One run of ssh-add.
private struct KeyAddition {
    let path: String
    let socketPath: String
    let searchPath: String?

    func run(passphrase: Secret, lifetime: Duration) async throws(SSHError) {
        // NIO has it ignored from its first socket on; ssh-add may end without having read what is written to it.
        signal(SIGPIPE, SIG_IGN)
        let notAccepted = SSHError(.keyFile, detail: "\(path): passphrase not accepted")
        // ssh-add takes one line, so that a part of this would do for the whole.
        let isLine = passphrase.byteCount <= Secret.limitInBytes && passphrase.withBytes { !$0.contains(UInt8(ascii: "\n")) }
        guard isLine else { throw notAccepted }
        let (isAdded, said) = try await result(passphrase: passphrase, lifetime: max(1, lifetime.components.seconds))
        if isAdded { return }
        let line = said.split(whereSeparator: \.isNewline).last.map { printable($0.utf8) } ?? "no reason given"
        if said.contains("Bad passphrase") || line.hasPrefix("Enter passphrase") { throw notAccepted }
        if said.contains("UNPROTECTED PRIVATE KEY FILE") { throw SSHError(.keyFile, detail: "\(path): readable by others") }
        throw SSHError(.keyFile, detail: "\(path): ssh-add did not take it: \(line)")
    }

    private func result(passphrase: Secret, lifetime: Int64) async throws(SSHError) -> (isAdded: Bool, said: String) {
        // Without a terminal and without a helper, as arranged here, ssh-add reads the passphrase from its standard input (readpassphrase(3)).
        let extra: [Environment.Key: String?] = ["SSH_AUTH_SOCK": socketPath, "SSH_ASKPASS_REQUIRE": "never"]
        // A name that ssh-add would take for its standard input, or for an option, is none.
        let file = path.hasPrefix("/") ? path : "./\(path)"
        do {
            let outcome = try await Subprocess.run(
                .name("ssh-add"), arguments: ["-q", "-k", "-t", String(lifetime), "--", file],
                environment: .programs(searchPath).updating(extra), platformOptions: .ownSession, input: .inputWriter,
                output: .discarded, error: .string(limit: 16_384)
            ) { execution in
                // Made in one piece, so that no copy is left that is not wiped.
                var line = [UInt8](repeating: UInt8(ascii: "\n"), count: passphrase.byteCount + 1)
                defer { Cryptography.wipe(&line) }
                passphrase.withBytes { bytes in line.withUnsafeMutableBytes { $0.copyMemory(from: bytes) } }
                // Where the key is not encrypted nobody reads it.
                _ = try? await execution.standardInputWriter.write(line.span.bytes)
            }
            return (outcome.terminationStatus == .exited(0), outcome.standardError)
        } catch {
            if Task.isCancelled { throw SSHError(.cancelled) }
            throw SSHError(.agentUnavailable, detail: "ssh-add could not be run; it comes with OpenSSH's client")
        }
    }
}

extension Environment {
    fileprivate static func programs(_ searchPath: String?) -> Environment {
        searchPath.map { .inherit.updating(["PATH": $0]) } ?? .inherit
    }
}

extension PlatformOptions {
    /// Away from the terminal: an interrupt typed there is not for these programs.
    fileprivate static var ownSession: PlatformOptions {
        var options = PlatformOptions()
        options.createSession = true
        return options
    }
}
