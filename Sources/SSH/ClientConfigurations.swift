import Glibc

/// What OpenSSH's client on this machine says about hosts: `ssh -G`, asked as rarely as possible.
///
/// - An address starts no process, and nothing is said about it but OpenSSH's defaults.
/// - A name that a `Host` pattern other than `*` may match has a process of its own, once.
/// - All other names share one process: what it says about a host that no pattern names holds for all of them. Where that cannot be, since
///   the files hold a `Match` other than `Match all`, `CanonicalizeHostname`, or a token such as `%h`, each name has its own.
/// - Where there is no `ssh`, names are taken literally.
///
/// Answers are kept, refusals too; files are read once. At most four processes run at a time, 5 s each. They serve everybody who waits for
/// the same answer, so that a cancelled task does not end them, and waits them out itself.
public actor ClientConfigurations {
    /// Fits no pattern that is meant for a host, and stands in no value by chance.
    private static let unnamed = "a-host-of-no-particular-name"
    private static let processLimit = 4

    /// What is asked about: user and port count for `Match` lines and tokens.
    struct Target: Sendable, Hashable {
        let name: String
        var user: String?
        var port: Int?
    }

    private struct Answer {
        let result: Result<ClientConfiguration, SSHError>
        /// Whether it holds for every host that is not named.
        let isShared: Bool
        /// Whether it would be another one the next time.
        var isPassing = false
    }

    private let program: ClientProgram
    private let account: LocalAccount?
    private lazy var named = NamedHosts(file: program.file, home: account?.home ?? "/")
    private var answers: [Target: Task<Answer, Never>] = [:]
    private var running = 0
    private var waiting: [CheckedContinuation<Void, Never>] = []

    /// How many processes were started so far.
    private(set) var processCount = 0

    /// Starts nothing yet.
    ///
    /// - Parameters:
    ///   - file: The only configuration file to be read (`ssh -F`); the user's and the machine's if `nil`.
    ///   - searchPath: Folders with colons between them, where `ssh` is looked for; `PATH` if `nil`.
    public init(file: String? = nil, searchPath: String? = nil) {
        self.init(file: file, searchPath: searchPath, deadline: .seconds(5))
    }

    init(file: String?, searchPath: String?, deadline: Duration) {
        program = ClientProgram(file: file, searchPath: searchPath, deadline: deadline)
        account = .current
    }

    /// What is to be done to reach `name`: an alias, a host's name, or an address.
    ///
    /// - Parameters:
    ///   - user: Goes before the configuration's.
    ///   - port: Goes before the configuration's.
    /// - Throws: `.configuration` if `name` is none of those, `ssh` does not accept its configuration, or has said nothing within 5 s;
    ///   `.unsupportedConfiguration` for a ProxyCommand.
    public func configuration(of name: String, user: String? = nil, port: Int? = nil) async throws(SSHError) -> ClientConfiguration {
        guard let account else { throw SSHError(.configuration, detail: "user \(getuid()) has no entry in the password database") }
        if let user, user.isEmpty || user.hasPrefix("-") {
            throw SSHError(.configuration, detail: "\(printable(user.utf8)) is no user's name")
        }
        var configuration: ClientConfiguration
        if Self.isAddress(name) {
            configuration = ClientConfiguration(literal: name, account: account)
        } else {
            configuration = try await asked(Target(name: name, user: user, port: port), account)
        }
        configuration.user = user ?? configuration.user
        configuration.port = port ?? configuration.port
        return configuration
    }

    private func asked(_ target: Target, _ account: LocalAccount) async throws(SSHError) -> ClientConfiguration {
        guard Self.isName(target.name) else {
            let facts = "\(printable(target.name.utf8)) is no host's name: letters, digits, '.', '_' and '-', not first"
            throw SSHError(.configuration, detail: facts)
        }
        if !named.mayName(target.name), !named.mayName(Self.unnamed) {
            let shared = await answer(about: Target(name: Self.unnamed), account)
            if shared.isShared { return try shared.result.get().renamed(target.name) }
        }
        return try await answer(about: target, account).result.get()
    }

    private func answer(about target: Target, _ account: LocalAccount) async -> Answer {
        let task = answers[target] ?? Task { await ask(about: target, account) }
        answers[target] = task
        let answer = await task.value
        // Next time it may be in time.
        if answer.isPassing { answers[target] = nil }
        return answer
    }

    private func ask(about target: Target, _ account: LocalAccount) async -> Answer {
        await enter()
        defer { leave() }
        processCount += 1
        do throws(SSHError) {
            guard let output = try await program.output(about: target) else {
                return Answer(result: .success(ClientConfiguration(literal: target.name, account: account)), isShared: true)
            }
            let settings = try ClientSettings(output)
            let isShared = settings.areShared(by: target.name)
            do throws(SSHError) {
                return Answer(result: .success(try ClientConfiguration(settings, name: target.name, account: account)), isShared: isShared)
            } catch {
                return Answer(result: .failure(error), isShared: isShared)
            }
        } catch {
            guard error.code == .timedOut else { return Answer(result: .failure(error), isShared: true) }
            // It is this machine's, and no host's.
            return Answer(result: .failure(SSHError(.configuration, detail: error.detail)), isShared: true, isPassing: true)
        }
    }

    private func enter() async {
        guard running >= Self.processLimit else { return running += 1 }
        await withCheckedContinuation { waiting.append($0) }
    }

    private func leave() {
        if waiting.isEmpty { running -= 1 } else { waiting.removeFirst().resume() }
    }

    private static func isName(_ name: String) -> Bool {
        let isPlain = name.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5a).contains(byte) || (0x61...0x7a).contains(byte) || "._-".utf8.contains(byte)
        }
        return isPlain && (1...255).contains(name.utf8.count) && !name.hasPrefix("-")
    }

    /// Whether it is an IPv4 or IPv6 address, the latter perhaps with a zone.
    private static func isAddress(_ name: String) -> Bool {
        var bytes = in6_addr()
        let bare = name.contains(":") ? String(name.prefix { $0 != "%" }) : name
        return inet_pton(AF_INET, bare, &bytes) == 1 || inet_pton(AF_INET6, bare, &bytes) == 1
    }
}
