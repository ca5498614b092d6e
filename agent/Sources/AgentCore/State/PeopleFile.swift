internal import LedgerCore
public import Wire

/// A name with the salt that makes its digest say nothing to who does not have both.
struct SaltedName {
    let salt: [UInt8]
    let name: Text

    /// What stands for the name in entries.
    var digest: [UInt8] { LedgerEntry.personDigest(salt: salt, name: name) }
}

/// Which name and salt stand behind the digest in an entry: CBOR arrays `[index of the entry, salt, name]`, one after the other.
///
/// A person is erased by taking the row away; every proof over the log stays valid.
public final class PeopleFile {
    private let kernel: Kernel
    private let path: [UInt8]
    private var file: Descriptor?
    private var isDirty = false

    /// Beyond this size, in bytes, the oldest half is dropped.
    static let sizeLimit: UInt64 = 65_536

    init(kernel: Kernel, path: [UInt8]) {
        self.kernel = kernel
        self.path = path
    }

    func append(index: UInt64, _ person: SaltedName) throws(Errno) {
        var writer = CBORWriter()
        writer.array(3)
        writer.unsigned(index)
        writer.byteString(person.salt)
        writer.text(person.name)
        let file = try opened()
        let end = try kernel.status(file).size
        if end > Self.sizeLimit { try dropOldestHalf() }
        try kernel.writeAll(try opened(), writer.bytes, at: try kernel.status(try opened()).size)
        isDirty = true
    }

    func sync() throws(Errno) {
        guard isDirty, let file else { return }
        try kernel.syncData(file)
        isDirty = false
    }

    private func opened() throws(Errno) -> Descriptor {
        if let file { return file }
        let new = try kernel.open(path, [.read, .write, .create, .noFollow])
        file = new
        return new
    }

    /// The rows in the newer half of a file; of what cannot be read on everything, from there.
    public static func newerHalf(of content: [UInt8]) -> [UInt8] {
        var reader = CBORReader(content)
        while reader.offset < content.count / 2 {
            if (try? reader.skip()) == nil { break }
        }
        return Array(content[reader.offset...])
    }

    /// The names in a file, each with what stands for it in entries; of one that is damaged, those before.
    public static func names(in content: [UInt8]) -> [(digest: [UInt8], name: Text)] {
        var reader = CBORReader(content)
        var names: [(digest: [UInt8], name: Text)] = []
        do throws(WireError) {
            while !reader.isAtEnd {
                guard try reader.array(limit: 3) == 3 else { break }
                _ = try reader.unsigned()
                let person = SaltedName(salt: try reader.byteString(), name: try reader.text())
                names.append((person.digest, person.name))
            }
        } catch {}
        return names
    }

    private func dropOldestHalf() throws(Errno) {
        let content = try kernel.content(of: path, limit: Int(Self.sizeLimit) * 2)
        let kept = Self.newerHalf(of: content)
        let replacement: Text = ".new"
        let new = try kernel.open(path + replacement.bytes, [.read, .write, .create, .truncate, .noFollow])
        try kernel.writeAll(new, kept)
        try kernel.sync(new)
        try kernel.rename(path + replacement.bytes, to: path)
        file = new
    }
}
