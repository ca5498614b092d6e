import AgentCore
import Glibc
import LedgerCore
import Wire

/// A directory in memory for the files of a fuzzed ledger.
private struct StateScratch {
    /// Its path.
    let path: [UInt8]

    /// One for each process, made anew where it is missing.
    init() {
        path = Array("/dev/shm/rollcall-fuzz-\(getpid())-\(pthread_self())".utf8)
        rmdir()
        mkdir(text(path), 0o700)
    }

    func text(_ path: [UInt8]) -> String { String(decoding: path, as: UTF8.self) }

    func write(_ bytes: [UInt8], _ name: String) -> Bool {
        let file = open(text(path) + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0 else { return false }
        defer { close(file) }
        return Glibc.write(file, bytes, bytes.count) == bytes.count
    }

    func rmdir() {
        for folder in ["/witness", ""] {
            let name = text(path) + folder
            guard let entries = opendir(name) else { continue }
            while let entry = readdir(entries) {
                let file = withUnsafePointer(to: entry.pointee.d_name) {
                    $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
                }
                unlink(name + "/" + file)
            }
            closedir(entries)
            Glibc.rmdir(name)
        }
    }
}

/// A ledger's file as a device finds it at its start: whatever stands in it the log goes on, and what it says then is still there after
/// another start.
public func fuzzLedger(_ bytes: [UInt8]) -> Bool {
    if let header = LedgerHeader(bytes) {
        guard bytes.starts(with: header.encoded) || header.encoded.count < bytes.count else { return false }
    }
    if let record = LedgerRecord(bytes[...]), !bytes.starts(with: LedgerRecord.encode(record.content)) { return false }
    let scratch = StateScratch()
    defer { scratch.rmdir() }
    guard scratch.write(bytes, "ledger") else { return false }
    let kernel = Kernel()
    kernel.realtimeClock = { 1_767_225_600_000_000 }
    func opened() -> DeviceLedger {
        DeviceLedger(
            kernel: kernel, state: StateDirectory(kernel: kernel, path: scratch.path), origin: "rollcall-device/fuzz", key: nil)
    }
    let ledger = opened()
    let before = ledger.size
    guard (try? ledger.append(LedgerEntry(kind: .sessionOpened, time: 1, detail: "after"))) == before, (try? ledger.sync()) != nil,
        let entries = try? ledger.entries(), UInt64(entries.entries.count) == ledger.size - ledger.firstIndex
    else { return false }
    let again = opened()
    guard again.size == ledger.size, let same = try? again.entries() else { return false }
    return same.first == entries.first && same.entries == entries.entries
}

/// The file of names: all that is read of one names somebody, and what is kept when the older half is dropped is the end of what was there, and reads where that read.
public func fuzzPeople(_ bytes: [UInt8]) -> Bool {
    guard PeopleFile.names(in: bytes).allSatisfy({ $0.digest.count == 32 }) else { return false }
    let kept = PeopleFile.newerHalf(of: bytes)
    guard bytes.suffix(kept.count).elementsEqual(kept), kept.count <= (bytes.count + 1) / 2 || !isSequence(bytes) else { return false }
    return !isSequence(bytes) || isSequence(kept)
}

private func isSequence(_ bytes: [UInt8]) -> Bool {
    var reader = CBORReader(bytes)
    while !reader.isAtEnd {
        if (try? reader.skip()) == nil { return false }
    }
    return true
}

/// Any item of CBOR: what is passed over ends where it says, and a head that is read is written the same.
public func fuzzCBOR(_ bytes: [UInt8]) -> Bool {
    var reader = CBORReader(bytes)
    while !reader.isAtEnd {
        let start = reader.offset
        guard (try? reader.skip()) != nil else { return true }
        let item = Array(bytes[start..<reader.offset])
        guard !item.isEmpty, again(item).map({ $0 == item }) ?? true else { return false }
    }
    return true
}

/// The item read by its type and written; nil where it is an array or map, whose items are items themselves.
private func again(_ item: [UInt8]) -> [UInt8]? {
    var (reader, writer) = (CBORReader(item), CBORWriter())
    switch item[0] >> 5 {
    case 0:
        guard let value = try? reader.unsigned() else { return [] }
        writer.unsigned(value)
    case 1:
        // Below -2^63 an integer is well-formed, and no field is one.
        guard let value = try? reader.integer() else { return nil }
        writer.integer(value)
    case 2:
        guard let value = try? reader.byteString() else { return [] }
        writer.byteString(value)
    case 3:
        guard let value = try? reader.text() else { return [] }
        writer.text(value)
    default: return nil
    }
    return writer.bytes
}
