internal import AgentClient
internal import Catalogue
internal import Foundation
internal import Ledger
internal import LedgerCore
public import Probes
public import Store
internal import Wire

/// Replaces the agent of a device through its door, and waits for the device's own word on what became of that.
public struct Upgrade: Sendable {
    /// What an upgrade did, in the order in which it did it.
    public enum Step: Sendable {
        /// The device has the new agent whole and found its signatures good; it tries it as soon as the session is over.
        case taken(old: String, new: String)
        /// The new agent answers through the door, and the device's ledger says that it is in force.
        case installed(version: String)
    }

    /// The device refused the agent before it tried it.
    public struct Refusal: Error, Sendable {
        /// The rule's stable name.
        public let rule: String
        /// The agent's sentence, not yet escaped.
        public let sentence: String
    }

    private let desk: Desk
    private let report: @Sendable (Step) -> Void

    /// Seconds that a device has for the trial and for coming back: it gives up on a new agent after 60.
    private static let patience: Duration = .seconds(120)

    /// Upgrades from `desk`; each step is reported when it is done.
    public init(desk: Desk, report: @escaping @Sendable (Step) -> Void) {
        self.desk = desk
        self.report = report
    }

    /// Pushes a signed agent and waits until the device says what became of it.
    ///
    /// - Throws: ``Refusal``; ``Enrolment/Failure`` where the old agent was kept, or the device does not come back.
    public func run(_ device: Device, file: SignedAgentFile) async throws {
        let (envelope, header, bytes) = try file.read()
        let (version, digest) = (header.version.string, SHA256.hash(envelope.header))
        let session = try await DeviceSession.open(device, desk: desk, reason: "agent \(version)")
        let first = (try? Checkpoint(unverifiedNote: session.hello.checkpoint))?.size ?? 0
        do {
            let answer = try await session.push(agent: bytes, version: version, digest: digest)
            if case .missing(let error) = answer.outcome { throw error }
            _ = try? await session.end()
            if case .refused(let refused) = answer.outcome {
                throw Refusal(rule: refused.rule.string, sentence: refused.sentence.string)
            }
        } catch {
            _ = try? await session.end()
            throw error
        }
        report(.taken(old: session.hello.agentVersion.string, new: version))
        let conclusion = try await conclusion(device, digest: digest, from: first)
        guard conclusion.kind == .agentInstalled else {
            throw Enrolment.Failure(
                sentence: "\(device.name) did not change its agent: \(conclusion.detail.string).",
                next: "The old agent goes on as before; mend the new one, pack and sign it, and try again.")
        }
        report(.installed(version: version))
    }

    /// What the device's ledger says of the trial, asked until it does: while it lasts, sessions are cut off or answered by either agent.
    private func conclusion(_ device: Device, digest: [UInt8], from first: UInt64) async throws -> LedgerEntry {
        let deadline = ContinuousClock.now + Self.patience
        var last: (any Error)?
        while ContinuousClock.now < deadline {
            try await Task.sleep(for: .seconds(2))
            do {
                let (found, _) = try await DeviceSession.with(device, desk: desk, reason: "what became of the new agent") { session in
                    await session.ledgerEntries(from: first, count: 4_096).entries.compactMap { try? LedgerEntry(decoding: $0) }
                        .last { [.agentInstalled, .agentKept].contains($0.kind) && $0.digest == digest }
                }
                if let found {
                    try desk.database.recordAgentConcluded(device: device.id, found, operator: desk.operatorName)
                    return found
                }
            } catch let error as StoreError {
                throw error
            } catch {
                last = error
            }
        }
        if let last { throw last }
        throw Enrolment.Failure(
            sentence: "\(device.name) took the new agent, and its ledger does not say what became of it within two minutes.",
            next: "`rollcall-agent log` on the device says it.")
    }
}
