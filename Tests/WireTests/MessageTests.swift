import GoldenVectors
import Testing
import Wire

/// Why `hex` is refused as a message; nil if it is not.
private func refusal(_ hex: String) -> WireError? {
    do throws(WireError) {
        _ = try Message(decoding: bytes(hex: hex))
        return nil
    } catch {
        return error
    }
}

@Suite struct MessageTests {
    @Test("every message comes back as it was, and encodes to the same bytes again", arguments: MessageSample.all)
    func roundTrip(sample: MessageSample) throws {
        let encoded = sample.message.encoded
        let decoded = try Message(decoding: encoded)
        #expect(decoded == sample.message)
        #expect(decoded.encoded == encoded)
    }

    @Test("a message cut at any byte is refused", arguments: MessageSample.all)
    func cut(sample: MessageSample) {
        let encoded = sample.message.encoded
        for length in 0..<encoded.count {
            #expect(throws: WireError.self) { try Message(decoding: Array(encoded[..<length])) }
        }
    }

    @Test("a byte after a message is refused", arguments: MessageSample.all)
    func trailing(sample: MessageSample) {
        let encoded = sample.message.encoded
        #expect(throws: WireError(.trailingBytes, UInt64(encoded.count))) { try Message(decoding: encoded + [0]) }
    }

    @Test("keys of a later version are skipped, whatever their type", arguments: MessageSample.all)
    func unknownKeys(sample: MessageSample) throws {
        var encoded = sample.message.encoded
        // Every sample has fewer than 19 pairs, so the map's head is one byte.
        encoded[0] += 5
        encoded += bytes(hex: "1863 8201 f5  1864 a1616120  1865 4101  1866 626869  1903e8 20")
        #expect(try Message(decoding: encoded) == sample.message)
    }

    @Test("one field left out is refused or is an optional one", arguments: MessageSample.all)
    func everyFieldCounts(sample: MessageSample) throws {
        for key in 1...12 as ClosedRange<UInt64> {
            guard let shortened = Self.encoding(sample.message.encoded, without: key) else { continue }
            do throws(WireError) {
                let decoded = try Message(decoding: shortened)
                #expect(decoded.encoded == shortened, "key \(key) has a second meaning when absent")
            } catch {
                #expect(error == WireError(.missingField, key))
            }
        }
    }

    /// The same map without one of its pairs; nil if it has no such key.
    private static func encoding(_ message: [UInt8], without unwanted: UInt64) -> [UInt8]? {
        var reader = CBORReader(message)
        guard let pairs = try? reader.map(limit: 23) else { return nil }
        var rest: [UInt8] = [0xA0 + UInt8(pairs) - 1]
        var found = false
        for _ in 0..<pairs {
            let start = reader.offset
            guard let key = try? reader.unsigned(), (try? reader.skip()) != nil else { return nil }
            if key == unwanted { found = true } else { rest += message[start..<reader.offset] }
        }
        return found ? rest : nil
    }

    @Test("a type this version does not know is refused with its number")
    func unknownType() {
        #expect(refusal("a100187f") == WireError(.unknownMessage, 127))
        #expect(refusal("a1001b0000000100000000") == WireError(.unknownMessage, 1 << 32))
        #expect(refusal("a2 00 1863 01 81f4") == WireError(.unknownMessage, 99))
    }

    @Test("of a hello or open of another version the version is read, whatever else it holds")
    func otherVersion() throws {
        guard case .open(let open) = try Message(decoding: bytes(hex: "a4 00 02 01 02 03 07 09 6161")) else {
            throw WireError(.unknownMessage)
        }
        #expect(open.protocolVersion == 2)
        guard case .hello(let hello) = try Message(decoding: bytes(hex: "a3 00 01 01 1863 0b 4101")) else {
            throw WireError(.unknownMessage)
        }
        #expect(hello.protocolVersion == 99)
        #expect(refusal("a2 00 02 02 6161") == WireError(.missingField, 1))
        #expect(refusal("a2 00 02 01 01") == WireError(.missingField, 3))
    }

    @Test("what is no message is refused")
    func noMessage() {
        #expect(refusal("")?.code == .truncated)
        #expect(refusal("a0") == WireError(.missingField, 0))
        #expect(refusal("a10101") == WireError(.missingField, 0))
        #expect(refusal("80")?.code == .unexpectedType)
        #expect(refusal("a10020")?.code == .unexpectedType)
        #expect(refusal("a1006134")?.code == .unexpectedType)
        #expect(refusal("a2000c0001")?.code == .malformed)
    }

    @Test("a field of another type is refused")
    func wrongType() {
        #expect(refusal("a2 00 0c 01 6131")?.code == .unexpectedType)
        #expect(refusal("a3 00 04 01 01 02 4161")?.code == .unexpectedType)
        #expect(refusal("a4 00 05 01 01 02 01 03 6161")?.code == .unexpectedType)
        #expect(refusal("a4 00 04 01 01 02 6161 03 6161")?.code == .unexpectedType)
    }

    @Test("an empty string or array in place of an absent field is refused, so that each message has one encoding")
    func explicitEmpty() {
        #expect(refusal("a2 00 00 01 60")?.code == .malformed)
        #expect(refusal("a4 00 05 01 01 02 01 03 40")?.code == .malformed)
        #expect(refusal("a4 00 04 01 01 02 6161 03 80")?.code == .malformed)
        #expect(refusal("a3 00 0c 01 01 1863 a0")?.code == .malformed)
    }

