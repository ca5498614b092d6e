public import Wire

/// The head of a log: which log, how many entries, and the root of their tree (C2SP tlog-checkpoint).
public struct Checkpoint: Equatable, Sendable {
    /// Which log: a name that is unique in the world, of printable ASCII without space and plus, at most 128 bytes.
    public var origin: Text
    /// Number of entries, at most 2^63 - 1.
    public var size: UInt64
    /// Root of the tree, 32 bytes.
    public var root: [UInt8]

    /// Makes a head of its parts.
    public init(origin: Text, size: UInt64, root: [UInt8]) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The text that is signed: three lines.
    public var body: [UInt8] {
        origin.bytes + [10] + Text.decimal(size).bytes + [10] + Base64.encode(root) + [10]
    }

    /// Reads the text that is signed; nil unless it is exactly three lines in the form that ``body`` writes.
    public init?(body: [UInt8]) {
        let lines = body.split(separator: 10, maxSplits: 3, omittingEmptySubsequences: false)
        guard lines.count == 4, lines[3].isEmpty, NoteVerifier.isName(lines[0]) else { return nil }
        guard let size = Self.size(lines[1]), let root = Base64.decode(lines[2]), root.count == MerkleTree.hashSize else { return nil }
        self.init(origin: Text(Array(lines[0])), size: size, root: root)
    }

    private static func size(_ digits: ArraySlice<UInt8>) -> UInt64? {
        guard let first = digits.first, digits.count <= 19, first != 48 || digits.count == 1 else { return nil }
        var value: UInt64 = 0
        for digit in digits {
            guard digit >= 48, digit <= 57 else { return nil }
            value = value * 10 + UInt64(digit - 48)
        }
        return value <= RollcallProtocol.ledgerSizeLimit ? value : nil
    }
}

/// A key that is named in signed notes: the name and the public key (C2SP signed-note, vkey).
public struct NoteVerifier: Equatable, Sendable {
    /// What a key's signatures are over.
    public struct Algorithm: Equatable, Sendable {
        /// The type byte of C2SP signed-note.
        public let rawValue: UInt8
        /// Ed25519 over the note's text.
        public static let ed25519 = Algorithm(rawValue: 1)
        /// Ed25519 over a timestamped cosignature of the note's text (C2SP tlog-cosignature).
        public static let cosignature = Algorithm(rawValue: 4)
    }

    /// The key's name; for a log it is the origin.
    public var name: Text
    /// The 32-byte Ed25519 public key.
    public var publicKey: [UInt8]

    /// Whether a name can stand in a signature line without being misread there or on a terminal: printable ASCII but space and plus.
    public static func isName(_ bytes: ArraySlice<UInt8>) -> Bool {
        !bytes.isEmpty && bytes.count <= RollcallProtocol.identifierSizeLimit
            && bytes.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2B }
    }

    /// Makes a verifier of its parts.
    public init(name: Text, publicKey: [UInt8]) {
        self.name = name
        self.publicKey = publicKey
    }

    /// The 4 bytes that stand before the signature in a note's line.
    public func keyID(_ algorithm: Algorithm) -> [UInt8] {
        Array(SHA256.hash(name.bytes + [10, algorithm.rawValue] + publicKey).prefix(4))
    }
}

/// A text with signature lines below it (C2SP signed-note).
public struct SignedNote: Equatable, Sendable {
    /// The text that is signed, with its last newline.
    public let text: [UInt8]
    /// The signature lines, each with its newline.
    public let signatureLines: [UInt8]

    /// Dash (U+2014) and space: how a signature line begins.
    private static let lineStart: [UInt8] = [0xE2, 0x80, 0x94, 0x20]

