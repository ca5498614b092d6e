import AgentCore
import Catalogue
import LedgerCore
import Wire

/// An SSH signature, binary or armoured; nothing but the signature itself is valid.
public func fuzzSignature(_ bytes: [UInt8]) -> Bool {
    let blob = SSHSignature.unarmour(bytes) ?? bytes
    guard let signature = try? SSHSignature(blob: blob) else { return true }
    return !signature.isValid(message: Array("never signed".utf8), namespace: DocumentKind.catalogue.namespace)
}

/// A trust file: what it yields is usable, and refusals are fit to be shown.
public func fuzzTrust(_ bytes: [UInt8]) -> Bool {
    do throws(CatalogueError) {
        let trust = try TrustPolicy(file: bytes)
        return trust.threshold >= 1 && trust.threshold <= trust.keys.count && trust.keys.count <= TrustPolicy.keyCountLimit
    } catch {
        return isShowable(error)
    }
}

/// The content of a roster: what it yields makes a file of keys whose every line is one that its operators' names and keys make.
public func fuzzRoster(_ bytes: [UInt8]) -> Bool {
    // Signed by nobody too: the envelope and the header are the catalogue's.
    if let document = try? SignedDocument(decoding: bytes) { return fuzzCatalogue(bytes) && fuzzRoster(document.part) }
    guard let roster = try? Roster(decoding: bytes) else { return true }
    guard roster.encoded == bytes, !roster.operators.isEmpty else { return false }
    let lines = AuthorizedKeys.file(of: roster, version: 7).split(separator: 10)
    guard lines.count == 1 + roster.operators.reduce(0, { $0 + $1.keys.count }) else { return false }
    let names = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-".utf8)
    return roster.operators.allSatisfy { $0.name.bytes.allSatisfy(names.contains) }
        && lines.allSatisfy { line in line.allSatisfy { (0x20..<0x7f).contains($0) } && line.count(where: { $0 == 34 }) % 2 == 0 }
}

/// A signed catalogue or roster, which nobody trusted has signed.
public func fuzzCatalogue(_ bytes: [UInt8]) -> Bool {
    guard let catalogue = try? SignedDocument(decoding: bytes) else { return true }
    guard isSame(catalogue.encoded, as: bytes, lastKey: 2) else { return false }
    if let header = try? DocumentHeader(decoding: catalogue.header), !isSame(header.encoded, as: catalogue.header, lastKey: 6) {
        return false
    }
    guard fuzzPart(catalogue.part) else { return false }
    let key: Text = "threshold 1\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n"
    guard let trust = try? TrustPolicy(file: key.bytes) else { return false }
    do throws(CatalogueError) {
        _ = try catalogue.verified(trust: trust, now: 0, versionInForce: nil)
        return false
    } catch {
        return isShowable(error)
    }
}

/// The beginning of a signed agent, which nobody trusted has signed.
public func fuzzAgent(_ bytes: [UInt8]) -> Bool {
    guard let (envelope, end) = try? AgentEnvelope.first(in: bytes) else { return true }
    guard end <= bytes.count, end <= AgentEnvelope.sizeLimit,
        isSame(Array(envelope.frame.dropFirst(4)), as: Array(bytes[4..<end]), lastKey: 1)
    else { return false }
    if let header = try? AgentHeader(decoding: envelope.header), !isSame(header.encoded, as: envelope.header, lastKey: 5) { return false }
    let key: Text = "threshold 1\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH\n"
    guard let trust = try? TrustPolicy(file: key.bytes) else { return false }
    do throws(CatalogueError) {
        _ = try envelope.authenticated(trust: trust)
        return false
    } catch {
        return isShowable(error)
    }
}

/// The device part: what it yields can be run without a trap.
public func fuzzPart(_ bytes: [UInt8]) -> Bool {
    guard let part = try? DevicePart(decoding: bytes) else { return true }
    for probe in part.probes {
        _ = probe.commandLine(Array(repeating: "", count: probe.parameters.count))
        let given = probe.parameters.map { Parameter(name: $0.name, value: "1") }
        do throws(CatalogueError) {
            guard try probe.check(given).count == probe.parameters.count else { return false }
        } catch {
            guard isShowable(error, isFromCatalogue: true) else { return false }
        }
    }
    // Keys of a later version may stand in any of the maps within; passing over them is the only way to become shorter.
    return part.encoded == bytes || part.encoded.count < bytes.count
}

/// A value for a unit and for numbers: what passes is what its description says, byte by byte.
public func fuzzParameter(_ bytes: [UInt8]) -> Bool {
    let text = Text(bytes)
    let unit = ParameterDefinition(name: "unit", type: .unit)
    if (try? unit.check(text)) != nil {
        let allowed = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@".utf8)
        guard bytes.count <= 128, bytes.allSatisfy(allowed.contains), bytes.first != 45, text.string.hasSuffix(".service") else {
            return false
        }
    }
    let number = ParameterDefinition(name: "n", type: .integer(minimum: .min, maximum: .max))
    if (try? number.check(text)) != nil {
        guard let value = Int64(text.string), String(value) == text.string else { return false }
    }
    return true
}

/// Whether a refusal names its rule and its sentence can go to any terminal; words of a signed catalogue are made so when sent.
private func isShowable(_ error: CatalogueError, isFromCatalogue: Bool = false) -> Bool {
    !error.rule.name.isEmpty && (isFromCatalogue || error.sentence == error.sentence.sentence(limit: RollcallProtocol.sentenceSizeLimit))
}
