import Foundation
import Testing

/// A Debian architecture that scripts/package packs for.
enum PackageArchitecture: String, CaseIterable, Sendable, CustomTestStringConvertible {
    case amd64, arm64, armhf, armel

    var testDescription: String { rawValue }

    /// The architecture whose program is in the package.
    var program: Architecture {
        switch self {
        case .amd64: .x86
        case .arm64: .aarch64
        case .armhf, .armel: .armv7
        }
    }
}

/// Runs a program to its end; what it says on either stream is its output.
func run(_ words: [String]) throws -> (status: Int32, output: String) {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = words
    process.currentDirectoryURL = repository
    let output = Pipe()
    process.standardInput = FileHandle.nullDevice
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process.terminationStatus, text)
}

@Suite("Packages", .serialized)
struct PackageTests {
    /// A folder with all packages, packed once for all tests; beside those that enrolment takes, which another test may be using.
    private static let packed = Result {
        let folder = repository.appendingPathComponent(".build-agent/packages-for-tests").path
        let (status, text) = try run(["scripts/package", "--all", "--out", folder])
        try #require(status == 0, "\(text)")
        return folder
    }

    private func package(_ architecture: PackageArchitecture) throws -> String {
        let folder = try Self.packed.get()
        let (_, text) = try run(["scripts/package", "--arch", architecture.rawValue, "--out", folder, "--path"])
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func must(_ words: String...) throws -> String {
        let (status, text) = try run(words)
        try #require(status == 0, "\(words): \(text)")
        return text
    }

    @Test("lintian has nothing against it but what the overrides name", arguments: PackageArchitecture.allCases)
    func lintian(_ architecture: PackageArchitecture) throws {
        try #require(FileManager.default.isExecutableFile(atPath: "/usr/bin/lintian"), "no lintian; run scripts/setup test first")
        let (status, text) = try run([
            "lintian", "--allow-root", "--profile", "debian", "--fail-on", "error,warning", "--tag-display-limit", "0",
            try package(architecture),
        ])
        #expect(status == 0 && text.isEmpty, "\(text)")
    }

    @Test("it holds the agent of its architecture, and a checksum for each file", arguments: PackageArchitecture.allCases)
    func content(_ architecture: PackageArchitecture) throws {
        let package = try package(architecture)
        #expect(try must("dpkg-deb", "--field", package, "Architecture") == architecture.rawValue + "\n")
        let scratch = try ScratchDirectory()
        _ = try must("dpkg-deb", "--raw-extract", package, scratch.path)
        let agent = FileManager.default.contents(atPath: scratch.path + "/usr/bin/rollcall-agent")
        #expect(agent != nil && agent == FileManager.default.contents(atPath: architecture.program.agent))
        #expect(
            try must("sh", "-c", "cd \(scratch.path) && md5sum --check --strict --quiet DEBIAN/md5sums && wc -l < DEBIAN/md5sums") == "7\n")
        #expect(try must("cat", scratch.path + "/DEBIAN/conffiles") == "/etc/rollcall/agent.conf\n/etc/rollcall/owner.conf\n")
        for script in ["postinst", "prerm", "postrm"] { _ = try must("sh", "-n", "\(scratch.path)/DEBIAN/\(script)") }
        #expect(FileManager.default.fileExists(atPath: scratch.path + "/DEBIAN/preinst") == (architecture.program == .armv7))
        #expect(try must("dpkg-deb", "--contents", package).split(separator: "\n").allSatisfy { $0.contains(" root/root ") })
    }

    @Test("a processor too old for the program is refused before anything is unpacked", arguments: [PackageArchitecture.armhf, .armel])
    func oldProcessor(_ architecture: PackageArchitecture) throws {
        let scratch = try ScratchDirectory()
        _ = try must("dpkg-deb", "--control", try package(architecture), scratch.path + "/control")
        for (machine, status) in [("armv5tel", 1), ("armv6l", 1), ("armv7l", 0), ("aarch64", 0)] {
            try scratch.write("uname", Array("#!/bin/sh\necho \(machine)\n".utf8))
            let (ended, text) = try run([
                "sh", "-c", "chmod 755 \(scratch.path)/uname && PATH=\(scratch.path):$PATH sh \(scratch.path)/control/preinst install",
            ])
            #expect(Int(ended) == status && text.contains("ARMv7") == (status == 1), "\(machine): \(text)")
        }
    }

    @Test("packing again gives the same bytes")
    func reproducible() throws {
        let again = try ScratchDirectory()
        let folder = try Self.packed.get()
        // Another umask and other times of files must not show.
        _ = try must("sh", "-c", "umask 077 && scripts/package --all --out \(again.path)")
        let files = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(files.count == 8)
        for file in files {
            #expect(FileManager.default.contentsEqual(atPath: "\(folder)/\(file)", andPath: "\(again.path)/\(file)"), "\(file)")
        }
    }

    @Test("every key of the two configurations that are packed is known to the agent, with a line for each that it knows")
    func configurations() throws {
        for (file, source) in [("agent.conf", "Configuration"), ("owner.conf", "OwnerPolicy")] {
            let text = try String(contentsOf: repository.appendingPathComponent("agent/packaging/\(file)"), encoding: .utf8)
            let known = try String(
                contentsOf: repository.appendingPathComponent("agent/Sources/AgentCore/State/\(source).swift"), encoding: .utf8)
            #expect(text.split(separator: "\n").allSatisfy { $0.hasPrefix("#") }, "a key in \(file) is not commented")
            let keys = text.split(separator: "\n").filter { !$0.hasPrefix("# ") }.map { $0.dropFirst().split(separator: " ")[0] }
            // The rows of the agent's own table, in its order.
            let rows = known.matches(of: /ConfigurationKey\(name: "([a-z-]+)"/).map(\.output.1)
            #expect(!rows.isEmpty && keys == rows, "\(file)")
        }
    }
}
