import Foundation
import Glibc
import Synchronization

/// A socket on loopback that answers datagrams on a thread of its own.
final class LoopbackSocket: Sendable {
    private let number: Int32
    private let asked = Mutex<[[UInt8]]>([])

    /// Datagrams that came.
    var questions: [[UInt8]] { asked.withLock { $0 } }

    /// Binds to an address of 127.0.0.0/8 and a port.
    init(address text: String, port: UInt16) throws {
        number = socket(AF_INET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, text, &address.sin_addr)
        let number = number
        let result = withUnsafeMutableBytes(of: &address) { bytes -> Int32 in
            guard let base = bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self) else { return -1 }
            return bind(number, base, socklen_t(bytes.count))
        }
        struct NotBound: Error { var errno: Int32 }
        if result < 0 { throw NotBound(errno: errno) }
    }

    deinit { close(number) }

    /// Answers so many datagrams, each by all that `answers` makes of it.
    func answerQuestions(_ count: Int, _ answers: @escaping @Sendable ([UInt8]) -> [[UInt8]]) {
        Thread.detachNewThread {
            for _ in 0..<count { self.answer(answers) }
        }
    }

    private func answer(_ answers: ([UInt8]) -> [[UInt8]]) {
        var (buffer, from) = ([UInt8](repeating: 0, count: 2_048), sockaddr_in())
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let length = withUnsafeMutableBytes(of: &from) { bytes in
            recvfrom(number, &buffer, buffer.count, 0, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &size)
        }
        if length < 2 { return }
        let question = Array(buffer[..<length])
        asked.withLock { $0.append(question) }
        for answer in answers(question) {
            _ = withUnsafeMutableBytes(of: &from) { bytes in
                sendto(number, answer, answer.count, 0, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), size)
            }
        }
    }
}
