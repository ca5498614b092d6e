internal import AgentClient
internal import Diagnosis
public import Fleet
internal import Probes
internal import SSH
public import Store

/// Asks every device of a selection the same questions, and gives every single one exactly one state.
public struct FleetSweep: Sendable {
    /// What became of one target.
    public struct Target: Sendable {
        /// The device.
        public let device: Device
        /// Its one state.
        public let state: SweepRecord.State
        /// One line: the first cause, or why there is none; safe to show.
        public let detail: String
        /// Exit code of its verdict; nil where there is none.
        public let exitCode: Int?
    }

    private let desk: Desk
    private let plan: BoundedSweep

    /// Sweeps from `desk`, as `plan` bounds it.
    public init(desk: Desk, plan: BoundedSweep) {
        self.desk = desk
        self.plan = plan
    }

    /// Visits each device once; every result is on record as it comes.
    ///
    /// - Parameters:
    ///   - selection: What was asked for, in words, for the record.
    ///   - progress: Called with each target as it ends, one at a time.
    /// - Returns: The targets in the order given, each in one state.
    public func run(
        _ devices: [Device], selection: String, progress: (Target) -> Void
    ) async throws -> (record: SweepRecord, targets: [Target]) {
        let sweep = try desk.database.recordSweepStarted(
            selection: selection, targets: devices.map(\.id), operator: desk.operatorName
        ).id
        var ended: [String: Target] = [:]
        var deskError: (any Error)?
        await plan.run(devices) { device in
            let visit = await Self.visit(device, desk: desk)
            return (visit, visit.target.state.isTrouble)
        } ended: { device, visit in
            let target: Target
            var diagnosis: DeviceDiagnosis?
            switch visit {
            case .visited(let result):
                (target, diagnosis) = (result.target, result.diagnosis)
                deskError = deskError ?? result.deskError
            case .skipped: target = Target(device: device, state: .skipped, detail: "not visited: the sweep stopped early", exitCode: nil)
            case .cancelled:
                target = Target(device: device, state: .cancelled, detail: "not visited: the sweep was cancelled", exitCode: nil)
            }
            do {
                try desk.database.recordSweepTarget(
                    sweep: sweep, device: device.id,
                    SweepTarget.Ending(target.state, detail: target.detail, session: diagnosis?.session, verdict: diagnosis?.record.id))
            } catch { deskError = deskError ?? error }
            ended[device.id] = target
            progress(target)
        }
        if let deskError { throw deskError }
        return (try desk.database.recordSweepEnded(id: sweep), devices.compactMap { ended[$0.id] })
    }

    private struct Visited: Sendable {
        let target: Target
        let diagnosis: DeviceDiagnosis?
        /// The desk's own trouble, which is no state of the device and ends the sweep's command with its own error.
        let deskError: (any Error)?
    }

    private static func visit(_ device: Device, desk: Desk) async -> Visited {
        guard device.agent.enrolledAt != nil else {
            let target = Target(device: device, state: .skipped, detail: "not visited: it is not enrolled", exitCode: nil)
            return Visited(target: target, diagnosis: nil, deskError: nil)
        }
        do {
            let diagnosis = try await DeviceDiagnosis.run(device, desk: desk, way: .ssh, reason: "sweep", isCompared: false)
            return Visited(target: target(device, diagnosis), diagnosis: diagnosis, deskError: nil)
        } catch {
            let failure = SessionFailure(error)
            let target = Target(device: device, state: SweepRecord.State(error), detail: failure.sentence, exitCode: nil)
            return Visited(target: target, diagnosis: nil, deskError: error.isTheDesks ? error : nil)
        }
    }

    private static func target(_ device: Device, _ diagnosis: DeviceDiagnosis) -> Target {
        let state: SweepRecord.State =
            switch diagnosis.verdict.exitCode {
            case 0: .healthy
            case 2: .failed
            default: diagnosis.wasCutOff ? .timedOut : .degraded
            }
        let detail =
            diagnosis.verdict.causes.first { $0.worst > .info }?.finding.engineer
            ?? diagnosis.verdict.unknowns.first.map { "could not find out: \($0.id): \($0.reason)" } ?? "nothing found"
        return Target(device: device, state: state, detail: detail, exitCode: diagnosis.verdict.exitCode)
    }
}

extension SweepRecord.State {
    /// The one state of a device that could not be visited.
    init(_ error: any Error) {
        if let error = error as? AgentClientError {
            if let underlying = error.underlying as? SSHError {
                self.init(ssh: underlying)
            } else {
                switch error.code {
                case .timedOut: self = .timedOut
                case .transport, .endedEarly: self = .unreachable
                default: self = .refused
                }
            }
        } else if let error = error as? SSHError {
            self.init(ssh: error)
        } else {
            self = error is CancellationError ? .cancelled : .skipped
        }
    }

    private init(ssh error: SSHError) {
        switch error.code {
        case .cancelled: self = .cancelled
        // Whatever a jump host does, it says nothing of the device behind it.
        case _ where error.jumpHost != nil: self = .pathDown
        case .hostKeyChanged, .hostKeyRevoked: self = .hostKeyChanged
        case .hostKeyUnknown, .knownHostsFile: self = .refused
        case .authenticationRefused, .unsupportedKey, .keyFile, .keyFileEncrypted, .agentUnavailable: self = .authFailed
        case .timedOut: self = error.phase == .connect ? .unreachable : .timedOut
        case .noRoute: self = .pathDown
        // The desk's own: nothing was learnt of the device.
        case .localFailure, .configuration, .unsupportedConfiguration: self = .skipped
        case .channelRefused: self = .refused
        default: self = .unreachable
        }
    }

    /// Whether it counts for the error limit: the visit itself went wrong.
    var isTrouble: Bool { ![.healthy, .degraded, .failed].contains(self) }
}

extension Error {
    /// Whether it is about this desk, its store or its rules, and not about a device or the way there.
    fileprivate var isTheDesks: Bool { !(self is SSHError || self is AgentClientError || self is CancellationError) }
}
