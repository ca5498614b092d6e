import GoldenVectors
import Testing
import Wire

/// Which rule refuses to read over `hex` as one whole item; nil if none does.
func refusal(of hex: String) -> WireError.Code? {
    do throws(WireError) {
        var reader = CBORReader(bytes(hex: hex))
        try reader.skip()
        try reader.end()
        return nil
    } catch {
        return error.code
    }
}

/// RFC 8949: the vectors of appendix A that the protocol's subset holds, and everything outside the subset.
@Suite struct CBORReaderTests {
    @Test(
        "non-negative integers are those of appendix A",
        arguments: [
            (0, "00"), (1, "01"), (10, "0a"), (23, "17"), (24, "1818"), (25, "1819"), (100, "1864"), (1000, "1903e8"),
            (1_000_000, "1a000f4240"), (1_000_000_000_000, "1b000000e8d4a51000"), (UInt64.max, "1bffffffffffffffff"),
        ] as [(UInt64, String)])
    func unsigned(value: UInt64, encoding: String) throws {
        var reader = CBORReader(bytes(hex: encoding))
        #expect(try reader.unsigned() == value)
        #expect(reader.isAtEnd)
        var writer = CBORWriter()
        writer.unsigned(value)
        #expect(hex(writer.bytes) == encoding)
    }

    @Test(
        "integers of either sign are those of appendix A",
        arguments: [
            (0, "00"), (-1, "20"), (-10, "29"), (-100, "3863"), (-1000, "3903e7"), (Int64.min, "3b7fffffffffffffff"),
            (Int64.max, "1b7fffffffffffffff"),
        ] as [(Int64, String)])
    func signed(value: Int64, encoding: String) throws {
        var reader = CBORReader(bytes(hex: encoding))
        #expect(try reader.integer() == value)
        var writer = CBORWriter()
        writer.integer(value)
        #expect(hex(writer.bytes) == encoding)
    }

    @Test(
        "integers beyond 64 signed bits are refused, not trapped on",
        arguments: ["3bffffffffffffffff", "1bffffffffffffffff", "3b8000000000000000"])
    func beyondSigned(encoding: String) {
        var reader = CBORReader(bytes(hex: encoding))
        #expect(throws: WireError(.outOfRange, 0)) { try reader.integer() }
    }

    @Test(
        "texts are those of appendix A",
        arguments: [
            ("", "60"), ("a", "6161"), ("IETF", "6449455446"), ("\"\\", "62225c"), ("\u{fc}", "62c3bc"), ("\u{6c34}", "63e6b0b4"),
            ("\u{10151}", "64f0908591"),
        ])
    func text(value: String, encoding: String) throws {
        var reader = CBORReader(bytes(hex: encoding))
        #expect(try reader.text() == Text(value))
        var writer = CBORWriter()
        writer.text(Text(value))
        #expect(hex(writer.bytes) == encoding)
    }

