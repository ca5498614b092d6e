internal import Foundation
public import SSH

/// Puts the agent onto a Debian-like device over a root login, which only enrolment ever uses.
public struct Installation: Sendable {
    /// What can go wrong on the way; more may be added.
    public struct Failure: Error, Sendable {
        /// The step that failed, as the object of a sentence: "the upload of install.sh".
        public let step: String
        /// What the device said, not yet escaped; at most a few KiB.
        public let complaint: String
    }

    /// What a device says of itself before anything is changed on it.
    public struct Survey: Sendable, Equatable {
        /// Machine architecture as uname(2) names it, such as `x86_64`.
        public let architecture: String
        /// What starts the daemon there.
        public let start: Start
        /// The architecture of its Debian packages, such as `amd64`; empty where it has no dpkg.
        public let debianArchitecture: String
        /// Whether the login is root's.
        public let isRoot: Bool
        /// PRETTY_NAME of /etc/os-release, not yet escaped; empty where there is none.
        public let system: String

        /// What starts programs on a device, as far as the installer knows it.
        public enum Start: String, Sendable {
            /// systemd runs as process 1.
            case systemd
            /// BusyBox's init, by its /etc/inittab.
            case inittab
            /// Something else.
            case other
        }

        /// The architecture, as agent/build names it, of the agent that runs there; nil where there is none.
        public var agentArchitecture: String? { Installation.agentArchitecture(ofMachine: architecture) }
    }

    /// The architecture, as agent/build names it, of the agent for a machine as uname(2) names it; nil where there is none.
    public static func agentArchitecture(ofMachine machine: String) -> String? {
        switch machine {
        case "x86_64", "aarch64": machine
        // A 64-bit kernel calls itself armv8l to a 32-bit system. armv6l lacks instructions that the agent uses.
        case "armv7l", "armv8l": "armv7"
        default: nil
        }
    }

    /// One file to put there.
    public struct Item: Sendable {
        /// Its name in the installer's folder.
        public let name: String
        /// Its content.
        public let bytes: [UInt8]
        /// Whether it is a program.
        public let isExecutable: Bool

        /// Makes an item of its parts.
        public init(name: String, bytes: [UInt8], isExecutable: Bool = false) {
            precondition(name.allSatisfy { $0.isLetter || $0.isNumber || "-._".contains($0) }, "names are ours, and plain")
            self.name = name
            self.bytes = bytes
            self.isExecutable = isExecutable
        }

