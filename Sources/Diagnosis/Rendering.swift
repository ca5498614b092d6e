internal import Catalogue
internal import Probes
internal import Wire

extension Template {
    /// The sentence for a row, safe to show: the one place where values of a device become text for people.
    func rendered(_ values: [NamedValue]) -> String {
        filled { column, format in
            let value = values.value(column)
            return displayed(value.number.map { Self.write($0, value, format) } ?? value.text)
        }
    }

    private static func write(_ number: Double, _ value: FactValue, _ format: Format) -> String {
        switch format {
        case .plain: value.text.hasSuffix(".0") ? String(value.text.dropLast(2)) : value.text
        case .percent: tenths(number) + "%"
        case .bytes: bytes(number)
        case .duration: duration(number)
        }
    }

    /// With one decimal, which is left out where it is 0.
    private static func tenths(_ number: Double) -> String {
        guard let tenths = Int64(exactly: (number * 10).rounded()) else { return String(number) }
        let sign = tenths < 0 ? "-" : ""
        return sign + String(tenths.magnitude / 10) + (tenths.magnitude % 10 == 0 ? "" : ".\(tenths.magnitude % 10)")
    }

    private static func bytes(_ number: Double) -> String {
        var number = number
        for unit in ["B", "KiB", "MiB", "GiB", "TiB"] {
            if abs(number) < 1_024 { return tenths(number) + " " + unit }
            number /= 1_024
        }
        return tenths(number) + " PiB"
    }

    private static func duration(_ seconds: Double) -> String {
        guard let whole = Int64(exactly: seconds.rounded()), whole >= 0 else { return tenths(seconds) + " s" }
        let parts = [(whole / 86_400, "d"), (whole / 3_600 % 24, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")].drop { $0.0 == 0 }
        let shown = parts.prefix(2).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return shown.isEmpty ? "0 s" : shown.joined(separator: " ")
    }
}

extension Remedy {
    /// Fills a rule's remedy from a finding's row; nil where the library does not have it.
    ///
    /// The values come from the device, so they pass the same check as in the agent before anyone is offered them.
    init?(_ reference: FindingRule.RemedyReference, values: [NamedValue], library: ManifestLibrary) {
        guard let manifest = try? library.manifest(reference.probe), let definition = manifest.definition else { return nil }
        let parameters = definition.parameters.map { parameter in
            let template = reference.parameters[parameter.name.string]
            let value = template?.filled { column, _ in values.value(column).text } ?? ""
            return NamedValue(name: parameter.name.string, value: .text(value))
        }
        self.init(
            probe: manifest.id, title: manifest.title, impact: definition.impact.name.string, parameters: parameters,
            timeLimit: definition.timeLimit, outputLimit: definition.outputLimit, refusal: nil)
        do throws(CatalogueError) {
            _ = try definition.check(wireParameters)
        } catch {
            refusal = displayed(error.sentence.string)
        }
    }
}
