import Testing
import Wire

@Suite struct Base64Tests {
    @Test(
        "the vectors of RFC 4648 section 10 hold both ways",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8)) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8)) == Array(plain.utf8))
    }

    @Test("every byte value and every remainder of length comes back")
    func roundTrip() {
        let all = (0...255).map { UInt8($0) }
        for length in [0, 1, 2, 3, 63, 64, 65, 254, 255, 256] {
            #expect(Base64.decode(Base64.encode(Array(all.prefix(length)))) == Array(all.prefix(length)))
        }
        #expect(Base64.encode([0xFB, 0xFF, 0xBF]) == Array("+/+/".utf8))
    }

    @Test(
        "a second spelling of the same bytes is refused",
        arguments: [
            "Zh==", "Zm9=", "Zm8", "Zg=", "Zg", "Z===", "====", "Zg==Zg==", "Zm9v\n", " Zm9v", "Zm 9v", "Zm9v====", "=Zm9", "Z=m9", "Zm=v",
            "-_-_",
            "Zm9v=", "Zm9\u{e9}",
        ])
    func refused(encoded: String) { #expect(Base64.decode(Array(encoded.utf8)) == nil) }
}
