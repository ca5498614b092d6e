import Ledger
import LedgerCore
import Store
import Testing
import Wire

@Suite struct OperatorTests {
    private let scratch: ScratchStore
    private let store: RollcallDatabase

    init() throws {
        scratch = try ScratchStore()
        store = try scratch.open()
    }

    private func add(_ name: String, _ keys: String..., until: Int64? = nil) throws -> Operator {
        try store.addOperator(name: name, role: "repair", keys: keys, expiresAt: until, operator: "root")
    }

    private func code(_ work: () throws -> Void) -> StoreError.Code? {
        do { try work() } catch { return (error as? StoreError)?.code }
        return nil
    }

    @Test("operators are added, given an expiry, revoked, and may come again with the key they had")
    func life() throws {
        #expect(try add("bob", "ssh-ed25519 B").revokedAt == nil)
        _ = try add("alice", "ssh-ed25519 A", until: 5)
        try store.setOperatorExpiry(named: "alice", 7, operator: "root")
        try store.revokeOperator(named: "bob", reason: "left", operator: "root")
        #expect(try store.operators().map(\.name) == ["alice", "bob"])
        let (alice, bob) = (try store.operators()[0], try store.operators()[1])
        #expect(alice.expiresAt == 7 && alice.isLetIn(at: 6) && !alice.isLetIn(at: 7))
        #expect(bob.reason == "left" && !bob.isLetIn(at: 0))
        _ = try add("bob", "ssh-ed25519 B")
        #expect(try store.operators().count == 3)
        try store.setOperatorExpiry(named: "alice", nil, operator: "root")
        #expect(try store.operators()[0].isLetIn(at: .max))
        #expect(try store.verifyLog().isWhole)
    }

    @Test("a name, and a key, is one operator's; what is not there cannot be changed")
    func refused() throws {
        _ = try add("alice", "ssh-ed25519 A", "ssh-ed25519 A2")
        #expect(code { _ = try add("alice", "ssh-ed25519 X") } == .duplicate)
        #expect { _ = try add("bob", "ssh-ed25519 B", "ssh-ed25519 A2") } throws: {
            ($0 as? StoreError)?.subject == "alice ssh-ed25519 A2"
        }
        for name in ["", "-a", "a b", String(repeating: "a", count: 65)] {
            #expect(code { _ = try add(name, "ssh-ed25519 X") } == .invalid)
        }
        #expect(code { _ = try add("bob") } == .invalid)
        #expect(code { try store.revokeOperator(named: "bob", reason: "", operator: "root") } == .notFound)
        #expect(code { try store.setOperatorExpiry(named: "bob", 1, operator: "root") } == .notFound)
        #expect(try store.operators().map(\.name) == ["alice"])
    }

    @Test("the log says what was done to which keys, and by whom, without a name")
    func log() throws {
        _ = try add("alice", "ssh-ed25519 A")
        try store.revokeOperator(named: "alice", reason: "lost laptop", operator: "root")
        try store.recordRosterPacked(version: 3, digest: SHA256.hash([1]), part: [1], operator: "root")
        #expect(code { try store.recordRosterPacked(version: 3, digest: SHA256.hash([1]), part: [1], operator: "root") } == .duplicate)
        let entries = try store.entries().map(\.entry)
        #expect(entries.suffix(3).map(\.kind.name.string) == ["operator.added", "operator.revoked", "roster.packed"])
        #expect(entries.suffix(3).allSatisfy { !$0.person.isEmpty })
        #expect(
            entries.suffix(2).first?.detail == "lost laptop"
                && entries.suffix(2).first?.digest == SHA256.hash(Array("ssh-ed25519 A\n".utf8)))
        #expect(entries.allSatisfy { !$0.encoded.contains(Array("alice".utf8)) })
        #expect(try store.rosters().map(\.version) == [3] && store.rosters()[0].part == [1])
    }
}

extension [UInt8] {
    fileprivate func contains(_ part: [UInt8]) -> Bool { indices.contains { self[$0...].starts(with: part) } }
}
