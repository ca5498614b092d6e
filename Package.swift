// swift-tools-version: 6.2
import PackageDescription

/// Every module is Swift 6 with typed, explicit imports; nothing is `public import`ed by accident.
let strict: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
]

/// A test target: one folder per module. `fixtures` are files and folders read by path, never bundled.
func tests(_ name: String, _ dependencies: [Target.Dependency], fixtures: [String] = []) -> Target {
    .testTarget(
        name: name, dependencies: dependencies, path: "Tests/\(name)", exclude: fixtures,
        swiftSettings: strict)
}

let package = Package(
    name: "rollcall",
    products: [
        .executable(name: "rollcall", targets: ["rollcall"]),
        .library(name: "SSH", targets: ["SSH"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/swiftlang/swift-subprocess", exact: "1.0.2"),
    ],
    targets: [
        // System libraries: module maps and the shims Swift cannot do without.
        .systemLibrary(name: "CCrypto", path: "Sources/CCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CSodium", path: "Sources/CSodium", pkgConfig: "libsodium", providers: [.apt(["libsodium-dev"])]),
        .systemLibrary(name: "CSSH2", path: "Sources/CSSH2", pkgConfig: "libssh2", providers: [.apt(["libssh2-1-dev"])]),
        .systemLibrary(name: "CSQLite", path: "Sources/CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),

        // On the device. agent/build compiles the same folders in Embedded Swift.
        .target(name: "CLinux", path: "agent/Sources/CLinux"),
        .target(name: "Wire", path: "agent/Sources/Wire", swiftSettings: strict),
        .target(name: "LedgerCore", dependencies: ["Wire", "CCrypto", "CSodium"], path: "agent/Sources/LedgerCore", swiftSettings: strict),
        .target(
            name: "Catalogue", dependencies: ["Wire", "LedgerCore", "CSodium"], path: "agent/Sources/Catalogue", swiftSettings: strict),
        .target(name: "Telemetry", dependencies: ["Wire"], path: "agent/Sources/Telemetry", swiftSettings: strict),
        .target(
            name: "AgentCore", dependencies: ["CLinux", "Wire", "LedgerCore", "Catalogue", "Telemetry"], path: "agent/Sources/AgentCore",
            swiftSettings: strict),
        .executableTarget(
            name: "rollcall-agent", dependencies: ["AgentCore"], path: "agent/Sources/rollcall-agent", swiftSettings: strict),

        // On the desk.
        .target(
            name: "SSH", dependencies: nio + ["CSSH2", "CSodium", .product(name: "Subprocess", package: "swift-subprocess")],
            path: "Sources/SSH", swiftSettings: strict),
        .target(
            name: "Probes",
            dependencies: [
                "Wire", "LedgerCore", "Catalogue", .product(name: "Yams", package: "Yams"),
                .product(name: "Subprocess", package: "swift-subprocess"),
            ], path: "Sources/Probes", swiftSettings: strict),
        .target(
            name: "Diagnosis", dependencies: ["Wire", "Catalogue", "Telemetry", "Probes", "CSQLite"], path: "Sources/Diagnosis",
            swiftSettings: strict),
        .target(name: "Ledger", dependencies: ["Wire", "LedgerCore", "CSodium"], path: "Sources/Ledger", swiftSettings: strict),
        .target(name: "Recording", dependencies: ["LedgerCore"], path: "Sources/Recording", swiftSettings: strict),
        .target(
            name: "Store",
            dependencies: ["Wire", "Ledger", "LedgerCore", "Telemetry", "CSodium", .product(name: "GRDB", package: "GRDB.swift")],
            path: "Sources/Store",
            swiftSettings: strict),
        .target(name: "AgentClient", dependencies: nio + ["Wire", "LedgerCore"], path: "Sources/AgentClient", swiftSettings: strict),
        .target(
            name: "Fleet", dependencies: nio + ["Wire", "SSH", "Store", "AgentClient"], path: "Sources/Fleet", swiftSettings: strict),
        .target(
            name: "Calls",
            dependencies: [
                "Wire", "LedgerCore", "Catalogue", "SSH", "Probes", "Diagnosis", "Ledger", "Recording", "Store", "Telemetry", "AgentClient",
                "Fleet",
            ],
            path: "Sources/Calls", swiftSettings: strict),
        .target(name: "Report", dependencies: ["Diagnosis", "Store", "Telemetry"], path: "Sources/Report", swiftSettings: strict),
        .target(
            name: "RollcallCLI",
            dependencies: [
                "CLinux", "Wire", "LedgerCore", "Catalogue", "SSH", "Probes", "Diagnosis", "Ledger", "Store", "AgentClient", "Fleet",
                "Calls", "Recording", "Report", "Telemetry", .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Yams", package: "Yams"),
            ],
            path: "Sources/RollcallCLI", swiftSettings: strict),
        // What scripts/bench measures; written as a user of the library would.
        .executableTarget(name: "ssh-visit", dependencies: ["SSH"], path: "Tests/Bench/Visit", swiftSettings: strict),
        .executableTarget(
            name: "telemetry-bench", dependencies: ["Telemetry", "Wire"], path: "Tests/Bench/Telemetry", swiftSettings: strict),
        .executableTarget(
            name: "diagnosis-bench", dependencies: ["Diagnosis", "Probes"], path: "Tests/Bench/Diagnosis", swiftSettings: strict),
        .executableTarget(name: "rollcall", dependencies: ["RollcallCLI"], path: "Sources/rollcall", swiftSettings: strict),

        // Tests.
        tests("RepositoryTests", []),
        tests("AgentClientTests", ["AgentClient", "Wire"]),
        tests(
            "CallsTests",
            [
                "Calls", "Fleet", "SSH", "Ledger", "LedgerCore", "Store", "Diagnosis", "Probes", "Catalogue", "Telemetry", "AgentClient",
                "Wire",
            ]),
        tests(
            "RollcallCLITests", ["RollcallCLI", "Calls", "SSH", "Store", "Probes", "Catalogue", "Telemetry", "Wire", "CSQLite"],
            fixtures: ["Support/typist.py"]),
        .target(name: "GoldenVectors", path: "Tests/GoldenVectors", swiftSettings: strict),
        tests("WireTests", ["Wire", "GoldenVectors"]),
        tests("LedgerCoreTests", ["LedgerCore", "Wire", "GoldenVectors"]),
        tests("CatalogueTests", ["Catalogue", "LedgerCore", "Wire", "GoldenVectors"]),
        // scripts/fuzz compiles FuzzTargets once more, with libFuzzer; here the kept corpus replays as tests.
        .target(
            name: "FuzzTargets",
            dependencies: ["AgentCore", "Catalogue", "Diagnosis", "LedgerCore", "Recording", "SSH", "Telemetry", "Wire"],
            path: "Tests/Fuzz/Targets",
            swiftSettings: strict),
        .testTarget(name: "FuzzTests", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Replay", swiftSettings: strict),
        tests("TelemetryTests", ["Telemetry", "Wire"]),
        tests("ReportTests", ["Diagnosis", "Report", "Telemetry"]),
        tests("AgentCoreTests", ["AgentCore", "CLinux", "Catalogue", "LedgerCore", "Telemetry", "Wire"]),
        tests("SSHTests", ["SSH", "CSSH2"] + nio, fixtures: ["Fixtures"]),
        tests("SSHServerTests", ["SSH"] + nio, fixtures: ["servers", "hardened_sshd_config"]),
        tests("ProbesTests", ["Probes", "Catalogue", "Wire", .product(name: "Subprocess", package: "swift-subprocess")]),
        tests("DiagnosisTests", ["Diagnosis", "Probes", "Telemetry", "Wire"]),
        tests("RecordingTests", ["Recording", "LedgerCore"]),
        tests("LedgerTests", ["Ledger", "LedgerCore", "Wire"]),
        tests("StoreTests", ["Store", "Ledger", "LedgerCore", "Telemetry", "Wire", .product(name: "GRDB", package: "GRDB.swift")]),
        // They run the built program on lab devices, so it is a dependency without being imported.
        tests("LabTests", ["rollcall", .product(name: "Subprocess", package: "swift-subprocess")]),
    ]
)
