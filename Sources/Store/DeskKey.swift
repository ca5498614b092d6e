internal import Foundation
internal import LedgerCore
internal import Wire

/// The file that holds the seed of the desk's signing key: one line of base64, readable by its owner alone.
///
/// It stands beside the database and not in it, so that a copy of the database can be handed on without the power to sign for the desk.
struct DeskKey {
    let path: String

    /// The key in the file; nil if there is no file.
    ///
    /// - Throws: `.signingKey` if the file is not a seed or other users can reach it, `.io` if it cannot be read.
    func read() throws -> SigningKey? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        if file < 0, errno == ENOENT { return nil }
        guard file >= 0 else { throw StoreError(.io, path) }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw StoreError(.io, path) }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_mode & 0o077 == 0 else { throw StoreError(.signingKey, path) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = Foundation.read(file, &bytes, bytes.count)
        guard count >= 0 else { throw StoreError(.io, path) }
        let line = bytes.prefix(count)
        guard line.last == 10, let seed = Base64.decode(line.dropLast()), let key = SigningKey(seed: seed) else {
            throw StoreError(.signingKey, path)
        }
        return key
    }

    /// Makes a new key and its file, which is on the disk when this returns.
    ///
    /// The caller holds the database's write lock, so that two processes do not each make one.
    func create() throws -> SigningKey {
        var random = SystemRandomNumberGenerator()
        let seed = (0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        guard let key = SigningKey(seed: seed) else { throw StoreError(.signingKey, path) }
        let unfinished = path + ".new"
        unlink(unfinished)
        let file = open(unfinished, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard file >= 0 else { throw StoreError(.io, unfinished) }
        defer { close(file) }
        let line = Base64.encode(seed) + [10]
        guard write(file, line, line.count) == line.count, fsync(file) == 0, rename(unfinished, path) == 0 else {
            let code: StoreError.Code = errno == ENOSPC ? .full : .io
            unlink(unfinished)
            throw StoreError(code, path)
        }
        try syncDirectory()
        return key
    }

    private func syncDirectory() throws {
        let directory = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { throw StoreError(.io, path) }
        defer { close(directory) }
        guard fsync(directory) == 0 else { throw StoreError(.io, path) }
    }
}
