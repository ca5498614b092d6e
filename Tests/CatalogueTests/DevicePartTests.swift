import Catalogue
import GoldenVectors
import Testing
import Wire

@Suite struct DevicePartTests {
    private func reads(_ hex: String) -> Bool { (try? DevicePart(decoding: bytes(hex: hex))) != nil }

    /// A part of one probe `a` with these further fields.
    private func probe(_ count: Int, _ fields: String) -> Bool {
        reads("81" + String(0xA0 + count + 5, radix: 16) + "00 6161 01 00" + fields)
    }

    private let rest = "06 01 07 01 08 6161"

    @Test("a part comes back, sorted, and encodes to the same bytes")
    func roundTrip() throws {
        let part = try DevicePart(decoding: CatalogueSamples.part)
        #expect(part == DevicePart(probes: CatalogueSamples.probes))
        #expect(part.encoded == CatalogueSamples.part)
        for length in 0..<CatalogueSamples.part.count {
            #expect(throws: WireError.self) { try DevicePart(decoding: Array(CatalogueSamples.part[..<length])) }
        }
    }

    @Test("probes that are not ascending, or stand twice, are refused")
    func order() {
        let (a, b) = ("a6 00 6161 01 00 04 01" + rest, "a6 00 6162 01 00 04 01" + rest)
        #expect(reads("82" + a + b))
        #expect(!reads("82" + b + a))
        #expect(!reads("82" + a + a))
    }

    @Test("a probe answers in exactly one way")
    func source() {
        #expect(probe(1, "04 01" + rest))
        #expect(!probe(1, "04 00" + rest))
        #expect(!probe(0, rest))
        #expect(!probe(2, "03 81622f61 04 01" + rest))
        #expect(!probe(2, "02 81622f61 03 81622f61" + rest))
        #expect(!probe(2, "02 81622f61 04 01" + rest))
    }

    @Test("a program is absolute and written out, and its parameters exist")
    func arguments() {
        #expect(probe(1, "02 81622f61" + rest))
        #expect(!probe(1, "02 816161" + rest))
        #expect(!probe(1, "02 8100" + rest))
        #expect(!probe(1, "02 80" + rest))
        #expect(!probe(1, "02 82622f6100" + rest))
        #expect(!probe(1, "02 82622f611bffffffffffffffff" + rest))
        #expect(!probe(1, "02 82622f61626100" + rest))
        #expect(probe(2, "02 82622f6100 05 81a20061610101" + rest))
        #expect(!probe(2, "02 82622f6101 05 81a20061610101" + rest))
    }

    @Test("files are named by absolute paths without parent folders or NUL")
    func files() {
        #expect(probe(1, "03 81622f61" + rest))
        #expect(!probe(1, "03 816161" + rest))
        #expect(!probe(1, "03 8160" + rest))
        #expect(!probe(1, "03 81632f6100" + rest))
        #expect(probe(1, "03 81642f2e2e61" + rest))
        #expect(!probe(1, "03 81652f2e2e2f61" + rest))
        #expect(!probe(1, "03 81652f612f2e2e" + rest))
    }

    @Test(
        "what is connected to is a numeric address with a port, or an absolute path that a Unix socket may have",
        arguments: [
            ("127.0.0.1:80", true), ("[::1]:65535", true), ("/run/a.sock", true), ("/run/a:80", true),
            ("127.0.0.1", false), ("127.0.0.1:0", false), ("127.0.0.1:65536", false), ("127.0.0.1:", false), (":80", false),
            ("127.0.0.1:18446744073709551697", false), ("127.0.0.1:-1", false), ("127.0.0.1:80 ", false), ("127.0.0.1:8\u{0}", false),
            ("127.0.0.1\u{0}:80", false), ("localhost:80", false), ("[fe80::1%eth0]:80", false), ("10.0.0.0/8:80", false),
            ("@abstract", false), ("\u{0}abstract", false), ("run/a.sock", false), ("/run/../a.sock", false), ("/run/a\u{0}b", false),
            ("", false), ("/" + String(repeating: "a", count: 106), true), ("/" + String(repeating: "a", count: 107), false),
        ])
    func connections(_ target: String, _ isTaken: Bool) throws {
        func reads(_ targets: [Text]) -> Bool {
            let probe = ProbeDefinition(id: "a", impact: .observe, source: .connect(targets), mayUseNetwork: true)
            return (try? DevicePart(decoding: DevicePart(probes: [probe]).encoded))?.probes == [probe]
        }
        #expect(reads([Text(target)]) == isTaken)
        #expect(reads(["127.0.0.1:80", Text(target)]) == isTaken)
    }

    @Test("at most 16 targets are connected to, and at least one")
    func connectionCount() {
        func reads(_ count: Int) -> Bool {
            let targets = (0..<count).map { Text("127.0.0.1:\($0 % 65_535 + 1)") }
            return
                (try? DevicePart(
                    decoding: DevicePart(probes: [ProbeDefinition(id: "a", impact: .observe, source: .connect(targets))]).encoded))
                != nil
        }
        #expect(reads(1) && reads(16))
        #expect(!reads(0) && !reads(17) && !reads(1_000_000))
        #expect(!self.reads("81a6 00 6161 01 00 06 01 07 01 08 6161 0f 80"))
        // A count that lies, and more than one way to answer.
        #expect(!self.reads("81a6 00 6161 01 00 06 01 07 01 08 6161 0f 9a000f4240 642f612f62"))
        #expect(!probe(2, "04 01" + rest + "0f 81622f61"))
    }

