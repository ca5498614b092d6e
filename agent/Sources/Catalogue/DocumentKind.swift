public import Wire

/// A kind of thing that reviewers sign and devices check. Its name stands in rules, sentences, and the namespace of its signatures.
public enum DocumentKind: Sendable {
    /// What devices may be asked.
    case catalogue
    /// Who may ask.
    case roster
    /// The program that answers; its header is an ``AgentHeader``.
    case agent

    /// The word for it.
    public var name: Text {
        switch self {
        case .catalogue: "catalogue"
        case .roster: "roster"
        case .agent: "agent"
        }
    }

    /// Namespace of its signatures, as in `ssh-keygen -Y sign -n`, so that a signature made for something else does not pass.
    public var namespace: Text { "rollcall-" + name }
    /// First field of what is signed, so that no other signed thing can pass for one.
    public var format: Text { namespace + "-v1" }

    /// How far one version may leap above the last, so that one slip cannot use up the numbers.
    public static let versionStepLimit: UInt64 = 1_000_000
    /// How far a device's clock may lag behind the signing time before a thing counts as signed in the future, microseconds.
    public static let clockLag: UInt64 = 86_400_000_000

    /// The refusal by one of its rules.
    ///
    /// - Parameters:
    ///   - rule: The rule's name after that of the kind.
    ///   - sentence: How the sentence goes on after "The" and the kind's name.
    public func error(_ rule: Text, _ sentence: Text) -> CatalogueError {
        CatalogueError(CatalogueError.Rule(name + "-" + rule), "The " + name + sentence)
    }

    /// The refusal of bytes that are no such thing.
    public var malformed: CatalogueError { error("malformed", " is not in the format this version reads.") }

    /// Checks that enough distinct trusted keys have signed.
    ///
    /// - Parameter signatures: In the binary form; those of keys that are not trusted, and invalid ones, count nothing.
    /// - Throws: `-unsigned`; `.unsupportedSignature` where one of another type may be what lacks; `.malformed` for what is no signature.
    public func checkSignatures(_ signatures: [[UInt8]], of message: [UInt8], trust: TrustPolicy) throws(CatalogueError) {
        var read: [SSHSignature] = []
        var unsupported: CatalogueError?
        for blob in signatures {
            do throws(CatalogueError) {
                read.append(try SSHSignature(blob: blob))
            } catch {
                if error.rule == .unsupportedSignature { unsupported = error } else { throw malformed }
            }
        }
        let signers = trust.signerCount(of: read, message: message, namespace: namespace)
        if signers >= trust.threshold { return }
        if let unsupported { throw unsupported }
        throw error(
            "unsigned",
            " carries valid signatures of " + .decimal(UInt64(signers)) + " trusted reviewers; this device wants "
                + .decimal(UInt64(trust.threshold)) + ".")
    }
}

extension DocumentHeader {
    /// Checks that what it is the header of may come into force now.
    ///
    /// - Parameters:
    ///   - now: Microseconds UTC.
    ///   - versionInForce: Version of the one to be replaced; nil where this is the first.
    /// - Throws: `-not-yet-valid`, `-expired`, `-rolled-back`, `-version-leap`.
    public func check(now: UInt64, versionInForce: UInt64?) throws(CatalogueError) {
        if signedAt > now.addingSaturating(DocumentKind.clockLag) {
            throw kind.error("not-yet-valid", " says it was signed in the future; check the device's clock.")
        }
        if expiresAt <= now { throw kind.error("expired", " has expired; push one that reviewers signed anew.") }
        guard let versionInForce else { return }
        if version <= versionInForce {
            throw kind.error(
                "rolled-back", "'s version " + .decimal(version) + " is not above " + .decimal(versionInForce) + ", which is in force.")
        }
        if version - versionInForce > DocumentKind.versionStepLimit {
            throw kind.error("version-leap", "'s version leaps by more than a million.")
        }
    }
}

extension UInt64 {
    func addingSaturating(_ other: UInt64) -> UInt64 {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? .max : sum
    }
}
