public import Probes
public import Wire

/// One value by its column's name.
public struct NamedValue: Codable, Equatable, Hashable, Sendable {
    /// The column.
    public var name: String
    /// The value as the device gave it.
    public var value: FactValue

    /// Makes a pair.
    public init(name: String, value: FactValue) {
        self.name = name
        self.value = value
    }
}

/// What makes a finding the same before and after: the rule's id and its subject.
public struct FindingKey: Codable, Equatable, Hashable, Sendable {
    /// Id such as `storage.full`.
    public var id: String
    /// The subject's values, in the rule's order.
    public var subject: [NamedValue]

    /// Makes a key.
    public init(id: String, subject: [NamedValue]) {
        self.id = id
        self.subject = subject
    }

    /// The key for people, such as `storage.full mount=/var`.
    public var description: String {
        ([id] + subject.map { "\($0.name)=\(displayed($0.value.text, limit: 120))" }).joined(separator: " ")
    }
}

/// A remedy that a finding names, ready to be asked for.
public struct Remedy: Codable, Equatable, Sendable {
    /// Id of its probe.
    public var probe: String
    /// What it does, as a heading.
    public var title: String
    /// `change`, or what else its manifest says.
    public var impact: String
    /// Parameters of the request, in the manifest's order.
    public var parameters: [NamedValue]
    /// Wall time it may take, milliseconds.
    public var timeLimit: UInt64
    /// Output it may give, bytes.
    public var outputLimit: UInt64
    /// Why it cannot be asked for here, as a sentence; nil where it can.
    public var refusal: String?

    /// The parameters as a request has them.
    public var wireParameters: [Parameter] { parameters.map { Parameter(name: Text($0.name), value: Text($0.value.text)) } }
}

/// Something that a rule says of a device.
public struct Finding: Codable, Equatable, Sendable {
    /// Id of the rule.
    public var id: String
    /// Which thing it is about.
    public var subject: [NamedValue]
    /// How bad it is; folding does not change it.
    public var severity: Severity
    /// What to say to the customer, safe to show.
    public var customer: String
    /// The evidence, safe to show.
    public var engineer: String
    /// The probe it comes from.
    public var probe: String
    /// The row it was drawn from, unescaped.
    public var values: [NamedValue]
    /// What usually mends it, best first.
    public var remedies: [Remedy]
    /// Whether somebody must go there.
    public var visit: VisitAdvice
    /// What they must bring.
    public var parts: [String]
    /// What they must be able to do; nil where anybody will do.
    public var skill: String?
    /// What explains it, by evidence; the first is the one it is folded under.
    public var explainedBy: [FindingKey]

    /// The rule and the subject on one line, safe to show.
    public var title: String { ([id] + subject.map { displayed($0.value.text, limit: 80) }).joined(separator: " ") }

    /// What makes it the same finding in another verdict.
    public var key: FindingKey { FindingKey(id: id, subject: subject) }
}

extension Finding {
    /// Reads a finding; one of an older Rollcall says nothing of parts.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(
            id: try container.decode(String.self, forKey: .id), subject: try container.decode([NamedValue].self, forKey: .subject),
            severity: try container.decode(Severity.self, forKey: .severity),
            customer: try container.decode(String.self, forKey: .customer),
            engineer: try container.decode(String.self, forKey: .engineer), probe: try container.decode(String.self, forKey: .probe),
            values: try container.decode([NamedValue].self, forKey: .values),
            remedies: try container.decode([Remedy].self, forKey: .remedies),
            visit: try container.decode(VisitAdvice.self, forKey: .visit),
            parts: try container.decodeIfPresent([String].self, forKey: .parts) ?? [],
            skill: try container.decodeIfPresent(String.self, forKey: .skill),
            explainedBy: try container.decode([FindingKey].self, forKey: .explainedBy))
    }
}