        /// Reads an item of the name of its file.
        ///
        /// - Throws: Where the file cannot be read.
        public init(folder: String, name: String) throws {
            let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder + "/" + name)))
            self.init(name: name, bytes: bytes, isExecutable: name.hasSuffix(".sh"))
        }
    }

    private let connection: Connection

    /// Works over a connection that is logged in as root.
    public init(connection: Connection) { self.connection = connection }

    /// Asks the device what it is; changes nothing.
    public func survey() async throws -> Survey {
        let script = """
            uname -m; id -u; if test -d /run/systemd/system; then echo systemd
            elif test -f /etc/inittab && readlink /proc/1/exe | grep -q /busybox; then echo inittab; else echo other; fi
            dpkg --print-architecture 2>/dev/null || echo; . /etc/os-release 2>/dev/null; echo "$PRETTY_NAME"
            """
        let result = try await connection.run(script, outputLimit: 4_096)
        let lines = String(decoding: result.standardOutput, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
        guard lines.count >= 5 else { throw Failure(step: "the survey of the device", complaint: Self.text(result)) }
        return Survey(
            architecture: lines[0], start: Survey.Start(rawValue: lines[2]) ?? .other, debianArchitecture: lines[3],
            isRoot: lines[1] == "0", system: lines[4])
    }

    /// A file of the device's that an enrolment adds to, or replaces.
    public enum OwnFile: String, Sendable {
        /// sshd's file of keys for the door.
        case keys = "/etc/rollcall/authorized_keys"
        /// The desks whose ledgers the device witnesses.
        case desks = "/etc/rollcall/desks"
        /// Whose signatures put a catalogue in force.
        case trust = "/etc/rollcall/trust"
    }

    /// What stands in a file of the device's; empty where there is none.
    ///
    /// - Throws: ``Failure`` where it is longer than 512 KiB, or cannot be read.
    public func content(of file: OwnFile) async throws -> String {
        let result: CommandResult
        do throws(SSHError) {
            result = try await connection.run("test ! -e \(file.rawValue) || cat \(file.rawValue)", outputLimit: 1 << 19)
        } catch {
            guard error.code == .outputLimit else { throw error }
            throw Failure(step: "the reading of \(file.rawValue)", complaint: "it is longer than 512 KiB")
        }
        guard result.exit == .exited(0) else { throw Failure(step: "the reading of \(file.rawValue)", complaint: Self.text(result)) }
        return String(decoding: result.standardOutput, as: UTF8.self)
    }

    /// Whether the device has a roster in force, which its keys are written from.
    public func hasRoster() async throws -> Bool {
        try await connection.run("test -e /var/lib/rollcall/roster", outputLimit: 4_096).exit == .exited(0)
    }

    /// Uploads the items, `install.sh` among them, and runs it as root.
    ///
    /// - Returns: What the installer printed, not yet escaped.
    /// - Throws: ``Failure``, or the SSH error that broke the connection.
    public func install(_ items: [Item]) async throws -> String {
        let result = try await run("install.sh", among: items)
        let said = String(decoding: result.standardOutput, as: UTF8.self)
        guard result.exit == .exited(0), said.contains("rollcall: installed ") else {
            throw Failure(step: "the installer", complaint: Self.complaint(result))
        }
        return said
    }

    /// Uploads the items, `uninstall.sh` among them, and runs it as root: the agent goes with everything that was its own.
    ///
    /// - Returns: What is left all the same, as `KIND THING`, not yet escaped; nothing where nothing is.
    /// - Throws: ``Failure``, or the SSH error that broke the connection.
    public func uninstall(_ items: [Item]) async throws -> [String] {
        let result = try await run("uninstall.sh", among: items)
        let lines = String(decoding: result.standardOutput, as: UTF8.self).split(separator: "\n")
        let left = lines.filter { $0.hasPrefix("rollcall: left: ") }.map { String($0.dropFirst("rollcall: left: ".count)) }
        // Silence proves nothing: either it names what is left, or it says that nothing is.
        let isClean = result.exit == .exited(0) && lines.last == "rollcall: nothing is left" && left.isEmpty
        guard isClean || (result.exit == .exited(1) && !left.isEmpty) else {
            throw Failure(step: "the removal", complaint: Self.complaint(result))
        }
        return left
    }

    /// Uploads the items into a fresh folder, runs one of them there, and removes the folder.
    private func run(_ program: String, among items: [Item]) async throws -> CommandResult {
        let made = try await connection.run("umask 077 && mktemp -d /tmp/rollcall-install.XXXXXXXX", outputLimit: 4_096)
        let folder = String(decoding: made.standardOutput, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        // The name goes into commands: a device that answers anything but what mktemp makes is not served.
        guard made.exit == .exited(0), folder.wholeMatch(of: /\/tmp\/rollcall-install\.[A-Za-z0-9]{6,8}/) != nil else {
            throw Failure(step: "the making of a folder for the installer", complaint: Self.text(made))
        }
        do {
            for item in items {
                do throws(SSHError) {
                    try await connection.upload(item.bytes, to: "\(folder)/\(item.name)", permissions: item.isExecutable ? 0o700 : 0o600)
                } catch {
                    guard error.code == .uploadFailed else { throw error }
                    throw Failure(step: "the upload of \(item.name)", complaint: error.detail)
                }
            }
            let result = try await connection.run("cd \(folder) && ./\(program) 2>&1", outputLimit: 65_536)
            _ = try? await connection.run("rm -rf -- \(folder)", outputLimit: 4_096)
            return result
        } catch {
            _ = try? await connection.run("rm -rf -- \(folder)", outputLimit: 4_096)
            throw error
        }
    }

    /// The public key of the device's ledger, as `rollcall-agent key` prints it.
    public func ledgerKey() async throws -> String {
        let result = try await connection.run("/usr/bin/rollcall-agent key", outputLimit: 4_096)
        guard result.exit == .exited(0) else { throw Failure(step: "the reading of the device's ledger key", complaint: Self.text(result)) }
        return String(decoding: result.standardOutput, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// The installer's own last sentence, where it has one: before it stands what dpkg and others said.
    private static func complaint(_ result: CommandResult) -> String {
        let said = String(decoding: result.standardOutput.suffix(16_384), as: UTF8.self)
        let own = said.split(separator: "\n").filter { $0.hasPrefix("rollcall: ") }
        return own.isEmpty ? text(result) : own.joined(separator: " ")
    }

    private static func text(_ result: CommandResult) -> String {
        let bytes = result.standardError.isEmpty ? result.standardOutput : result.standardError
        return String(decoding: bytes.suffix(2_048), as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
