public import Catalogue
internal import Foundation
internal import LedgerCore
internal import Wire

/// A signed agent on disk, byte for byte as it is pushed to a device: envelope, then program.
public struct SignedAgentFile: Sendable {
    /// The file.
    public let path: String

    /// Names a file, which need not exist yet.
    public init(_ path: String) { self.path = path }

    /// Packs a program without any signature.
    ///
    /// - Parameters:
    ///   - program: A static ELF program of an architecture that has an agent.
    ///   - version: What the program says in its hello.
    ///   - time: Microseconds UTC; a device takes only what was packed later than what it has.
    /// - Throws: `.pack` where it is no such program, `.unreadable`, `.unwritable`.
    public func pack(program: String, version: String, time: UInt64) throws(ProbesError) -> AgentHeader {
        let bytes = try contents(of: program)
        guard let architecture = Self.architecture(of: bytes) else {
            throw ProbesError(.pack, program, "It is not a program for x86_64, aarch64 or armv7.")
        }
        let header = AgentHeader(
            version: Text(version), architecture: Text(architecture), signedAt: time, size: UInt64(bytes.count), digest: SHA256.hash(bytes))
        let frame = AgentEnvelope(header: header.encoded, signatures: []).frame
        guard !version.isEmpty, version.utf8.count <= RollcallProtocol.identifierSizeLimit,
            frame.count + bytes.count <= Int(RollcallProtocol.pushSizeLimit)
        else { throw ProbesError(.pack, program, "It is too large to be pushed, or its version is empty or too long.") }
        try write(frame + bytes)
        return header
    }

    /// Reads the file without judging it.
    ///
    /// - Throws: `.unreadable`; `.catalogue` where it is not in the format.
    public func read() throws(ProbesError) -> (envelope: AgentEnvelope, header: AgentHeader, bytes: [UInt8]) {
        let bytes = try contents(of: path)
        guard let found = try? AgentEnvelope.first(in: bytes), let header = try? AgentHeader(decoding: found.envelope.header),
            header.size == UInt64(bytes.count - found.end), SHA256.hash(Array(bytes[found.end...])) == header.digest
        else { throw ProbesError(.catalogue, path, "It is not a whole signed agent; pack it anew.") }
        return (found.envelope, header, bytes)
    }

    /// Judges the file as a device would that has none of its kind yet.
    ///
    /// - Throws: ``CatalogueError`` with the rule that refuses, ``ProbesError`` for the file.
    public func verify(trust: TrustPolicy) throws -> AgentHeader { try read().envelope.authenticated(trust: trust) }

    /// Adds the signature of a reviewer.
    ///
    /// - Parameter key: A private key file, or a public key file whose key is in ssh-agent.
    /// - Throws: `.signing` with what ssh-keygen said; the file is as it was then.
    public func sign(key: String) async throws(ProbesError) {
        let (envelope, _, bytes) = try read()
        let armoured = try await KeySigner(key: key, kind: .agent).sign(envelope.header)
        guard let blob = SSHSignature.unarmour(armoured) else {
            throw ProbesError(.signing, key, "The signature is not in the form that ssh-keygen writes.")
        }
        var signed = envelope
        if !signed.signatures.contains(blob) { signed.signatures.append(blob) }
        guard signed.signatures.count <= 64, signed.frame.count <= AgentEnvelope.sizeLimit else {
            throw ProbesError(.signing, path, "It has too many signatures already.")
        }
        try write(signed.frame + bytes.dropFirst(envelope.frame.count))
    }

    private func write(_ bytes: [UInt8]) throws(ProbesError) {
        do { try Data(bytes).write(to: URL(filePath: path), options: .atomic) } catch {
            throw ProbesError(.unwritable, path, "The file cannot be written.")
        }
    }

    /// The architecture of an ELF program, as agent/build names it: e_machine is 62, 183 or 40 (elf(5)).
    private static func architecture(of program: [UInt8]) -> String? {
        guard program.count > 64, program.starts(with: [0x7F, 0x45, 0x4C, 0x46]), program[5] == 1, program[19] == 0 else { return nil }
        switch (program[4], program[18]) {
        case (2, 62): return "x86_64"
        case (2, 183): return "aarch64"
        case (1, 40): return "armv7"
        default: return nil
        }
    }
}