    @Test("requests are numbered from 1: 0 is the session itself")
    func requestZero() {
        #expect(refusal("a3 00 04 01 00 02 6161") == WireError(.outOfRange, 1))
        #expect(refusal("a4 00 09 01 00 02 00 03 01") == WireError(.outOfRange, 1))
        #expect(refusal("a2 00 0c 01 00") == WireError(.outOfRange, 1))
        #expect(refusal("a5 00 08 01 00 02 6161 03 00 04 00") == WireError(.outOfRange, 1))
    }

    @Test("a range of entries can be added up without overflow")
    func entriesRange() {
        #expect(refusal("a4 00 09 01 01 02 1bffffffffffffffff 03 01")?.code == .outOfRange)
        #expect(refusal("a4 00 09 01 01 02 00 03 1b8000000000000000")?.code == .outOfRange)
        #expect(refusal("a4 00 09 01 01 02 1b7fffffffffffffff 03 1b7fffffffffffffff") == nil)
    }

    @Test("a piece that reaches beyond the whole is refused")
    func pushRange() {
        #expect(refusal("a6 00 08 01 01 02 6161 03 02 04 01 05 420000")?.code == .outOfRange)
        #expect(refusal("a5 00 08 01 01 02 6161 03 02 04 03")?.code == .outOfRange)
        #expect(refusal("a5 00 08 01 01 02 6161 03 1a00100001 04 00")?.code == .outOfRange)
        #expect(refusal("a6 00 08 01 01 02 6161 03 02 04 01 05 4100") == nil)
    }

    @Test("hashes have 32 bytes")
    func hashLengths() {
        #expect(refusal("a4 00 0a 02 00 03 81 4100 1863 00")?.code == .outOfRange)
        var done = Done(request: 1, ending: .exited, digest: [1, 2, 3])
        #expect(throws: WireError.self) { try Message(decoding: Message.done(done).encoded) }
        done.digest = MessageSample.digest
        #expect(throws: Never.self) { try Message(decoding: Message.done(done).encoded) }
    }

    @Test("a refusal names its rule")
    func refusalWithoutRule() { #expect(refusal("a2 00 07 01 01") == WireError(.missingField, 2)) }

    @Test("flags of hello that this version does not know are passed over")
    func helloFlags() throws {
        guard case .hello(let hello) = try Message(decoding: bytes(hex: "a6 00 01 01 01 06 00 07 00 09 00 0b 06")) else {
            throw WireError(.unknownMessage)
        }
        #expect(!hello.isStandalone)
        #expect(hello.isRoot)
    }

    @Test("limits of the protocol are the parser's")
    func limits() throws {
        func accepts(_ message: Message) -> Bool { (try? Message(decoding: message.encoded)) != nil }
        let long = Text(String(repeating: "a", count: 129))
        let parameter = Parameter(name: "a", value: "b")
        #expect(!accepts(.run(Run(request: 1, probe: long))))
        #expect(accepts(.run(Run(request: 1, probe: "a", parameters: Array(repeating: parameter, count: 16)))))
        #expect(!accepts(.run(Run(request: 1, probe: "a", parameters: Array(repeating: parameter, count: 17)))))
        #expect(!accepts(.run(Run(request: 1, probe: "a", parameters: [Parameter(name: long, value: "")]))))
        let value = Text(String(repeating: "a", count: 1_025))
        #expect(!accepts(.run(Run(request: 1, probe: "a", parameters: [Parameter(name: "a", value: value)]))))
        #expect(accepts(.chunk(Chunk(request: 1, stream: .output, bytes: Array(repeating: 0, count: 16_384)))))
        #expect(!accepts(.chunk(Chunk(request: 1, stream: .output, bytes: Array(repeating: 0, count: 16_385)))))
        #expect(!accepts(.open(Open(controllerVersion: "", session: long, call: "", operatorName: "", reason: ""))))
        let proof = Array(repeating: MessageSample.digest, count: 127)
        #expect(accepts(.close(Close(witness: WitnessOffer(checkpoint: [1], provenSize: 1, proof: Array(proof.dropLast()))))))
        #expect(!accepts(.close(Close(witness: WitnessOffer(checkpoint: [1], provenSize: 1, proof: proof)))))
        #expect(!accepts(.close(Close(witness: WitnessOffer(checkpoint: Array(repeating: 1, count: 4_097))))))
        #expect(!accepts(.close(Close(witness: WitnessOffer(checkpoint: [1], provenSize: 1 << 63)))))
    }

    @Test("what the device or its users name cannot make a message that the other side refuses")
    func hostileNames() throws {
        let name = Text(Array(repeating: 0xFF, count: 5_000))
        let long = Text(String(repeating: "\u{1F600}", count: 2_000))
        let hello = Hello(
            agentVersion: "1", device: "d", boot: "b", architecture: "a", clock: 0, checkpoint: Array(repeating: 1, count: 4_096),
            isStandalone: false, isRoot: true, stuck: Array(repeating: name, count: 100))
        let messages: [Message] = [
            .hello(hello), .refused(Refused(request: 1, rule: "parameter", sentence: long)),
            .done(Done(request: 1, ending: .exited, note: name)),
            .door(Door(operatorName: "a", role: "observe", key: long, connection: name)),
            .open(Open(controllerVersion: "1", session: "s", call: "", operatorName: "a", reason: long)),
        ]
        for message in messages {
            #expect(message.encoded.count <= Frame.sizeLimit)
            #expect(throws: Never.self) { try Message(decoding: message.encoded) }
        }
    }
}
