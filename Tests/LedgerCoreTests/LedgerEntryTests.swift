import GoldenVectors
import LedgerCore
import Testing
import Wire

private func refusal(_ hex: String) -> WireError? {
    do throws(WireError) {
        _ = try LedgerEntry(decoding: bytes(hex: hex))
        return nil
    } catch {
        return error
    }
}

@Suite struct LedgerEntryTests {
    @Test("every entry comes back and encodes to the same bytes")
    func roundTrip() throws {
        for sample in EntrySamples.all {
            let decoded = try LedgerEntry(decoding: sample.entry.encoded)
            #expect(decoded == sample.entry, "\(sample.name)")
            #expect(decoded.encoded == sample.entry.encoded, "\(sample.name)")
            for length in 0..<sample.entry.encoded.count {
                #expect(throws: WireError.self) { try LedgerEntry(decoding: Array(sample.entry.encoded[..<length])) }
            }
        }
    }

    @Test("an entry without kind or time, with a short digest, or with more after it is refused")
    func refused() {
        #expect(refusal("a10100") == WireError(.missingField, 0))
        #expect(refusal("a1006161") == WireError(.missingField, 1))
        #expect(refusal("a2006161010000")?.code == .trailingBytes)
        #expect(refusal("a300616101000541ff")?.code == .outOfRange)
        #expect(refusal("a300616101000741ff")?.code == .outOfRange)
        #expect(refusal("a3006161010002 60")?.code == .malformed)
        #expect(refusal("a2006161 0100") == nil)
        #expect(refusal("a3006161 0100 0c 01") == nil)
    }

    @Test("an entry longer than the limit is refused")
    func tooLong() {
        var long = bytes(hex: "a3006161 0100 0c")
        long += [0x59, 0x40, 0x00] + Array(repeating: 0, count: 16_384)
        #expect(throws: WireError(.outOfRange, UInt64(long.count))) { try LedgerEntry(decoding: long) }
    }

    @Test("whatever people and devices write, an entry that was written can be read")
    func hostileDetail() throws {
        let entry = LedgerEntry(
            kind: .callOpened, time: 1, subject: Text(Array(repeating: 0xFF, count: 2_000)),
            detail: Text(String(repeating: "\u{e9}\n", count: 2_000)))
        let decoded = try LedgerEntry(decoding: entry.encoded)
        #expect(decoded.detail.bytes.count <= RollcallProtocol.sentenceSizeLimit)
        #expect(entry.encoded.count <= RollcallProtocol.entrySizeLimit)
    }

    @Test("people and parameters stand in an entry as digests")
    func digests() {
        let salt: [UInt8] = [1, 2, 3]
        #expect(LedgerEntry.personDigest(salt: salt, name: "alice") == SHA256.hash([1, 2, 3] + Array("alice".utf8)))
        let parameters = [Parameter(name: "unit", value: "cups.service")]
        #expect(LedgerEntry.parametersDigest(parameters) == SHA256.hash(bytes(hex: "81 82 64756e6974 6c637570732e73657276696365")))
        #expect(LedgerEntry.parametersDigest([]) == SHA256.hash([0x80]))
    }

    @Test("SHA-256 and SHA-512 are those of FIPS 180-4's examples")
    func hashes() {
        #expect(hex(SHA256.hash(Array("abc".utf8))) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        #expect(hex(SHA256.hash([])) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(hex(SHA512.hash(Array("abc".utf8))).hasPrefix("ddaf35a193617abacc417349ae204131"))
        var parts = SHA256()
        parts.update(Array("a".utf8))
        parts.update([])
        parts.update(Array("bc".utf8))
        #expect(parts.finish() == SHA256.hash(Array("abc".utf8)))
    }

    @Test("Ed25519 is that of RFC 8032 section 7.1, and wrong lengths are never valid")
    func ed25519() throws {
        let seed = bytes(hex: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
        let key = try #require(SigningKey(seed: seed))
        #expect(hex(key.publicKey) == "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
        let signature = key.sign([])
        #expect(hex(signature).hasPrefix("e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"))
        #expect(Ed25519.isValid(signature: signature, message: [], publicKey: key.publicKey))
        #expect(!Ed25519.isValid(signature: signature, message: [0], publicKey: key.publicKey))
        #expect(!Ed25519.isValid(signature: [], message: [], publicKey: key.publicKey))
        #expect(!Ed25519.isValid(signature: signature + [0], message: [], publicKey: key.publicKey))
        #expect(!Ed25519.isValid(signature: signature, message: [], publicKey: Array(key.publicKey.dropLast())))
        #expect(!Ed25519.isValid(signature: Array(repeating: 0, count: 64), message: [], publicKey: Array(repeating: 0, count: 32)))
        #expect(SigningKey(seed: []) == nil)
        #expect(SigningKey(seed: seed + [0]) == nil)
    }
}
