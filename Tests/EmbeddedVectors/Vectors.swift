internal import Catalogue
internal import LedgerCore
internal import Wire

@testable internal import AgentCore

/// The golden files of Tests/Vectors, read with the code that runs on devices.
struct Vectors {
    let kernel: Kernel
    let findings: Findings
    /// The folder of the files.
    let folder: [UInt8]

    private static let sizeLimit = 1 << 20

    /// Goes through every file there is; one that nothing here knows how to read is a mismatch.
    func checkAll() {
        guard let directory = try? kernel.open(folder, [.read, .directory]), let names = try? kernel.names(in: directory, limit: 1_000)
        else {
            return findings.about("Tests/Vectors") { findings.check(false, "the folder cannot be read") }
        }
        for name in names {
            findings.about(Text(name)) {
                guard let bytes = try? kernel.content(of: folder + [47] + name, limit: Self.sizeLimit),
                    let rows = JSONReader.read(bytes)?.items
                else { return findings.check(false, "the file cannot be read") }
                for row in rows { check(row, of: Text(name)) }
            }
        }
    }

    private func check(_ row: JSON, of file: Text) {
        let title = row["name"]?.text.map { Text($0) } ?? "(a row without a name)"
        if file == "checkpoints.json" { return checkpoint(row, title) }
        guard let bytes = row["hex"]?.hex, let fields = row["fields"] else {
            return findings.check(false, title + ": the row is not whole")
        }
        check(bytes, means: fields, title)
        switch file {
        case "messages.json": message(bytes, title)
        case "rows.json": readerRow(bytes, fields, title)
        case "entries.json": entry(bytes, row, title)
        case "catalogue.json", "roster.json": signed(bytes, row, title)
        default: findings.check(false, title + ": nothing here knows this file")
        }
    }

    // MARK: What any item means

    /// Reads `bytes` by the meaning written beside them, and writes the meaning again.
    private func check(_ bytes: [UInt8], means meaning: JSON, _ title: Text) {
        var reader = CBORReader(bytes)
        var isRead = false
        do throws(WireError) {
            isRead = try Self.read(&reader, meaning)
            try reader.end()
        } catch { isRead = false }
        findings.check(isRead, title + ": the bytes do not say what the vector says")
        var writer = CBORWriter()
        Self.write(&writer, meaning)
        findings.check(writer.bytes == bytes, title + ": what the vector says is written otherwise")
    }

    private static func read(_ reader: inout CBORReader, _ meaning: JSON) throws(WireError) -> Bool {
        switch meaning {
        case .number(let value): return try reader.unsigned() == value
        case .negative(let value): return try reader.integer() == value
        case .text(let text): return try reader.text().bytes == text
        case .list(let items):
            guard try reader.array(limit: .max) == items.count else { return false }
            for item in items { if !(try read(&reader, item)) { return false } }
            return true
        case .object:
            if let hex = meaning["bytes"] { return try reader.byteString() == hex.hex }
            guard case .object(let pairs)? = meaning["map"], try reader.map(limit: .max) == pairs.count else { return false }
            for pair in pairs {
                guard try reader.unsigned() == Decimal.unsigned(pair.key[...]), try read(&reader, pair.value) else { return false }
            }
            return true
        }
    }

    private static func write(_ writer: inout CBORWriter, _ meaning: JSON) {
        switch meaning {
        case .number(let value): writer.unsigned(value)
        case .negative(let value): writer.integer(value)
        case .text(let text): writer.text(Text(text))
        case .list(let items):
            writer.array(items.count)
            for item in items { write(&writer, item) }
        case .object:
            if let hex = meaning["bytes"]?.hex { return writer.byteString(hex) }
            guard case .object(let pairs)? = meaning["map"] else { return }
            writer.map(pairs.count)
            for pair in pairs {
                writer.unsigned(Decimal.unsigned(pair.key[...]) ?? .max)
                write(&writer, pair.value)
            }
        }
    }

    // MARK: What each file holds

    private func message(_ bytes: [UInt8], _ title: Text) {
        guard let message = try? Message(decoding: bytes) else { return findings.check(false, title + ": the message is refused") }
        findings.check(message.encoded == bytes, title + ": the message is written otherwise")
        var frames = FrameReader()
        frames.append(message.frame)
        findings.check(((try? frames.next()) ?? nil) == bytes, title + ": the frame is read otherwise")
    }

