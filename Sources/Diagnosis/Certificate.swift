internal import Wire

/// What a diagnosis reads of an X.509 certificate (RFC 5280): names and times. No signature is checked.
package struct Certificate: Equatable {
    package var subject: String
    package var issuer: String
    /// Seconds UTC.
    package var notBefore: Int64
    /// Seconds UTC.
    package var notAfter: Int64
    package var isAuthority = false
}

extension Certificate {
    /// The DER of each certificate in a file, PEM or DER; nil where its base64 is none.
    package static func encodings(in content: [UInt8]) -> [[UInt8]?] {
        if content.first == 0x30 { return [content] }
        var found: [[UInt8]?] = []
        var body: [UInt8]?
        for line in content.split(separator: 10) {
            let line = line.last == 13 ? line.dropLast() : line
            if line.elementsEqual(begin) {
                body = []
            } else if line.elementsEqual(end) {
                if let body { found.append(Base64.decode(body)) }
                body = nil
            } else {
                body?.append(contentsOf: line)
            }
        }
        return found
    }

    private static let begin = Array("-----BEGIN CERTIFICATE-----".utf8)
    private static let end = Array("-----END CERTIFICATE-----".utf8)

    /// Reads a certificate; nil where its bytes are not one.
    package init?(der: ArraySlice<UInt8>) {
        guard let certificate = DERValue.first(of: der, tag: 0x30), var fields = certificate.parts?.first?.parts?[...] else { return nil }
        // Version is explicit tag 0, where it is there; then the serial number and the signature's algorithm.
        if fields.first?.tag == 0xA0 { fields.removeFirst() }
        guard fields.count >= 5 else { return nil }
        fields = fields.dropFirst(2)
        let (issuer, validity, subject) = (fields.removeFirst(), fields.removeFirst(), fields.removeFirst())
        guard let times = validity.parts, times.count == 2, let notBefore = times[0].time, let notAfter = times[1].time,
            let issuerName = issuer.name, let subjectName = subject.name
        else { return nil }
        (self.issuer, self.subject, self.notBefore, self.notAfter) = (issuerName, subjectName, notBefore, notAfter)
        let extensions = fields.first { $0.tag == 0xA3 }.flatMap { $0.parts?.first?.parts }
        isAuthority = extensions?.contains { $0.isAuthority } ?? false
    }
}

/// One value of DER (X.690): a tag of one byte and content within its bounds.
private struct DERValue {
    let tag: UInt8
    let content: ArraySlice<UInt8>

    static func first(of bytes: ArraySlice<UInt8>, tag: UInt8) -> DERValue? {
        var rest = bytes
        guard let value = DERValue(&rest), value.tag == tag else { return nil }
        return value
    }

    init?(_ bytes: inout ArraySlice<UInt8>) {
        guard let tag = bytes.popFirst(), tag & 0x1F != 0x1F, let first = bytes.popFirst() else { return nil }
        var length = Int(first)
        if first >= 0x80 {
            let count = Int(first & 0x7F)
            guard (1...4).contains(count), bytes.count >= count else { return nil }
            length = 0
            for _ in 0..<count { length = length << 8 | Int(bytes.removeFirst()) }
        }
        guard bytes.count >= length else { return nil }
        self.tag = tag
        content = bytes.prefix(length)
        bytes = bytes.dropFirst(length)
    }

    /// The values within; nil where they do not fill the content. A hundred are more than any certificate has at one level.
    var parts: [DERValue]? {
        var rest = content
        var parts: [DERValue] = []
        while !rest.isEmpty {
            guard parts.count < 100, let value = DERValue(&rest) else { return nil }
            parts.append(value)
        }
        return parts
    }

    /// The common name of a Name, else its organisation, else nothing.
    var name: String? {
        guard tag == 0x30, let sets = parts else { return nil }
        var found: [UInt8: String] = [:]
        for attribute in sets.flatMap({ $0.parts ?? [] }) {
            guard let pair = attribute.parts, pair.count == 2, pair[0].tag == 6 else { continue }
            // 2.5.4.n: 3 is the common name, 10 the organisation.
            let type = Array(pair[0].content)
            if type.count == 3, type[0] == 0x55, type[1] == 4 { found[type[2]] = pair[1].text }
        }
        return found[3] ?? found[10] ?? ""
    }

    /// A string: BMPString is UTF-16, the others are read as UTF-8.
    private var text: String {
        guard tag == 0x1E else { return String(decoding: content, as: UTF8.self) }
        let bytes = Array(content)
        let units = stride(from: 0, to: bytes.count - bytes.count % 2, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        return String(decoding: units, as: UTF16.self)
    }

    /// UTCTime or GeneralizedTime in seconds UTC.
    var time: Int64? {
        var digits = content
        guard digits.popLast() == 90, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        var numbers = digits.map { Int64($0 - 48) }[...]
        func take(_ count: Int) -> Int64 {
            let value = numbers.prefix(count).reduce(0) { $0 * 10 + $1 }
            numbers = numbers.dropFirst(count)
            return value
        }
        let year: Int64
        switch (tag, numbers.count) {
        case (0x17, 12):
            let short = take(2)
            year = short < 50 ? 2000 + short : 1900 + short
        case (0x18, 14): year = take(4)
        default: return nil
        }
        let (month, day, hour, minute, second) = (take(2), take(2), take(2), take(2), take(2))
        guard (1...12).contains(month), (1...31).contains(day), hour < 24, minute < 60, second <= 60 else { return nil }
        // Days since 1970 in the Gregorian calendar, by years that begin in March.
        let shifted = month <= 2 ? year - 1 : year
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return days * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// Whether an extension is basicConstraints with cA true.
    var isAuthority: Bool {
        guard let fields = parts, fields.first?.tag == 6, Array(fields[0].content) == [0x55, 0x1D, 0x13], let value = fields.last,
            value.tag == 4, let constraints = Self.first(of: value.content, tag: 0x30)?.parts
        else { return false }
        return constraints.first.map { $0.tag == 1 && $0.content.first == 0xFF } ?? false
    }
}
