import Catalogue
import LedgerCore
import Wire

/// A reviewer made of a seed, who signs as `ssh-keygen -Y sign` and as a security key do (PROTOCOL.sshsig, PROTOCOL.u2f).
struct Reviewer {
    let key: SigningKey
    var application: String?

    init(_ number: UInt8, application: String? = nil) {
        guard let key = SigningKey(seed: Array(repeating: number, count: 32)) else { fatalError("a seed of 32 bytes makes a key") }
        self.key = key
        self.application = application
    }

    var algorithm: String { application == nil ? "ssh-ed25519" : "sk-ssh-ed25519@openssh.com" }

    var blob: [UInt8] {
        string(algorithm) + string(key.publicKey) + (application.map { string($0) } ?? [])
    }

    var line: String { "\(algorithm) \(String(decoding: Base64.encode(blob), as: UTF8.self)) reviewer" }

    /// What can be wrong with a signature.
    struct Flaw {
        var namespace = "rollcall-catalogue"
        var hash = "sha512"
        var flags: UInt8 = 1
        var counter: [UInt8] = [0, 0, 0, 9]
        var trailing: [UInt8] = []
        var reserved: [UInt8] = []
        var version: UInt8 = 1
        var inner: String?
        var signedApplication: String?
    }

    func sign(_ message: [UInt8], _ flaw: Flaw = Flaw()) -> [UInt8] {
        let digest = flaw.hash == "sha256" ? SHA256.hash(message) : SHA512.hash(message)
        let magic = Array("SSHSIG".utf8)
        let signed = magic + string(flaw.namespace) + string(flaw.reserved) + string(flaw.hash) + string(digest)
        var signature = string(flaw.inner ?? algorithm)
        if let application {
            let assertion =
                SHA256.hash(Array((flaw.signedApplication ?? application).utf8)) + [flaw.flags] + flaw.counter + SHA256.hash(signed)
            signature += string(key.sign(assertion)) + [flaw.flags] + flaw.counter
        } else {
            signature += string(key.sign(signed))
        }
        signature += flaw.trailing
        return magic + [0, 0, 0, flaw.version] + string(blob) + string(flaw.namespace) + string(flaw.reserved) + string(flaw.hash)
            + string(signature)
    }

    static func trust(_ threshold: Int, _ reviewers: [Reviewer]) throws -> TrustPolicy {
        try TrustPolicy(file: Array("threshold \(threshold)\n\(reviewers.map(\.line).joined(separator: "\n"))\n".utf8))
    }
}

func string(_ text: String) -> [UInt8] { string(Array(text.utf8)) }

func string(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(bytes.count >> 24 & 255), UInt8(bytes.count >> 16 & 255), UInt8(bytes.count >> 8 & 255), UInt8(bytes.count & 255)] + bytes
}

/// The rule by which `body` is refused; nil if it is not.
func rule(_ body: () throws -> Void) -> CatalogueError.Rule? {
    do {
        try body()
        return nil
    } catch {
        return (error as? CatalogueError)?.rule
    }
}
