internal import Catalogue
internal import Wire

/// What owner.conf says.
public struct OwnerPolicy {
    /// `highest-impact`; nil: any.
    var highestImpact: Impact?
    /// `hours`: minutes of the day, UTC, from the first to before the second, in which more than observing is allowed; nil: always.
    var hours: (from: UInt64, to: UInt64)?
    /// `files`: whether files are carried; nil where nothing is said, which means on.
    var files: Bool?
    /// `tunnel`: whether staff reach other hosts and ports through the device; nil as above.
    var tunnel: Bool?
    /// `shell`: whether staff open shells; nil as above.
    var shell: Bool?
    /// `never-read`: absolute paths at and beneath which nobody reads a file, whatever the role.
    var neverRead: [[UInt8]] = []
    /// `consent`: the least impact for which the owner is asked each time; nil: none.
    var consent: Impact?

    /// Every key of owner.conf; ``take(_:_:)`` goes by the places.
    private static var keys: [ConfigurationKey] {
        [
            ConfigurationKey(name: "highest-impact", form: "observe, disturb or change"),
            ConfigurationKey(name: "hours", form: "HH:MM-HH:MM"),
            ConfigurationKey(name: "files", form: "on, or off"),
            ConfigurationKey(name: "tunnel", form: "on, or off"),
            ConfigurationKey(name: "shell", form: "on, or off"),
            ConfigurationKey(name: "never-read", form: "and an absolute path", isRepeatable: true),
            ConfigurationKey(name: "consent", form: "disturb or change"),
        ]
    }

    private mutating func take(_ key: Int, _ word: [UInt8]) -> Bool {
        switch key {
        case 0, 6:
            let impacts: [Impact] = [.observe, .disturb, .change]
            let impact = impacts.first { $0.name.bytes == word }
            if key == 0 { highestImpact = impact } else { consent = impact == .observe ? nil : impact }
            return (key == 0 ? highestImpact : consent) != nil
        case 2, 3, 4:
            let (on, off): (Text, Text) = ("on", "off")
            let isOn = word == on.bytes
            if key == 2 { files = isOn } else if key == 3 { tunnel = isOn } else { shell = isOn }
            return isOn || word == off.bytes
        case 5:
            neverRead.append(word)
            return FilePath.isPlain(word)
        default:
            guard word.count == 11, word[5] == 45, let from = Self.minute(word[..<5]), let to = Self.minute(word[6...]) else {
                return false
            }
            hours = (from, to)
            return from != to
        }
    }

    /// The minute of the day that `HH:MM` says.
    private static func minute(_ text: ArraySlice<UInt8>) -> UInt64? {
        let start = text.startIndex
        guard text[start + 2] == 58, let hour = Decimal.unsigned(text[start..<start + 2]), hour < 24,
            let minute = Decimal.unsigned(text[(start + 3)...]), minute < 60
        else { return nil }
        return hour * 60 + minute
    }

    /// Reads what stands in an owner.conf.
    ///
    /// - Throws: A refusal that names the first line that is not understood.
    public init(_ file: ConfigurationFile) throws(Refusal) {
        var reader = ConfigurationReader(file, keys: Self.keys)
        do throws(ConfigurationMistake) {
            while let (key, value) = try reader.next() {
                if !take(key, value) { throw reader.mistake(key) }
            }
        } catch {
            throw Refusal(.owner, error.sentence("this device's owner.conf") + ", so it allows nothing.")
        }
    }
}
