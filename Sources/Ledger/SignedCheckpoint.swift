public import LedgerCore
public import Wire

extension Checkpoint {
    /// The checkpoint as a signed note under its origin's name.
    public func signed(by key: SigningKey) -> [UInt8] {
        SignedNote.sign(text: body, name: origin, key: key)
    }

    /// Reads a checkpoint out of a signed note without asking who signed it.
    ///
    /// - Throws: `.malformedCheckpoint`.
    public init(unverifiedNote note: [UInt8]) throws(LedgerError) {
        guard let signed = SignedNote(note), let checkpoint = Checkpoint(body: signed.text) else {
            throw LedgerError(.malformedCheckpoint)
        }
        self = checkpoint
    }

    /// Reads a checkpoint out of a note that the log's own key signed.
    ///
    /// - Parameter verifier: The log's key; its name is the origin expected.
    /// - Throws: `.malformedCheckpoint`, `.otherOrigin` or `.badSignature`.
    public init(note: [UInt8], signedBy verifier: NoteVerifier) throws(LedgerError) {
        try self.init(unverifiedNote: note)
        guard origin == verifier.name else { throw LedgerError(.otherOrigin, origin.string) }
        guard let signed = SignedNote(note), signed.isSigned(by: verifier) else {
            throw LedgerError(.badSignature, verifier.name.string)
        }
    }

    /// Whether `line` is a valid cosignature of this very checkpoint by `witness`.
    ///
    /// - Parameter note: The signed note of the checkpoint.
    public static func isCosigned(note: [UInt8], line: [UInt8], by witness: NoteVerifier) -> Bool {
        SignedNote(note)?.isCosigned(line: line, by: witness) ?? false
    }
}

extension Text {
    /// The origin of a desk's log: a name that is unique in the world.
    public static func deskOrigin(id: String) -> Text { Text("rollcall-desk/" + id) }
}
