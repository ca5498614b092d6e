import AgentCore
import Catalogue
import Foundation
import LedgerCore
import Testing
import Wire

@Suite("The device's ledger")
struct DeviceLedgerTests {
    private func ledger(_ scratch: Scratch, kernel: Kernel = Kernel(), sizeLimit: UInt64 = 1 << 20) throws -> DeviceLedger {
        let state = StateDirectory(kernel: kernel, path: scratch.settings.state)
        try? state.create()
        return DeviceLedger(
            kernel: kernel, state: state, origin: "rollcall-device/x", key: SigningKey(seed: [UInt8](repeating: 9, count: 32)),
            sizeLimit: sizeLimit)
    }

    private func entry(_ number: Int) -> LedgerEntry {
        LedgerEntry(kind: .probeAnswered, time: UInt64(number), subject: .decimal(UInt64(number)))
    }

    private func head(_ ledger: DeviceLedger) throws -> Checkpoint {
        try #require(SignedNote(ledger.checkpoint).flatMap { Checkpoint(body: $0.text) })
    }

    @Test("the head told is that of what is on the disk")
    func durableHead() throws {
        let scratch = try Scratch()
        let ledger = try ledger(scratch)
        try ledger.append(entry(1))
        #expect(try head(ledger).size == 1)
        try ledger.sync()
        #expect(try head(ledger).size == 2)
        let again = try self.ledger(scratch)
        #expect(try head(again) == head(ledger))
        #expect(again.timeAtStart == 1)
    }

    @Test("a file torn at any byte of its last entries keeps every whole one, and says that it was cut")
    func torn() throws {
        let scratch = try Scratch()
        let whole = try ledger(scratch)
        for number in 1...3 { try whole.append(entry(number)) }
        try whole.sync()
        let entries = try whole.entries().entries
        let file = try scratch.read("var/lib/rollcall/ledger")
        let ends = entries.indices.map { index in file.count - entries[index...].reduce(0) { $0 + $1.count + 8 } } + [file.count]
        for length in ends[1]..<file.count {
            try scratch.write("var/lib/rollcall/ledger", Array(file.prefix(length)))
            let recovered = try ledger(scratch)
            let kept = ends.count(where: { $0 <= length }) - 1
            let found = try recovered.entries().entries
            #expect(Array(found.prefix(kept)) == Array(entries.prefix(kept)))
            let isTorn = !ends.contains(length)
            #expect(found.count == kept + (isTorn ? 1 : 0))
            if isTorn {
                let last = try LedgerEntry(decoding: found[kept])
                #expect(last.kind == .repaired && last.count == UInt64(length - ends[kept]))
            }
        }
    }

    @Test("a byte changed in the file never goes unnoticed, and the log goes on")
    func damaged() throws {
        let scratch = try Scratch()
        let whole = try ledger(scratch)
        for number in 1...3 { try whole.append(entry(number)) }
        try whole.sync()
        let file = try scratch.read("var/lib/rollcall/ledger")
        for index in file.indices {
            var other = file
            other[index] ^= 0x40
            try scratch.write("var/lib/rollcall/ledger", other)
            let recovered = try ledger(scratch)
            let found = try recovered.entries().entries
            #expect(try found.contains { try LedgerEntry(decoding: $0).kind == .repaired }, "byte \(index)")
            try recovered.append(entry(9))
        }
    }

