internal import AgentClient
public import Diagnosis
internal import Foundation
public import Probes
public import SSH
public import Store
public import Telemetry

/// A device that cannot be reached: what this desk knows of it all the same, and what its caller says.
public struct UnreachableDevice: Sendable {
    /// Another device of its site.
    public struct Sibling: Sendable {
        /// What is on record of it.
        public let record: SiblingRecord
        /// Whether anything of it answered when it was tried last; nil where that is not known.
        public let isReached: Bool?
        /// Whether it was tried last after this device was heard last.
        public let wasTriedSince: Bool
    }

    /// The device.
    public let device: Device
    /// Code of the failure, as sessions have it.
    public let failureCode: String
    /// When it was heard last, and what failed since.
    public let contact: ContactRecord
    /// The last verdict that came of its own answers, and when that was, microseconds UTC.
    public let lastVerdict: (takenAt: Int64, verdict: Verdict)?
    /// What was then not as when it was well, and when that was, microseconds UTC.
    public let changes: (since: Int64, differences: [StateDifference])?
    /// When the last sample was taken, milliseconds UTC by the device's clock; nil without telemetry.
    public let lastSample: Int64?
    /// Telemetry of the minutes before.
    public let telemetry: [TelemetryBlock]
    /// The other devices of its site, by name.
    public let siblings: [Sibling]

    private static let telemetrySpan: Int64 = 900_000

    /// Gathers what is known of a device that failed with `error`.
    ///
    /// - Returns: nil where the error is not that nothing of the device answers.
    public init?(_ device: Device, failedWith error: any Error, desk: Desk) async throws {
        guard Self.isMeant(error) else { return nil }
        self.device = device
        failureCode = SessionFailure(error).code
        let contact = try desk.database.contact(device: device.id)
        self.contact = contact
        lastVerdict = try desk.database.lastVerdict(device: device.id).flatMap { record in
            (try? JSONDecoder().decode(Verdict.self, from: Data(record.json.utf8))).map { (record.takenAt, $0) }
        }
        let diagnostician = Diagnostician(library: try await desk.library())
        if let good = try desk.database.answers(.good, device: device.id), let last = try desk.database.answers(.last, device: device.id),
            let (before, after) = try? (Answer.decode(good.encoded), Answer.decode(last.encoded))
        {
            changes = (good.takenAt, diagnostician.changes(from: before, to: after))
        } else {
            changes = nil
        }
        lastSample = try desk.database.lastTelemetryTime(device: device.id)
        telemetry =
            try lastSample.map { end in
                try desk.database.telemetry(device: device.id, from: max(end, Self.telemetrySpan) - Self.telemetrySpan, to: end)
            } ?? []
        let lastSeen = contact.lastSeen?.startedAt ?? .min
        siblings = try desk.database.siblings(of: device).map { record in
            Sibling(
                record: record, isReached: record.wasHeard ? true : record.errorCode.flatMap(Self.answered),
                wasTriedSince: (record.lastTriedAt ?? .min) > lastSeen)
        }
    }

    /// Whether nothing of a device, or of the way to it, answered.
    private static func isMeant(_ error: any Error) -> Bool {
        let error = (error as? AgentClientError)?.underlying ?? error
        guard let error = error as? SSHError else { return false }
        return answered(error.code.description) == false || error.jumpHost != nil && error.code == .closed
    }

    /// Whether something of a device answered in a session that failed with a code; nil where the code does not say.
    private static func answered(_ code: String) -> Bool? {
        let silent: [SSHError.Code] = [.nameNotFound, .refused, .noRoute, .resetBeforeBanner, .timedOut, .notReachedFromJumpHost]
        let present: [SSHError.Code] = [
            .hostKeyUnknown, .hostKeyChanged, .hostKeyRevoked, .authenticationRefused, .noCommonAlgorithm, .channelRefused,
        ]
        if silent.contains(where: { $0.description == code }) { return false }
        return present.contains { $0.description == code } ? true : nil
    }

    /// The questions to its caller, none of them asked yet.
    public func interview(desk: Desk) async throws -> CallerInterview {
        let library = try await desk.library()
        return CallerInterview(
            library.callerProbes(model: device.labels.model), library: library, desk: try DeskFacts(of: self, desk: desk))
    }

    /// Puts on record what the caller said, and what comes of it.
    ///
    /// - Returns: The verdict; what the device would have said itself is unknown in it.
    public func judge(_ interview: CallerInterview, desk: Desk, call: String?) async throws -> Verdict {
        for answer in interview.answers {
            let exchanges = interview.exchanges.filter { $0.manifest.id == answer.probe }.map {
                CallerRecord.Exchange(name: $0.question.name, question: $0.question.sentence, answer: $0.question.word($0.reply))
            }
            _ = try desk.database.recordCallerAnswers(
                device: device.id, call: call, probe: answer.probe, exchanges, operator: desk.operatorName)
        }
        let verdict = try Diagnostician(library: try await desk.library()).judge(
            caller: interview.answers, desk: try DeskFacts(of: self, desk: desk))
        _ = try DeviceDiagnosis.putOnRecord(verdict, device: device.id, session: nil, desk: desk, call: call)
        return verdict
    }
}
