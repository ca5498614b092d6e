internal import SSH

/// What a device's trust file loses by an enrolment: it says whose signatures count, and is replaced as a whole.
public struct TrustChange: Sendable {
    /// A reviewer's key.
    public struct Key: Equatable, Sendable {
        /// As OpenSSH prints it.
        public let fingerprint: String
        /// What stands beside it in the device's file, not yet escaped; often a name.
        public let comment: String
    }

    /// Keys that the device trusts, and would not any more, in the order of its file.
    public let dropped: [Key]
    /// Keys that it would trust anew.
    public let addedCount: Int
    /// How many must have signed, as the device's file and the new one have it; nil where a file does not say.
    public let thresholds: (before: Int?, after: Int?)

    /// Compares the device's file with the one that is to take its place; nil where the device trusts the same afterwards, and more at most.
    ///
    /// A device without a file trusts nobody.
    public init?(existing: String, new: String) {
        let (before, after) = (Self.keys(existing), Self.keys(new))
        let kept = Set(after.map(\.key.blob))
        dropped = before.filter { !kept.contains($0.key.blob) }.map { Key(fingerprint: $0.key.fingerprint, comment: $0.comment) }
        addedCount = kept.subtracting(before.map(\.key.blob)).count
        thresholds = (Self.threshold(existing), Self.threshold(new))
        let isOtherNumber = !before.isEmpty && thresholds.before != thresholds.after
        if dropped.isEmpty, !isOtherNumber { return nil }
    }

    private static func lines(_ file: String) -> [[Substring]] {
        file.split(whereSeparator: \.isNewline).map { $0.split { $0 == " " || $0 == "\t" } }.filter {
            $0.first?.first.map { $0 != "#" } ?? false
        }
    }

    private static func keys(_ file: String) -> [(key: HostKey, comment: String)] {
        lines(file).compactMap { words in
            HostKey(openSSH: words.joined(separator: " ")).map { ($0, words.dropFirst(2).joined(separator: " ")) }
        }
    }

    private static func threshold(_ file: String) -> Int? {
        lines(file).first { $0.count == 2 && $0[0] == "threshold" }.flatMap { Int($0[1]) }
    }
}
