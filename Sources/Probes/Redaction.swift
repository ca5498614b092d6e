/// Takes out of what a device said whom it belongs to: its name and its addresses, the same ones always by the same others.
///
/// What takes their place is as long where it can be, and is kept for documentation: 192.0.2.0/24 (RFC 5737), 2001:db8::/32 (RFC 3849), locally
/// administered MAC addresses, `device` for a name. Loopback, link-local, wildcard and multicast addresses and netmasks stay: rules may be about them.
public struct Redaction {
    private let names: [String]
    private var replaced: [String: String] = [:]
    private var counts: [String: Int] = [:]

    /// - Parameter names: Host names and ids of the device, longest first; those of less than three letters are left.
    public init(names: [String]) { self.names = names.filter { $0.count >= 3 }.sorted { $0.count > $1.count } }

    /// The text without them.
    public mutating func redact(_ text: String) -> String {
        var text = text
        for name in names { text = text.replacing(name, with: "device") }
        text = replace(text, /\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b/, "mac") { number in
            "02:00:00:00:" + [number / 256 % 256, number % 256].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        }
        text = replace(text, /\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b/, "v4") { "192.0.2.\($0 % 254 + 1)" }
        return replace(text, /\b[23][0-9a-fA-F]{3}:[0-9a-fA-F:]*[0-9a-fA-F]\b/, "v6") { "2001:db8::" + String($0 + 1, radix: 16) }
    }

    private mutating func replace(_ text: String, _ pattern: Regex<Substring>, _ kind: String, by make: (Int) -> String) -> String {
        var result = ""
        var rest = text[...]
        while let match = rest.firstMatch(of: pattern) {
            result += rest[..<match.range.lowerBound]
            let found = String(match.output)
            if kind == "v4" ? Self.isKept(found) : ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"].contains(found) {
                result += found
            } else {
                if replaced[found] == nil {
                    replaced[found] = make(counts[kind, default: 0])
                    counts[kind, default: 0] += 1
                }
                result += replaced[found] ?? ""
            }
            rest = rest[match.range.upperBound...]
        }
        return result + rest
    }

    /// Whether an IPv4 address says nothing of whose it is.
    private static func isKept(_ address: String) -> Bool {
        let parts = address.split(separator: ".").compactMap { UInt8($0) }
        guard parts.count == 4 else { return true }
        return [0, 127, 255].contains(parts[0]) || parts[0] >= 224 || (parts[0] == 169 && parts[1] == 254)
            || (parts[0], parts[1], parts[2]) == (192, 0, 2)
    }
}
