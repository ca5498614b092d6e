internal import AgentClient
internal import Diagnosis
internal import SSH

extension CommandFailure {
    /// What went wrong in talking to the agent of `device`.
    init(_ error: AgentClientError, device: String, address: String) {
        if let underlying = error.underlying as? SSHError {
            self.init(underlying, device: device, address: address)
            return
        }
        let detail = displayed(error.detail)
        switch error.code {
        case .protocolVersion:
            self.init(
                .protocolVersion, kind: "protocol-version", "The agent of \(device) speaks another version of the protocol: \(detail).",
                next: "Bring the older side up to date: `rollcall device enroll \(device)` installs this controller's agent.")
        case .refused:
            self.init(refusedBy: error.rule, sentence: detail, what: device, device: device)
        case .notAnAgent, .endedEarly:
            let said = detail.isEmpty ? "nothing" : detail
            self.init(
                .noAgent, kind: "no-agent", "No Rollcall agent answers at \(device); what came instead: \(said).",
                next: "Install it with `rollcall device enroll \(device)`, or ask the owner to run `rollcall-agent check` on the device.")
        case .timedOut:
            self.init(
                .timedOut, kind: "timed-out", "The agent of \(device) did not answer in time.",
                next: "Try again; if it stays, the device hangs: ask for `rollcall-agent check` on it, or for a restart.")
        case .tooMuchOutput:
            self.init(
                .connectionLost, kind: "too-much-output",
                "The agent of \(device) sent more than it may\(detail.isEmpty ? "" : " for \(detail)"); the session was ended.",
                next: "Treat the device as faulty or hostile until somebody has looked at it.")
        case .notStarted:
            self.init(
                .missingTool, kind: "agent-not-started", "The agent could not be started: \(detail).",
                next: "Build it with agent/build, or name it with ROLLCALL_AGENT.")
        default:
            self.init(
                .connectionLost, kind: "connection-lost", "The session with \(device) broke\(detail.isEmpty ? "" : ": \(detail)").",
                next: "Try again; what was answered before is on record.")
        }
    }

    /// A refusal of the agent, by its rule.
    ///
    /// - Parameters:
    ///   - rule: The rule's stable name, from the device.
    ///   - sentence: What the agent says, already safe to print.
    ///   - what: What was refused: a probe, a push, or the session.
    init(refusedBy rule: String, sentence: String, what: String, device: String) {
        let (status, next): (ExitStatus, String) =
            switch rule {
            case "protocol":
                (.protocolVersion, "Bring the older side up to date: `rollcall device enroll \(device)` installs this controller's agent.")
            case "agent-down":
                (
                    .noAgent,
                    "Ask the owner to run `rollcall-agent check` on the device, which says what is wrong, then `systemctl start rollcall-agent`."
                )
            case "parameter": (.parameter, "`rollcall probes show \(what)` says what it takes.")
            case "catalogue-unsigned", "signature-unsupported":
                (.catalogueUnsigned, "Have enough reviewers sign it with `rollcall probes sign`, then push it.")
            case "catalogue-expired", "catalogue-not-yet-valid":
                (.catalogueExpired, "Pack and sign a new one, then `rollcall probes push \(device)`; check the device's clock too.")
            case "catalogue-rolled-back": (.catalogueRolledBack, "Pack it with a higher --version, have it signed, and push it.")
            case "catalogue-tampered": (.catalogueTampered, "Do not use this catalogue; pack and sign it anew from the reviewed manifests.")
            case "roster-unsigned": (.catalogueUnsigned, "Have enough reviewers sign it with `rollcall operator sign`, then push it.")
            case "roster-expired", "roster-not-yet-valid":
                (.catalogueExpired, "Pack and sign a new one with `rollcall operator pack`; check the device's clock too.")
            case "roster-rolled-back":
                (
                    .catalogueRolledBack,
                    "Pack a new one with `rollcall operator pack --version` above the device's, have it signed, and push it."
                )
            case "roster-tampered": (.catalogueTampered, "Do not use this roster; pack it anew with `rollcall operator pack`.")
            case "roster-malformed", "roster-version-leap":
                (.catalogueRefused, "Bring the agent up to date with `rollcall device enroll \(device)`, or pack with a lower --version.")
            case "revoked": (.notAllowed, "Whoever keeps the roster can let you in again: `rollcall operator add`, pack, sign, push.")
            case "no-catalogue": (.catalogueRefused, "`rollcall probes push \(device)` brings this desk's catalogue to the device.")
            case "ledger", "storage":
                (.refused, "Free some space on the device first; `rollcall diagnose \(device)` says which file system is full.")
            case "catalogue-malformed", "catalogue-version-leap", "trust-malformed":
                (.catalogueRefused, "Check it with `rollcall probes verify`.")
            case "agent-unsigned": (.catalogueUnsigned, "Have enough reviewers sign it with `rollcall agent sign`, then try again.")
            case "agent-tampered": (.catalogueTampered, "Do not use this file; pack and sign the agent anew.")
            case "agent-rolled-back": (.catalogueRolledBack, "Pack the agent anew, have it signed, and try again.")
            case "agent-architecture": (.refused, "Take the agent for this device's architecture: agent/build --arch NAME.")
            case "agent-malformed": (.catalogueRefused, "Pack it anew with `rollcall agent pack`.")
            case "unknown-probe": (.notFound, "`rollcall probes push \(device)` brings the desk's catalogue to the device.")
            case "rights", "role", "peer", "needs-root": (.notAllowed, "Ask somebody whose key has the role for it, or the device's owner.")
            case "path": (.notAllowed, "Ask somebody whose key has the role for it, or the device's owner for another path.")
            case "shell": (.refused, "The device's owner can see more with `rollcall-agent check` and `log`.")
            case "unknown-user":
                (.notAllowed, "Ask the device's owner to add that user, or to name another one in /etc/rollcall/agent.conf.")
            case "file": (.deviceFile, "Check the path and what stands there; `put --force` replaces a file, and nothing that is none.")
            case "owner": (.notAllowed, "Ask the device's owner; `rollcall-agent check` on the device says what is limited.")
            case "stuck": (.probeStuck, "What it asked for does not answer on the device; a restart of the device may be needed.")
            case "sandbox":
                (.refused, "The device's owner decides: a newer kernel, or `require-sandbox no` in /etc/rollcall/agent.conf.")
            case "configuration": (.refused, "Correct /etc/rollcall/agent.conf on the device; `rollcall-agent check` there says more.")
            case "busy", "stopping": (.refused, "Try again in a moment.")
            case "idle": (.connectionLost, "The session was silent for too long and was ended; just go on, a new one opens by itself.")
            default: (.refused, "The device's owner can see more with `rollcall-agent log`.")
            }
        self.init(
            status, kind: "refused-" + displayed(rule), "\(device) refused \(what == device ? "the session" : what): \(sentence)",
            next: next)
    }
}