    @Test("byte strings, arrays, maps and truth values are those of appendix A")
    func others() throws {
        var reader = CBORReader(bytes(hex: "40 4401020304 80 83010203 a201020304 f4 f5"))
        #expect(try reader.byteString().isEmpty)
        #expect(try reader.byteString() == [1, 2, 3, 4])
        #expect(try reader.array(limit: 0) == 0)
        #expect(try reader.array(limit: 3) == 3)
        for value in 1...3 { #expect(try reader.unsigned() == UInt64(value)) }
        var seen: [UInt64] = []
        try reader.fields { (reader, key) throws(WireError) in
            seen += [key, try reader.unsigned()]
            return true
        }
        #expect(seen == [1, 2, 3, 4])
        #expect(try reader.boolean() == false)
        #expect(try reader.boolean() == true)
        #expect(reader.isAtEnd)
    }

    @Test(
        "heads that are not the shortest are refused",
        arguments: [
            "1800", "1817", "190000", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "580141", "780161", "980100", "b8010000",
            "a1180000", "59000141",
        ])
    func overlong(encoding: String) { #expect(refusal(of: encoding) == .malformed) }

    @Test(
        "reserved and indefinite heads are refused",
        arguments: ["1c", "1d", "1e", "1f", "5f4100ff", "7f6161ff", "9f00ff", "bf0000ff", "ff", "dc00"])
    func indefinite(encoding: String) { #expect(refusal(of: encoding) == .malformed) }

    @Test(
        "tags, floats, null, undefined and simple values are refused",
        arguments: [
            "c001", "c249010000000000000000", "d74401020304", "d818456449455446", "f90000", "f93c00", "fa47c35000", "fb3ff199999999999a",
            "f97c00", "f6", "f7", "f0", "f8ff", "e0", "f814", "f815", "f800",
        ])
    func outsideTheSubset(encoding: String) { #expect(refusal(of: encoding) == .malformed) }

    @Test(
        "counts and lengths beyond the input are refused before anything is allocated",
        arguments: [
            "9bffffffffffffffff", "bbffffffffffffffff", "9b7fffffffffffffff", "5a7fffffff00",
            "9a7fffffff00", "ba7fffffff0000", "4201", "8200", "a100", "18", "1b00", "a2010202",
        ])
    func beyondInput(encoding: String) { #expect(refusal(of: encoding) == .truncated) }

    @Test(
        "a length beyond what the machine can count is refused, not trapped on",
        arguments: ["5bffffffffffffffff", "7bffffffffffffffff", "5b8000000000000000"])
    func beyondMachine(encoding: String) { #expect(refusal(of: encoding) == .outOfRange) }

    @Test("bytes after the item are refused")
    func trailing() {
        #expect(refusal(of: "0000") == .trailingBytes)
        #expect(refusal(of: "8000") == .trailingBytes)
        #expect(refusal(of: "") == .truncated)
    }

    @Test("keys that descend or stand twice are refused", arguments: ["a202000100", "a201000100", "a21818001700", "a31800001800001800"])
    func keyOrder(encoding: String) {
        var reader = CBORReader(bytes(hex: encoding))
        do {
            try reader.fields { (_, _) throws(WireError) in false }
            Issue.record("accepted")
        } catch {
            #expect(error.code == .malformed)
        }
    }

    @Test("keys must be non-negative integers", arguments: ["a12000", "a1616100", "a1410000", "a1f400"])
    func keyType(encoding: String) {
        var reader = CBORReader(bytes(hex: encoding))
        #expect(throws: WireError(.unexpectedType, 1)) { try reader.fields { (_, _) throws(WireError) in false } }
    }

    @Test(
        "a map inside a skipped value obeys the order of keys too",
        arguments: ["a201000100", "a202000100", "a2616200616100", "81a2616100616100"])
    func nestedKeyOrder(encoding: String) { #expect(refusal(of: encoding) == .malformed) }

    @Test(
        "a map inside a skipped value may have keys of other types in bytewise order",
        arguments: ["a2616100616200", "a40a00200061610081186400", "a0"])
    func nestedKeys(encoding: String) { #expect(refusal(of: encoding) == nil) }

    @Test("nesting ends at the stated depth")
    func depth() {
        func nested(_ levels: Int) -> String { String(repeating: "81", count: levels) + "00" }
        #expect(refusal(of: nested(CBORReader.depthLimit - 1)) == nil)
        #expect(refusal(of: nested(CBORReader.depthLimit)) == .outOfRange)
        #expect(refusal(of: nested(30_000)) == .outOfRange)
        #expect(refusal(of: String(repeating: "a100", count: 30_000) + "00") == .outOfRange)
    }

    @Test(
        "ill-formed UTF-8 is refused",
        arguments: [
            "6180", "61c3", "62c080", "62c1bf", "63e08080", "63e09fbf", "63eda080", "63edbfbf", "64f0808080", "64f08fbfbf", "64f4908080",
            "64f5808080", "61ff", "62c328", "63e28228", "64f0288c28",
        ])
    func illFormed(encoding: String) {
        #expect(refusal(of: encoding) == .malformed)
        var reader = CBORReader(bytes(hex: encoding))
        do {
            _ = try reader.text()
            Issue.record("accepted")
        } catch {
            #expect(error.code == .malformed)
        }
    }

    @Test(
        "the ends of each length of UTF-8 are accepted",
        arguments: ["617f", "62c280", "62dfbf", "63e0a080", "63ed9fbf", "63ee8080", "63efbfbf", "64f0908080", "64f48fbfbf"])
    func wellFormed(encoding: String) { #expect(refusal(of: encoding) == nil) }

    @Test("limits of counts, lengths and numbers are kept")
    func limits() {
        func code(_ encoding: String, _ read: (inout CBORReader) throws -> Void) -> WireError.Code? {
            var reader = CBORReader(bytes(hex: encoding))
            do {
                try read(&reader)
                return nil
            } catch {
                return (error as? WireError)?.code
            }
        }
        #expect(code("420000") { _ = try $0.byteString(limit: 1) } == .outOfRange)
        #expect(code("626161") { _ = try $0.text(limit: 1) } == .outOfRange)
        #expect(code("820000") { _ = try $0.array(limit: 1) } == .outOfRange)
        #expect(code("1b8000000000000000") { _ = try $0.array(limit: 1) } == .unexpectedType)
        #expect(code("9b8000000000000000") { _ = try $0.array(limit: 1) } == .outOfRange)
        #expect(code("02") { _ = try $0.unsigned(limit: 1) } == .outOfRange)
        #expect(code("20") { _ = try $0.unsigned() } == .unexpectedType)
        #expect(code("6161") { _ = try $0.byteString() } == .unexpectedType)
        #expect(code("4161") { _ = try $0.text() } == .unexpectedType)
        #expect(code("f6") { _ = try $0.boolean() } == .malformed)
        #expect(code("82410042") { _ = try $0.byteStrings(count: 2, limit: 8) } == .truncated)
        #expect(code("81420000") { _ = try $0.byteStrings(count: 2, limit: 1) } == .outOfRange)
        #expect(code("81626161") { _ = try $0.texts(count: 2, limit: 1) } == .outOfRange)
    }
}
