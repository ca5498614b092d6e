public import Probes
internal import Wire

/// The questions to a caller, one after the other: what is asked next can depend on what was answered before.
public struct CallerInterview: Sendable {
    /// A question and what came of it.
    public struct Exchange: Sendable {
        /// The probe it belongs to.
        public let manifest: Manifest
        /// The question.
        public let question: CallerQuestion
        /// What was answered.
        public let reply: CallerQuestion.Reply
    }

    private let library: ManifestLibrary
    /// The probes whose questions they are, in the order in which they are asked.
    public let manifests: [Manifest]
    private let desk: DeskFacts
    private var position = (manifest: 0, question: 0)
    /// What was asked, in order.
    public private(set) var exchanges: [Exchange] = []

    /// Asks the questions of some manifests of a library, in their order.
    ///
    /// - Parameter desk: What the desk knows of the device.
    public init(_ manifests: [Manifest], library: ManifestLibrary, desk: DeskFacts) {
        (self.manifests, self.library, self.desk) = (manifests, library, desk)
    }

    /// The question that is to be asked now; nil when there is none left.
    ///
    /// - Throws: `.database` where the facts do not fit into memory.
    public mutating func next() throws(DiagnosisError) -> (manifest: Manifest, question: CallerQuestion)? {
        while position.manifest < manifests.count {
            let manifest = manifests[position.manifest]
            while position.question < manifest.questions.count {
                let question = manifest.questions[position.question]
                if try isAsked(question, in: manifest) { return (manifest, question) }
                position.question += 1
            }
            position = (position.manifest + 1, 0)
        }
        return nil
    }

    /// Notes what was answered to the question that ``next()`` gave.
    public mutating func answer(_ reply: CallerQuestion.Reply) {
        let manifest = manifests[position.manifest]
        exchanges.append(Exchange(manifest: manifest, question: manifest.questions[position.question], reply: reply))
        position.question += 1
    }

    /// Leaves out the question that ``next()`` gave, which is then not asked.
    public mutating func skip() { position.question += 1 }

    /// The answers so far, one for each probe of which anything was asked.
    public var answers: [Answer] {
        manifests.compactMap { manifest in
            let own = exchanges.filter { $0.manifest.id == manifest.id }
            if own.isEmpty { return nil }
            return Answer(caller: manifest, replies: Dictionary(own.map { ($0.question.name, $0.reply) }) { $1 })
        }
    }

    /// Whether a question's condition holds. One that cannot be judged does not.
    private func isAsked(_ question: CallerQuestion, in manifest: Manifest) throws(DiagnosisError) -> Bool {
        guard let sql = question.query(in: manifest) else { return true }
        // A row of the probe is there even before its first question was answered.
        let own = answers.contains { $0.probe == manifest.id } ? [] : [Answer(caller: manifest, replies: [:])]
        let facts = try Facts(answers: answers + own, desk: desk, library: library)
        guard let statement = try? facts.database.prepare(sql).statement, let rows = try? facts.database.rows(statement, limit: 1) else {
            return false
        }
        return rows.rows.first?.first == .int(1)
    }
}

extension CallerQuestion {
    /// The query that says whether it is asked; nil where it always is.
    func query(in manifest: Manifest) -> String? { condition.map { "SELECT NOT NOT (\n\($0)\n) FROM \"\(manifest.table)\"" } }
}

extension Answer {
    /// What a caller replied to the questions of a probe, by their names.
    public init(caller manifest: Manifest, replies: [String: CallerQuestion.Reply]) {
        let output = manifest.output(of: replies)
        let done = Done(request: 0, ending: .exited, code: 0, sentByteCount: UInt64(output.count), cutByteCount: 0)
        self.init(probe: manifest.id, ending: .done(done), output: output)
    }
}

extension Diagnostician {
    /// Judges a device that cannot be reached, by what its caller says and the desk knows. What the device would say itself stays unknown,
    /// so that such a verdict is never well.
    ///
    /// - Throws: `.database` where the facts do not fit into memory.
    public func judge(caller answers: [Answer], desk: DeskFacts) throws(DiagnosisError) -> Verdict {
        var verdict = try judge(answers, desk: desk)
        verdict.unknowns.append(
            Verdict.Unknown(id: "device", subject: [], probe: "", reason: "The device cannot be reached, so that it was asked nothing."))
        return verdict
    }
}
