import Testing

@testable import Calls

@Suite struct EnrolmentFilesTests {
    private func line(_ name: String, _ role: String, _ key: String) -> String {
        "restrict,command=\"/usr/bin/rollcall-agent serve --operator \(name) --role \(role)\" \(key)\n"
    }

    @Test("keys of other operators stay; those of the same name or key are replaced, and it may be run again")
    func keys() {
        let alice = [(name: "alice", role: "repair", key: "ssh-ed25519 AAAAalice")]
        let first = EnrolmentFiles.keys(existing: "", entries: alice)
        #expect(first == line("alice", "repair", "ssh-ed25519 AAAAalice"))
        #expect(EnrolmentFiles.keys(existing: first, entries: alice) == first)
        let others = "# ours\nfrom=\"192.0.2.0/24\",restrict ssh-ed25519 AAAAeve x\n" + line("alice2", "observe", "ssh-ed25519 AAAAbob")
        let grown = EnrolmentFiles.keys(existing: first + others, entries: alice)
        #expect(grown == others + first)
        // A key of hers that she uses no more goes, and so does her key under another name.
        let old = line("alice", "shell", "ssh-ed25519 AAAAold") + line("old-alice", "shell", "ssh-ed25519 AAAAalice")
        #expect(EnrolmentFiles.keys(existing: old + others, entries: alice) == grown)
        #expect(EnrolmentFiles.keys(existing: "no end of line", entries: alice) == "no end of line\n" + first)
    }

    @Test("who would lose a say in a device's trust file is named; who comes to it is not asked about")
    func trust() {
        let (anna, bruno) = (
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBWtyyAtOu8+Yt2eb6qKTGYsmNIGoxcS6LIOwhIxySRA",
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAtOu8+Yt2eb6qKTGYsmNIGoxcS6LIOwhIxySRAabcd"
        )
        let both = "threshold 2\n# ours\n\(anna) anna of one team\n\t\(bruno)\r\n"
        #expect(TrustChange(existing: "", new: both) == nil)
        #expect(TrustChange(existing: both, new: "\(both)# more\n") == nil)
        #expect(TrustChange(existing: "threshold 2\n\(anna)\n", new: both) == nil)
        let change = TrustChange(existing: both, new: "threshold 1\n\(bruno) bruno\n")
        #expect(change?.dropped.map(\.comment) == ["anna of one team"] && change?.dropped[0].fingerprint.hasPrefix("SHA256:") == true)
        #expect(change?.addedCount == 0 && change?.thresholds.before == 2 && change?.thresholds.after == 1)
        #expect(TrustChange(existing: both, new: both.replacing("threshold 2", with: "threshold 1"))?.dropped == [])
        #expect(TrustChange(existing: "what is no trust file", new: both) == nil)
    }

    @Test("lines of other desks stay; a desk's own is replaced")
    func desks() {
        let (mine, other) = ("rollcall-desk/a+01234567+AAAA", "rollcall-desk/ab+01234567+BBBB")
        #expect(EnrolmentFiles.desks(existing: "", verifierKey: mine) == mine + "\n")
        #expect(EnrolmentFiles.desks(existing: other + "\n" + mine + "\n", verifierKey: mine) == other + "\n" + mine + "\n")
        #expect(EnrolmentFiles.desks(existing: "rollcall-desk/a+76543210+OLD\n", verifierKey: mine) == mine + "\n")
    }
}
