internal import Probes
internal import Wire

extension AnswerReader {
    /// A row for every certificate in a file: PEM, with anything between the certificates, or one in DER.
    func certificates(_ file: FileRow, _ parsed: inout ParsedAnswer) {
        for encoded in Certificate.encodings(in: file.content) {
            guard let certificate = encoded.flatMap({ Certificate(der: $0[...]) }) else {
                let path = displayed(String(decoding: file.path, as: UTF8.self), limit: 120)
                parsed.fail("gave a certificate that cannot be read: \(path)")
                continue
            }
            let values: [String: FactValue] = [
                "path": .text(String(decoding: file.path, as: UTF8.self)), "subject": .text(certificate.subject),
                "issuer": .text(certificate.issuer), "not_before": .int(certificate.notBefore), "not_after": .int(certificate.notAfter),
                "is_authority": .int(certificate.isAuthority ? 1 : 0),
            ]
            parsed.rows.append(manifest.facts.map { values[$0.name] ?? .null })
        }
    }
}