    @Test("a full disk leaves the log as it was, and the next entry says how many are missing", arguments: [SystemCall.write, .sync])
    func fullDisk(_ call: SystemCall) throws {
        let scratch = try Scratch()
        let kernel = Kernel()
        let ledger = try ledger(scratch, kernel: kernel)
        let before = try head(ledger)
        kernel.fault = { $0 == call ? .noSpace : nil }
        #expect(throws: Errno.noSpace) {
            try ledger.append(entry(1))
            try ledger.sync()
        }
        #expect(try head(ledger) == before)
        kernel.fault = nil
        try ledger.append(entry(2))
        try ledger.sync()
        let log = try ledger.entries().entries.map { try LedgerEntry(decoding: $0) }
        #expect(log.map { $0.kind } == [.logCreated, .repaired, .probeAnswered])
        #expect(log[1].count == 1)
        #expect(try head(self.ledger(scratch)) == head(ledger))
    }

    @Test("every system call failing at every place leaves a log that opens again and is consistent with the head told")
    func faults() throws {
        for place in 1...60 {
            let scratch = try Scratch()
            let kernel = Kernel()
            let ledger = try ledger(scratch, kernel: kernel, sizeLimit: 600)
            var count = 0
            kernel.fault = { _ in
                count += 1
                return count == place ? .inputOutput : nil
            }
            for number in 1...12 {
                _ = try? ledger.append(entry(number))
                try? ledger.sync()
            }
            kernel.fault = nil
            let told = try head(ledger)
            let again = try self.ledger(scratch, sizeLimit: 600)
            #expect(try head(again) == told, "fault at call \(place)")
        }
    }

    @Test("when full, the oldest half becomes one gap entry and the tree stays whole")
    func gap() throws {
        let scratch = try Scratch()
        let ledger = try ledger(scratch, sizeLimit: 4_096)
        var whole = CompactRange()
        for bytes in try ledger.entries().entries { whole.append(leafHash: MerkleTree.leafHash(bytes)) }
        var next = whole.size
        for number in 1...400 {
            try ledger.append(entry(number))
            // The entries that the log added of its own accord, and this one.
            let found = try ledger.entries()
            while next < ledger.size {
                whole.append(leafHash: MerkleTree.leafHash(found.entries[Int(next - found.first)]))
                next += 1
            }
        }
        try ledger.sync()
        #expect(ledger.firstIndex > 0)
        #expect(try scratch.read("var/lib/rollcall/ledger").count < 4_096 + 200)
        #expect(try head(ledger).root == whole.root && head(ledger).size == whole.size)
        let again = try self.ledger(scratch, sizeLimit: 4_096)
        #expect(try head(again) == head(ledger))
        let gaps = try again.entries().entries.map { try LedgerEntry(decoding: $0) }.filter { $0.kind == .gap }
        #expect(try #require(gaps.last).count == again.firstIndex)
    }

    @Test("an entry before a change is on the disk when its program starts, and without it nothing is changed")
    func durableBeforeChange() throws {
        let kernel = Kernel()
        let talk = try Conversation(
            [
                Catalogues.program("change", ["/bin/echo"], impact: .change), Catalogues.program("look", ["/bin/echo", "seen"]),
            ], kernel: kernel)
        try talk.open()
        var durable: [UInt64] = []
        kernel.fault = { call in
            if call == .fork { durable.append(talk.device.ledger.durableSize) }
            return nil
        }
        _ = try talk.run("change")
        #expect(durable == [3])
        kernel.fault = { $0 == .sync ? .noSpace : nil }
        #expect(try talk.run("change").end.rule == "ledger")
        kernel.fault = { $0 == .write ? .noSpace : nil }
        #expect(try talk.run("change").end.rule == "ledger")
        #expect(try talk.run("look").output == Array("seen\n".utf8))
    }

    @Test("names stand in the log only as salted digests, and the people file says whose")
    func people() throws {
        let talk = try Conversation([])
        try talk.open()
        let file = try talk.scratch.read("var/lib/rollcall/people")
        var reader = CBORReader(file)
        #expect(try reader.array(limit: 3) == 3)
        #expect(try reader.unsigned() == 1)
        let salt = try reader.byteString()
        #expect(try reader.text() == "alice")
        #expect(try talk.log()[1].person == LedgerEntry.personDigest(salt: salt, name: "alice"))
        let ledger = try talk.scratch.read("var/lib/rollcall/ledger")
        #expect(!String(decoding: ledger, as: UTF8.self).lowercased().contains("alice"))
    }

    @Test("a directory that cannot be synced after the oldest half went leaves the log on the file that has its name")
    func unconfirmed() throws {
        let scratch = try Scratch()
        let kernel = Kernel()
        let ledger = try ledger(scratch, kernel: kernel, sizeLimit: 600)
        var isRenamed = false
        kernel.fault = { call in
            if call == .rename { isRenamed = true }
            return call == .sync && isRenamed ? .inputOutput : nil
        }
        var number = 0
        while !isRenamed {
            number += 1
            try ledger.append(entry(number))
        }
        let told = try head(ledger)
        #expect(ledger.firstIndex > 0 && told.size < ledger.size, "what the disk has not confirmed is not told")
        kernel.fault = nil
        try ledger.sync()
        let again = try self.ledger(scratch, sizeLimit: 600)
        #expect(try head(again) == head(ledger))
        #expect(try again.entries().entries.contains { try LedgerEntry(decoding: $0).subject == .decimal(UInt64(number)) })
    }

    @Test("damage with whole entries behind it is kept aside before it is cut, and never over an earlier one")
    func damagedMiddle() throws {
        let scratch = try Scratch()
        let whole = try ledger(scratch)
        for number in 1...9 { try whole.append(entry(number)) }
        try whole.sync()
        var file = try scratch.read("var/lib/rollcall/ledger")
        let behind = try whole.entries().entries.dropFirst(4).reduce(0) { $0 + $1.count + 8 }
        file[file.count - behind + 20] ^= 1
        for name in ["ledger.damaged", "ledger.damaged.2"] {
            try scratch.write("var/lib/rollcall/ledger", file)
            let last = try #require(try ledger(scratch).entries().entries.last)
            let repaired = try LedgerEntry(decoding: last)
            #expect(repaired.kind == .repaired && repaired.count == UInt64(behind))
            #expect(repaired.detail.string.contains("kept"))
            #expect(try scratch.read("var/lib/rollcall/" + name) == file)
        }
    }

    @Test("the people file names the entry that holds the digest, though another came before it")
    func peopleAfterMissing() throws {
        let kernel = Kernel()
        let talk = try Conversation([], kernel: kernel)
        kernel.fault = { $0 == .write ? .noSpace : nil }
        #expect(throws: Errno.noSpace) { try talk.device.ledger.append(entry(1)) }
        kernel.fault = nil
        try talk.open()
        let log = try talk.log()
        #expect(log.map { $0.kind } == [.logCreated, .repaired, .sessionOpened])
        var reader = CBORReader(try talk.scratch.read("var/lib/rollcall/people"))
        #expect(try reader.array(limit: 3) == 3)
        #expect(try reader.unsigned() == 2)
    }
}
