import Diagnosis

/// What a name server answered: its addresses are bounded, and each is of its bytes.
public func fuzzNameReply(_ bytes: [UInt8]) -> Bool {
    guard let reply = NameReply(bytes) else { return bytes.count < 12 || bytes[2] & 0x80 == 0 }
    return reply.addresses.count <= NameReply.addressLimit && reply.addresses.count * 4 <= bytes.count
        && reply.addresses.allSatisfy { $0.utf8.count <= 39 }
}

/// A file of certificates: what is read of one stands in it.
public func fuzzCertificate(_ bytes: [UInt8]) -> Bool {
    Certificate.encodings(in: bytes).allSatisfy { encoded in
        guard let encoded, let certificate = Certificate(der: encoded[...]) else { return true }
        return certificate.subject.utf8.count <= encoded.count * 3 && certificate.issuer.utf8.count <= encoded.count * 3
    }
}
