internal import GRDB

/// The numbers of a period's calls, with what they leave out.
public struct CallFigures: Equatable, Sendable {
    /// Truck rolls that were avoided, each claim in exactly one of three places.
    ///
    /// A claim is a call that was fixed remotely where a truck would have rolled.
    public struct AvoidedRolls: Equatable, Sendable {
        /// Claims whose window has passed without a visit: the numerator.
        public var settledCount = 0
        /// Claims whose window has not passed.
        public var provisionalCount = 0
        /// Claims of which a later call about the same device, opened within the window, ended with a visit.
        public var refutedCount = 0
        /// Closed calls for which a truck would have rolled, without abandoned ones: the denominator.
        public var eligibleCount = 0
        /// Calls left out of the denominator because they are still open.
        public var openCount = 0
        /// Calls left out because they were abandoned.
        public var abandonedCount = 0
        /// Calls left out because no truck would have rolled.
        public var wouldNotRollCount = 0
        /// Calls left out because nobody knew whether a truck would have rolled.
        public var unsureCount = 0
    }

    /// Calls opened in the period.
    public var callCount = 0
    /// Calls by how they ended; an outcome without any is left out.
    public var outcomes: [SupportCall.Outcome: Int] = [:]
    /// Truck rolls avoided.
    public var avoidedRolls = AvoidedRolls()
    /// Median time from opening to outcome of the closed calls, microseconds; nil without one.
    public var medianTimeToOutcome: Int64?

    init(calls: [(call: SupportCall, wasVisitedLater: Bool)], now: Int64, window: Duration) {
        callCount = calls.count
        for (call, wasVisitedLater) in calls {
            if let outcome = call.closing?.outcome { outcomes[outcome, default: 0] += 1 }
            count(call, wasVisitedLater: wasVisitedLater, now: now, window: window)
        }
        let times = calls.compactMap { item in item.call.closedAt.map { $0 - item.call.openedAt } }.sorted()
        if let upper = times.indices.contains(times.count / 2) ? times[times.count / 2] : nil {
            medianTimeToOutcome = times.count % 2 == 1 ? upper : (times[times.count / 2 - 1] + upper) / 2
        }
    }

    private mutating func count(_ call: SupportCall, wasVisitedLater: Bool, now: Int64, window: Duration) {
        guard let outcome = call.closing?.outcome else { return avoidedRolls.openCount += 1 }
        if outcome == .abandoned { return avoidedRolls.abandonedCount += 1 }
        switch call.wouldRoll {
        case .no: return avoidedRolls.wouldNotRollCount += 1
        case .unsure: return avoidedRolls.unsureCount += 1
        case .yes: avoidedRolls.eligibleCount += 1
        }
        guard let end = call.provisionalUntil(window: window) else { return }
        if wasVisitedLater {
            avoidedRolls.refutedCount += 1
        } else if now < end {
            avoidedRolls.provisionalCount += 1
        } else {
            avoidedRolls.settledCount += 1
        }
    }
}

extension RollcallDatabase {
    /// The numbers of the calls opened at or after `since`, microseconds UTC; nil for all.
    ///
    /// - Parameter window: How long an avoided roll stays provisional.
    public func callFigures(since: Int64? = nil, window: Duration) throws(StoreError) -> CallFigures {
        let now = currentTime()
        return try read { database in
            let rows = try Row.fetchAll(
                database,
                sql: """
                    SELECT calls.*, devices.name AS device_name, EXISTS (
                      SELECT 1 FROM calls AS later WHERE later.device = calls.device AND later.id <> calls.id
                        AND later.outcome = 'visit-needed' AND later.opened_at >= calls.closed_at
                        AND later.opened_at < calls.closed_at + ?2) AS visited_later
                    FROM calls JOIN devices ON devices.id = calls.device WHERE ?1 IS NULL OR calls.opened_at >= ?1
                    """, arguments: [since, window.microseconds])
            let calls = try rows.map { (call: try SupportCall($0), wasVisitedLater: try $0.integer("visited_later") == 1) }
            return CallFigures(calls: calls, now: now, window: window)
        }
    }
}
