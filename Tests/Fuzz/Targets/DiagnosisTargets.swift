import Diagnosis

/// A file of certificates: what is read of one stands in it.
public func fuzzCertificate(_ bytes: [UInt8]) -> Bool {
    Certificate.encodings(in: bytes).allSatisfy { encoded in
        guard let encoded, let certificate = Certificate(der: encoded[...]) else { return true }
        return certificate.subject.utf8.count <= encoded.count * 3 && certificate.issuer.utf8.count <= encoded.count * 3
    }
}
