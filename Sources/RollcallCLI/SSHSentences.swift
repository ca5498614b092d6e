internal import Diagnosis
internal import SSH

extension CommandFailure {
    /// What an SSH error on the way to `device` means to the person at the desk.
    ///
    /// - Parameters:
    ///   - device: Name, as it was given.
    ///   - address: Host and port, for the sentence.
    init(_ error: SSHError, device: String, address: String) {
        let detail = displayed(error.detail)
        if error.jumpHost != nil, error.code != .cancelled {
            self.init(ofJumpHost: error, before: device)
            return
        }
        switch error.code {
        case .nameNotFound:
            self.init(
                .unreachable, kind: "name-not-found",
                "\(device) cannot be reached: the name in \(address) is not known, or cannot be looked up now.",
                next: "Check the address with `rollcall device show \(device)`.")
        case .refused:
            self.init(
                .unreachable, kind: "refused", "\(device) cannot be reached: \(address) refuses the connection; no sshd listens there.",
                next: "Ask whether the device is up, and check the port with `rollcall device show \(device)`.")
        case .noRoute:
            self.init(
                .unreachable, kind: "no-route", "\(device) cannot be reached: there is no route to \(address).",
                next: "Check the path to the site (VPN, router) before you call the device down.")
        case .resetBeforeBanner:
            self.init(
                .unreachable, kind: "reset", "\(device) cannot be reached: \(address) closed the connection before it said anything.",
                next: "It was tried three times. Try again in a moment; an sshd with many logins under way (MaxStartups) does this.")
        case .localFailure:
            self.init(
                .unreachable, kind: "local-failure", "This machine could not connect to \(address): \(detail).",
                next: "Check what it allows, such as open files (`ulimit -n`), and ask for less at once.")
        case .notReachedFromJumpHost:
            self.init(
                .unreachable, kind: "not-reached-from-jump-host",
                "\(device) cannot be reached: its jump host is there, and could not connect to \(address).",
                next: "Ask whether the device is up, and check its address as the jump host knows it.")
        case .notSSH:
            self.init(
                .unreachable, kind: "not-ssh", "What answers at \(address) is not an SSH server.",
                next: "Check the port with `rollcall device show \(device)`.")
        case .noCommonAlgorithm:
            self.init(
                .unreachable, kind: "no-common-algorithm", "\(device) and this controller share no SSH algorithm: \(detail).",
                next: "Allow aes256-ctr with hmac-sha2-256 in the device's sshd_config.")
        case .hostKeyChanged:
            self.init(
                .hostKeyChanged, kind: "host-key-changed",
                "\(device) shows another host key than the expected one: \(detail).",
                next:
                    "If the device was replaced or set up anew, accept it on purpose with `rollcall device rekey \(device)`; otherwise stop here and report it."
            )
        case .hostKeyUnknown:
            self.init(
                .hostKeyUnknown, kind: "host-key-unknown", "No host key is pinned for \(device), and none was accepted: \(detail).",
                next: "`rollcall device enroll \(device)` pins it; read the fingerprint from the device or its paperwork for --host-key.")
        case .hostKeyRevoked:
            self.init(
                .hostKeyChanged, kind: "host-key-revoked", "\(device) shows a host key that was revoked: \(detail).",
                next: "Stop here and report it: somebody may hold that key who is not the device.")
        case .knownHostsFile:
            self.init(
                .badData, kind: "known-hosts-file", "A known_hosts file cannot be used: \(detail).",
                next: "Check its permissions and content, or name the key's fingerprint with --host-key.")
        case .configuration:
            self.init(
                .badData, kind: "ssh-configuration", "OpenSSH's configuration does not say how to reach \(device): \(detail).",
                next: "Mend ~/.ssh/config, and check with `ssh -G HOST`; or set the device's address with `rollcall device add`.")
        case .unsupportedConfiguration:
            self.init(
                .badData, kind: "ssh-configuration", "OpenSSH's configuration asks for what cannot be done here: \(detail).",
                next: "Use ProxyJump instead of a ProxyCommand, or name another configuration with --ssh-config.")
        case .authenticationRefused:
            self.init(
                .authenticationRefused, kind: "authentication-refused", "\(device) did not let us in: \(detail).",
                next: Self.whatWasOffered(error.detail))
        case .keyFileEncrypted:
            self.init(
                .notFound, kind: "key-file", "The key cannot be used without its passphrase: \(detail).",
                next: "Add it to your ssh-agent with `ssh-add`, or run this on a terminal, where you are asked for it.")
        case .unsupportedKey:
            self.init(
                .authenticationRefused, kind: "unsupported-key", "The key cannot be used to log in: \(detail).",
                next: "Use an Ed25519 key.")
        case .keyFile:
            self.init(
                .notFound, kind: "key-file", "There is no key to log in with: \(detail).",
                next: "Name an Ed25519 key with --identity, or add one to your ssh-agent with `ssh-add`.")
        case .agentUnavailable:
            self.init(
                .notFound, kind: "ssh-agent", "The ssh-agent did not answer: \(detail).",
                next: "Check SSH_AUTH_SOCK, or name a key with --identity.")
        case .timedOut:
            let phase = error.phase.map { " during \($0.rawValue)" } ?? ""
            self.init(
                error.phase == .connect ? .unreachable : .timedOut, kind: "timed-out",
                "\(device) at \(address) did not answer in time\(phase)\(detail.isEmpty ? "" : ": \(detail)").",
                next: "Ask whether the device has power and network, then try again.")
        case .channelRefused:
            self.init(
                .noAgent, kind: "channel-refused", "\(device) let us in but would not start the agent: \(detail).",
                next: "Check the door with `rollcall device enroll \(device)`.")
        case .cancelled:
            self.init(
                .connectionLost, kind: "cancelled", "The connection to \(device) was cancelled.",
                next: "Try again; what was answered before is on record.")
        case .peerVanished, .closed:
            self.init(
                .connectionLost, kind: "connection-lost", "The connection to \(device) broke\(detail.isEmpty ? "" : ": \(detail)").",
                next: "Try again; what was answered before is on record.")
        default:
            self.init(
                .connectionLost, kind: "ssh", "The connection to \(device) failed: \(detail.isEmpty ? error.code.description : detail).",
                next: "Try again; if it stays, run with --json and report the error.")
        }
    }

