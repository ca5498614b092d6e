public import LedgerCore
public import Wire

/// The agent's own directory: small files that are replaced as a whole, or not at all.
public struct StateDirectory {
    private let kernel: Kernel
    /// The directory's path.
    public let path: [UInt8]

    /// Uses the directory at `path`, which may be missing still.
    public init(kernel: Kernel, path: [UInt8]) {
        self.kernel = kernel
        self.path = path
    }

    /// Path of a file in it.
    public func file(_ name: Text) -> [UInt8] { path + [47] + name.bytes }

    /// Makes the directory, its parents and the folder of seen heads, for their owner alone.
    public func create() throws(Errno) {
        for end in path.indices where path[end] == 47 && end > 0 {
            try kernel.makeDirectory(Array(path[..<end]), permissions: 0o755)
        }
        try kernel.makeDirectory(path)
        try kernel.makeDirectory(file("witness"))
    }

    /// The content of a file; nil where there is none.
    public func content(_ name: Text, limit: Int) throws(Errno) -> [UInt8]? {
        do throws(Errno) {
            return try kernel.content(of: file(name), limit: limit)
        } catch {
            if error == .noEntry { return nil }
            throw error
        }
    }

    /// Writes what a file is to hold beside it and waits until it is on the disk; ``putInPlace(_:)`` puts it in its place.
    ///
    /// - Throws: An errno, such as `.noSpace`; then nothing is left behind and the file is as it was.
    public func stage(_ name: Text, _ content: [UInt8], permissions: UInt32 = 0o600) throws(Errno) {
        let path = file(name + ".new")
        do throws(Errno) {
            let file = try kernel.open(path, [.write, .create, .truncate, .noFollow], permissions: permissions)
            try kernel.writeAll(file, content)
            try kernel.sync(file)
        } catch {
            try? kernel.unlink(path)
            throw error
        }
    }

    /// Puts a staged file in its place, where it is from then on, though not yet for sure after a power cut.
    public func putInPlace(_ name: Text) throws(Errno) {
        do throws(Errno) {
            try kernel.rename(file(name + ".new"), to: file(name))
        } catch {
            discard(name)
            throw error
        }
    }

    /// Waits until the names in the directory are on the disk.
    public func syncNames() throws(Errno) { try syncDirectory(of: file("")) }

    /// Removes a file.
    func remove(_ name: Text) { try? kernel.unlink(file(name)) }

    /// Throws away a staged file.
    public func discard(_ name: Text) { try? kernel.unlink(file(name + ".new")) }

    /// Replaces a file as a whole.
    public func replace(_ name: Text, _ content: [UInt8]) throws(Errno) {
        try stage(name, content)
        try putInPlace(name)
        try syncDirectory(of: file(name))
    }

    func syncDirectory(of path: [UInt8]) throws(Errno) {
        let end = path.lastIndex(of: 47) ?? path.endIndex
        let directory = try kernel.open(Array(path[..<end]), [.read, .directory])
        try kernel.sync(directory)
    }

    /// The key that signs the device's ledger, made and kept where there is none.
    ///
    /// - Throws: An errno; `.invalid` where the file does not hold a key. A damaged key is never replaced in silence.
    public func signingKey() throws(Errno) -> SigningKey {
        if let seed = try content("key", limit: 64) {
            guard let key = SigningKey(seed: seed) else { throw .invalid }
            return key
        }
        let seed = try kernel.random(32)
        guard let key = SigningKey(seed: seed) else { throw .invalid }
        try replace("key", seed)
        return key
    }
}
