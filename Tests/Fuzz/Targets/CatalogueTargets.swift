import Catalogue
import LedgerCore
import Wire

/// An SSH signature, binary or armoured; nothing but the signature itself is valid.
public func fuzzSignature(_ bytes: [UInt8]) -> Bool {
    let blob = SSHSignature.unarmour(bytes) ?? bytes
    guard let signature = try? SSHSignature(blob: blob) else { return true }
    return !signature.isValid(message: Array("never signed".utf8), namespace: CatalogueHeader.namespace)
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

/// A signed catalogue, which nobody trusted has signed.
public func fuzzCatalogue(_ bytes: [UInt8]) -> Bool {
    guard let catalogue = try? SignedCatalogue(decoding: bytes) else { return true }
    guard isSame(catalogue.encoded, as: bytes, lastKey: 2) else { return false }
    if let header = try? CatalogueHeader(decoding: catalogue.header), !isSame(header.encoded, as: catalogue.header, lastKey: 6) {
        return false
    }
    guard fuzzPart(catalogue.devicePart) else { return false }
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
