/// One value of a fact, as `--json` writes it.
enum Value: Decodable, Equatable {
    case null
    case number(Double)
    case text(String)

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let number = try? container.decode(Double.self) {
            self = .number(number)
        } else {
            self = .text(try container.decode(String.self))
        }
    }

    /// The number it is, or nil.
    var number: Double? { if case .number(let number) = self { number } else { nil } }
    /// The text it is, or nil.
    var text: String? { if case .text(let text) = self { text } else { nil } }
}

/// What `rollcall diagnose --json` writes, as far as the tests read it.
struct Diagnosis: Decodable {
    struct Verdict: Decodable {
        let causes: [Cause]
        let unknowns: [Unknown]
        let judged: [String]
    }

    struct Cause: Decodable {
        let finding: Finding
        let symptoms: [Finding]
    }

    struct Finding: Decodable {
        struct Named: Decodable {
            let name: String
            let value: Value
        }

        let id: String
        let subject: [Named]
        let severity: String

        /// Id and subject, such as `service.failed kiosk-spool.service`.
        var name: String { ([id] + subject.compactMap(\.value.text)).joined(separator: " ") }
    }

    struct Unknown: Decodable {
        let id: String
        let reason: String
    }

    struct Heads: Decodable {
        let device: String
        let witness: String
    }

    let exitCode: Int
    let verdict: Verdict
    let totalMilliseconds: Int
    let agentMilliseconds: Int
    let stuck: [String]
    let heads: Heads?

    /// Causes that are more than a note, as id and subject, worst first.
    ///
    /// Load is left out: a lab device shows that of the whole machine, on which other tests run.
    var causes: [String] { verdict.causes.filter { $0.finding.severity != "info" && $0.finding.id != Self.load }.map(\.finding.name) }

    private static let load = "load.high"

    /// Whether nothing is wrong but the load.
    var isHealthy: Bool { causes.isEmpty && (exitCode == 0 || exitCode == 1 && verdict.causes.contains { $0.finding.id == Self.load }) }

    /// What is folded under a cause; nil where it is none.
    func symptoms(of name: String) -> [String]? { verdict.causes.first { $0.finding.name == name }?.symptoms.map(\.name) }
}

/// What `rollcall run --json` writes.
struct ProbeAnswer: Decodable {
    let complete: Bool
    let facts: [[String: Value]]?
    let limits: [String]?
}

/// What `rollcall audit verify --json` writes, as far as the tests read it.
struct Audit: Decodable {
    struct Side: Decodable {
        struct Difference: Decodable {
            let kind: String
            let explanation: String
        }

        let agrees: Bool
        let entries: Int
        let sharedSessions: Int
        let discrepancies: [Difference]
    }

    let whole: Bool
    let devices: [Side]
}