    private func readerRow(_ bytes: [UInt8], _ fields: JSON, _ title: Text) {
        var reader = CBORReader(bytes)
        var again: [UInt8] = []
        switch fields.items?.count {
        case 3:
            again = (try? FileRow(&reader))?.encoded ?? []
            if again.isEmpty {
                reader = CBORReader(bytes)
                again = (try? ConnectionRow(&reader))?.encoded ?? []
            }
        case 6:
            again = (try? ClockRow(&reader))?.encoded ?? []
            if again.isEmpty {
                reader = CBORReader(bytes)
                again = (try? NameRow(&reader))?.encoded ?? []
            }
        case 10: again = (try? StatusRow(&reader))?.encoded ?? []
        default: again = (try? MountRow(&reader))?.encoded ?? []
        }
        findings.check(again == bytes && reader.isAtEnd, title + ": the row is read or written otherwise")
    }

    private func entry(_ bytes: [UInt8], _ row: JSON, _ title: Text) {
        guard let entry = try? LedgerEntry(decoding: bytes) else { return findings.check(false, title + ": the entry is refused") }
        findings.check(entry.encoded == bytes, title + ": the entry is written otherwise")
        findings.check(MerkleTree.leafHash(bytes) == row["leaf"]?.hex, title + ": the leaf hash is another")
        let record = LedgerRecord(LedgerRecord.encode(bytes)[...])
        findings.check(record?.content == bytes, title + ": the ledger's record is read otherwise")
    }

    private func signed(_ bytes: [UInt8], _ row: JSON, _ title: Text) {
        let kept: [UInt8]?
        switch title {
        case "header": kept = (try? DocumentHeader(decoding: bytes))?.encoded
        case "device part": kept = (try? DevicePart(decoding: bytes))?.encoded
        case "roster": kept = (try? Roster(decoding: bytes))?.encoded
        case "signed catalogue", "signed roster":
            kept = (try? SignedDocument(decoding: bytes))?.encoded
            findings.check(isTrusted(bytes, keys: row["keys"]?.items ?? []), title + ": its signatures do not hold")
        default: return findings.check(false, title + ": nothing here knows this row")
        }
        findings.check(kept == bytes, title + ": it is read or written otherwise")
    }

    /// Whether what is signed is in force where both reviewers must have signed, and not once a byte of its part was changed.
    private func isTrusted(_ bytes: [UInt8], keys: [JSON]) -> Bool {
        var file: Text = "threshold 2\n"
        for key in keys { file = file + Text(key.text ?? []) + "\n" }
        guard let trust = try? TrustPolicy(file: file.bytes), var signed = try? SignedDocument(decoding: bytes),
            let header = try? DocumentHeader(decoding: signed.header),
            let verified = try? signed.opened(as: header.kind, trust: trust), verified == header,
            (try? header.check(now: header.signedAt, versionInForce: nil)) != nil,
            header.kind == .roster
                ? (try? signed.roster(trust: trust)) != nil : (try? signed.authenticated(trust: trust)) != nil
        else { return false }
        signed.part[signed.part.count - 1] ^= 1
        return (try? signed.opened(as: header.kind, trust: trust)) == nil
    }

    private func checkpoint(_ row: JSON, _ title: Text) {
        guard let size = row["size"]?.number, let note = row["note"]?.text, let cosignature = row["cosignature"]?.text,
            let time = row["time"]?.number, let desk = SigningKey(seed: [UInt8](repeating: 1, count: 32)),
            let device = SigningKey(seed: [UInt8](repeating: 2, count: 32))
        else { return findings.check(false, title + ": the row is not whole") }
        findings.check(desk.publicKey == row["publicKey"]?.hex, title + ": the log's public key is another")
        findings.check(device.publicKey == row["witnessKey"]?.hex, title + ": the witness's public key is another")
        var range = CompactRange()
        for index in 0..<size {
            let leaf: Text = "entry "
            range.append(leafHash: MerkleTree.leafHash((leaf + .decimal(index)).bytes))
        }
        findings.check(range.root == row["root"]?.hex, title + ": the root is another")
        let checkpoint = Checkpoint(origin: "desk.example/ledger", size: size, root: range.root)
        let signed = SignedNote.sign(text: checkpoint.body, name: checkpoint.origin, key: desk)
        findings.check(signed == note, title + ": the note is signed otherwise")
        let line = SignedNote.cosign(text: checkpoint.body, time: time, name: "device.example", key: device)
        findings.check(line == cosignature, title + ": the cosignature is another")
        guard let read = SignedNote(note) else { return findings.check(false, title + ": the note is refused") }
        findings.check(Checkpoint(body: read.text) == checkpoint, title + ": the note is read otherwise")
        let verifier = NoteVerifier(name: checkpoint.origin, publicKey: desk.publicKey)
        findings.check(read.isSigned(by: verifier), title + ": the signature does not hold")
        let witness = NoteVerifier(name: "device.example", publicKey: device.publicKey)
        findings.check(read.isCosigned(line: cosignature, by: witness), title + ": the cosignature does not hold")
    }
}
