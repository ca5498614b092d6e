public import LedgerCore
public import Wire

extension NoteVerifier {
    /// The key as text, `name+key id+base64` (C2SP signed-note): what is pinned, exported and handed to a third party.
    ///
    /// - Parameter algorithm: What the key is to be used for; it is part of the key id.
    public func text(_ algorithm: Algorithm = .ed25519) -> Text {
        let plus: [UInt8] = [43]
        return Text(name.bytes + plus + Hexadecimal.encode(keyID(algorithm)) + plus + Base64.encode([algorithm.rawValue] + publicKey))
    }

    /// Reads a key from its text, of either algorithm.
    ///
    /// - Throws: `.malformedKey` unless ``text(_:)`` of the result gives the same bytes.
    public init(text: Text) throws(LedgerError) {
        // The base64 may hold a plus sign, the name may not: the first two plus signs separate.
        let parts = text.bytes.split(separator: 43, maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, Self.isName(parts[0]), let blob = Base64.decode(parts[2]), blob.count == 33 else {
            throw LedgerError(.malformedKey)
        }
        let verifier = NoteVerifier(name: Text(Array(parts[0])), publicKey: Array(blob.dropFirst()))
        let algorithms = [Algorithm.ed25519, Algorithm.cosignature]
        guard algorithms.contains(where: { verifier.text($0) == text }) else {
            throw LedgerError(.malformedKey, verifier.name.string)
        }
        self = verifier
    }

    /// A name may hold no space and no plus sign (C2SP signed-note).
    private static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        guard !bytes.isEmpty, bytes.count <= RollcallProtocol.identifierSizeLimit, isWellFormedUTF8(bytes) else { return false }
        return !Text(Array(bytes)).string.unicodeScalars.contains { $0.properties.isWhitespace || $0.value < 32 || $0 == "+" }
    }
}

/// Bytes as lower-case hexadecimal digits, as key ids are written.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }
    }
}
