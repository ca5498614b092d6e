import AgentCore
import Foundation
import Wire

/// A scratch directory that stands for a device's root, removed with the last reference.
final class Scratch {
    let path: String

    init() throws {
        var template = Array("\(FileManager.default.temporaryDirectory.path)/rollcall-agent.XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Errno.inputOutput }
        path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try write("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
        try write("etc/passwd", "root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n")
        try write("etc/group", "root:x:0:\nadm:x:4:\n")
        try write("etc/rollcall/desks", "")
        try write("proc/self/mounts", "")
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var root: [UInt8] { Array(path.utf8) }
    var settings: Settings { Settings(root: root) }

    func url(_ name: String) -> URL { URL(fileURLWithPath: path).appendingPathComponent(name) }

    func write(_ name: String, _ content: String) throws { try write(name, Array(content.utf8)) }

    func write(_ name: String, _ content: [UInt8]) throws {
        try FileManager.default.createDirectory(at: url(name).deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(content).write(to: url(name))
    }

    func read(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: url(name))) }
    func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: url(name).path) }
}
