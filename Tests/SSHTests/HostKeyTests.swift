import Testing

@testable import SSH

@Suite("Host keys")
struct HostKeyTests {
    static let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIEh7Mq65MlcysKJYaLMaW4D6Q6fLKRMLAeA70NXiKO0/ throw-away"

    @Test("a line of known_hosts is read, and its fingerprint is what ssh-keygen -l prints")
    func fingerprint() throws {
        let key = try #require(HostKey(openSSH: Self.line))
        #expect(key.algorithm == "ssh-ed25519")
        #expect(key.fingerprint == "SHA256:/LPVb5LoX4FZvIkqKujnobXdPNvFxEsmPOjsWmbMm5A")
        #expect(key.openSSH == Self.line.dropLast(" throw-away".count))
    }

    @Test(
        "what is not a key is refused",
        arguments: [
            "", "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIEh7Mq65MlcysKJYaLMaW4D6Q6fLKRMLAeA70NXiKO0/",
            "ssh-ed25519 AAAA", "ssh-ed25519 /////w==",
        ])
    func refused(line: String) {
        #expect(HostKey(openSSH: line) == nil)
    }
}
