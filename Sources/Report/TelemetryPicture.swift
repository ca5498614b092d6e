public import Diagnosis
internal import Foundation
public import Telemetry

extension TelemetryHistory {
    /// The lines as curves, one picture below the other, for a browser or a report.
    ///
    /// - Parameters:
    ///   - title: Written above; any text.
    ///   - name: The name of a line; any text.
    ///   - format: A value in words.
    public func svg(
        title: String, from start: Int64, to end: Int64, name: (Line) -> String, format: (Double, MetricDescription.Unit) -> String
    ) -> String {
        let (width, height, top, left) = (900, 110, 40, 10)
        let drawn = lines.filter { !$0.points.isEmpty }
        var parts = [
            """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(width + 2 * left) \(top + drawn.count * height + 30)" \
            font-family="sans-serif" font-size="12"><rect width="100%" height="100%" fill="white"/>\
            <text x="\(left)" y="24" font-size="16">\(Self.escaped(title))</text>
            """
        ]
        for (index, line) in drawn.enumerated() {
            let base = top + index * height
            guard let summary = line.summary else { continue }
            let range = summary.highest - summary.lowest
            let span = Double(max(end - start, 1))
            var path = ""
            var previous: Int64?
            for point in line.points {
                let x = Double(left) + Double(point.time - start) / span * Double(width)
                let y = Double(base + height - 20) - (range > 0 ? (point.value - summary.lowest) / range : 0) * Double(height - 45)
                // A gap in time is a gap in the curve.
                let isGap = previous.map { point.time < $0 || point.time - $0 > 120_000 } ?? true
                path += String(format: "%@%.1f %.1f ", isGap ? "M" : "L", x, y)
                previous = point.time
            }
            let words =
                "\(name(line)): \(format(summary.lowest, line.description.unit)) to \(format(summary.highest, line.description.unit)), mean "
                + format(summary.mean, line.description.unit)
            parts.append(
                """
                <text x="\(left)" y="\(base + 14)">\(Self.escaped(words))</text>\
                <path d="\(path)" fill="none" stroke="#1f6feb" stroke-width="1.2"/>\
                <line x1="\(left)" y1="\(base + height - 18)" x2="\(left + width)" y2="\(base + height - 18)" stroke="#ddd"/>
                """)
        }
        let bottom = top + drawn.count * height + 18
        parts.append(
            """
            <text x="\(left)" y="\(bottom)" fill="#666">\(Self.time(start))</text>\
            <text x="\(left + width)" y="\(bottom)" fill="#666" text-anchor="end">\(Self.time(end))</text></svg>
            """)
        return parts.joined(separator: "\n") + "\n"
    }

    /// ISO 8601, whole seconds.
    static func time(_ milliseconds: Int64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds / 1_000)).formatted(.iso8601)
    }

    private static func escaped(_ text: String) -> String {
        text.reduce(into: "") { result, character in
            switch character {
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "&": result += "&amp;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
    }

    /// The values as CSV (RFC 4180): time, metric, subject, unit, value.
    public func csv(subject: (Series) -> String) -> String {
        var text = "time,metric,subject,unit,value\r\n"
        for line in lines {
            let named = subject(line.series).replacing("\"", with: "\"\"")
            let end = "\(line.description.name),\"\(named)\",\(line.description.unit.rawValue)"
            for point in line.points { text += "\(Self.time(point.time)),\(end),\(point.value)\r\n" }
        }
        return text
    }
}

/// Marks of eight heights for values over time.
public func sparkline(_ values: [Double?]) -> String {
    let marks = Array("▁▂▃▄▅▆▇█")
    let known = values.compactMap { $0 }
    guard let lowest = known.min(), let highest = known.max() else { return "" }
    let range = highest - lowest
    return String(
        values.map { value in
            guard let value else { return " " }
            return range > 0 ? marks[min(Int((value - lowest) / range * 8), 7)] : marks[0]
        })
}
