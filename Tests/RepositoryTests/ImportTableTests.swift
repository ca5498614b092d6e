import Foundation
import Testing

/// The checkout these tests were compiled from.
let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// Every Swift file below `folder`, as paths from the repository's top, sorted.
func swiftFiles(below folder: String) -> [String] {
    let top = repository.appendingPathComponent(folder)
    let found = FileManager.default.enumerator(atPath: top.path)?.compactMap { $0 as? String } ?? []
    return found.filter { $0.hasSuffix(".swift") }.map { "\(folder)/\($0)" }.sorted()
}

/// The house rule: a module imports only modules that stand above it.
@Suite("What may import what")
struct ImportTableTests {
    /// Modules from the ground up, each with what it may import of ours. Anything else is a new arrow in the house and wants a reason here.
    static let table: [(module: String, folder: String, imports: Set<String>)] = [
        ("Wire", "agent/Sources/Wire", []),
        ("LedgerCore", "agent/Sources/LedgerCore", ["Wire", "CCrypto", "CSodium"]),
        ("Catalogue", "agent/Sources/Catalogue", ["Wire", "LedgerCore", "CSodium"]),
        // Blocks of telemetry are written on the device and read on the desk.
        ("Telemetry", "agent/Sources/Telemetry", ["Wire"]),
        ("AgentCore", "agent/Sources/AgentCore", ["CLinux", "Wire", "LedgerCore", "Catalogue", "Telemetry"]),
        ("rollcall-agent", "agent/Sources/rollcall-agent", ["AgentCore", "CLinux", "Wire"]),
        ("SSH", "Sources/SSH", ["CSSH2", "CSodium"]),
        ("Probes", "Sources/Probes", ["Wire", "LedgerCore", "Catalogue"]),
        ("Diagnosis", "Sources/Diagnosis", ["Wire", "Catalogue", "Telemetry", "Probes", "CSQLite"]),
        ("Ledger", "Sources/Ledger", ["Wire", "LedgerCore", "CSodium"]),
        ("Recording", "Sources/Recording", ["LedgerCore"]),
        ("Store", "Sources/Store", ["Wire", "LedgerCore", "Ledger", "Telemetry", "CSodium"]),
        ("AgentClient", "Sources/AgentClient", ["Wire", "LedgerCore"]),
        ("Fleet", "Sources/Fleet", ["Wire", "SSH", "Store", "AgentClient"]),
        (
            "Calls", "Sources/Calls",
            [
                "Wire", "LedgerCore", "Catalogue", "SSH", "Probes", "Diagnosis", "Ledger", "Recording", "Store", "Telemetry", "AgentClient",
                "Fleet",
            ]
        ),
        ("Report", "Sources/Report", ["Diagnosis", "Store", "Telemetry"]),
        (
            "RollcallCLI", "Sources/RollcallCLI",
            [
                "CLinux", "Wire", "LedgerCore", "Catalogue", "SSH", "Probes", "Diagnosis", "Ledger", "Store", "AgentClient", "Fleet",
                "Calls", "Recording", "Report", "Telemetry",
            ]
        ),
        ("rollcall", "Sources/rollcall", ["RollcallCLI"]),
    ]

    /// What each module may import that is not ours. The agent's modules run in Embedded Swift, where none of these exist.
    static let foreign: [String: Set<String>] = [
        "SSH": ["NIOCore", "NIOPosix", "Foundation", "Glibc", "Subprocess", "Synchronization"],
        "Probes": ["Foundation", "Yams", "Subprocess"],
        "Diagnosis": ["Foundation"],
        "Ledger": ["Foundation"],
        "Recording": ["Foundation"],
        "Store": ["Foundation", "GRDB"],
        "AgentClient": ["Foundation", "NIOCore", "NIOPosix"],
        "Fleet": ["Foundation", "NIOCore", "NIOPosix"],
        "Calls": ["Foundation", "Synchronization"],
        "Report": ["Foundation"],
        "RollcallCLI": ["Foundation", "ArgumentParser", "Synchronization", "Yams"],
    ]

    static func imports(of path: String) throws -> Set<String> {
        let text = try String(contentsOf: repository.appendingPathComponent(path), encoding: .utf8)
        let pattern =
            /^\s*(?:@\w+ )?(?:public |internal |package |private |fileprivate )?import (?:(?:struct|class|enum|func|let|var|protocol) )?([A-Za-z0-9_]+)/
            .anchorsMatchLineEndings()
        return Set(text.matches(of: pattern).map { String($0.output.1) })
    }

    @Test("every module imports only what stands above it", arguments: table.map(\.module))
    func module(_ name: String) throws {
        let row = try #require(Self.table.first { $0.module == name })
        let allowed = row.imports.union(Self.foreign[name] ?? [])
        let files = swiftFiles(below: row.folder)
        #expect(!files.isEmpty, "\(row.folder) is empty")
        for file in files {
            let unexpected = try Self.imports(of: file).subtracting(allowed)
            #expect(unexpected.isEmpty, "\(file) imports \(unexpected.sorted()), which \(name) may not: see the table in this file")
        }
    }

    @Test("the table names every folder of sources")
    func complete() throws {
        let known = Set(Self.table.map(\.folder))
        for top in ["Sources", "agent/Sources"] {
            let folders = try FileManager.default.contentsOfDirectory(atPath: repository.appendingPathComponent(top).path)
            for folder in folders where !swiftFiles(below: "\(top)/\(folder)").isEmpty {
                #expect(known.contains("\(top)/\(folder)"), "\(top)/\(folder) is not in the import table")
            }
        }
    }

    @Test("no type is named like its module, and no file is a drawer for the rest")
    func names() throws {
        for row in Self.table {
            for file in swiftFiles(below: row.folder) {
                let stem = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
                #expect(!["Utils", "Utilities", "Helpers", "Common", "Manager", "Misc"].contains(stem), "\(file)")
                let text = try String(contentsOf: repository.appendingPathComponent(file), encoding: .utf8)
                let pattern = try Regex("(?m)^(?:public |package )?(?:final )?(?:struct|class|enum|actor|protocol) \(row.module)\\b")
                if row.module.first?.isUppercase == true {
                    #expect(text.firstMatch(of: pattern) == nil, "\(file) names a type like its module")
                }
            }
        }
    }

    @Test("only Store speaks SQL to the store, only Diagnosis to facts")
    func sql() throws {
        for row in Self.table where row.module != "Store" && row.module != "Diagnosis" {
            for file in swiftFiles(below: row.folder) {
                let imported = try Self.imports(of: file)
                #expect(imported.isDisjoint(with: ["GRDB", "CSQLite", "GRDBSQLite"]), "\(file)")
            }
        }
    }
}