    @Test("local sockets are open or not said, and where a probe may write is absolute, for probes that change")
    func sandbox() throws {
        #expect(probe(2, "04 01" + rest + "0b 01"))
        #expect(!probe(2, "04 01" + rest + "0b 00"))
        let (change, observe) = ("81a7 00 6161 01 02 04 01" + rest, "81a7 00 6161 01 00 04 01" + rest)
        #expect(reads(change + "0c 81622f61"))
        #expect(!reads(observe + "0c 81622f61"))
        #expect(!reads(change + "0c 816161"))
        #expect(!reads(change + "0c 81632f6100"))
        #expect(!reads(change + "0c 81652f2e2e2f61"))
        #expect(!reads(change + "0c 80"))
        var definition = ProbeDefinition(id: "a", impact: .change, source: .statfs)
        #expect(reads("81a6 00 6161 01 00 06 01 07 01 08 6161 0d 81622f61"))
        #expect(!reads("81a6 00 6161 01 00 06 01 07 01 08 6161 0d 80"))
        #expect(!reads("81a6 00 6161 01 00 06 01 07 01 08 6161 0d 81652f2e2e2f61"))
        #expect(!reads("81a7 00 6161 01 00 04 02 06 01 07 01 08 6161 0d 81622f61"))
        #expect(reads("81a6 00 6161 01 00 04 02" + rest) && !reads("81a6 00 6161 01 00 04 03" + rest))
        let closed = definition.encoded
        (definition.mayUseLocalSockets, definition.writable) = (true, ["/var/cache", "/srv"])
        #expect(try DevicePart(decoding: DevicePart(probes: [definition]).encoded).probes == [definition])
        // What is closed is not written, so a catalogue of before is byte for byte the same.
        #expect(closed == bytes(hex: "a6 00 6161 01 02 04 01 06 191388 07 1a00010000 08 666e6f626f6479"))
    }

    @Test("limits, user and impact are there and within their bounds")
    func limits() {
        #expect(!reads("81a5 00 6161 01 00 04 01 07 01 08 6161"))
        #expect(!reads("81a5 00 6161 01 00 04 01 06 01 08 6161"))
        #expect(!reads("81a5 00 6161 01 00 04 01 06 01 07 01"))
        #expect(!probe(1, "04 01 06 00 07 01 08 6161"))
        #expect(!probe(1, "04 01 06 01 07 00 08 6161"))
        #expect(!probe(1, "04 01 06 1a000927c1 07 01 08 6161"))
        #expect(!probe(1, "04 01 06 01 07 1a00400001 08 6161"))
        #expect(probe(1, "04 01 06 1a000927c0 07 1a00400000 08 6161"))
        #expect(!reads("81a6 00 6161 01 03 04 01" + rest))
        #expect(!probe(2, "04 01" + rest + "0a 00"))
        #expect(probe(2, "04 01" + rest + "0a 01"))
    }

    @Test("parameters have one name each and say what they may be in exactly one way")
    func parameters() {
        func reads(_ parameter: String, count: Int = 1) -> Bool {
            probe(2, "04 01 05 8" + String(count) + parameter + rest)
        }
        #expect(reads("a20061610101"))
        #expect(!reads("a20061610101 a20061610101", count: 2))
        #expect(reads("a20061610101 a20061620101", count: 2))
        #expect(!reads("a20061610104"))
        #expect(!reads("a3 006161 0101 0200"))
        #expect(reads("a4 006161 0102 0200 0305"))
        #expect(!reads("a4 006161 0102 0205 0300"))
        #expect(!reads("a3 006161 0102 0200"))
        #expect(!reads("a2 006161 0103"))
        #expect(reads("a3 006161 0103 04 816161"))
        #expect(!reads("a3 006161 0103 04 8160"))
        #expect(!reads("a3 006161 0103 04 81626100"))
        #expect(!reads("a4 006161 0103 0200 04 816161"))
    }

    @Test("a request's parameters are each given once, and put in the definition's order")
    func check() throws {
        let probe = CatalogueSamples.probes[0]
        let (unit, tries) = (Parameter(name: "unit", value: "cups.service"), Parameter(name: "tries", value: "3"))
        let mode = Parameter(name: "mode", value: "fail")
        #expect(try probe.check([mode, tries, unit]) == ["cups.service", "3", "fail"])
        #expect(probe.commandLine(["cups.service", "3", "fail"]) == ["/usr/bin/systemctl", "restart", "--", "cups.service"])
        #expect(rule { _ = try probe.check([unit, tries]) } == .parameter)
        #expect(rule { _ = try probe.check([unit, tries, mode, mode]) } == .parameter)
        #expect(rule { _ = try probe.check([unit, tries, mode, Parameter(name: "other", value: "")]) } == .parameter)
        #expect(rule { _ = try probe.check([]) } == .parameter)
        #expect(CatalogueSamples.probes[1].commandLine([]) == nil)
    }
}
