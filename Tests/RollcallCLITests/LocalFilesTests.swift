import Foundation
import Glibc
import Testing
import Wire

@testable import RollcallCLI

@Suite("Files of this desk", .serialized)
struct LocalFilesTests {
    /// A file of zeros that takes no room on the disk.
    private func zeros(_ size: Int) throws -> String {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("zeros-\(UUID().uuidString)").path
        try #require(FileManager.default.createFile(atPath: path, contents: nil) && truncate(path, off_t(size)) == 0)
        return path
    }

    @Test("while files are hashed, whatever else the program does goes on, on however few processors")
    func turns() async throws {
        let path = try zeros(256 << 20)
        defer { unlink(path) }
        let first = try await withThrowingTaskGroup(of: String.self) { group in
            for _ in 0..<ProcessInfo.processInfo.activeProcessorCount {
                let file = try SentFile(path: path, progress: TransferProgress(name: "", isQuiet: true))
                group.addTask {
                    _ = try await file.whole()
                    return "a hash"
                }
            }
            try await Task.sleep(for: .milliseconds(20))
            group.addTask { "something else" }
            defer { group.cancelAll() }
            return try await group.next()
        }
        #expect(first == "something else")
    }

    @Test("who gives up does not wait for a file to be hashed to its end")
    func cancelled() async throws {
        let path = try zeros(4 << 30)
        defer { unlink(path) }
        let file = try SentFile(path: path, progress: TransferProgress(name: "", isQuiet: true))
        let waiting = Task { try await file.whole() }
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }

    @Test("where a file can have no second name it comes to its place all the same, and never over another")
    func withoutLinks() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("fetched-\(UUID().uuidString)").path
        defer { unlink(path) }
        func fetch(_ content: [UInt8], time: UInt64) throws -> FetchedFile {
            let file = try FetchedFile(path: path, replaces: false, progress: TransferProgress(name: "", isQuiet: true)) { _, _ in
                errno = EPERM
                return -1
            }
            _ = try file.known()
            try file.begin(StreamOpened(request: 1, size: UInt64(content.count), time: time, credit: 0))
            try file.take(content)
            return file
        }
        let (first, second) = (try fetch([1, 2, 3], time: 7), try fetch([4], time: 8))
        try first.finish()
        #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
        let error = #expect(throws: LocalFileError.self) { try second.finish() }
        #expect(error?.number == EEXIST)
        #expect(FileManager.default.contents(atPath: path) == Data([1, 2, 3]))
        second.discard()
        // Where it cannot come to its place after all, nothing keeps the next one from it.
        unlink(path)
        let third = try fetch([5], time: 9)
        third.discard()
        #expect(throws: LocalFileError.self) { try third.finish() }
        #expect(!FileManager.default.fileExists(atPath: path))
    }
}