    /// What to do where a login was refused, by what was tried.
    private static func whatWasOffered(_ detail: String) -> String {
        let root = detail.hasPrefix("user root:")
        // Behind what was tried stands what the server would take.
        let tried = detail.prefix { $0 != ";" }
        if tried.contains("password") || tried.contains("keyboard-interactive") {
            return root
                ? "Check the password, and whether the device's sshd lets root in by one (PermitRootLogin), or name a key with --root-identity."
                : "Check the password, and whether the device's sshd takes one."
        }
        return root
            ? "Check which key you use (--identity; to enrol, --root-identity), and that root is let in by it."
            : "Check which key you use (--identity), and that it was enrolled on this device."
    }

    /// What the trouble of a jump host means: nothing of the device behind it.
    private init(ofJumpHost error: SSHError, before device: String) {
        let status: ExitStatus
        let next: String
        switch error.code {
        case .hostKeyUnknown:
            status = .hostKeyUnknown
            next = "Connect to it once with `ssh`, which shows its key and records it in known_hosts."
        case .hostKeyChanged, .hostKeyRevoked:
            status = .hostKeyChanged
            next = "If the jump host was set up anew, mend known_hosts on purpose with `ssh-keygen -R`; otherwise stop here and report it."
        case .authenticationRefused, .unsupportedKey, .keyFile, .keyFileEncrypted, .agentUnavailable:
            status = .authenticationRefused
            next = "Check that `ssh` gets you into it: its keys are those that ~/.ssh/config and your ssh-agent name, never --identity."
        default:
            status = .unreachable
            next = "Check that `ssh` gets you into it, before you call the device down."
        }
        self.init(
            status, kind: "jump-host", "\(device) lies behind a jump host that cannot be used: \(displayed(error.detail)).", next: next)
    }
}
