internal import Diagnosis
internal import Foundation
internal import Yams

/// Where things are and who is at the desk: flags over `ROLLCALL_*` over `$XDG_CONFIG_HOME/rollcall/config.yaml` over defaults.
struct Configuration: Sendable {
    /// The store's folder.
    var data: String
    /// Who is at the desk.
    var operatorName: String
    /// Private key to log in with, alone; nil: those that OpenSSH's configuration names, and the ssh-agent's.
    var identity: String?
    /// The only file of OpenSSH's configuration to be read; nil: the user's and the machine's.
    var sshConfiguration: String?
    /// The signed catalogue's folder.
    var catalogue: String
    /// The roster's folder.
    var roster: String { data + "/roster" }
    /// Where recordings of shells lie.
    var recordings: String { data + "/recordings" }
    /// The agent's binary for this very machine.
    var agent: String?
    /// Folder of probe manifests, for authors and for `--here`.
    var probes: String?
    /// Folder of the agent's packaging, for enrolment.
    var packaging: String?
    /// Language of what is said to customers, as manifests name it.
    var language: String
    /// The user's home.
    var home: String
    /// The ssh-agent's socket, if there is one.
    var agentSocket: String?

    /// What may stand in the file, and what each key means.
    private static let keys: Set<String> = ["data", "operator", "identity", "ssh_config", "catalogue", "agent", "probes", "language"]

    /// Reads environment and file.
    ///
    /// - Throws: ``CommandFailure`` with the file and line where it cannot be understood.
    static func load(environment: [String: String] = ProcessInfo.processInfo.environment) throws(CommandFailure) -> Configuration {
        let home = environment["HOME"] ?? NSHomeDirectory()
        let configHome = nonEmpty(environment["XDG_CONFIG_HOME"]) ?? home + "/.config"
        let dataHome = nonEmpty(environment["XDG_DATA_HOME"]) ?? home + "/.local/share"
        let file = try read(configHome + "/rollcall/config.yaml")
        func setting(_ key: String) -> String? {
            nonEmpty(environment["ROLLCALL_" + key.uppercased()]) ?? file[key].map { expand($0, home: home) }
        }
        let data = setting("data") ?? dataHome + "/rollcall"
        let house = house(environment: environment)
        return Configuration(
            data: data, operatorName: setting("operator") ?? nonEmpty(environment["USER"]) ?? NSUserName(), identity: setting("identity"),
            sshConfiguration: setting("ssh_config"),
            catalogue: setting("catalogue") ?? data + "/catalogue", agent: setting("agent") ?? house?.agent,
            probes: setting("probes") ?? house?.probes, packaging: house?.packaging,
            language: setting("language")?.lowercased().replacing("_", with: "-") ?? "en", home: home,
            agentSocket: nonEmpty(environment["SSH_AUTH_SOCK"]))
    }

    private static func nonEmpty(_ value: String?) -> String? { value.flatMap { $0.isEmpty ? nil : $0 } }

    private static func expand(_ path: String, home: String) -> String {
        path.hasPrefix("~/") ? home + path.dropFirst(1) : path
    }

    private static func read(_ path: String) throws(CommandFailure) -> [String: String] {
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        func refuse(_ what: String, _ next: String) -> CommandFailure {
            CommandFailure(.badData, kind: "configuration", "\(path) cannot be used: \(what).", next: next)
        }
        let text: String
        do { text = try String(contentsOfFile: path, encoding: .utf8) } catch {
            throw refuse("it cannot be read as UTF-8 text", "Check its permissions and content.")
        }
        let node: Node?
        do { node = try Yams.compose(yaml: text) } catch { throw refuse("it is not YAML (\(displayed("\(error)")))", "Mend the file.") }
        guard let node else { return [:] }
        guard let mapping = node.mapping else { throw refuse("it is not a list of `key: value` lines", "Mend the file.") }
        var settings: [String: String] = [:]
        for (key, value) in mapping {
            let name = key.string ?? ""
            let line = key.mark?.line ?? 0
            guard keys.contains(name) else {
                throw refuse(
                    "line \(line) has the unknown key \"\(displayed(name))\"", "Known keys: \(keys.sorted().joined(separator: ", ")).")
            }
            guard let text = value.string else { throw refuse("line \(line): \(name) must be text", "Write \(name): VALUE.") }
            settings[name] = text
        }
        return settings
    }

    /// What ships with the program: in a checkout, found upwards from the binary; installed, below /usr.
    private static func house(environment: [String: String]) -> (agent: String?, probes: String, packaging: String)? {
        #if arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "x86_64"
        #endif
        let manager = FileManager.default
        var folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        if let home = nonEmpty(environment["ROLLCALL_HOME"]) { folder = URL(fileURLWithPath: home) }
        for _ in 0..<8 {
            if manager.fileExists(atPath: folder.appendingPathComponent("probes").path),
                manager.fileExists(atPath: folder.appendingPathComponent("agent/packaging").path)
            {
                let agent = folder.appendingPathComponent(".build-agent/\(architecture)/rollcall-agent").path
                return (agent, folder.appendingPathComponent("probes").path, folder.appendingPathComponent("agent/packaging").path)
            }
            folder = folder.deletingLastPathComponent()
        }
        let shared = "/usr/share/rollcall"
        guard manager.fileExists(atPath: shared + "/probes") else { return nil }
        return ("\(shared)/agents/\(architecture)/rollcall-agent", shared + "/probes", shared + "/packaging")
    }
}
