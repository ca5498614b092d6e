/// Takes out of what a device said whom it belongs to: its name, its ids and its addresses, the same ones always by the same others.
///
/// What takes their place has the same form, so that a manifest reads it as it read the real one: 192.0.2.0/24 (RFC 5737), 2001:db8::/32
/// (RFC 3849), locally administered MAC addresses, as many hexadecimal digits for a machine id (machine-id(5)), `device` for a name. Loopback,
/// link-local, wildcard and multicast addresses and netmasks stay, but for what is made of a MAC address: rules may be about them.
public struct Redaction {
    /// A kind of thing that is replaced.
    public enum Kind: String, CaseIterable, Sendable {
        /// The device's names.
        case name
        /// Machine ids.
        case id
        /// Addresses of Ethernet and the like.
        case mac
        /// Addresses of IPv4.
        case v4
        /// Addresses of IPv6.
        case v6
    }

    private let names: [String]
    private var replaced: [String: String] = [:]
    private var counts: [Kind: Int] = [:]

    /// How many different things of each kind were replaced until now.
    public var replacements: [(kind: Kind, count: Int)] { Kind.allCases.compactMap { kind in counts[kind].map { (kind, $0) } } }

    /// - Parameter names: Host names and ids of the device; those of less than three letters, `localhost` and addresses are left to the rest.
    public init(names: [String]) {
        // The name before the domain stands alone too.
        let all = Set(names + names.compactMap { $0.split(separator: ".").first.map(String.init) })
        self.names = all.filter { name in
            name.count >= 3 && name != "localhost" && name.contains { $0.isLetter } && !name.contains(":") && !Self.isID(name)
        }.sorted { ($0.count, $0) > ($1.count, $1) }
    }

    /// The text without them.
    public mutating func redact(_ text: String) -> String {
        var text = text
        for name in names { text = replace(text, name) }
        text = replace(text, /\b(?:[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})\b/, .id, by: Self.digits)
        text = replace(text, /\b(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}\b/, .mac) { number, _ in
            "02:00:00:00:" + [number / 256 % 256, number % 256].map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: ":")
        }
        text = replace(text, /\b(?:[0-9]{1,3}\.){3}[0-9]{1,3}\b/, .v4) { number, _ in "192.0.2.\(number % 254 + 1)" }
        // Made of a MAC address (RFC 4291, appendix A).
        text = replace(text, /\b[fF][eE]80::[0-9a-fA-F]{1,4}:[0-9a-fA-F]{0,2}[fF]{2}:[fF][eE][0-9a-fA-F]{2}:[0-9a-fA-F]{1,4}\b/, .v6) {
            number, _ in
            "fe80::c0ff:eeff:fe00:" + String(number + 1, radix: 16)
        }
        return replace(text, Self.sixth, .v6) { number, _ in "2001:db8::" + String(number + 1, radix: 16) }
    }

    /// An address of 2000::/3 or fc00::/7, whole or with a run of zeros left out; `2109:2813`, a device of USB, is none.
    private static var sixth: Regex<Substring> {
        /\b(?:[23][0-9a-fA-F]{3}|[fF][cCdD][0-9a-fA-F]{2})(?:(?::[0-9a-fA-F]{1,4}){7}\b|(?::[0-9a-fA-F]{1,4}){0,6}::(?:[0-9a-fA-F]{1,4}\b(?::[0-9a-fA-F]{1,4}\b){0,5})?)/
    }

    private static func isID(_ name: String) -> Bool { name.count == 32 && name.allSatisfy(\.isHexDigit) }

    /// As many made-up hexadecimal digits as an id has, with its dashes where they were.
    private static func digits(_ number: Int, _ id: String) -> String {
        var rest = Array(String(number + 1, radix: 16))
        let count = id.count { $0 != "-" }
        rest = Array(String(repeating: "c0ffee", count: count / 6 + 1).prefix(count - rest.count)) + rest
        return String(id.map { $0 == "-" ? "-" : rest.removeFirst() })
    }

    /// Replaces a name where it is a whole word.
    private mutating func replace(_ text: String, _ name: String) -> String {
        var (result, rest) = ("", text[...])
        while let range = rest.firstRange(of: name) {
            result += rest[..<range.lowerBound]
            let (before, after) = (result.last, rest[range.upperBound...].first)
            if [before, after].allSatisfy({ $0.map { !$0.isLetter && !$0.isNumber } ?? true }) {
                if replaced.updateValue("device", forKey: name) == nil { counts[.name, default: 0] += 1 }
                result += "device"
            } else {
                result += name
            }
            rest = rest[range.upperBound...]
        }
        return result + rest
    }

    private mutating func replace(_ text: String, _ pattern: Regex<Substring>, _ kind: Kind, by make: (Int, String) -> String) -> String {
        var result = ""
        var rest = text[...]
        while let match = rest.firstMatch(of: pattern) {
            result += rest[..<match.range.lowerBound]
            let found = String(match.output)
            if Self.isKept(found, kind, after: result) {
                result += found
            } else {
                if replaced[found] == nil {
                    replaced[found] = make(counts[kind, default: 0], found)
                    counts[kind, default: 0] += 1
                }
                result += replaced[found] ?? ""
            }
            rest = rest[match.range.upperBound...]
        }
        return result + rest
    }

    /// Whether it says nothing of whose it is.
    private static func isKept(_ found: String, _ kind: Kind, after text: String) -> Bool {
        switch kind {
        case .v4: isKept(found)
        case .mac: ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff"].contains(found.lowercased())
        // A journal's MESSAGE_ID says what happened, and is the same everywhere (sd-id128(3)).
        case .id: found.allSatisfy { $0 == "0" || $0 == "-" } || text.suffix(16).contains("MESSAGE_ID")
        case .name, .v6: false
        }
    }

    private static func isKept(_ address: String) -> Bool {
        let parts = address.split(separator: ".").compactMap { UInt8($0) }
        guard parts.count == 4 else { return true }
        return [0, 127, 255].contains(parts[0]) || parts[0] >= 224 || (parts[0] == 169 && parts[1] == 254)
            || (parts[0], parts[1], parts[2]) == (192, 0, 2)
    }
}
