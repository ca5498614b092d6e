import Glibc

/// What stands for something else in values of ssh_config(5) ("TOKENS", "ENVIRONMENT VARIABLES") that `ssh -G` prints as they are.
struct ConfigurationTokens {
    private let replacements: [Character: String]
    private let home: String

    init(name: String, hostName: String, port: Int, user: String, hostKeyAlias: String?, account: LocalAccount) {
        home = account.home
        replacements = [
            "%": "%", "d": account.home, "h": hostName, "i": "\(account.number)", "k": hostKeyAlias ?? name, "n": name, "p": "\(port)",
            "r": user, "u": account.name,
        ]
    }

    /// The text with each `%` token replaced; `nil` if one is not known.
    func replaced(in text: String) -> String? {
        var result = ""
        var rest = Substring(text)
        while let index = rest.firstIndex(of: "%") {
            let place = rest.index(after: index)
            guard place < rest.endIndex, let value = replacements[rest[place]] else { return nil }
            result += rest[..<index] + value
            rest = rest[rest.index(after: place)...]
        }
        return result + rest
    }

    /// The path with `~/`, tokens and `${variables}` replaced; `nil` if one is not known.
    func path(_ text: String) -> String? {
        let whole = text.hasPrefix("~/") ? home + text.dropFirst() : text
        guard !whole.hasPrefix("~") else { return nil }
        return replaced(in: whole).flatMap(withVariables)
    }

    private func withVariables(_ text: String) -> String? {
        var result = ""
        var rest = Substring(text)
        while let start = rest.firstRange(of: "${") {
            guard let end = rest[start.upperBound...].firstIndex(of: "}"),
                let value = getenv(String(rest[start.upperBound..<end]))
            else { return nil }
            result += rest[..<start.lowerBound] + String(cString: value)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }
}
