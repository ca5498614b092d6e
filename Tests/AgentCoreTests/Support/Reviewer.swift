import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

/// Somebody who signs catalogues, with a key made for the test.
struct Reviewer {
    let key: SigningKey

    init(_ number: UInt8) throws { key = try #require(SigningKey(seed: [UInt8](repeating: number, count: 32))) }

    private static func string(_ bytes: [UInt8]) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: bytes.count >> $0) } + bytes
    }

    var blob: [UInt8] { Self.string(Array("ssh-ed25519".utf8)) + Self.string(key.publicKey) }
    var line: String { "ssh-ed25519 " + String(decoding: Base64.encode(blob), as: UTF8.self) + " reviewer\n" }

    /// The binary form of what `ssh-keygen -Y sign -n NAMESPACE` makes (OpenSSH's PROTOCOL.sshsig).
    func sign(_ message: [UInt8], as kind: DocumentKind = .catalogue) -> [UInt8] {
        let (namespace, hash) = (kind.namespace.bytes, Array("sha512".utf8))
        let magic = Array("SSHSIG".utf8)
        let signed = magic + Self.string(namespace) + Self.string([]) + Self.string(hash) + Self.string(SHA512.hash(message))
        let signature = Self.string(Array("ssh-ed25519".utf8)) + Self.string(key.sign(signed))
        return magic + [0, 0, 0, 1] + Self.string(blob) + Self.string(namespace) + Self.string([]) + Self.string(hash)
            + Self.string(signature)
    }
}

/// Agents for tests.
enum Agents {
    /// The architecture of the tests' own machine, as agent/build names it.
    #if arch(arm64)
        static let architecture: Text = "aarch64"
    #else
        static let architecture: Text = "x86_64"
    #endif

    /// A signed agent, as it is pushed.
    static func signed(
        _ program: [UInt8], version: Text = Settings.version, architecture: Text = architecture, by reviewers: [Reviewer],
        as kind: DocumentKind = .agent, signedAt: UInt64 = Catalogues.now
    ) -> [UInt8] {
        let header = AgentHeader(
            version: version, architecture: architecture, signedAt: signedAt, size: UInt64(program.count), digest: SHA256.hash(program)
        ).encoded
        let signatures = reviewers.map { $0.sign(header, as: kind) }
        return AgentEnvelope(header: header, signatures: signatures).frame + program
    }
}

/// Catalogues for tests.
enum Catalogues {
    static let second: UInt64 = 1_000_000
    static let year: UInt64 = 366 * 86_400 * second

    static var now: UInt64 { UInt64(Date().timeIntervalSince1970 * 1_000_000) }

    static func signed(
        _ probes: [ProbeDefinition], version: UInt64 = 1, by reviewers: [Reviewer], signedAt: UInt64 = now, expiresAt: UInt64 = now + year
    ) -> SignedDocument {
        let part = DevicePart(probes: probes).encoded
        let header = DocumentHeader(
            name: "test", version: version, signedAt: signedAt, expiresAt: expiresAt, partDigest: SHA256.hash(part),
            deskDigest: SHA256.hash([]))
        return SignedDocument(header: header.encoded, part: part, signatures: reviewers.map { $0.sign(header.encoded) })
    }

    static func program(
        _ id: Text, _ line: [Text], impact: Impact = .observe, timeLimit: UInt64 = 5_000, outputLimit: UInt64 = 65_536,
        parameters: [ParameterDefinition] = []
    ) -> ProbeDefinition {
        let arguments = line.map { ProbeSource.Argument.literal($0) } + parameters.indices.map { ProbeSource.Argument.parameter($0) }
        return ProbeDefinition(
            id: id, impact: impact, source: .run(arguments), parameters: parameters, timeLimit: timeLimit, outputLimit: outputLimit)
    }
}