    /// Takes a note apart; nil if it is not UTF-8, holds control characters, has no blank line before its signatures, or a signature
    /// line has another form.
    public init?(_ note: [UInt8]) {
        guard note.count <= RollcallProtocol.checkpointSizeLimit, note.last == 10, isWellFormedUTF8(note[...]),
            note.allSatisfy({ $0 >= 0x20 || $0 == 10 })
        else { return nil }
        var split: Int?
        var index = 0
        while index + 1 < note.count {
            if note[index] == 10, note[index + 1] == 10 { split = index + 1 }
            index += 1
        }
        guard let split, split + 1 < note.count else { return nil }
        text = Array(note[..<split])
        signatureLines = Array(note[(split + 1)...])
        for line in signatureLines.dropLast().split(separator: 10, omittingEmptySubsequences: false) {
            guard Self.isSignatureLine(line) else { return nil }
        }
    }

    /// Whether a line is dash, name and base64 of a key id with something behind it, whoever signed.
    private static func isSignatureLine(_ line: ArraySlice<UInt8>) -> Bool {
        guard line.starts(with: lineStart) else { return false }
        let rest = line.dropFirst(lineStart.count)
        guard let space = rest.firstIndex(of: 32), space > rest.startIndex, let blob = Base64.decode(rest[(space + 1)...]) else {
            return false
        }
        return blob.count > 4
    }

    /// The note of `text` signed by `key` under `name`.
    public static func sign(text: [UInt8], name: Text, key: SigningKey) -> [UInt8] {
        let verifier = NoteVerifier(name: name, publicKey: key.publicKey)
        return text + [10] + line(name: name, keyID: verifier.keyID(.ed25519), signature: key.sign(text))
    }

    /// The cosignature line of a witness for a note's `text` at `time`, seconds UTC (C2SP tlog-cosignature).
    public static func cosign(text: [UInt8], time: UInt64, name: Text, key: SigningKey) -> [UInt8] {
        let verifier = NoteVerifier(name: name, publicKey: key.publicKey)
        var stamp: [UInt8] = []
        for shift in stride(from: 56, through: 0, by: -8) { stamp.append(UInt8(truncatingIfNeeded: time >> UInt64(shift))) }
        let signature = key.sign(cosignedMessage(text: text, time: time))
        return line(name: name, keyID: verifier.keyID(.cosignature), signature: stamp + signature)
    }

    private static func cosignedMessage(text: [UInt8], time: UInt64) -> [UInt8] {
        let head: Text = "cosignature/v1\ntime "
        return head.bytes + Text.decimal(time).bytes + [10] + text
    }

    private static func line(name: Text, keyID: [UInt8], signature: [UInt8]) -> [UInt8] {
        lineStart + name.bytes + [32] + Base64.encode(keyID + signature) + [10]
    }

    private static func signatures(in lines: [UInt8], by verifier: NoteVerifier, _ algorithm: NoteVerifier.Algorithm) -> [[UInt8]] {
        let start = lineStart + verifier.name.bytes + [32]
        let id = verifier.keyID(algorithm)
        var found: [[UInt8]] = []
        for line in lines.split(separator: 10) where line.starts(with: start) {
            guard let blob = Base64.decode(line.dropFirst(start.count)), blob.count > 4, Array(blob.prefix(4)) == id else { continue }
            found.append(Array(blob.dropFirst(4)))
        }
        return found
    }

    /// Whether the note carries a valid signature of `verifier`.
    public func isSigned(by verifier: NoteVerifier) -> Bool {
        for signature in Self.signatures(in: signatureLines, by: verifier, .ed25519)
        where Ed25519.isValid(signature: signature, message: text, publicKey: verifier.publicKey) {
            return true
        }
        return false
    }

    /// Whether `line` is a valid cosignature of `verifier` for the note's text.
    public func isCosigned(line: [UInt8], by verifier: NoteVerifier) -> Bool {
        for blob in Self.signatures(in: line, by: verifier, .cosignature) where blob.count == 72 {
            var time: UInt64 = 0
            for byte in blob.prefix(8) { time = time << 8 | UInt64(byte) }
            let message = Self.cosignedMessage(text: text, time: time)
            if Ed25519.isValid(signature: Array(blob.dropFirst(8)), message: message, publicKey: verifier.publicKey) { return true }
        }
        return false
    }
}
