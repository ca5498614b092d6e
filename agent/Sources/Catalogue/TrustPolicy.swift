public import Wire

/// Whose signatures put a catalogue in force on a device, and how many of them it takes.
///
/// The file is text, for the owner to read: a line `threshold M`, then one line per reviewer as it stands in a public key file. Empty
/// lines and lines that begin with `#` are passed over.
public struct TrustPolicy: Equatable, Sendable {
    /// Distinct keys that must have signed; at least 1.
    public let threshold: Int
    /// The trusted keys, in the order of the file, each once.
    public let keys: [ReviewerKey]

    /// Keys that a file may name at most.
    public static let keyCountLimit = 32

    /// Longest trust file, bytes.
    public static let fileSizeLimit = 65_536

    /// Reads a trust file.
    ///
    /// - Throws: `.trustMalformed`, or `.unsupportedSignature` for a key type that is not accepted; both with the line's number.
    public init(file: [UInt8]) throws(CatalogueError) {
        guard file.count <= Self.fileSizeLimit else {
            throw CatalogueError(.trustMalformed, "The trust file is longer than 64 KiB.")
        }
        var threshold: Int?
        var keys: [ReviewerKey] = []
        var number: UInt64 = 0
        for line in file.split(separator: 10, omittingEmptySubsequences: false) {
            number += 1
            let words = line.split { $0 == 32 || $0 == 9 || $0 == 13 }
            guard let first = words.first, first.first != 35 else { continue }
            let word: Text = "threshold"
            if threshold == nil {
                guard Array(first) == word.bytes, words.count == 2, let value = Self.small(words[1]) else {
                    throw Self.malformed(number, "should say how many reviewers must sign, as in: threshold 2")
                }
                threshold = value
                continue
            }
            guard words.count >= 2, let blob = Base64.decode(words[1]) else { throw Self.malformed(number, "is not an SSH public key") }
            let key = try Self.key(blob, line: number)
            guard key.algorithm.bytes == Array(first) else { throw Self.malformed(number, "names another key type than its key has") }
            if keys.contains(where: { $0.point == key.point }) { throw Self.malformed(number, "names a key for the second time") }
            guard keys.count < Self.keyCountLimit else { throw Self.malformed(number, "is one key too many; 32 are allowed") }
            keys.append(key)
        }
        guard let threshold, threshold >= 1, threshold <= keys.count else {
            throw CatalogueError(.trustMalformed, "The trust file's threshold must be between 1 and the number of its keys.")
        }
        self.threshold = threshold
        self.keys = keys
    }

    private static func key(_ blob: [UInt8], line: UInt64) throws(CatalogueError) -> ReviewerKey {
        do throws(CatalogueError) {
            return try ReviewerKey(blob: blob)
        } catch {
            guard error.rule == .unsupportedSignature else { throw malformed(line, "is not an SSH public key") }
            throw CatalogueError(.unsupportedSignature, "Line " + .decimal(line) + " of the trust file: " + error.sentence)
        }
    }

    private static func small(_ digits: ArraySlice<UInt8>) -> Int? {
        guard digits.first != 48 || digits.count == 1, !digits.isEmpty, digits.count <= 2 else { return nil }
        var value = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + Int(digit - 48)
        }
        return value
    }

    private static func malformed(_ line: UInt64, _ what: Text) -> CatalogueError {
        CatalogueError(.trustMalformed, "Line " + .decimal(line) + " of the trust file " + what + ".")
    }

    /// How many distinct trusted keys have validly signed `message` in `namespace`.
    ///
    /// A key that signs twice counts once; signatures of keys that are not trusted, or not valid, count nothing.
    public func signerCount(of signatures: [SSHSignature], message: [UInt8], namespace: Text) -> Int {
        var count = 0
        for key in keys
        where signatures.contains(where: { $0.key.blob == key.blob && $0.isValid(message: message, namespace: namespace) }) {
            count += 1
        }
        return count
    }
}
