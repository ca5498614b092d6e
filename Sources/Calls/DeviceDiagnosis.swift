public import Diagnosis
internal import Foundation
internal import Probes
public import Store
internal import Wire

/// What a diagnosis of one device came to, and what it took.
public struct DeviceDiagnosis: Sendable {
    /// Causes first, symptoms under them, and what could not be found out.
    public let verdict: Verdict
    /// The session it was taken in.
    public let session: String
    /// The record of it.
    public let record: VerdictRecord
    /// How both sides' ledgers stand to each other: nil while the session lasts.
    public let heads: HeadJudgement?
    /// From the command to the verdict, and what of it the agent was busy with probes.
    public let timing: Timing
    /// Whether the device has another catalogue than the desk: its version, and the desk may want to push.
    public let otherCatalogueVersion: UInt64?
    /// Whether no question at all was answered, because the device fell silent or the connection broke.
    public let wasCutOff: Bool
    /// What never answered on the device and is not asked again until it returns, as the agent names it; escaped.
    public let stuck: [String]
    /// What is not as when the device was last well, and when that was, microseconds UTC; nil where this desk never saw it well.
    public let changes: (since: Int64, differences: [StateDifference])?
    /// What is not as on the other devices of its model and site.
    public let oddities: [StateDifference]
    /// That the device started anew since this desk last saw it; nil where it did not, or does not say.
    public let reboot: Reboot?

    /// Where the time went.
    public struct Timing: Sendable, Equatable {
        /// From the start to the verdict, wall time.
        public var total: Duration
        /// Wall time in which the agent had at least one probe under way, by its own clock.
        public var agent: Duration
    }

    /// Asks a device every question of the library that needs no parameter, in one write, and judges the answers.
    ///
    /// - Parameters:
    ///   - call: Id of the call it belongs to, or nil.
    ///   - way: How the agent is reached.
    ///   - isCompared: Whether the device is compared with itself and its like, which a sweep leaves out.
    /// - Throws: What ``DeviceSession/open(_:desk:way:call:reason:questions:)`` throws, or `StoreError`.
    public static func run(
        _ device: Device, desk: Desk, way: DeviceSession.Way = .compressedSSH, call: String? = nil, reason: String,
        isCompared: Bool = true
    ) async throws -> DeviceDiagnosis {
        let clock = ContinuousClock()
        let began = clock.now
        let taken = try await DeviceSession.with(
            device, desk: desk, way: way, call: call, reason: reason, questions: { try await firstQuestions(desk) }
        ) { session in
            var answers = try await session.firstAnswers()
            let rest = try await questions(desk).dropFirst(answers.count)
            if !rest.isEmpty { answers += try await session.ask(Array(rest)) }
            let verdict = try Diagnostician(library: try await desk.library()).judge(answers, desk: DeskFacts(of: session, desk: desk))
            let total = clock.now - began
            let wasCutOff = answers.allSatisfy { answer in
                if case .none = answer.ending { true } else { false }
            }
            let (changes, oddities) =
                isCompared ? try compare(answers, session.device, desk: desk, library: try await desk.library()) : (nil, [])
            let record = try putOnRecord(verdict, device: session.device.id, session: session.id, desk: desk, call: call)
            if !wasCutOff {
                let isGood = !verdict.judged.isEmpty && verdict.causes.allSatisfy { $0.worst == .info }
                try desk.database.keepAnswers(Answer.encode(answers), of: record, isGood: isGood)
            }
            let reboot = wasCutOff ? nil : try await Reboot.find(in: session, desk: desk)
            return (session, verdict, total, record, wasCutOff, reboot, changes, oddities)
        }
        let (session, verdict, total, record, wasCutOff, reboot, changes, oddities) = taken.result
        let isOther = !desk.catalogueDigest.isEmpty && session.hello.catalogueDigest != desk.catalogueDigest
        return DeviceDiagnosis(
            verdict: verdict, session: session.id, record: record, heads: taken.parting?.judgement,
            timing: Timing(total: total, agent: taken.parting?.agentBusyTime ?? .zero),
            otherCatalogueVersion: isOther ? session.hello.catalogueVersion : nil,
            wasCutOff: wasCutOff, stuck: session.hello.stuck.map { displayed($0.string) }, changes: changes, oddities: oddities,
            reboot: reboot)
    }

    /// Compares answers with the device's own when it was last well, and with those of its like.
    private static func compare(
        _ answers: [Answer], _ device: Device, desk: Desk, library: ManifestLibrary
    ) throws -> (changes: (since: Int64, differences: [StateDifference])?, oddities: [StateDifference]) {
        let diagnostician = Diagnostician(library: library)
        // Answers of another library are read as far as they can be; what cannot be is not compared.
        let changes = try desk.database.answers(.good, device: device.id).flatMap { record in
            (try? Answer.decode(record.encoded)).map { (record.takenAt, diagnostician.changes(from: $0, to: answers)) }
        }
        guard !device.labels.model.isEmpty else { return (changes, []) }
        let others = try desk.database.answersOfLike(device: device, limit: siblingLimit).compactMap { try? Answer.decode($0.encoded) }
        return (changes, diagnostician.differences(of: answers, from: others))
    }

    /// Other devices that one is compared with at most.
    private static let siblingLimit = 8

    /// What a full diagnosis asks.
    static func questions(_ desk: Desk) async throws -> [DeviceSession.Question] {
        try await desk.library().diagnosisProbes.map { DeviceSession.Question(probe: $0.id) }
    }

    /// What of it can be asked with the opening of a session.
    static func firstQuestions(_ desk: Desk) async throws -> [DeviceSession.Question] {
        try await Array(questions(desk).prefix(RollcallProtocol.requestsInFlightLimit))
    }

    /// Puts a verdict on record.
    static func putOnRecord(
        _ verdict: Verdict, device: String, session: String?, desk: Desk, call: String?
    ) throws -> VerdictRecord {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        let json = String(decoding: try encoder.encode(verdict), as: UTF8.self)
        let worst = verdict.causes.map(\.worst).max()?.rawValue ?? (verdict.exitCode == 3 ? "unknown" : "ok")
        return try desk.database.recordVerdict(
            device: device, session: session, call: call, exitCode: verdict.exitCode, severity: worst, json: json)
    }
}
