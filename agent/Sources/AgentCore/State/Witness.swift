internal import Catalogue
public import LedgerCore
public import Wire

/// This device as a witness of the controllers' ledgers: it remembers the head it saw last of each, and notices a rewritten history.
public struct Witness {
    private let kernel: Kernel
    private let state: StateDirectory
    private let desks: [UInt8]
    private let roster: RosterStore?
    private let name: Text
    private let key: SigningKey?

    /// What the witness answers, and what goes into the device's own log.
    public struct Judgement {
        /// The answer to the controller.
        public var answer: WitnessAnswer
        /// Entries about it, without session and person.
        public var entries: [LedgerEntry]
    }

    /// Witnesses for the controllers whose keys stand in `roster`, or else in the file `desks`, under the device's own `name` and `key`.
    public init(kernel: Kernel, state: StateDirectory, desks: [UInt8], roster: RosterStore?, name: Text, key: SigningKey?) {
        self.kernel = kernel
        self.state = state
        self.desks = desks
        self.roster = roster
        self.name = name
        self.key = key
    }

    /// The controllers that the roster names, or else the file, lines that are not verifier keys left out.
    public func verifiers() -> [NoteVerifier] {
        var content = roster?.current?.roster.desks.bytes ?? []
        if content.isEmpty { content = (try? kernel.content(of: desks, limit: 65_536)) ?? [] }
        return content.split { $0 == 10 || $0 == 13 }.compactMap { NoteVerifier(vkey: $0) }
    }

    /// Judges the head that a controller offers.
    public func judge(_ offer: WitnessOffer) -> Judgement {
        let nothing = Judgement(answer: WitnessAnswer(), entries: [])
        guard let note = SignedNote(offer.checkpoint), let new = Checkpoint(body: note.text) else { return nothing }
        guard verifiers().contains(where: { $0.name == new.origin && note.isSigned(by: $0) }) else { return nothing }
        let file: Text = "witness/" + Text(hexadecimal(SHA256.hash(new.origin.bytes)))
        let seen: [UInt8]
        do throws(Errno) {
            // Only what is not there was never seen: a head that cannot be read may be the one that tells a rewritten history.
            guard let content = try state.content(file, limit: RollcallProtocol.checkpointSizeLimit) else {
                return accept(.first, offer, note, new, seen: [], file: file)
            }
            seen = content
        } catch {
            let detail: Text = "not judged: the head seen last cannot be read, errno " + .decimal(UInt64(error.rawValue.magnitude))
            return Judgement(answer: WitnessAnswer(), entries: [entry(new.origin, detail, offer.checkpoint)])
        }
        guard let last = SignedNote(seen).flatMap({ Checkpoint(body: $0.text) }) else {
            let detail: Text = "not judged: what is remembered of the head seen last is damaged"
            return Judgement(answer: WitnessAnswer(), entries: [entry(new.origin, detail, offer.checkpoint)])
        }
        if new == last { return accept(.consistent, offer, note, new, seen: seen, file: nil) }
        let isFork = new.size == last.size
        if !isFork, new.size < last.size || offer.provenSize != last.size {
            // An older head may only be late: another session of the same desk was faster. It is no proof of anything.
            return Judgement(
                answer: WitnessAnswer(status: .otherSize, lastSeen: seen), entries: [entry(new.origin, "other size", offer.checkpoint)])
        }
        let continues = MerkleTree.isConsistent(
            oldSize: last.size, oldRoot: last.root, newSize: new.size, newRoot: new.root, proof: offer.proof)
        if continues { return accept(.consistent, offer, note, new, seen: seen, file: file) }
        return Judgement(
            answer: WitnessAnswer(status: .inconsistent, lastSeen: seen),
            entries: [
                entry(new.origin, "inconsistent: seen last", seen), entry(new.origin, "inconsistent: offered", offer.checkpoint),
            ])
    }

    /// - Parameter file: Where the head is remembered; nil where it is there already.
    private func accept(
        _ status: WitnessAnswer.Status, _ offer: WitnessOffer, _ note: SignedNote, _ new: Checkpoint, seen: [UInt8], file: Text?
    ) -> Judgement {
        var judgement = Judgement(answer: WitnessAnswer(status: status, lastSeen: seen), entries: [])
        if let file {
            judgement.entries = [entry(new.origin, status == .first ? "first" : "consistent", offer.checkpoint)]
            // What is not remembered is not vouched for.
            do throws(Errno) { try state.replace(file, offer.checkpoint) } catch { return judgement }
        }
        if let key {
            judgement.answer.cosignature = SignedNote.cosign(
                text: note.text, time: kernel.realtime / 1_000_000, name: name, key: key)
        }
        return judgement
    }

    private func entry(_ origin: Text, _ detail: Text, _ checkpoint: [UInt8]) -> LedgerEntry {
        LedgerEntry(kind: .headSeen, time: kernel.realtime, subject: origin, detail: detail, checkpoint: checkpoint)
    }
}
