internal import Catalogue
internal import LedgerCore
internal import Wire

@testable internal import AgentCore

/// Numbers beyond 31, 32 and 63 bits, where `Int` has 32 bits and every overflow ends the agent.
struct Huge {
    let kernel: Kernel
    let findings: Findings

    private static let numbers: [UInt64] = [
        0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 1 << 53, 0x7FFF_FFFF_FFFF_FFFF, 0x8000_0000_0000_0000, .max,
    ]

    /// Goes through them all.
    func checkAll() {
        findings.about("huge numbers on the wire", wire)
        findings.about("lengths that no memory holds", lengths)
        findings.about("huge numbers in the ledger", ledger)
        findings.about("huge numbers in the agent", agent)
    }

    private func wire() {
        for number in Self.numbers {
            let name = Text.decimal(number)
            var writer = CBORWriter()
            writer.unsigned(number)
            var reader = CBORReader(writer.bytes)
            findings.check((try? reader.unsigned()) == number, name + " is read otherwise")
            var signed = CBORReader(writer.bytes)
            findings.check((try? signed.integer()) == Int64(exactly: number), name + " is read otherwise as a signed number")
            findings.check(Decimal.unsigned(name.bytes[...]) == (name.bytes.count < 20 ? number : nil), name + " is parsed otherwise")
            findings.check(Decimal.signed32(name.bytes[...]) == Int32(exactly: number), name + " is parsed otherwise as a process id")
            let row = MountRow(
                mount: [47], source: [], type: [], options: [], status: 0, blockSize: number, blocks: number, freeBlocks: number,
                availableBlocks: number, inodes: number, freeInodes: number)
            var rows = CBORReader(row.encoded)
            findings.check((try? MountRow(&rows)) == row, name + " is read otherwise in a mount's row")
            let run = Message.run(Run(request: number, probe: "x"))
            findings.check((try? Message(decoding: run.encoded)) == run, name + " is read otherwise as a request's number")
        }
    }

    /// Heads that claim more than there is are refused in every place that reads a length.
    private func lengths() {
        for number in Self.numbers {
            let name = Text.decimal(number)
            for major: UInt8 in 2...5 {
                var head: [UInt8] = [major << 5 | 27]
                if number <= UInt64(UInt32.max) { head = [major << 5 | 26] }
                for shift in stride(from: (head[0] & 31 == 27 ? 56 : 24), through: 0, by: -8) {
                    head.append(UInt8(truncatingIfNeeded: number >> UInt64(shift)))
                }
                let bytes = head + [0, 0, 0]
                var skipping = CBORReader(bytes)
                findings.check((try? skipping.skip()) == nil, name + " items or bytes are skipped")
                var reader = CBORReader(bytes)
                let isRead: Bool
                switch major {
                case 2: isRead = (try? reader.byteString()) != nil
                case 3: isRead = (try? reader.text()) != nil
                case 4: isRead = (try? reader.array(limit: .max)) != nil
                default: isRead = (try? reader.map(limit: .max)) != nil
                }
                findings.check(!isRead, name + " items or bytes are read")
            }
        }
        for first: UInt8 in [0x7F, 0x80, 0xFF] {
            let length: [UInt8] = [first, 0xFF, 0xFF, 0xFF]
            findings.check((try? ReviewerKey(blob: length + [0])) == nil, "an SSH string of that length is read")
            findings.check(LedgerRecord((length + [0, 0, 0, 0, 0])[...]) == nil, "a record of that length is read")
            var frames = FrameReader()
            frames.append(length + [0])
            findings.check((try? frames.next()) == nil, "a frame of that length is waited for")
        }
    }

    private func ledger() {
        for number in Self.numbers {
            let name = Text.decimal(number)
            let entry = LedgerEntry(kind: .gap, time: number, count: number, request: number)
            findings.check((try? LedgerEntry(decoding: entry.encoded)) == entry, name + " is read otherwise in an entry")
            let root = MerkleTree.emptyRoot
            let checkpoint = Checkpoint(origin: "o", size: number, root: root)
            let isInBounds = number <= RollcallProtocol.ledgerSizeLimit
            findings.check(
                Checkpoint(body: checkpoint.body) == (isInBounds ? checkpoint : nil), name + " is read otherwise in a checkpoint")
            let edge = CompactRange(size: number, hashes: [[UInt8]](repeating: root, count: number.nonzeroBitCount))
            findings.check((edge != nil) == isInBounds, name + " entries are a tree, or are none")
            if var edge, number < RollcallProtocol.ledgerSizeLimit {
                edge.append(leafHash: root)
                findings.check(edge.size == number + 1 && edge.root.count == 32, name + " entries do not grow")
            }
            findings.check(
                !MerkleTree.isConsistent(oldSize: number / 2, oldRoot: root, newSize: number, newRoot: root, proof: [root]),
                name + " entries are proven by nothing")
            findings.check(
                !MerkleTree.isIncluded(leafHash: root, index: number - 1, size: number, root: root, proof: [root]),
                name + " entries hold what is not in them")
        }
    }

    private func agent() {
        let meter: (UInt64) -> UInt64 = { limit in
            var meter = AnswerMeter(limit: limit)
            return UInt64(meter.admit([1, 2, 3], .output).count)
        }
        for number in Self.numbers {
            let name = Text.decimal(number)
            findings.check(meter(number) == 3, name + " bytes of room hold not even three")
            var busy = BusyTime()
            busy.update(isBusy: true, now: number - 5)
            busy.update(isBusy: false, now: number)
            findings.check(busy.total == 5, name + " microseconds after the start five are counted otherwise")
            let arguments: [Text] = ["log", "-n", name]
            let invocation = try? Invocation(arguments.map { $0.bytes })
            findings.check(invocation?.count == Decimal.unsigned(name.bytes[...]), name + " is read otherwise as an argument")
        }
    }
}
