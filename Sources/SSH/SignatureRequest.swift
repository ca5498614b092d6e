internal import CSSH2

/// One key's part in an authentication: libssh2's callback leaves what is to be signed, and takes the signature.
final class SignatureRequest {
    let publicKeyBlob: [UInt8]
    private let sign: (([UInt8]) -> [UInt8])?
    /// What is to be signed, once libssh2 has asked and if it is not signed here.
    private(set) var message: [UInt8]?
    /// The signature made elsewhere, without the algorithm's name.
    var signature: [UInt8]?
    /// Set when nobody will sign: libssh2 then drops its half-done request, and can be given the next key.
    var isDeclined = false

    /// - Parameter sign: Signs at once; `nil` if the signature is made elsewhere.
    init(publicKeyBlob: [UInt8], sign: (([UInt8]) -> [UInt8])?) {
        self.publicKeyBlob = publicKeyBlob
        self.sign = sign
    }

    fileprivate func answer(_ bytes: [UInt8]) -> [UInt8]? {
        if let sign { return sign(bytes) }
        message = bytes
        return signature
    }

    typealias Callback =
        @convention(c) (
            OpaquePointer?, UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, UnsafeMutablePointer<Int>?, UnsafePointer<UInt8>?, Int,
            UnsafeMutablePointer<UnsafeMutableRawPointer?>?
        ) -> Int32

    /// EAGAIN until the signature is there: userauth.c keeps its state and asks again.
    static let callback: Callback = { _, signature, length, bytes, count, abstract in
        guard let signature, let length, let context = abstract?.pointee else { return -1 }
        let request = Unmanaged<SignatureRequest>.fromOpaque(context).takeUnretainedValue()
        guard !request.isDeclined else { return -1 }
        guard let answer = request.answer(Array(UnsafeBufferPointer(start: bytes, count: count))) else { return LIBSSH2_ERROR_EAGAIN }
        // libssh2 frees it with the session's own allocator.
        guard let copy = cssh2_allocate(answer.count, nil) else { return LIBSSH2_ERROR_ALLOC }
        answer.withUnsafeBytes { UnsafeMutableRawBufferPointer(start: copy, count: answer.count).copyMemory(from: $0) }
        signature.pointee = copy.assumingMemoryBound(to: UInt8.self)
        length.pointee = answer.count
        return 0
    }
}
